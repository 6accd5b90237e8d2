"""Batching across requests: one worker thread, and a queue that is emptied in rounds.

Whatever arrives while the thread works is taken together in its next round. At concurrency one nothing waits; under
load the batches fill by themselves. A round is bounded in size, so a long request delays the short ones behind it by
one round at most, and a cancelled request is dropped before its work begins.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Waiting(Generic[Item, Result]):
    """An item in the queue, when it came (``time.perf_counter`` seconds) and where its result goes."""

    item: Item
    size: int
    arrived_s: float
    future: asyncio.Future[Result]


class RoundQueue(Generic[Item, Result]):
    """Runs ``work`` on rounds of waiting items, in one thread.

    ``work`` takes the round's entries and returns one result each, in order. ``round_size`` bounds the summed sizes of
    a round; an item larger than that makes a round of its own.
    """

    def __init__(
        self, work: Callable[[Sequence[Waiting[Item, Result]]], Sequence[Result]], round_size: int, name: str
    ) -> None:
        self._work = work
        self._round_size = round_size
        self._waiting: deque[Waiting[Item, Result]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: Item, size: int) -> Result:
        """The item's result; cancelling the call drops the item if its round has not begun."""
        entry: Waiting[Item, Result] = Waiting(
            item, size, time.perf_counter(), asyncio.get_running_loop().create_future()
        )
        self._waiting.append(entry)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())
        return await entry.future

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            entries = self._take_round()
            if not entries:
                continue
            try:
                results = await loop.run_in_executor(self._thread, self._work, entries)
            except (RuntimeError, ValueError, MemoryError, TypeError, IndexError, KeyError) as error:
                self._fail(entries, error)
                continue
            for entry, result in zip(entries, results, strict=True):
                if not entry.future.done():
                    entry.future.set_result(result)

    @staticmethod
    def _fail(entries: Sequence[Waiting[Item, Result]], error: Exception) -> None:
        for entry in entries:
            if not entry.future.done():
                entry.future.set_exception(error)

    def _take_round(self) -> list[Waiting[Item, Result]]:
        entries: list[Waiting[Item, Result]] = []
        size = 0
        while self._waiting and (not entries or size + self._waiting[0].size <= self._round_size):
            entry = self._waiting.popleft()
            if not entry.future.done():
                entries.append(entry)
                size += entry.size
        return entries

    def close(self) -> None:
        """End the thread after the round it is in."""
        self._thread.shutdown(wait=True, cancel_futures=True)
