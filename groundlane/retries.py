"""When to try a call again, and when to stop. No I/O: the clock and the dice are arguments."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

from groundlane.errors import (
    AnswerError,
    ConnectionFailedError,
    DeadlineError,
    GroundlaneError,
    OverloadedError,
    RateLimitedError,
)

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_CALLERS_MISTAKE: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_JITTER: Final = 0.25


@dataclass(frozen=True)
class RetryPolicy:
    """At most ``attempts`` tries within ``deadline_s`` seconds, waits included.

    The n-th wait is ``first_wait_s`` · 2^(n-1), at most ``max_wait_s``, or what ``Retry-After`` says where that is
    longer; a quarter of it at random is added, so that clients turned away together do not come back together. A
    server that asks for more than ``max_wait_s`` is not waited for: its error is raised, with ``retry_after_s``.
    """

    attempts: int = 4
    deadline_s: float = 120.0
    first_wait_s: float = 0.5
    max_wait_s: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts: {self.attempts}; it counts the first try, so 1 is the least")
        if min(self.deadline_s, self.first_wait_s, self.max_wait_s) <= 0:
            raise ValueError("deadline_s, first_wait_s and max_wait_s are seconds above 0")


@dataclass
class Attempts:
    """The tries of one call."""

    policy: RetryPolicy
    clock: Callable[[], float] = time.monotonic
    dice: Callable[[], float] = random.random
    made: int = field(default=0, init=False)
    _ends_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._ends_s = self.clock() + self.policy.deadline_s

    def begin(self, timeout_s: float) -> float:
        """Count one more try; the seconds it may take. Raises DeadlineError when none are left."""
        remaining_s = self._ends_s - self.clock()
        if remaining_s <= 0:
            raise DeadlineError(f"no answer within {self.policy.deadline_s:g} s, after {self.made} attempts")
        self.made += 1
        return min(timeout_s, remaining_s)

    def wait_after_answer(self, error: GroundlaneError) -> float:
        """Seconds to wait before the next try; raises ``error`` where there is none. 429 and 503 were not started."""
        if not isinstance(error, RateLimitedError | OverloadedError):
            raise error
        wait_s = self._wait_s(error)
        if wait_s is None:
            raise error
        return wait_s

    def wait_after_failure(self, error: httpx.TransportError, repeatable: bool) -> float:
        """Seconds to wait before the next try; raises ConnectionFailedError where there is none.

        A call that may have reached the server is sent again only if it is ``repeatable``.
        """
        failure = ConnectionFailedError(f"{type(error).__name__} after {self.made} attempts: {error}")
        if isinstance(error, _CALLERS_MISTAKE) or not (repeatable or isinstance(error, _NOT_SENT)):
            raise failure from error
        wait_s = self._wait_s(None)
        if wait_s is None:
            raise failure from error
        return wait_s

    def _wait_s(self, error: AnswerError | None) -> float | None:
        if self.made >= self.policy.attempts:
            return None
        asked_s = error.retry_after_s if error is not None and error.retry_after_s is not None else 0.0
        if asked_s > self.policy.max_wait_s:
            return None
        # The exponent is bounded, so that no number of attempts overflows.
        backoff_s = min(self.policy.first_wait_s * 2.0 ** min(self.made - 1, 30), self.policy.max_wait_s)
        wait_s = max(asked_s, backoff_s) * (1.0 + _JITTER * self.dice())
        return wait_s if self.clock() + wait_s < self._ends_s else None
