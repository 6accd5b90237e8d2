"""Texts of scored requests for people who review them: a local surface apart from the audit log. Off unless configured.

A line has the request's pseudonym, the mode, whether it was cut, its length, and the body that scores it again. ``redacted`` is
without secrets and personal data; ``raw_local`` is as it came.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import orjson

from serving.api.lane_types import LaneInput
from serving.api.scored import ScoredRequest
from serving.api.times import timestamp
from serving.audit.files import DailyFiles
from serving.audit.line import request_pseudonym
from serving.redaction.patterns import redact_json

_WAITING_CHARACTERS: Final = 32_000_000
_KEPT: Final = (
    "query_text",
    "primary_metric",
    "coverage_threshold",
    "segmentation_mode",
    "raw_context_chunk_tokens",
    "response_chunk_tokens",
    "attribution_mode",
    "content_type",
    "risk_band_stratum",
    "risk_band_policy",
    "profile",
    "model",
    "response_language_hint",
)
_DEFAULTS: Final = LaneInput("", "", "")


class ReviewTexts:
    """Keeps the bodies of answered live requests. ``accepts`` and ``release`` are for any thread, the others for the log's.

    ``most_characters`` of one body, the rest is cut; ``day_bytes`` of one day, the rest is left out and counted.
    """

    def __init__(self, files: DailyFiles, redacted: bool, most_characters: int, day_bytes: int) -> None:
        self._files = files
        self._redacted = redacted
        self._most = most_characters
        self._day_bytes = day_bytes
        self._lock = threading.Lock()
        self._waiting = 0
        self.kept = 0
        self.left_out = 0

    def accepts(self, request: ScoredRequest, body: LaneInput | None) -> bool:
        """Whether the body is to be handed on; bodies that wait are bounded by their characters."""
        if body is None or request.status != 200 or request.origin == "shadow":
            return False
        with self._lock:
            if self._waiting + body.characters > _WAITING_CHARACTERS:
                self.left_out += 1
                return False
            self._waiting += body.characters
        return True

    def release(self, body: LaneInput) -> None:
        """A body that was accepted and will not be kept."""
        self.left_out += 1
        self._free(body)

    def keep(self, request: ScoredRequest, body: LaneInput, now_ms: int) -> None:
        """Write one body; what cannot be written as JSON, or a disk that refuses it, leaves it out."""
        self._free(body)
        try:
            line = orjson.dumps(review_line(request, body, now_ms, self._redacted, self._most)) + b"\n"
            if self._files.day_bytes(now_ms) + len(line) > self._day_bytes:
                self.left_out += 1
                return
            self._files.append(line, now_ms)
            self.kept += 1
        except (OSError, TypeError, ValueError):
            self.left_out += 1

    def close(self) -> None:
        """Close the file."""
        self._files.close()

    def _free(self, body: LaneInput) -> None:
        with self._lock:
            self._waiting -= body.characters


def review_line(
    request: ScoredRequest, body: LaneInput, now_ms: int, redacted: bool, most_characters: int
) -> dict[str, Any]:
    """One line of the review texts."""
    kept, cut = _cut(_body(body), most_characters)
    counts: Mapping[str, int] = {}
    if redacted:
        kept, counts = redact_json(kept, privacy_mode=True)
    return {
        "schema": 1,
        "time": timestamp(now_ms),
        "request": request_pseudonym(request.tenant, request.request_id),
        "lane": request.lane,
        "mode": "redacted" if redacted else "raw_local",
        "cut": cut,
        "characters": body.characters,
        "redactions": dict(counts),
        "body": kept,
    }


def _body(body: LaneInput) -> dict[str, Any]:
    """The request as it can be sent again; stored chunks by their text, ids of callers left out."""
    values: dict[str, Any] = {
        name: value
        for name in _KEPT
        if (value := getattr(body, name)) is not None and value != getattr(_DEFAULTS, name)
    }
    values["response_text"] = body.response_text
    if body.chunks or body.support_units:
        units = [{"text": unit.text, "source_id": unit.source_id} for unit in body.support_units]
        units += [{"text": chunk.text, "source_id": chunk.source_id} for chunk in body.chunks]
        if body.raw_context:
            units.insert(0, {"text": body.raw_context, "source_id": None})
        values["support_units"] = [{k: v for k, v in unit.items() if v is not None} for unit in units]
    else:
        values["raw_context"] = body.raw_context
    if body.verification_samples:
        values["verification_samples"] = list(body.verification_samples)
    return values


def _cut(values: dict[str, Any], most: int) -> tuple[dict[str, Any], bool]:
    """The body with at most ``most`` characters of text, the response first, and whether anything was cut."""
    left = most
    cut = False

    def taken(text: str) -> str:
        nonlocal left, cut
        part = text[: max(0, left)]
        cut = cut or len(part) < len(text)
        left -= len(part)
        return part

    kept = dict(values)
    for name in ("response_text", "query_text", "raw_context"):
        if isinstance(kept.get(name), str):
            kept[name] = taken(kept[name])
    if "support_units" in kept:
        kept["support_units"] = [{**unit, "text": taken(unit["text"])} for unit in kept["support_units"]]
    if "verification_samples" in kept:
        kept["verification_samples"] = [taken(text) for text in kept["verification_samples"]]
    return kept, cut
