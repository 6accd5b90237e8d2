"""Jobs as the runner sees them: lease requests, keep them leased, finish or return them.

A leased request belongs to one runner until its lease ends. What a runner says of a request after its lease went to
another is ignored, so an outcome is kept once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select, update

from serving.store.job_records import ACTIVE, ItemStatus, JobStatus
from serving.store.schema import job_items, jobs
from serving.store.tenancy import TenantConnection

POISONED: Final = "poisoned"


@dataclass(frozen=True)
class LeasedItem:
    """A request to run: ``attempts`` counts this one."""

    tenant: str
    job_id: str
    lane: str
    position: int
    request: bytes
    attempts: int


@dataclass(frozen=True)
class Lease:
    """Who leases until when, and after how many attempts a request that never came back is given up."""

    holder: str
    now_ms: int
    expires_ms: int
    max_attempts: int


@dataclass(frozen=True)
class Outcome:
    """What became of a request: ``result`` is the answer's JSON, or the error's code and message are set."""

    result: bytes | None
    error_code: str | None = None
    error_message: bytes | None = None


@dataclass(frozen=True)
class ActiveJob:
    """A job that may have requests to lease."""

    tenant: str
    job_id: str
    lane: str
    created_ms: int


def active_jobs(connection: Connection, limit: int) -> list[ActiveJob]:
    """The oldest unfinished jobs of every tenant: ``limit`` at most for each, so no tenant hides another."""
    tenants = [
        row.tenant for row in connection.execute(select(jobs.c.tenant).where(jobs.c.status.in_(ACTIVE)).distinct())
    ]
    found: list[ActiveJob] = []
    for tenant in sorted(tenants):
        statement = (
            select(jobs.c.tenant, jobs.c.job_id, jobs.c.lane, jobs.c.created_ms)
            .where(jobs.c.status.in_(ACTIVE))
            .order_by(jobs.c.created_ms, jobs.c.job_id)
            .limit(limit)
        )
        rows = TenantConnection(connection, tenant).rows(statement)
        found += [ActiveJob(row.tenant, row.job_id, row.lane, row.created_ms) for row in rows]
    return found


def lease_items(connection: TenantConnection, job: ActiveJob, lease: Lease, limit: int) -> list[LeasedItem]:
    """Lease up to ``limit`` requests of a job: first those whose lease ran out, then those in the queue.

    A request whose lease ran out ``max_attempts`` times killed its workers, or met as many accidents: it fails.
    """
    active = connection.first(
        select(jobs.c.status).where(jobs.c.job_id == job.job_id, jobs.c.status.in_(ACTIVE)).with_for_update(read=True)
    )
    if active is None:
        return []
    lost = (job_items.c.status == ItemStatus.LEASED.value) & (job_items.c.lease_expires_ms <= lease.now_ms)
    waiting = (job_items.c.status == ItemStatus.QUEUED.value) & (job_items.c.not_before_ms <= lease.now_ms)
    rows: list[Any] = []
    for condition in (lost, waiting):
        rows += _lockable(connection, job.job_id, condition, limit - len(rows))
    poisoned = [row for row in rows if row.attempts >= lease.max_attempts]
    for row in poisoned:
        _give_up(connection, job, row.position, lease)
    leased = [row for row in rows if row.attempts < lease.max_attempts]
    if leased:
        statement = update(job_items).where(
            job_items.c.job_id == job.job_id, job_items.c.position.in_([row.position for row in leased])
        )
        change = {
            "status": ItemStatus.LEASED.value,
            "attempts": job_items.c.attempts + 1,
            "lease": lease.holder,
            "lease_expires_ms": lease.expires_ms,
        }
        connection.change(statement.values(change))
        started = update(jobs).where(jobs.c.job_id == job.job_id, jobs.c.status == JobStatus.QUEUED.value)
        connection.change(started.values(status=JobStatus.IN_PROGRESS.value, started_ms=lease.now_ms))
    return [
        LeasedItem(connection.tenant, job.job_id, job.lane, row.position, row.request, row.attempts + 1)
        for row in leased
    ]


def finish_item(connection: TenantConnection, item: LeasedItem, holder: str, outcome: Outcome, now_ms: int) -> bool:
    """Keep the outcome of a leased request, and the job's if it was the last. False if the lease was lost."""
    failed = outcome.result is None
    change = {
        "status": (ItemStatus.FAILED if failed else ItemStatus.DONE).value,
        "request": b"",
        "result": outcome.result,
        "error_code": outcome.error_code,
        "error_message": outcome.error_message,
        "lease": None,
        "lease_expires_ms": None,
    }
    if connection.change(_held(item, holder).values(change)) == 0:
        return False
    counts = {"failed": jobs.c.failed + 1} if failed else {"done": jobs.c.done + 1}
    rows = connection.change_returning(
        update(jobs)
        .where(jobs.c.job_id == item.job_id)
        .values(counts)
        .returning(jobs.c.total, jobs.c.done, jobs.c.failed, jobs.c.batch, jobs.c.status, jobs.c.result_ttl_ms)
    )
    job = rows[0]
    if job.done + job.failed == job.total and job.status in ACTIVE:
        _finish_job(connection, item.job_id, job, outcome, now_ms)
    return True


def return_item(
    connection: TenantConnection, item: LeasedItem, holder: str, not_before_ms: int, *, counts: bool
) -> bool:
    """Put a leased request back into the queue for later; ``counts`` says whether the attempt was one."""
    change = {
        "status": ItemStatus.QUEUED.value,
        "attempts": job_items.c.attempts - (0 if counts else 1),
        "not_before_ms": not_before_ms,
        "lease": None,
        "lease_expires_ms": None,
    }
    return connection.change(_held(item, holder).values(change)) > 0


def renew_leases(connection: Connection, holder: str, expires_ms: int) -> None:
    """Keep everything that a runner holds, whichever tenant's, until ``expires_ms``."""
    connection.execute(
        update(job_items)
        .where(job_items.c.status == ItemStatus.LEASED.value, job_items.c.lease == holder)
        .values(lease_expires_ms=expires_ms)
    )


def cancelled_jobs(connection: Connection, held: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the (tenant, job_id) whose job is no longer active."""
    gone: set[tuple[str, str]] = set()
    for tenant, job_id in held:
        statement = select(jobs.c.status).where(jobs.c.job_id == job_id)
        row = TenantConnection(connection, tenant).first(statement)
        if row is None or row.status not in ACTIVE:
            gone.add((tenant, job_id))
    return gone


def _lockable(connection: TenantConnection, job_id: str, condition: Any, limit: int) -> Sequence[Any]:
    """Requests that no other transaction is leasing at this moment."""
    if limit <= 0:
        return []
    statement = (
        select(job_items.c.position, job_items.c.request, job_items.c.attempts)
        .where(job_items.c.job_id == job_id, condition)
        .order_by(job_items.c.position)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return connection.rows(statement)


def _give_up(connection: TenantConnection, job: ActiveJob, position: int, lease: Lease) -> None:
    held = update(job_items).where(job_items.c.job_id == job.job_id, job_items.c.position == position)
    change = {
        "status": ItemStatus.LEASED.value,
        "lease": lease.holder,
        "lease_expires_ms": lease.expires_ms,
    }
    connection.change(held.values(change))
    item = LeasedItem(connection.tenant, job.job_id, job.lane, position, b"", lease.max_attempts)
    message = f"given up after {lease.max_attempts} attempts; each ended without an answer or with a server error"
    finish_item(connection, item, lease.holder, Outcome(None, POISONED, message.encode()), lease.now_ms)


def _finish_job(connection: TenantConnection, job_id: str, job: Any, last: Outcome, now_ms: int) -> None:
    """A job fails if all its requests did; the error of a single request is the job's."""
    status = JobStatus.FAILED if job.failed == job.total else JobStatus.COMPLETED
    change: dict[str, Any] = {
        "status": status.value,
        "completed_ms": now_ms,
        "expires_ms": now_ms + job.result_ttl_ms,
    }
    if status is JobStatus.FAILED:
        message = last.error_message if job.total == 1 else f"all {job.total} requests failed; see the results".encode()
        change |= {"error_code": last.error_code, "error_message": message}
    connection.change(update(jobs).where(jobs.c.job_id == job_id).values(change))


def _held(item: LeasedItem, holder: str) -> Any:
    return update(job_items).where(
        job_items.c.job_id == item.job_id,
        job_items.c.position == item.position,
        job_items.c.status == ItemStatus.LEASED.value,
        job_items.c.lease == holder,
    )
