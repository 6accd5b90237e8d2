"""Reading long texts away from the event loop: what it costs grows with them, and other requests wait meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from serving.lanes.types import LaneInput

Result = TypeVar("Result")

LONG_CHARACTERS = 20_000
"""At 19,000 characters the five steps took 75 ms in all, at 380,000 1.4 s, a hop to a thread 0.1 ms (docs/performance.md)."""


async def off_loop(request: LaneInput, work: Callable[[], Result]) -> Result:
    """``work`` on the request's texts, on a thread where they are long."""
    if request.characters < LONG_CHARACTERS:
        return work()
    return await asyncio.to_thread(work)
