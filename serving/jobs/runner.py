"""Works through the jobs of all tenants, in the shadow of interactive traffic.

A runner leases a few requests at a time, shared evenly among tenants and among a tenant's jobs, and renews its leases
while it lives. One that dies leaves leases that run out, and another runner takes over; an outcome is kept once.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson

from serving.api.errors import ApiError, DeadlineExceededError, InternalError, OverloadedError
from serving.lanes.traffic import Traffic
from serving.redaction.patterns import redact
from serving.store.queue_records import (
    ActiveJob,
    Lease,
    LeasedItem,
    Outcome,
    active_jobs,
    cancelled_jobs,
    finish_item,
    lease_items,
    renew_leases,
    return_item,
)
from serving.store.store import Store

ScoreJob = Callable[[str, dict[str, Any], str], Awaitable[dict[str, Any]]]
"""``score(lane, request, tenant)`` for the lanes rag, code and rollup. Raises an ApiError."""

_LOGGER = logging.getLogger("groundlane.jobs")
_STORE_AWAY_S: Final = 0.5
_LOOK_AGAIN_S: Final = 0.02
_JOBS_PER_TENANT: Final = 16
_RETRYABLE: Final = (OverloadedError, DeadlineExceededError, InternalError)


@dataclass(frozen=True)
class RunnerSettings:
    """How a runner works: requests in flight, leased ahead, and what becomes of those that fail."""

    concurrency: int = 2
    lease_ahead: int = 16
    lease_s: float = 30.0
    request_s: float = 120.0
    poll_s: float = 0.5
    max_attempts: int = 4
    backoff_s: float = 0.5
    backoff_limit_s: float = 60.0


class JobRunner:
    """One worker process's runner. ``traffic`` says when a row may begin beside interactive requests."""

    def __init__(
        self,
        store: Store,
        score: ScoreJob,
        settings: RunnerSettings | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self._store = store
        self._score = score
        self._settings = settings or RunnerSettings()
        self._traffic = traffic or Traffic(time.monotonic)
        self._holder = f"runner_{secrets.token_hex(12)}"
        self._ahead: deque[LeasedItem] = deque()
        self._running: dict[asyncio.Task[None], LeasedItem] = {}
        self._served: Counter[tuple[str, str]] = Counter()
        self._work = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Look for work, and for cancelled jobs, now. Call it on the runner's event loop."""
        self._work.set()

    async def run(self) -> None:
        """Work until :meth:`stop`, or until cancelled. After an error it may be called again."""
        heartbeat = asyncio.create_task(self._heartbeat())
        try:
            while not self._stopping:
                await self._fill()
                self._start()
                await self._wait()
                if heartbeat.done():
                    heartbeat.result()  # raises what ended it: without renewals every lease would run out
        finally:
            heartbeat.cancel()
            await self._give_back()

    async def stop(self) -> None:
        """Begin nothing more; :meth:`run` returns its leases and ends."""
        self._stopping = True
        self._work.set()

    async def _fill(self) -> None:
        """Lease as many requests as this runner may hold, in even shares."""
        room = self._settings.lease_ahead - len(self._ahead)
        if room <= self._settings.lease_ahead // 2:
            return
        held = Counter((item.tenant, item.job_id) for item in self._held())
        try:
            jobs = await self._store.read_all(lambda connection: active_jobs(connection, _JOBS_PER_TENANT))
            active = {(job.tenant, job.job_id) for job in jobs}
            self._served = Counter({key: count for key, count in self._served.items() if key in active})
            for job, count in share_out(jobs, held, self._served, room):
                leased = await self._store.tenant(job.tenant).write(partial(self._lease, job, count))
                self._served[job.tenant, job.job_id] += len(leased)
                self._ahead.extend(leased)
        except OverloadedError:
            _LOGGER.warning("no jobs: the store does not answer")

    def _lease(self, job: ActiveJob, count: int, connection: Any) -> list[LeasedItem]:
        now_ms = self._store.now_ms()
        lease = Lease(self._holder, now_ms, self._lease_end(now_ms), self._settings.max_attempts)
        return lease_items(connection, job, lease, count)

    def _start(self) -> None:
        self._ahead = deque(interleaved(self._ahead))
        while self._ahead and len(self._running) < self._settings.concurrency:
            item = self._ahead.popleft()
            task = asyncio.create_task(self._run_one(item))
            self._running[task] = item
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        item = self._running.pop(task)
        self._work.set()
        if not task.cancelled() and task.exception() is not None:
            fields = {"job_id": item.job_id, "index": item.position, "error": type(task.exception()).__name__}
            _LOGGER.error("a request's outcome could not be kept; its lease will run out", extra={"fields": fields})

    async def _wait(self) -> None:
        """Until something ended, something came, or it is time to look again."""
        self._work.clear()
        try:
            async with asyncio.timeout(self._settings.poll_s):
                await self._work.wait()
        except TimeoutError:
            return

    async def _run_one(self, item: LeasedItem) -> None:
        request = orjson.loads(item.request)
        while not self._traffic.row_may_begin():
            await asyncio.sleep(_LOOK_AGAIN_S)
        with self._traffic.row():
            scoring = asyncio.ensure_future(self._score(item.lane, request, item.tenant))
            try:
                await asyncio.wait({scoring}, timeout=self._settings.request_s)
            finally:
                ended = scoring.done()
                if not ended:
                    scoring.cancel()
        error = scoring.exception() if ended and not scoring.cancelled() else None
        if ended and error is None and not scoring.cancelled():
            await self._finish(item, Outcome(orjson.dumps(scoring.result())))
            return
        await self._handle(item, _as_api_error(error, ended, self._settings.request_s))

    async def _handle(self, item: LeasedItem, error: ApiError) -> None:
        """Errors of the request end it; those of the server send it back, later each time, until it is given up."""
        overloaded = isinstance(error, OverloadedError)
        if isinstance(error, _RETRYABLE) and (overloaded or item.attempts < self._settings.max_attempts):
            delay_s = min(self._settings.backoff_limit_s, self._settings.backoff_s * 2.0 ** (item.attempts - 1))
            delay_s = max(error.retry_after_s or 0.0, delay_s * (0.5 + secrets.randbelow(1000) / 2000.0))
            not_before_ms = self._store.now_ms() + round(delay_s * 1000.0)
            keep = partial(_return, item, self._holder, not_before_ms, not overloaded)
            await self._keep(item, keep)
            return
        await self._finish(item, Outcome(None, error.code, redact(error.message).text.encode("utf-8", "replace")))

    async def _finish(self, item: LeasedItem, outcome: Outcome) -> None:
        await self._keep(
            item, lambda connection: finish_item(connection, item, self._holder, outcome, self._store.now_ms())
        )

    async def _keep(self, item: LeasedItem, work: Callable[[Any], bool]) -> None:
        """Keep what became of a request; while the store is away, for as long as the lease could be renewed."""
        for _ in range(max(1, round(self._settings.lease_s / _STORE_AWAY_S))):
            try:
                if not await self._store.tenant(item.tenant).write(work):
                    _LOGGER.info("lease lost", extra={"fields": {"job_id": item.job_id, "index": item.position}})
            except OverloadedError:
                await asyncio.sleep(_STORE_AWAY_S)
            else:
                return

    async def _heartbeat(self) -> None:
        """Renew leases three times in their life, and drop the work of cancelled jobs as often as the queue is polled."""
        renewed_ms = 0
        while True:
            await asyncio.sleep(self._settings.poll_s)
            held = sorted({(item.tenant, item.job_id) for item in self._held()})
            if not held:
                continue
            now_ms = self._store.now_ms()
            try:
                if now_ms - renewed_ms >= self._settings.lease_s * 1000.0 / 3.0:
                    renewed_ms = now_ms
                    await self._store.write_all(partial(renew_leases_of, self._holder, self._lease_end(now_ms)))
                self._drop(await self._store.read_all(partial(cancelled_of, held)))
            except OverloadedError:
                _LOGGER.warning("no heartbeat: the store does not answer")

    def _drop(self, gone: set[tuple[str, str]]) -> None:
        self._ahead = deque(item for item in self._ahead if (item.tenant, item.job_id) not in gone)
        for task, item in list(self._running.items()):
            if (item.tenant, item.job_id) in gone:
                task.cancel()

    async def _give_back(self) -> None:
        """Return every lease, so that another runner need not wait for it to run out."""
        held = list(self._held())
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._ahead.clear()
        for item in held:
            try:
                await self._store.tenant(item.tenant).write(partial(_return, item, self._holder, 0, False))
            except OverloadedError:
                return

    def _held(self) -> Iterable[LeasedItem]:
        return [*self._ahead, *self._running.values()]

    def _lease_end(self, now_ms: int) -> int:
        return now_ms + round(self._settings.lease_s * 1000.0)


def share_out(
    jobs: Sequence[ActiveJob],
    held: Mapping[tuple[str, str], int],
    served: Mapping[tuple[str, str], int],
    room: int,
) -> list[tuple[ActiveJob, int]]:
    """How many requests to lease of each job: one at a time to the tenant that holds least, there to the job that does.

    Ties go to what was served least, then to the older. A job may have fewer waiting than it is offered; what it
    leaves is shared out at the next look.
    """
    shares: Counter[tuple[str, str]] = Counter()
    by_tenant: dict[str, list[ActiveJob]] = {}
    for job in jobs:
        by_tenant.setdefault(job.tenant, []).append(job)
    load = Counter(held)
    for _ in range(room if jobs else 0):
        tenant = min(by_tenant, key=lambda name: (_of_tenant(load, name), _of_tenant(served, name), name))
        job = min(
            by_tenant[tenant],
            key=lambda job: (load[tenant, job.job_id], served.get((tenant, job.job_id), 0), job.created_ms, job.job_id),
        )
        load[tenant, job.job_id] += 1
        shares[tenant, job.job_id] += 1
    return [(job, shares[job.tenant, job.job_id]) for job in jobs if shares[job.tenant, job.job_id]]


def interleaved(items: Iterable[LeasedItem]) -> list[LeasedItem]:
    """The items, tenants taking turns, each tenant's in their order."""
    by_tenant: dict[str, list[LeasedItem]] = {}
    for item in items:
        by_tenant.setdefault(item.tenant, []).append(item)
    longest = max(map(len, by_tenant.values()), default=0)
    return [rows[turn] for turn in range(longest) for rows in by_tenant.values() if turn < len(rows)]


def _of_tenant(counts: Mapping[tuple[str, str], int], tenant: str) -> int:
    return sum(count for (name, _), count in counts.items() if name == tenant)


def _as_api_error(error: BaseException | None, ended: bool, limit_s: float) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if not ended:
        return DeadlineExceededError(f"no answer within {limit_s:g} s")
    return InternalError(f"the lane ended with {type(error).__name__}" if error else "the lane was cancelled")


def _return(item: LeasedItem, holder: str, not_before_ms: int, counts: bool, connection: Any) -> bool:
    return return_item(connection, item, holder, not_before_ms, counts=counts)


def renew_leases_of(holder: str, expires_ms: int, connection: Any) -> None:
    """:func:`renew_leases`, connection last."""
    renew_leases(connection, holder, expires_ms)


def cancelled_of(held: Sequence[tuple[str, str]], connection: Any) -> set[tuple[str, str]]:
    """:func:`cancelled_jobs`, connection last."""
    return cancelled_jobs(connection, held)
