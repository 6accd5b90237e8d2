"""The lines of the audit log: their schema, and how a scored request becomes one.

A field has a kind, and a value that does not fit it is left out. Every kind is a number, a digest, a time of our own, or a word
of a closed vocabulary, so nothing that a request says can stand in a line.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scoring.code.score import CodeVerdict
from scoring.rag.claims import ClaimCause
from scoring.rag.rulings import RulingCode
from scoring.rag.settled_band import BandCode
from scoring.types import Band
from serving.api.audit_facts import AuditFacts, FormatSignals, Provenance, VersionHashes
from serving.api.errors import ApiError
from serving.api.scored import CANCELLED, ScoredRequest
from serving.api.times import timestamp

SCHEMA_VERSION: Final = 1
REASON_CODES: Final = frozenset(
    {
        *(code.value for code in BandCode),
        *(code.value for code in RulingCode),
        *(code.value for code in ClaimCause),
        *(f"code_{verdict.value}" for verdict in CodeVerdict),
        "phantom_api",
        "api_drift",
        "edit_does_not_apply",
    }
)
_BANDS: Final = frozenset(band.value for band in Band)
_ERRORS: Final = frozenset({CANCELLED, *(kind.code for kind in ApiError.__subclasses__())})
_WORD: Final = re.compile(r"[a-z_]{1,32}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_PSEUDONYM: Final = re.compile(r"[0-9a-f]{32}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")

Fit = Callable[[Any], Any]
"""The value as it is written, or None where it does not fit."""


@dataclass(frozen=True)
class Field:
    """One field: its kind, and what it says in the words of the documentation."""

    fit: Fit
    says: str


def _text(pattern: re.Pattern[str]) -> Fit:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _one_of(words: frozenset[str]) -> Fit:
    return lambda value: value if isinstance(value, str) and value in words else None


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    return round(value, 4)


def _count(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _flag(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _codes(value: Any) -> Any:
    return [code for code in value if code in REASON_CODES] if isinstance(value, tuple | list) else None


def _numbers(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    fitting = {
        name: _number(number) for name, number in value.items() if isinstance(name, str) and _WORD.fullmatch(name)
    }
    return {name: number for name, number in fitting.items() if number is not None} or None


def _any_of(*words: str) -> Fit:
    return _one_of(frozenset(words))


_SHA: Final = _text(_DIGEST)
_ID: Final = _text(_PSEUDONYM)
FIELDS: Final[Mapping[str, Field]] = {
    "schema": Field(_count, "version of this schema: 1"),
    "time": Field(_text(_TIME), "when the answer was given, UTC"),
    "request": Field(_ID, "pseudonym of the request id within its tenant"),
    "session": Field(_ID, "pseudonym of the session id, as in the request log"),
    "tenant": Field(_ID, "pseudonym of the tenant"),
    "latency_ms": Field(_number, "from the request's schema being checked to its answer"),
    "score": Field(_number, "0 to 1"),
    "cut_distance": Field(_number, "from the score to the nearest cut of its bands"),
    "second_distance": Field(_number, "from the score to the other cut"),
    "live_score": Field(_number, "of a shadow's line: the server's score"),
    "units": Field(_count, "passages of the request"),
    "lane": Field(_any_of("rag", "code", "rollup"), "rag, code or rollup"),
    "origin": Field(_any_of("live", "job", "shadow"), "live, job (a row of a job or of a run) or shadow (a candidate)"),
    "status": Field(_count, "HTTP status; 0: the client left"),
    "error": Field(_one_of(_ERRORS), "stable code of the error"),
    "band": Field(_one_of(_BANDS), "green, amber, red or unknown"),
    "reason_codes": Field(_codes, "why: the band's code first, then those of the claims"),
    "live_band": Field(_one_of(_BANDS), "of a shadow's line: what the server answered"),
    "artifact": Field(_text(_NAME), "version of the calibration that decided"),
    "profile": Field(_any_of("standard", "quality"), "standard or quality"),
    "policy": Field(_any_of("balanced", "strict"), "balanced or strict"),
    "stratum": Field(_text(_NAME), "stratum of the calibration"),
    "verifier": Field(
        _any_of("used", "not_needed", "away", "absent"), "used, not_needed, away (asked, no answer) or absent"
    ),
    "config_source": Field(
        _any_of("defaults", "profile", "custom"), "where the settings that bear on scores come from"
    ),
    "config_sha256": Field(_SHA, "of the settings and artefacts that bear on scores"),
    "calibration_sha256": Field(_SHA, "of the file of the calibration that decided"),
    "encoder_sha256": Field(_SHA, "of the encoder's weights"),
    "verifier_sha256": Field(_SHA, "of the verifier's weights"),
    "has_table": Field(_flag, "a passage is a table or a record"),
    "has_code": Field(_flag, "the response holds code"),
    "language": Field(_text(_LANGUAGE), "ISO 639-1 code of the response; und: too short to tell"),
    "phases_ms": Field(_numbers, "milliseconds by phase"),
    "tokens": Field(_numbers, "counts: context, context_cached, response"),
    "deciding_unit_index": Field(_count, "index of the passage that bears most on the verdict"),
    "deciding_unit_sha256": Field(_SHA, "SHA-256 of that passage's text"),
    "characters": Field(_count, "characters of passages and response together"),
    "response_characters": Field(_count, "characters of the response"),
}
"""Every field that a line may have, in the order of a line. Those from lane to language have few values: readers take them for
many lines at once (:mod:`serving.audit.reading`)."""
GROUP_FIELDS: Final = tuple(FIELDS)[tuple(FIELDS).index("lane") : tuple(FIELDS).index("phases_ms")]


def pseudonym(*parts: str) -> str:
    """32 hex digits that stand for a caller's own id: SHA-256 of the parts, joined by NUL, cut in half."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def request_pseudonym(tenant: str, request_id: str) -> str:
    """Under which a request stands in the log; whoever knows its id can look it up."""
    return pseudonym(tenant, request_id)


def audit_line(scored: ScoredRequest, now_ms: int, known: Provenance) -> dict[str, Any]:
    """The line of a scored request, fields that do not apply left out. ``known``: the gateway's own provenance."""
    facts = scored.facts or AuditFacts(None, (), VersionHashes())
    hashes = facts.hashes
    shape = FormatSignals() if scored.facts is None else facts.format
    values: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "time": timestamp(now_ms),
        "request": request_pseudonym(scored.tenant, scored.request_id),
        "session": pseudonym(scored.tenant, scored.session_id) if scored.session_id else None,
        "tenant": pseudonym(scored.tenant),
        "lane": scored.lane,
        "origin": scored.origin,
        "status": scored.status,
        "error": scored.error,
        "latency_ms": scored.latency_ms,
        "band": scored.band,
        "live_band": scored.live_band,
        "live_score": scored.live_score,
        "config_source": known.config_source,
        "config_sha256": hashes.config_sha256 or known.config_sha256,
        "calibration_sha256": hashes.calibration_sha256,
        "encoder_sha256": hashes.encoder_sha256,
        "verifier_sha256": hashes.verifier_sha256,
        "phases_ms": scored.phases_ms,
        "tokens": scored.tokens,
    }
    if scored.facts is not None:
        values |= {
            "score": facts.score,
            "cut_distance": facts.cut_distance,
            "second_distance": facts.second_distance,
            "reason_codes": facts.reason_codes,
            "artifact": facts.artifact,
            "profile": facts.profile,
            "policy": facts.policy,
            "stratum": facts.stratum,
            "verifier": facts.verifier,
            "config_source": hashes.config_source,
            "deciding_unit_index": facts.deciding_unit_index,
            "deciding_unit_sha256": facts.deciding_unit_sha256,
            "units": shape.units,
            "characters": shape.characters,
            "response_characters": shape.response_characters,
            "has_table": shape.table,
            "has_code": shape.code,
            "language": shape.language,
        }
    fitting = ((name, field.fit(values[name])) for name, field in FIELDS.items() if values.get(name) is not None)
    return {name: value for name, value in fitting if value is not None}
