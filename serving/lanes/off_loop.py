"""Reading texts away from the event loop: long ones, since what it costs grows with them, and those nobody waits for."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from models.priority import lower_priority
from serving.api.lane_types import LaneInput
from serving.inference.priorities import BACKGROUND_NICENESS

Result = TypeVar("Result")

LONG_CHARACTERS = 20_000
"""At 19,000 characters the five steps took 75 ms in all, at 380,000 1.4 s, a hop to a thread 0.1 ms (docs/performance.md)."""


async def off_loop(request: LaneInput, work: Callable[[], Result]) -> Result:
    """``work`` on the request's texts, on a thread where they are long, on one of lower priority in the background."""
    if request.background:
        return await asyncio.get_running_loop().run_in_executor(_background(), work)
    if request.characters < LONG_CHARACTERS:
        return work()
    return await asyncio.to_thread(work)


@functools.cache
def _background() -> ThreadPoolExecutor:
    """The process's one thread for requests that nobody waits for."""
    return ThreadPoolExecutor(1, "background", lower_priority, (BACKGROUND_NICENESS,))
