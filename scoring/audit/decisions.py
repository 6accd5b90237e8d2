"""One logged decision as the readers take it, whoever wrote it.

The open form (``docs/audit.md``) is a JSON object a line. Our own lines have it; other systems write what they have of it, as a
router does with ``route_id``, ``reason``, ``score`` and ``second_score``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from typing import Any, Final

CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,63}")
"""What may stand in a report: a code. Anything else of a foreign line is text, and is not repeated."""
UNLISTED: Final = "(text)"
_OURS: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_PSEUDONYM: Final = re.compile(r"[0-9a-f]{32}")
_MILLISECONDS: Final = 1e11
_MOST_REASONS: Final = 16


_CODES: Final = (
    "error",
    "verifier",
    "language",
    "live_band",
    "profile",
    "policy",
    "stratum",
    "artifact",
    "config_source",
    "config_sha256",
    "calibration_sha256",
    "encoder_sha256",
    "verifier_sha256",
    "deciding_unit_sha256",
)
_NUMBERS: Final = (
    "score",
    "live_score",
    "cut_distance",
    "second_distance",
    "latency_ms",
    "status",
    "units",
    "characters",
    "response_characters",
    "deciding_unit_index",
)
_FLAGS: Final = ("has_table", "has_code")


def normalised(line: Mapping[str, Any]) -> dict[str, Any] | None:
    """The decision of a line under our names; None for a line without a time or without a decision or an error.

    ``band`` may be called decision or route_id, ``request`` request_id or id, ``reason_codes`` reason, ``lane`` system; a
    ``second_score`` becomes ``cut_distance``, the margin of the decision. Whatever is no number, no flag and no code is left out.
    """
    stamp = time_of(_first(line, "time", "timestamp", "ts"))
    decision = _first(line, "band", "decision", "route_id")
    if stamp is None or (decision is None and line.get("error") is None):
        return None
    reasons = _first(line, "reason_codes", "reason")
    listed = reasons if isinstance(reasons, list) else [] if reasons is None else [reasons]
    found: dict[str, Any] = {
        "time": stamp,
        "request": _request(_first(line, "request", "request_id", "id")),
        "lane": code_of(_first(line, "lane", "system") or "other"),
        "origin": code_of(line.get("origin") or "live"),
        "band": None if decision is None else code_of(decision),
        "reason_codes": [code_of(one) for one in listed[:_MOST_REASONS]],
    }
    found |= {name: code_of(line[name]) for name in _CODES if line.get(name) is not None}
    found |= {name: line[name] for name in _NUMBERS if _is_number(line.get(name))}
    found |= {name: line[name] for name in _FLAGS if isinstance(line.get(name), bool)}
    score, second = found.get("score"), line.get("second_score")
    if "cut_distance" not in found and score is not None and _is_number(second):
        found["cut_distance"] = abs(score - second)
    return found


def _request(value: Any) -> str:
    """A pseudonym as it is; anything else by its digest, since an id may be a text."""
    text = "" if value is None else str(value)
    return text if _PSEUDONYM.fullmatch(text) else sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def code_of(value: Any) -> str:
    """The value where it is a code, else a mark that it is text."""
    text = value if isinstance(value, str) else str(value)
    return text if CODE.fullmatch(text) else UNLISTED


def time_of(value: Any) -> str | None:
    """ISO 8601 in UTC with milliseconds, so that times compare as texts; from such a text or from seconds or ms since 1970."""
    if isinstance(value, str):
        if _OURS.fullmatch(value):
            return value
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return None
        parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        return _written(parsed)
    if not _is_number(value) or not 0 <= value < 1e14:
        return None
    return _written(datetime.fromtimestamp(value / 1000.0 if value > _MILLISECONDS else value, UTC))


def _written(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _first(line: Mapping[str, Any], *names: str) -> Any:
    return next((line[name] for name in names if line.get(name) is not None), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
