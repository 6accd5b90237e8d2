"""A candidate beside the server: it scores a share of the live requests in the background, and only the audit log hears of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from serving.api.errors import ApiError
from serving.api.lane_types import LaneAnswer, LaneInput
from serving.api.scored import ScoredRequest
from serving.config.load import Config
from serving.config.settings import ArtifactSettings
from serving.lanes.traffic import Traffic

_LOOK_AGAIN_S: Final = 0.02
_SAMPLED: Final = ("rag",)
"""The lanes that a candidate scores."""


class CandidateLane(Protocol):
    """The candidate's rag lane."""

    async def score(self, request: LaneInput) -> LaneAnswer:
        """The rendered answer."""
        ...


@dataclass
class ShadowCounts:
    """Requests since the start: scored by the candidate; dropped, as its queue was full; failed."""

    scored: int = 0
    dropped: int = 0
    failed: int = 0

    def values(self) -> dict[str, int]:
        """By name."""
        return dict(vars(self))


def candidate_config(config: Config) -> Config | None:
    """The configuration of the shadow's candidate; None where there is none."""
    shadow = config.audit.shadow
    if shadow is None:
        return None
    changes: dict[str, object] = {}
    if shadow.artifacts is not None:
        changes["artifacts"] = ArtifactSettings(directory=shadow.artifacts)
    if shadow.bands is not None:
        changes["bands"] = shadow.bands
    if shadow.verifier is not None:
        changes["verifier"] = shadow.verifier
    return config.model_copy(update=changes)


def is_sampled(request_id: str, share: float) -> bool:
    """Whether a request is in the sample: by a hash of its id, so that every gateway, and a replay, draws the same ones."""
    drawn = int.from_bytes(hashlib.sha256(request_id.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return drawn < share * 2**64


class Shadow:
    """Takes sampled requests on the gateway's event loop and scores them one at a time, behind everybody else."""

    def __init__(
        self,
        lane: CandidateLane,
        share: float,
        queue_requests: int,
        traffic: Traffic,
        tell: Callable[[ScoredRequest, LaneInput | None], None],
    ) -> None:
        self.counts = ShadowCounts()
        self._lane = lane
        self._share = share
        self._queue: asyncio.Queue[tuple[ScoredRequest, LaneInput]] = asyncio.Queue(queue_requests)
        self._traffic = traffic
        self._tell = tell

    def offer(self, request: ScoredRequest, body: LaneInput | None) -> None:
        """Queue an answered live request if it is sampled."""
        if body is None or request.lane not in _SAMPLED or request.origin != "live" or request.status != 200:
            return
        if not is_sampled(request.request_id, self._share):
            return
        try:
            self._queue.put_nowait((request, body))
        except asyncio.QueueFull:
            self.counts.dropped += 1

    async def run(self) -> None:
        """Score what is queued until cancelled."""
        while True:
            request, body = await self._queue.get()
            while not self._traffic.row_may_begin():
                await asyncio.sleep(_LOOK_AGAIN_S)
            with self._traffic.row():
                await self._score(request, body)

    async def _score(self, live: ScoredRequest, body: LaneInput) -> None:
        started_s = time.perf_counter()
        scored = replace(
            live,
            origin="shadow",
            live_band=live.band,
            live_score=None if live.facts is None else live.facts.score,
            facts=None,
            band=None,
            phases_ms={},
            tokens={},
        )
        try:
            answer = await self._lane.score(replace(body, background=True, verbose=False, heatmap_format="none"))
        except ApiError as error:
            self.counts.failed += 1
            scored = replace(scored, status=error.status, error=error.code)
        else:
            self.counts.scored += 1
            scored = replace(
                scored, band=answer.band, phases_ms=answer.phases_ms, tokens=answer.token_counts, facts=answer.audit
            )
        self._tell(replace(scored, latency_ms=(time.perf_counter() - started_s) * 1000.0), None)
