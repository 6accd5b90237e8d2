"""One scored request as the dispatcher reports it, and who listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from serving.api.audit_facts import AuditFacts
from serving.api.lane_types import LaneInput

Origin = Literal["live", "job", "shadow"]
CANCELLED = "cancelled"
"""The error of a request whose client left; its status is 0."""


@dataclass(frozen=True)
class ScoredRequest:
    """What is known of one request once it is answered or has failed. ``status``: as HTTP has it. Times in milliseconds.

    Ids are the caller's own and are hashed before they are kept. ``live_band``, ``live_score``: of a shadow's line, what the
    server answered.
    """

    request_id: str
    tenant: str
    lane: str
    origin: Origin
    status: int
    latency_ms: float
    session_id: str | None = None
    error: str | None = None
    band: str | None = None
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    facts: AuditFacts | None = None
    live_band: str | None = None
    live_score: float | None = None


class ScoredListener(Protocol):
    """Hears of every scored request; returns at once and raises nothing."""

    def scored(self, request: ScoredRequest, body: LaneInput | None) -> None:
        """``body``: what was scored; None for the rollup lane and where the request failed before it was read."""
        ...
