"""What the audit log keeps of a request's shape: counts, flags and the digest of one passage."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from scoring.rag.score import RagFacts
from scoring.types import SupportUnit
from serving.api.audit_facts import FormatSignals
from serving.api.lane_types import LaneInput

_FENCES = ("```", "~~~")


def format_signals(request: LaneInput, facts: RagFacts, table: bool, code: bool = False) -> FormatSignals:
    """The shape of one request; ``code``: known to hold some, else fences tell."""
    return FormatSignals(
        units=len(facts.units),
        characters=request.characters,
        response_characters=len(request.response_text),
        table=table,
        code=code or any(fence in request.response_text for fence in _FENCES),
        language=facts.language,
    )


def unit_sha256(units: Sequence[SupportUnit], index: int | None) -> str | None:
    """SHA-256 of a passage's text as UTF-8; None for no passage."""
    if index is None:
        return None
    return hashlib.sha256(units[index].text.encode("utf-8", "surrogatepass")).hexdigest()
