"""Jobs as their owner uses them: submit, watch, read results while they come, cancel.

The queue is two tables of the store; ``docs/decisions`` says why. :mod:`serving.jobs.runner` does the work.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Literal

import orjson

from serving.api.errors import PayloadTooLargeError, ValidationFailedError
from serving.api.pseudonyms import hashed_session
from serving.api.times import timestamp
from serving.redaction.patterns import merge_counts, redact
from serving.redaction.requests import altered_ids, redacted_request, stored_ids
from serving.store.job_records import (
    ItemResult,
    JobRecord,
    JobStatus,
    cancel_job,
    insert_job,
    list_jobs,
    read_job,
    read_results,
)
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.values import digest_of, encode_json, encode_text, parse_duration_ms

JobLane = Literal["rag", "code", "rollup", "eval"]
"""``eval``: requests of an evaluation run, which the server itself submits."""

MAX_REQUESTS: Final = 10_000
PAGE_BYTES: Final = 1_048_576
"""A page of results ends with the row that reaches this; a row is never cut."""
_PAGE: Final = 50
_WATCH_S: Final = 0.5
_KEEP_ALIVE_S: Final = 15.0
_ROWS_A_TURN: Final = 4
_LET_IN_S: Final = 5e-5
"""A thread that computes is made to give up the interpreter every 5 ms only, and each step of an interactive request would wait
for that. One that sleeps for a moment, every millisecond or so, lets the event loop in."""


@dataclass(frozen=True)
class JobDraft:
    """Validated lane requests as JSON values. ``batch`` is False for one request sent with ``return_job``.

    ``privacy_mode`` redacts personal data too. Repeating an ``idempotency_key`` with the same job changes nothing.
    """

    lane: JobLane
    requests: Sequence[Mapping[str, Any]]
    batch: bool
    session_id: str | None = None
    experiment_name: str | None = None
    privacy_mode: bool = False
    idempotency_key: str | None = None


class JobService:
    """Every call names its tenant; a job of another tenant does not exist (NotFoundError).

    ``retention``: how long results are kept after the end. ``wake`` is called when there is work, for a runner in the
    same process; one elsewhere looks for itself.
    """

    def __init__(self, store: Store, retention: str = "7d", wake: Callable[[], None] | None = None) -> None:
        self._store = store
        self._retention = retention
        self._ttl_ms = parse_duration_ms(retention)
        self._wake = wake

    async def submit(self, tenant: str, draft: JobDraft) -> dict[str, Any]:
        """Queue a job; durable on return. Texts are redacted first: what is scored is what is stored."""
        if not draft.requests:
            raise ValidationFailedError("requests: send at least one request")
        if len(draft.requests) > MAX_REQUESTS:
            raise PayloadTooLargeError(f"requests: {len(draft.requests)} requests, the limit is {MAX_REQUESTS}")
        doubtful = await asyncio.to_thread(altered_ids, draft.requests, draft.privacy_mode)
        kept_ids = await stored_ids(self._store.tenant(tenant), doubtful)
        bodies, counts = await asyncio.to_thread(_prepare, tenant, draft, kept_ids)
        job = self._record(tenant, draft, bodies)
        job, duplicate = await self._store.tenant(tenant).write(lambda c: insert_job(c, job, bodies))
        if self._wake is not None:
            self._wake()
        view = {
            "success": True,
            "job_id": job.job_id,
            "status": job.status,
            "poll_url": f"/api/v1/jobs/{job.job_id}",
            "retention": self._retention,
            "tag": job.tag,
            "duplicate": duplicate,
        }
        return view | ({"redactions": counts} if counts else {})

    def _record(self, tenant: str, draft: JobDraft, bodies: Sequence[bytes]) -> JobRecord:
        """The job as it is before its first request is run."""
        now_ms = self._store.now_ms()
        name, key = draft.experiment_name, draft.idempotency_key
        tag = redact(name, privacy_mode=draft.privacy_mode).text if name else None
        session_hash = hashed_session(tenant, draft.session_id) if draft.session_id else None
        return JobRecord(
            job_id=f"job_{secrets.token_hex(16)}",
            lane=draft.lane,
            status=JobStatus.QUEUED.value,
            batch=draft.batch,
            tag=tag or _automatic_tag(draft.lane, now_ms),
            session_hash=session_hash,
            total=len(bodies),
            done=0,
            failed=0,
            error_code=None,
            error_message=None,
            created_ms=now_ms,
            started_ms=None,
            completed_ms=None,
            result_ttl_ms=self._ttl_ms,
            expires_ms=None,
            idempotency_digest=digest_of(encode_text(key)) if key is not None else None,
            digest=digest_of(encode_json([draft.lane, draft.batch, tag, session_hash]), *bodies),
        )

    async def get(self, tenant: str, job_id: str) -> dict[str, Any]:
        """The job; the answer of a single request, or where the results of a batch are, as ``output`` once it ended."""
        return await self._store.tenant(tenant).read(partial(_read_view, job_id, self._store.now_ms()))

    async def list(
        self, tenant: str, status: str | None, limit: int, offset: int, session_id: str | None = None
    ) -> dict[str, Any]:
        """A page of jobs, latest first, without their outputs."""
        session_hash = hashed_session(tenant, session_id) if session_id else None
        jobs, total = await self._store.tenant(tenant).read(
            lambda c: list_jobs(c, self._store.now_ms(), status, (limit, offset), session_hash)
        )
        return {
            "success": True,
            "jobs": [job_view(job) for job in jobs],
            "total": total,
            "limit": limit,
            "offset": offset,
        }

    async def cancel(self, tenant: str, job_id: str) -> dict[str, Any]:
        """Cancel what is not finished; results so far stay readable. Cancelling again changes nothing."""
        job, cancelled = await self._store.tenant(tenant).write(lambda c: cancel_job(c, job_id, self._store.now_ms()))
        if self._wake is not None:
            self._wake()
        view: dict[str, Any] = {"success": True, "job_id": job_id, "status": job.status}
        if cancelled:
            left = job.total - job.done - job.failed
            return view | {"message": f"Job cancelled; {left} of {job.total} requests were not finished."}
        return view | {"message": f"Job was already {job.status}.", "warning": "Nothing was cancelled."}

    async def results(self, tenant: str, job_id: str, after: int = -1) -> bytes:
        """A page of JSON lines: outcomes by now, in the order of the requests, of those after place ``after``.

        Where more follow, the last line is ``{"next_after": place}``. A page, and not all in one stream: what a client does
        not read waits in memory.
        """
        ours = self._store.tenant(tenant)
        await ours.read(lambda c: read_job(c, job_id, self._store.now_ms()))
        lines: list[bytes] = []
        size = 0
        while size < PAGE_BYTES:
            items = await ours.read(partial(_read_page, job_id, after))
            for item in items:
                lines.append(result_line(item))
                size += len(lines[-1])
                after = item.position
                if size >= PAGE_BYTES:
                    break
            else:
                if len(items) < _PAGE:
                    return b"".join(lines)
        lines.append(b'{"next_after":%d}\n' % after)
        return b"".join(lines)

    async def watch(self, tenant: str, job_id: str) -> AsyncIterator[bytes]:
        """Server-sent events: ``progress`` whenever something changed, then ``end`` with the finished job."""
        ours = self._store.tenant(tenant)
        job = await ours.read(lambda c: read_job(c, job_id, self._store.now_ms()))
        return self._events(ours.read, job)

    async def _events(self, read: Any, job: JobRecord) -> AsyncIterator[bytes]:
        shown: JobRecord | None = None
        sent_s = time.monotonic()
        while True:
            if job != shown:
                shown, sent_s = job, time.monotonic()
                yield _event("end" if job.finished else "progress", job_view(job))
            elif time.monotonic() - sent_s > _KEEP_ALIVE_S:
                sent_s = time.monotonic()
                yield b": keep-alive\n\n"
            if job.finished:
                return
            await asyncio.sleep(_WATCH_S)
            job = await read(partial(_read_job, job.job_id, self._store.now_ms()))


def job_view(job: JobRecord) -> dict[str, Any]:
    """The job as the API gives it, without its output. Keys whose value is None are left out."""
    view = {
        "success": True,
        "job_id": job.job_id,
        "status": job.status,
        "lane": job.lane,
        "tag": job.tag,
        "session_hash": job.session_hash,
        "progress": {"done": job.done, "failed": job.failed, "total": job.total},
        "error_code": job.error_code,
        "error_message": job.error_message.decode("utf-8") if job.error_message is not None else None,
        "created_at": timestamp(job.created_ms),
        "started_at": timestamp(job.started_ms) if job.started_ms is not None else None,
        "completed_at": timestamp(job.completed_ms) if job.completed_ms is not None else None,
        "expires_at": timestamp(job.expires_ms) if job.expires_ms is not None else None,
    }
    return {key: value for key, value in view.items() if value is not None}


def result_line(item: ItemResult) -> bytes:
    """One request's outcome as a line of JSON; ``index`` is its place in the batch."""
    if item.result is not None:
        return b'{"index":%d,"status":"done","result":%b}\n' % (item.position, item.result)
    error = {
        "index": item.position,
        "status": "failed",
        "error": item.error_code,
        "message": (item.error_message or b"").decode("utf-8"),
    }
    return orjson.dumps(error, option=orjson.OPT_APPEND_NEWLINE)


def _prepare(tenant: str, draft: JobDraft, kept_ids: Collection[str]) -> tuple[list[bytes], dict[str, int]]:
    """The requests as they are kept: redacted, and with the session's hash for its name."""
    bodies, counts = [], []
    for index, request in enumerate(draft.requests):
        if index % _ROWS_A_TURN == 0:
            time.sleep(_LET_IN_S)
        try:
            given = {key: value for key, value in request.items() if value is not None}
            body, found = redacted_request(given, draft.privacy_mode, kept_ids)
        except ValueError as error:
            raise ValidationFailedError(f"requests[{index}]: {error}") from None
        if body.get("session_id"):
            body["session_id"] = hashed_session(tenant, str(request["session_id"]))
        bodies.append(encode_json(body))
        counts.append(found)
    return bodies, merge_counts(counts)


def _automatic_tag(lane: str, now_ms: int) -> str:
    return f"batch-{lane}-{datetime.fromtimestamp(now_ms / 1000.0, UTC):%Y%m%dT%H%M%SZ}"


def _read_view(job_id: str, now_ms: int, connection: TenantConnection) -> dict[str, Any]:
    job = read_job(connection, job_id, now_ms)
    view = job_view(job)
    if job.status != JobStatus.COMPLETED.value:
        return view
    if job.batch:
        view["output"] = {"results_url": f"/api/v1/jobs/{job_id}/results", "tag": job.tag, **view["progress"]}
    else:
        result = read_results(connection, job_id, -1, 1)[0].result
        assert result is not None
        view["output"] = orjson.loads(result)
    return view


def _read_job(job_id: str, now_ms: int, connection: TenantConnection) -> JobRecord:
    return read_job(connection, job_id, now_ms)


def _read_page(job_id: str, after: int, connection: TenantConnection) -> list[ItemResult]:
    return read_results(connection, job_id, after, _PAGE)


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (encode_text(name), orjson.dumps(data))
