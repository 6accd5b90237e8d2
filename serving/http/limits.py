"""Limits that are decided before any work: a key's rate, a lane's permits, the bytes that wait in memory.

Everything here is arithmetic on an injected monotonic clock (seconds). Nothing awaits between a check and its
change, so the classes are safe within one event loop without a lock; each gateway replica has its own.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from serving.api.errors import OverloadedError, PayloadTooLargeError, RateLimitedError
from serving.config.settings import LimitSettings

Clock = Callable[[], float]

_MAX_RETRY_AFTER_S = 60.0
_FIRST_GUESS_S = 1.0
_NEWEST_WEIGHT = 0.1
_SWEEP_ABOVE_BUCKETS = 4096


@dataclass(frozen=True)
class RateState:
    """A key's standing after one request: what the ``X-RateLimit-*`` headers and ``Retry-After`` say.

    ``remaining``: requests that may follow at once. ``retry_after_s`` is None when the request was allowed.
    """

    limit: int
    remaining: int
    retry_after_s: float | None = None

    def require(self) -> None:
        """Raise RateLimitedError if the request was refused."""
        if self.retry_after_s is not None:
            raise RateLimitedError(
                f"this key may send {self.limit} requests a minute", retry_after_s=self.retry_after_s
            )


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class RateLimiter:
    """A token bucket per key: ``burst`` requests at once, ``requests_per_minute`` in the long run.

    ``share``: this gateway's part of the rate where several gateways serve one key, 1 / number of gateways.
    """

    def __init__(self, requests_per_minute: int, burst: int, clock: Clock, share: float = 1.0) -> None:
        self._default_rate = requests_per_minute
        self._burst = burst
        self._clock = clock
        self._share = share
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key_id: str, requests_per_minute: int | None = None) -> RateState:
        """Count one request of ``key_id``. A refused one takes nothing, so hammering does not prolong the wait."""
        limit = requests_per_minute or self._default_rate
        per_second = limit * self._share / 60
        capacity = max(1.0, min(self._burst, limit) * self._share)
        now = self._clock()
        self._sweep(now)
        bucket = self._buckets.setdefault(key_id, _Bucket(capacity, now))
        bucket.tokens = min(capacity, bucket.tokens + (now - bucket.filled_at) * per_second)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return RateState(limit, 0, (1 - bucket.tokens) / per_second)
        bucket.tokens -= 1
        return RateState(limit, math.floor(bucket.tokens))

    def _sweep(self, now: float) -> None:
        """Forget keys that rested for a minute or more: their bucket holds at most a minute's rate, so it is full."""
        if len(self._buckets) >= _SWEEP_ABOVE_BUCKETS:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket.filled_at < 60}


class Permit:
    """One admitted request. Use it as a context manager around everything the request does."""

    def __init__(self, admission: Admission, lane: str, body_bytes: int, admitted_at: float) -> None:
        self._admission = admission
        self._admitted_at = admitted_at
        self._released = False
        self.lane = lane
        self.body_bytes = body_bytes

    def reserve(self, more_bytes: int) -> None:
        """Count bytes of a body whose length was not announced. Raises OverloadedError if memory is full."""
        self._admission.reserve(self.lane, more_bytes)
        self.body_bytes += more_bytes

    def release(self) -> None:
        """Give the permit back; repeating it does nothing."""
        if not self._released:
            self._released = True
            self._admission.release(self, self._admitted_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class _Lane:
    """What is known of one lane's load."""

    def __init__(self, permits: int) -> None:
        self.permits = permits
        self.in_flight = 0
        self.mean_s = _FIRST_GUESS_S
        self.refused = 0.0
        self.refused_at = 0.0

    def finished(self, seconds: float) -> None:
        self.mean_s += _NEWEST_WEIGHT * (seconds - self.mean_s)

    def refuse(self, now: float) -> float:
        """Seconds until this caller may hope for a permit.

        ``mean_s`` is the time that admitted requests stay, waiting included, so after it the present ones are gone.
        Callers refused within that time (an exponentially decaying count) come back too and are served first.
        """
        self.refused = self.refused * math.exp(-(now - self.refused_at) / max(self.mean_s, 1e-3)) + 1
        self.refused_at = now
        return min(_MAX_RETRY_AFTER_S, self.mean_s * (1 + self.refused / self.permits))


class Admission:
    """A bounded number of requests, and of body bytes, in one gateway: working and waiting together.

    ``permits``: per lane. Refusing costs nothing and happens before the body is read.
    """

    def __init__(self, permits: Mapping[str, int], in_flight_bytes: int, clock: Clock) -> None:
        self._lanes = {lane: _Lane(count) for lane, count in permits.items()}
        self._max_bytes = in_flight_bytes
        self._bytes = 0
        self._clock = clock

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes that have permits."""
        return tuple(self._lanes)

    @property
    def in_flight_bytes(self) -> int:
        """Body bytes held at present."""
        return self._bytes

    def in_flight(self, lane: str) -> int:
        """Requests of ``lane`` that hold a permit at present."""
        return self._lanes[lane].in_flight

    def admit(self, lane: str, body_bytes: int = 0) -> Permit:
        """A permit, at once or not at all. ``body_bytes``: the announced length of the body, 0 if unknown.

        Raises OverloadedError with ``retry_after_s``, and KeyError for a lane without permits.
        """
        state = self._lanes[lane]
        now = self._clock()
        if state.in_flight >= state.permits:
            raise OverloadedError(
                f"{state.permits} requests of lane {lane} are in flight", retry_after_s=state.refuse(now)
            )
        self.reserve(lane, body_bytes)
        state.in_flight += 1
        return Permit(self, lane, body_bytes, now)

    def reserve(self, lane: str, more_bytes: int) -> None:
        """Count ``more_bytes``; called through :class:`Permit`. Raises OverloadedError if memory is full."""
        if self._bytes + more_bytes > self._max_bytes:
            raise OverloadedError(
                f"request bodies in flight hold {self._bytes} of {self._max_bytes} bytes",
                retry_after_s=self._lanes[lane].refuse(self._clock()),
            )
        self._bytes += more_bytes

    def release(self, permit: Permit, admitted_at: float) -> None:
        """Give back what ``permit`` holds and learn from its time; called through :class:`Permit`."""
        state = self._lanes[permit.lane]
        state.in_flight -= 1
        state.finished(self._clock() - admitted_at)
        self._bytes -= permit.body_bytes


def build_admission(limits: LimitSettings, clock: Clock) -> Admission:
    """The permits of the configuration."""
    return Admission(limits.permits.model_dump(), limits.in_flight_bytes, clock)


def retry_after_header(seconds: float) -> str:
    """``Retry-After`` in whole seconds, at least 1 (RFC 9110, section 10.2.3)."""
    return str(max(1, math.ceil(seconds)))


def check_content_length(header: str | None, limit_bytes: int) -> int:
    """The announced length of a body, 0 if it is not announced or no number; the reading counts anyway.

    Raises PayloadTooLargeError before a byte is read.
    """
    announced = int(header) if header is not None and header.isascii() and header.isdigit() else 0
    if announced > limit_bytes:
        raise _too_large(announced, limit_bytes)
    return announced


async def read_body(chunks: AsyncIterator[bytes], limit_bytes: int, permit: Permit) -> bytes:
    """The whole body, or an error as soon as it is too long; bytes beyond the announced ones are counted.

    Raises PayloadTooLargeError past ``limit_bytes``, OverloadedError if memory is full.
    """
    parts: list[bytes] = []
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > limit_bytes:
            raise _too_large(received, limit_bytes)
        if received > permit.body_bytes:
            permit.reserve(received - permit.body_bytes)
        parts.append(chunk)
    return b"".join(parts)


def _too_large(size: int, limit_bytes: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"the body has at least {size} bytes; limits.body_bytes is {limit_bytes}")
