"""How long the judging of one response may take. The clock is an argument, so that tests need none."""

from __future__ import annotations

import time
from collections.abc import Callable

from parsers.syntax.source import Deadline

__all__ = ["UNJUDGED", "Budget", "OutOfTimeError"]

UNJUDGED = "not judged: the time for judging names was over"
_CHECK_EVERY = 64


class OutOfTimeError(Exception):
    """The budget is spent."""


class Budget:
    """Seconds of this thread on the processor for one response, counted from the construction.

    ``check`` reads the clock at every 64th call only.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.thread_time) -> None:
        self._deadline = Deadline(limit_s, clock)
        self._calls = 0
        self.spent = False

    def check(self) -> None:
        """Raise :class:`OutOfTimeError` once the time is over; from then on at every call."""
        self._calls += 1
        if self.spent or self._calls % _CHECK_EVERY == 0:
            self.check_now()

    def check_now(self) -> None:
        """As ``check``, but read the clock: before steps that take long themselves."""
        self.spent = self.spent or self._deadline.passed
        if self.spent:
            raise OutOfTimeError
