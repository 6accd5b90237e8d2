"""Interactive traffic, and when a job's request may be scored beside it.

What a row of a job costs others is bounded by its place behind them at every step
(:mod:`serving.inference.priorities`), so all that is left to decide here is how many there are at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Clock = Callable[[], float]

QUIET_S: Final = 1.0


class Traffic:
    """What passes through one gateway: interactive requests, and rows of jobs beside them.

    There is traffic while a request passes, and for ``quiet_s`` after the last. With it, one row at a time may be under way;
    without it, as many as the runner likes.
    """

    def __init__(self, clock: Clock, quiet_s: float = QUIET_S) -> None:
        self._clock = clock
        self._quiet_s = quiet_s
        self._passing = 0
        self._rows = 0
        self._ended_at = -math.inf

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Around what one interactive request does."""
        self._passing += 1
        try:
            yield
        finally:
            self._passing -= 1
            self._ended_at = self._clock()

    @contextmanager
    def row(self) -> Iterator[None]:
        """Around the scoring of a job's row."""
        self._rows += 1
        try:
            yield
        finally:
            self._rows -= 1

    def is_busy(self) -> bool:
        """Whether there is interactive traffic."""
        return self._passing > 0 or self._clock() - self._ended_at < self._quiet_s

    def row_may_begin(self) -> bool:
        """Whether a row may begin now."""
        return not self._rows or not self.is_busy()
