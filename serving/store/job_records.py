"""Jobs as their owner sees them: create, list, read, cancel, page through results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from serving.api.errors import ConflictError, NotFoundError
from serving.store.schema import job_items, jobs
from serving.store.tenancy import TenantConnection


class JobStatus(StrEnum):
    """Where a job stands. The last three are final."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class ItemStatus(StrEnum):
    """Where one request of a job stands."""

    QUEUED = "QUEUED"
    LEASED = "LEASED"
    DONE = "DONE"
    FAILED = "FAILED"


ACTIVE: Final = (JobStatus.QUEUED.value, JobStatus.IN_PROGRESS.value)
FINISHED_ITEMS: Final = (ItemStatus.DONE.value, ItemStatus.FAILED.value)


@dataclass(frozen=True)
class JobRecord:
    """One job. ``batch`` is False for a single request sent with ``return_job``. Times in ms, UTC.

    ``digest`` tells a repeated delivery from another job under the same idempotency key.
    """

    job_id: str
    lane: str
    status: str
    batch: bool
    tag: str
    session_hash: str | None
    total: int
    done: int
    failed: int
    error_code: str | None
    error_message: bytes | None
    created_ms: int
    started_ms: int | None
    completed_ms: int | None
    result_ttl_ms: int
    expires_ms: int | None
    idempotency_digest: str | None
    digest: str | None

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.status not in ACTIVE


@dataclass(frozen=True)
class ItemResult:
    """The outcome of one request: ``result`` is the answer's JSON, or ``error_code`` and ``error_message`` are set."""

    position: int
    result: bytes | None
    error_code: str | None
    error_message: bytes | None


def insert_job(connection: TenantConnection, job: JobRecord, requests: Sequence[bytes]) -> tuple[JobRecord, bool]:
    """Keep a job and its requests (JSON, redacted), in their order; the job as kept, and whether it had been before.

    A key is free again once its job's results have expired. Raises ConflictError if it comes again with another job.
    """
    earlier = _of_key(connection, job)
    if earlier is not None:
        return earlier, True
    connection.insert(jobs, [{name: getattr(job, name) for name in JobRecord.__dataclass_fields__}])
    rows = [
        {
            "job_id": job.job_id,
            "position": position,
            "status": ItemStatus.QUEUED.value,
            "request": request,
            "attempts": 0,
            "not_before_ms": 0,
        }
        for position, request in enumerate(requests)
    ]
    connection.insert(job_items, rows)
    return job, False


def read_job(connection: TenantConnection, job_id: str, now_ms: int) -> JobRecord:
    """The job. Raises NotFoundError if there is none or its results have expired."""
    row = connection.first(select(jobs).where(jobs.c.job_id == job_id))
    if row is None or (row.expires_ms is not None and row.expires_ms <= now_ms):
        raise NotFoundError(f"job {job_id} does not exist, or its results have expired")
    return _job(row)


def list_jobs(
    connection: TenantConnection,
    now_ms: int,
    status: str | None,
    page: tuple[int, int],
    session_hash: str | None = None,
) -> tuple[list[JobRecord], int]:
    """A page (limit, offset) of the jobs, latest first, and how many there are in all."""
    conditions: list[Any] = [jobs.c.expires_ms.is_(None) | (jobs.c.expires_ms > now_ms)]
    if status is not None:
        conditions.append(jobs.c.status == status)
    if session_hash is not None:
        conditions.append(jobs.c.session_hash == session_hash)
    limit, offset = page
    count = connection.rows(select(func.count()).select_from(jobs).where(*conditions))[0][0]
    statement = (
        select(jobs)
        .where(*conditions)
        .order_by(jobs.c.created_ms.desc(), jobs.c.job_id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_job(row) for row in connection.rows(statement)], int(count)


def cancel_job(connection: TenantConnection, job_id: str, now_ms: int) -> tuple[JobRecord, bool]:
    """Cancel a job that is not finished; the job afterwards, and whether this call cancelled it."""
    job = read_job(connection, job_id, now_ms)
    change = {"status": JobStatus.CANCELLED.value, "completed_ms": now_ms, "expires_ms": now_ms + job.result_ttl_ms}
    statement = update(jobs).where(jobs.c.job_id == job_id, jobs.c.status.in_(ACTIVE)).values(change)
    cancelled = connection.change(statement) > 0
    return read_job(connection, job_id, now_ms), cancelled


def read_results(connection: TenantConnection, job_id: str, after: int, limit: int) -> list[ItemResult]:
    """Outcomes so far, in the order of the requests, of those after position ``after``."""
    statement = (
        select(job_items.c.position, job_items.c.result, job_items.c.error_code, job_items.c.error_message)
        .where(job_items.c.job_id == job_id, job_items.c.position > after, job_items.c.status.in_(FINISHED_ITEMS))
        .order_by(job_items.c.position)
        .limit(limit)
    )
    return [
        ItemResult(row.position, row.result, row.error_code, row.error_message) for row in connection.rows(statement)
    ]


def _of_key(connection: TenantConnection, job: JobRecord) -> JobRecord | None:
    """The job that was kept under the same idempotency key, if its time is not over; else it goes."""
    if job.idempotency_digest is None:
        return None
    row = connection.first(select(jobs).where(jobs.c.idempotency_digest == job.idempotency_digest))
    if row is None:
        return None
    earlier = _job(row)
    if earlier.expires_ms is not None and earlier.expires_ms <= job.created_ms:
        connection.change(delete(jobs).where(jobs.c.job_id == earlier.job_id))
        return None
    if earlier.digest != job.digest:
        raise ConflictError(
            "idempotency_key was used for another job",
            "Give every job a key of its own; repeat a key only with the same job.",
        )
    return earlier


def _job(row: Any) -> JobRecord:
    return JobRecord(**{name: getattr(row, name) for name in JobRecord.__dataclass_fields__})
