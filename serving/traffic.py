"""Interactive traffic, and when a job's request may be scored beside it.

The rule counts requests, not time, so that it holds for rows of any length and callers of any number: of the interactive
requests, no more than a small share ever meets a row of a job. A percentile above that share is then the one of a
server without jobs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Clock = Callable[[], float]

MEET_SHARE: Final = 0.03
QUIET_S: Final = 1.0
_CREDIT_LIMIT: Final = 2.0


class Traffic:
    """What passes through one gateway: interactive requests, and rows of jobs beside them.

    There is traffic while a request passes, and for ``quiet_s`` after the last. Without traffic a row may begin at any time.
    With it, one row at a time, and only against credit: each request that passes earns ``meet_share``, each one that is
    there while a row is scored costs 1. A row that fits between two requests costs nothing. So of n requests at most
    ``meet_share`` · n meet a row, and those besides that meet the last row that was begun. What traffic of before owes is
    forgotten when a row begins after its end.
    """

    def __init__(self, clock: Clock, quiet_s: float = QUIET_S, meet_share: float = MEET_SHARE) -> None:
        self._clock = clock
        self._quiet_s = quiet_s
        self._meet_share = meet_share
        self._credit = 0.0
        self._passing = 0
        self._rows = 0
        self._ended_at = -math.inf

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Around what one interactive request does."""
        self._passing += 1
        if self._rows:
            self._credit -= 1.0
        try:
            yield
        finally:
            self._passing -= 1
            self._ended_at = self._clock()
            self._credit = min(_CREDIT_LIMIT, self._credit + self._meet_share)

    @contextmanager
    def row(self) -> Iterator[None]:
        """Around the scoring of a job's row."""
        if not self.is_busy():
            self._credit = max(self._credit, 0.0)
        self._rows += 1
        self._credit -= self._passing
        try:
            yield
        finally:
            self._rows -= 1

    def is_busy(self) -> bool:
        """Whether there is interactive traffic."""
        return self._passing > 0 or self._clock() - self._ended_at < self._quiet_s

    def row_may_begin(self) -> bool:
        """Whether a row may begin now. Where no moment is free of requests, one begins once the credit is full."""
        if not self.is_busy():
            return True
        return not self._rows and self._credit >= (_CREDIT_LIMIT if self._passing else 1.0)
