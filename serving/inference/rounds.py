"""Batching across requests: one worker thread, and a queue of pieces of work that is emptied in rounds.

Whatever arrives while the thread works is taken together in its next round: at concurrency one nothing waits, under load the
batches fill by themselves. A request is a list of pieces, and a round is bounded in size, so a long request is worked off
in several rounds and others join each of them. What nobody waits for any more is left out of the next round.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from models.priority import lower_priority

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class Place(Enum):
    """Where a request lines up."""

    FIRST = "first"
    IN_TURN = "in turn"
    BEHIND = "behind"


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """The results of a request's pieces, in order.

    ``queue_ms``: until its first round began. ``work_ms``: from there to the end of its last. ``shared``: the most
    requests that one of its rounds served.
    """

    results: list[Result]
    queue_ms: float
    work_ms: float
    shared: int


@dataclass(eq=False)
class _Request(Generic[Piece, Result]):
    pieces: Sequence[Piece]
    sizes: Sequence[int]
    behind: bool
    future: asyncio.Future[Outcome[Result]]
    arrived_s: float = field(default_factory=time.perf_counter)
    begun_s: float = 0.0
    taken: int = 0
    results: list[Result] = field(default_factory=list)
    shared: int = 0


class RoundQueue(Generic[Piece, Result]):
    """Runs ``work`` on rounds of pieces, in one thread.

    ``work`` gives one result for each piece, in order. ``round_size`` bounds the summed sizes of a round; a piece larger than
    that makes a round of its own. First come, first served, except for what is submitted to another :class:`Place`; a request
    longer than a round has its place behind the others. In every second round the first of those behind gets half, so that
    it always gets on. ``niceness``: how far the thread's priority is below that of the process.
    """

    def __init__(
        self, work: Callable[[Sequence[Piece]], Sequence[Result]], round_size: int, name: str, niceness: int = 0
    ) -> None:
        self._work = work
        self._round_size = round_size
        self._waiting: list[_Request[Piece, Result]] = []
        self._thread = ThreadPoolExecutor(1, name, lower_priority, (niceness,))
        self._worker: asyncio.Task[None] | None = None
        self._turn_of_behind = False

    async def submit(
        self, pieces: Sequence[Piece], sizes: Sequence[int], place: Place = Place.IN_TURN
    ) -> Outcome[Result]:
        """The pieces' results; cancelling the call drops what has not begun. Nothing is done, at once, without pieces."""
        if not pieces:
            return Outcome([], 0.0, 0.0, 1)
        behind = place is Place.BEHIND or sum(sizes) > self._round_size
        request: _Request[Piece, Result] = _Request(pieces, sizes, behind, asyncio.get_running_loop().create_future())
        self._waiting.insert(0 if place is Place.FIRST else len(self._waiting), request)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())
        return await request.future

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while taken := self._take_round():
            for request, _ in taken:
                request.begun_s = request.begun_s or time.perf_counter()
                request.shared = max(request.shared, len(taken))
            try:
                pieces = [piece for _, part in taken for piece in part]
                results = iter(await loop.run_in_executor(self._thread, self._work, pieces))
            except (RuntimeError, ValueError, ArithmeticError, MemoryError, TypeError, LookupError) as error:
                self._fail([request for request, _ in taken], error)
                continue
            for request, part in taken:
                request.results.extend(next(results) for _ in part)
                self._finish(request)

    def _finish(self, request: _Request[Piece, Result]) -> None:
        if len(request.results) < len(request.pieces):
            return
        self._waiting.remove(request)
        if not request.future.done():
            ended_s = time.perf_counter()
            queue_ms, work_ms = (request.begun_s - request.arrived_s) * 1e3, (ended_s - request.begun_s) * 1e3
            request.future.set_result(Outcome(request.results, queue_ms, work_ms, request.shared))

    def _fail(self, requests: Sequence[_Request[Piece, Result]], error: Exception) -> None:
        for request in requests:
            self._waiting.remove(request)
            if not request.future.done():
                request.future.set_exception(error)

    def _take_round(self) -> list[tuple[_Request[Piece, Result], Sequence[Piece]]]:
        """Requests, in the order of their arrival, with the pieces that each has in the next round."""
        self._waiting = [request for request in self._waiting if not request.future.done()]
        if not self._waiting:
            return []
        begins = {id(request): request.taken for request in self._waiting}
        room = self._round_size
        behind = [request for request in self._waiting if request.behind]
        others = [request for request in self._waiting if not request.behind]
        self._turn_of_behind = not self._turn_of_behind
        if behind and self._turn_of_behind:
            room -= self._take(behind[0], max(1, self._round_size // 2), first=True)
        for request in (*others, *behind):
            room -= self._take(request, room, first=room == self._round_size)
        return [
            (request, request.pieces[begins[id(request)] : request.taken])
            for request in self._waiting
            if request.taken > begins[id(request)]
        ]

    @staticmethod
    def _take(request: _Request[Piece, Result], room: int, first: bool = False) -> int:
        """Take what fits, and with ``first`` one piece in any case; the size taken."""
        size = 0
        while request.taken < len(request.pieces):
            following = request.sizes[request.taken]
            if size + following > room and not (first and not size):
                break
            size += following
            request.taken += 1
        return size

    def in_thread(self, prepare: Callable[[], None]) -> None:
        """Run ``prepare`` in the queue's thread, and wait for it."""
        self._thread.submit(prepare).result()

    def close(self) -> None:
        """End the thread after the round it is in."""
        self._thread.shutdown(wait=True, cancel_futures=True)
