"""Where the texts of a request are read: short ones on the event loop, longer ones on a thread, those nobody waits for on one of
lower priority, and long ones in a process that is killed at the request's deadline.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from models.priority import lower_priority
from serving.api.lane_types import LaneInput
from serving.inference.priorities import BACKGROUND_NICENESS
from serving.lanes.text_steps import TextSteps
from serving.lanes.text_worker import TextWorkers

Given = ParamSpec("Given")
Result = TypeVar("Result")

THREAD_CHARACTERS = 20_000
"""At 19,000 characters the five steps took 75 ms in all, at 380,000 1.4 s, a hop to a thread 0.1 ms (docs/performance.md)."""


class TextReading:
    """Runs the steps on a request's texts where they belong.

    ``worker_characters``: texts from this length on, response and premises together, go to one of ``workers`` processes;
    ``workers`` 0: none do. Requests in the background have a process of their own, of lower priority.
    """

    def __init__(self, steps: TextSteps, worker_characters: int = 0, workers: int = 0) -> None:
        self._steps = steps
        self._worker_characters = worker_characters
        self.workers = TextWorkers(steps, workers) if workers else None
        self._behind = TextWorkers(steps, 1, BACKGROUND_NICENESS) if workers else None

    async def run(
        self,
        request: LaneInput,
        step: Callable[Concatenate[TextSteps, Given], Result],
        *given: Given.args,
        **named: Given.kwargs,
    ) -> Result:
        """The result of ``step``, a method of :class:`TextSteps`, given the rest."""
        if not request.background and request.characters < THREAD_CHARACTERS:
            return step(self._steps, *given, **named)
        workers = self._behind if request.background else self.workers
        if workers is not None and request.characters >= self._worker_characters:
            found: Result = await workers.call(step.__name__, *given, **named)
            return found
        work = functools.partial(step, self._steps, *given, **named)
        if request.background:
            return await asyncio.get_running_loop().run_in_executor(_background(), work)
        return await asyncio.to_thread(work)

    def close(self) -> None:
        """End the processes."""
        for workers in (self.workers, self._behind):
            if workers is not None:
                workers.close()


@functools.cache
def _background() -> ThreadPoolExecutor:
    """The process's one thread for requests that nobody waits for."""
    return ThreadPoolExecutor(1, "background", lower_priority, (BACKGROUND_NICENESS,))
