"""Work in the gateway's background that must not end: restarted when it does, and said in ``/readyz`` and the metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

_LOGGER = logging.getLogger("groundlane.background")
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0


@dataclass
class Watched:
    """One piece of background work: whether it runs now, and how often it had to be begun again."""

    name: str
    up: bool = False
    restarts: int = 0


class Supervisor:
    """Begins each piece again when it ends, later each time in a row (1 s, 2 s, … 30 s).

    Work that is down makes :meth:`down` name it, so that a balancer or an operator sees a gateway whose jobs stand still.
    """

    def __init__(self, first_wait_s: float = _FIRST_WAIT_S) -> None:
        self._first_wait_s = first_wait_s
        self._tasks: list[asyncio.Task[None]] = []
        self.watched: list[Watched] = []

    def watch(self, name: str) -> Watched:
        """Name a piece of work before it begins, so that metrics know it; it is down until :meth:`start`."""
        watched = Watched(name)
        self.watched.append(watched)
        return watched

    def start(self, watched: Watched, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run ``work`` from now on. The task ends when ``work`` returns by itself, or is cancelled."""
        watched.up = True
        task = asyncio.create_task(self._keep(watched, work), name=watched.name)
        self._tasks.append(task)
        return task

    def down(self) -> list[str]:
        """Names of work that began and does not run now."""
        return [watched.name for watched in self.watched if watched.restarts and not watched.up]

    async def _keep(self, watched: Watched, work: Callable[[], Awaitable[None]]) -> None:
        wait_s = self._first_wait_s
        while True:
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            running = asyncio.ensure_future(work())
            try:
                await asyncio.wait({running})
            finally:
                running.cancel()
            error = None if running.cancelled() else running.exception()
            if error is None:
                watched.up = False
                return
            watched.up = False
            watched.restarts += 1
            fields = {"work": watched.name, "restarts": watched.restarts, "wait_s": wait_s}
            _LOGGER.error("background work ended", exc_info=error, extra={"fields": fields})
            if loop.time() - began_s > _LONGEST_WAIT_S:
                wait_s = self._first_wait_s
            await asyncio.sleep(wait_s)
            wait_s = min(_LONGEST_WAIT_S, 2 * wait_s)
            watched.up = True
