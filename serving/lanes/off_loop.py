"""Reading long texts away from the event loop: what it costs grows with them, and other requests wait meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from serving.lanes.types import LaneInput

Result = TypeVar("Result")

LONG_CHARACTERS = 20_000
"""From here on the work takes more than 10 ms or so, a hundred times the hop to a thread."""


async def off_loop(request: LaneInput, work: Callable[[], Result]) -> Result:
    """``work`` on the request's texts, on a thread where they are long."""
    if request.characters < LONG_CHARACTERS:
        return work()
    return await asyncio.to_thread(work)
