"""Two round queues over the same work: one for requests that somebody waits for, one of lower priority for the rest.

On a CPU they are two threads, and the operating system lets the one of higher priority go first, across processes too: a
round of the other that is under way gives up its cores at once, and what is idle goes to it. So that nothing starves, a
background request goes in rounds that are small unless cores are idle, and once it has waited long enough for idle cores its
rest is the next in turn. On a GPU, whose work has no such priorities and is over in milliseconds, both are one queue, in which
background requests line up behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Generic

from serving.inference.rounds import Outcome, Piece, Place, Result, RoundQueue

BACKGROUND_NICENESS: Final = 15
"""Of a contended core some 3% is left to a thread that is nicer by this much."""
PATIENCE_S: Final = 1.0
_PARTS_OF_ROUND: Final = 8
_SOON_MS: Final = 250.0
"""A background round that took less found idle cores, and the next may be twice as large."""
Clock = Callable[[], float]


class PriorityQueues(Generic[Piece, Result]):
    """A :class:`~serving.inference.rounds.RoundQueue` and one of lower priority beside it; ``shared``: one for all."""

    def __init__(
        self,
        work: Callable[[Sequence[Piece]], Sequence[Result]],
        round_size: int,
        name: str,
        *,
        shared: bool,
        clock: Clock = time.monotonic,
    ) -> None:
        self._round_size = round_size
        self._slice = max(1, round_size // _PARTS_OF_ROUND)
        self._clock = clock
        self._urgent: RoundQueue[Piece, Result] = RoundQueue(work, round_size, name)
        self._background: RoundQueue[Piece, Result] | None = None
        if not shared:
            self._background = RoundQueue(work, round_size, f"{name}-background", BACKGROUND_NICENESS)

    async def submit(self, pieces: Sequence[Piece], sizes: Sequence[int], background: bool) -> Outcome[Result]:
        """See :meth:`serving.inference.rounds.RoundQueue.submit`."""
        if not background:
            return await self._urgent.submit(pieces, sizes)
        if self._background is None:
            return await self._urgent.submit(pieces, sizes, Place.BEHIND)
        outcomes = []
        begin, room, patient_until_s = 0, self._slice, self._clock() + PATIENCE_S
        while begin < len(pieces) and self._clock() < patient_until_s:
            end = _slice_end(sizes, begin, room)
            outcomes.append(await self._background.submit(pieces[begin:end], sizes[begin:end]))
            begin = end
            room = min(2 * room, self._round_size) if outcomes[-1].work_ms < _SOON_MS else self._slice
        outcomes.append(await self._urgent.submit(pieces[begin:], sizes[begin:], Place.FIRST))
        return Outcome(
            results=[result for outcome in outcomes for result in outcome.results],
            queue_ms=sum(outcome.queue_ms for outcome in outcomes),
            work_ms=sum(outcome.work_ms for outcome in outcomes),
            shared=max(outcome.shared for outcome in outcomes),
        )

    def in_each_thread(self, prepare: Callable[[], None]) -> None:
        """Run ``prepare`` in each queue's thread, and wait for it."""
        for queue in self._queues():
            queue.in_thread(prepare)

    def close(self) -> None:
        """End the threads after the rounds they are in."""
        for queue in self._queues():
            queue.close()

    def _queues(self) -> list[RoundQueue[Piece, Result]]:
        return [self._urgent] if self._background is None else [self._urgent, self._background]


def _slice_end(sizes: Sequence[int], begin: int, room: int) -> int:
    """Where the pieces from ``begin`` on fill the room; one piece at least."""
    room -= sizes[begin]
    end = begin + 1
    while end < len(sizes) and sizes[end] <= room:
        room -= sizes[end]
        end += 1
    return end
