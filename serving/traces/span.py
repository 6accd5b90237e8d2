"""A call as it was sent, in our terms: what every way in (OpenTelemetry, plain JSON, LiteLLM) turns into."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KINDS: Final = ("llm", "retriever", "reranker", "tool", "agent", "chain", "embedding", "guardrail", "evaluator")
"""What a call can be; ``chain`` is what nothing else says."""

RUN_PROJECT: Final = "groundlane-runs"
"""Where the conversations of eval runs stand: read like production's, but not scored again, not drawn for review, and in no
list that does not ask for them."""
_HEX: Final = {32: re.compile(r"[0-9a-f]{32}"), 16: re.compile(r"[0-9a-f]{16}")}
_MAX_US: Final = 2**53


@dataclass(frozen=True)
class RawSpan:
    """A call with its attributes as they came. Times in microseconds since 1970 UTC; ``ended_us`` >= ``started_us``."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    started_us: int
    ended_us: int
    error: str | None
    attributes: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...] = ()
    resource: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Retrieval:
    """What a retriever or reranker was asked, and gave back, best first."""

    query: str | None
    top_k: int | None
    threshold: float | None
    results: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """The record as it is kept."""
        return {
            "query": self.query,
            "top_k": self.top_k,
            "threshold": self.threshold,
            "results": list(self.results),
            "hit_count": len(self.results),
        }


@dataclass(frozen=True)
class Span:
    """A call in our terms. ``names``: the short texts of the table's columns; ``rest``: all that has no place elsewhere."""

    trace_id: str
    span_id: str
    parent_id: str | None
    kind: str
    started_us: int
    ended_us: int
    error: str | None
    names: Mapping[str, str]
    tags: tuple[str, ...] = ()
    conversation_id: str | None = None
    project: str | None = None
    input: Any = None
    output: Any = None
    retrieval: Retrieval | None = None
    tokens: Mapping[str, int] = field(default_factory=dict)
    charge_usd: float | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)


def trace_id_of(given: str) -> str:
    """32 hex digits: the id itself where it has them, dashes aside (a UUID), else a digest of it."""
    return _id_of(given, 32)


def span_id_of(given: str) -> str:
    """16 hex digits: the id itself where it has them, else a digest of it."""
    return _id_of(given, 16)


def _id_of(given: str, digits: int) -> str:
    plain = given.strip().lower().replace("-", "")
    if _HEX[digits].fullmatch(plain):
        return plain
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def ordered_times(started_us: int, ended_us: int, now_us: int) -> tuple[int, int]:
    """Times that can be kept: a missing start is the end, a missing end the start, both missing now; never backwards."""
    start = started_us if 0 < started_us < _MAX_US else 0
    end = ended_us if 0 < ended_us < _MAX_US else 0
    start = start or end or now_us
    return start, max(start, end)
