"""Liveness, readiness and metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from fastapi import APIRouter, Response

from serving.api.errors import ApiError, OverloadedError
from serving.http.observability import Metrics
from serving.http.supervision import Supervisor
from serving.lanes.dispatch import Lanes

_PROBE_S = 5.0
_FRESH_S = 2.0


class Readiness:
    """Whether every lane, and every model behind it, answers, trusted for two seconds; and whether the background works.

    ``checks``: each raises OverloadedError where the gateway must get no traffic: its store keeps nothing, it is stopping.
    """

    def __init__(
        self, lanes: Lanes, supervisor: Supervisor | None = None, checks: Sequence[Callable[[], None]] = ()
    ) -> None:
        self._lanes = lanes
        self._supervisor = supervisor
        self._checks = checks
        self._fresh_until_s = 0.0

    async def check(self) -> None:
        """Return when ready, else raise OverloadedError."""
        for check in self._checks:
            check()
        down = self._supervisor.down() if self._supervisor else []
        if down:
            raise OverloadedError(
                f"background work ended and is begun again: {', '.join(down)}",
                "The log says why it ended: look for groundlane.background.",
                retry_after_s=_FRESH_S,
            )
        if time.monotonic() < self._fresh_until_s:
            return
        try:
            async with asyncio.timeout(_PROBE_S):
                await self._lanes.ready()
        except (TimeoutError, ApiError):
            raise OverloadedError("the lanes or their models are not ready", retry_after_s=_FRESH_S) from None
        self._fresh_until_s = time.monotonic() + _FRESH_S


def health_router(
    lanes: Lanes,
    metrics: Metrics,
    expose_metrics: bool,
    supervisor: Supervisor | None = None,
    checks: Sequence[Callable[[], None]] = (),
) -> APIRouter:
    """``/healthz``, ``/readyz`` and, if asked for, ``/metrics``."""
    router = APIRouter(tags=["operations"])
    readiness = Readiness(lanes, supervisor, checks)

    @router.get("/healthz", summary="Is the process alive?", operation_id="healthz")
    async def healthz() -> dict[str, str]:
        """Answers as long as the gateway runs; asks nobody else."""
        return {"status": "ok"}

    @router.get("/readyz", summary="Are the models warm?", operation_id="readyz")
    async def readyz() -> dict[str, str]:
        """Answers 200 once every lane and model is loaded and warm, 503 before."""
        await readiness.check()
        return {"status": "ready"}

    if expose_metrics:

        @router.get("/metrics", summary="Prometheus metrics", operation_id="metrics", response_class=Response)
        async def show_metrics() -> Response:
            """Metrics of this gateway in the Prometheus text format."""
            body, media_type = metrics.render()
            return Response(body, headers={"content-type": media_type})

    return router
