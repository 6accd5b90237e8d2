"""Packs of rows side by side on a CPU: one worker thread a core, each computing on itself alone.

torch's own threads meet after every operation, and on a shared machine each meeting waits for the thread that was
interrupted. Workers that take whole packs meet once, at the end.
"""

from __future__ import annotations

import functools
import heapq
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from models.priority import thread_niceness

PACK_TOKENS = 384
"""Tokens of one pack: enough for the products, few enough for a core's cache (docs/performance.md)."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class RowPool:
    """Workers whose torch operations use one thread each. Safe to call from several threads."""

    def __init__(self, workers: int) -> None:
        started = threading.Barrier(workers + 1)

        def alone() -> None:
            torch.get_num_threads()  # a thread takes the process's number at its first use, so that use must come first
            torch.set_num_threads(1)  # this worker's; the process's is put back below
            started.wait()

        threads = torch.get_num_threads()
        self._workers = workers
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="rows")
        for _ in range(workers):
            self._pool.submit(alone)
        started.wait()
        torch.set_num_threads(threads)

    def map(
        self, work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item], sizes: Sequence[int]
    ) -> list[Result]:
        """The results of all items, in order. ``work`` takes packs of items; ``sizes`` are their tokens.

        Where one item is most of the work the other cores would idle: then all run here, on torch's own threads.
        """
        if not items:
            return []
        alone = self._workers == 1 or 2 * max(sizes) > sum(sizes) + min(sizes)
        packs = plan_packs(sizes, 1 if alone else self._workers)
        asked = [[items[index] for index in pack] for pack in packs]
        if alone:
            done = [work(pack) for pack in asked]
        else:
            done = [future.result() for future in [self._pool.submit(work, pack) for pack in asked]]
        found = {
            index: result
            for pack, results in zip(packs, done, strict=True)
            for index, result in zip(pack, results, strict=True)
        }
        return [found[index] for index in range(len(items))]


def plan_packs(sizes: Sequence[int], workers: int) -> list[list[int]]:
    """Indices of ``sizes`` in packs of some :data:`PACK_TOKENS`, about equal, as many for each worker; largest packs first."""
    rounds = max(1, round(sum(sizes) / (workers * PACK_TOKENS)))
    count = min(len(sizes), rounds * workers)
    packs: list[list[int]] = [[] for _ in range(count)]
    loads = [(0, number) for number in range(count)]
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        load, number = heapq.heappop(loads)
        packs[number].append(index)
        heapq.heappush(loads, (load + sizes[index], number))
    filled = {number: load for load, number in loads}
    return [packs[number] for number in sorted(filled, key=lambda number: -filled[number])]


def prepare_thread() -> None:
    """Make the pool of this thread's priority now.

    Its workers set torch's number of threads while they begin, and a thread that first computed meanwhile would keep that.
    """
    shared_pool(torch.get_num_threads())


def shared_pool(workers: int) -> RowPool:
    """The process's pool of that size, for callers of this thread's priority: models take turns on the same cores."""
    return _pool(workers, thread_niceness())


@functools.cache
def _pool(workers: int, niceness: int) -> RowPool:
    """Threads start with the niceness of the one that starts them, so each niceness has a pool of its own."""
    return RowPool(workers)
