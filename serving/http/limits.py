"""Limits that are decided before any work: a key's rate, a lane's permits, the bytes that wait in memory.

Everything here is arithmetic on an injected monotonic clock (seconds). Nothing awaits between a check and its
change, so the classes are safe within one event loop without a lock; each gateway replica has its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
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
_MAX_RECEIVING = 256
_STOPPING_S = 5.0
_OPEN_ENDED = frozenset({"watch", "stream"})


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
    """One request from its first byte to its answer: its body comes in, then it begins. A context manager around both."""

    def __init__(self, admission: Admission, lane: str, tenant: str, share: float) -> None:
        self._admission = admission
        self._began_at: float | None = None
        self._released = False
        self.lane = lane
        self.tenant = tenant
        self.share = share
        self.body_bytes = 0

    @property
    def began_at(self) -> float | None:
        """When the body was there and the lane had room, on the admission's clock; None before."""
        return self._began_at

    def reserve(self, more_bytes: int) -> None:
        """Count bytes of the body that arrived. Raises OverloadedError if memory is full."""
        self._admission.reserve(self, more_bytes)
        self.body_bytes += more_bytes

    def begin(self) -> None:
        """The body is there: take one of the lane's places. Raises OverloadedError if there is none."""
        self._began_at = self._admission.begin(self)

    def release(self) -> None:
        """Give everything back; repeating it does nothing."""
        if not self._released:
            self._released = True
            self._admission.release(self)

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
        self.by_tenant: Counter[str] = Counter()
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

    ``permits``: per lane. ``receiving``: requests whose body is on its way; they hold no permit of a lane, so that slow
    senders hold up nobody. Of each of the three a tenant may hold the ``share`` that its caller names, at least one:
    however much it sends, the rest is for the others. Refusing costs nothing.
    """

    def __init__(
        self, permits: Mapping[str, int], in_flight_bytes: int, clock: Clock, receiving: int = _MAX_RECEIVING
    ) -> None:
        self._lanes = {lane: _Lane(count) for lane, count in permits.items()}
        self._max_bytes = in_flight_bytes
        self._bytes = 0
        self._bytes_of: Counter[str] = Counter()
        self._max_receiving = receiving
        self._receiving: Counter[str] = Counter()
        self._clock = clock
        self._closed = False

    def close(self) -> None:
        """Take no more requests: the server ends. Those that are here go on."""
        self._closed = True

    def require_open(self) -> None:
        """Raise OverloadedError once the server ends."""
        if self._closed:
            raise OverloadedError("this server is stopping", retry_after_s=_STOPPING_S)

    @property
    def unfinished(self) -> int:
        """Requests that are here and end by themselves: not those that watch, nor streams that are held open."""
        return self.receiving + sum(lane.in_flight for name, lane in self._lanes.items() if name not in _OPEN_ENDED)

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes that have permits."""
        return tuple(self._lanes)

    @property
    def in_flight_bytes(self) -> int:
        """Body bytes held at present."""
        return self._bytes

    @property
    def receiving(self) -> int:
        """Requests whose body is on its way."""
        return self._receiving.total()

    def in_flight(self, lane: str) -> int:
        """Requests of ``lane`` that hold a permit at present."""
        return self._lanes[lane].in_flight

    def receive(self, lane: str, tenant: str = "", share: float = 1.0) -> Permit:
        """A request whose body may come now. Raises OverloadedError where too many are on their way, KeyError for a lane
        without permits; a full lane refuses here already, before a byte is read.
        """
        self.require_open()
        state = self._lanes[lane]
        self._require_room(state, lane, tenant, share)
        held = self._receiving[tenant]
        if self._receiving.total() >= self._max_receiving or held >= _part(self._max_receiving, share):
            raise OverloadedError(f"{held} bodies of yours are on their way", retry_after_s=state.refuse(self._clock()))
        self._receiving[tenant] += 1
        return Permit(self, lane, tenant, share)

    def admit(self, lane: str, body_bytes: int = 0, tenant: str = "", share: float = 1.0) -> Permit:
        """A permit for a request whose body is there, at once or not at all. Errors as of :meth:`receive`."""
        permit = self.receive(lane, tenant, share)
        try:
            permit.reserve(body_bytes)
            permit.begin()
        except OverloadedError:
            permit.release()
            raise
        return permit

    def reserve(self, permit: Permit, more_bytes: int) -> None:
        """Count ``more_bytes``; called through :class:`Permit`. Raises OverloadedError if memory is full."""
        held = self._bytes_of[permit.tenant] + more_bytes
        alone = held == permit.body_bytes + more_bytes  # one body at a time always fits: body_bytes <= in_flight_bytes
        if self._bytes + more_bytes > self._max_bytes or (held > _part(self._max_bytes, permit.share) and not alone):
            raise OverloadedError(
                f"request bodies in flight hold {self._bytes} of {self._max_bytes} bytes",
                retry_after_s=self._lanes[permit.lane].refuse(self._clock()),
            )
        self._bytes += more_bytes
        self._bytes_of[permit.tenant] = held

    def begin(self, permit: Permit) -> float:
        """Take a place of the permit's lane; called through :class:`Permit`. The time on the clock."""
        state = self._lanes[permit.lane]
        self._require_room(state, permit.lane, permit.tenant, permit.share)
        state.in_flight += 1
        state.by_tenant[permit.tenant] += 1
        _take(self._receiving, permit.tenant, 1)
        return self._clock()

    def release(self, permit: Permit) -> None:
        """Give back what ``permit`` holds and learn from its time; called through :class:`Permit`."""
        if permit.began_at is None:
            _take(self._receiving, permit.tenant, 1)
        else:
            state = self._lanes[permit.lane]
            state.in_flight -= 1
            _take(state.by_tenant, permit.tenant, 1)
            state.finished(self._clock() - permit.began_at)
        self._bytes -= permit.body_bytes
        _take(self._bytes_of, permit.tenant, permit.body_bytes)

    def _require_room(self, state: _Lane, lane: str, tenant: str, share: float) -> None:
        if state.in_flight >= state.permits:
            reason = f"{state.permits} requests of lane {lane} are in flight"
        elif state.by_tenant[tenant] >= _part(state.permits, share):
            reason = f"{state.by_tenant[tenant]} requests of yours are in flight in lane {lane}; the rest is for others"
        else:
            return
        raise OverloadedError(reason, retry_after_s=state.refuse(self._clock()))


def _part(whole: int, share: float) -> int:
    return max(1, math.ceil(whole * share))


def _take(counts: Counter[str], name: str, number: int) -> None:
    """Count down, and forget names that hold nothing."""
    counts[name] -= number
    if counts[name] <= 0:
        del counts[name]


def build_admission(limits: LimitSettings, clock: Clock) -> Admission:
    """The permits of the configuration."""
    return Admission(limits.permits.model_dump(), limits.in_flight_bytes, clock, limits.receiving)


def retry_after_header(seconds: float) -> str:
    """``Retry-After`` in whole seconds, at least 1 (RFC 9110, section 10.2.3)."""
    return str(max(1, math.ceil(seconds)))


def check_content_length(header: str | None, limit_bytes: int) -> int:
    """The announced length of a body, 0 if it is not announced or no number; the reading counts anyway.

    Raises PayloadTooLargeError before a byte is read.
    """
    announced = int(header) if header is not None and header.isascii() and header.isdigit() else 0
    if announced > limit_bytes:
        raise too_large(announced, limit_bytes)
    return announced


def too_large(size: int, limit_bytes: int) -> PayloadTooLargeError:
    """The error of a body that has ``size`` bytes so far."""
    return PayloadTooLargeError(f"the body has at least {size} bytes; limits.body_bytes is {limit_bytes}")
