"""Jobs over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from serving.api.schemas import SESSION_ID_PATTERN, CodeRequest, RagRequest, RollupRequest, Strict, parse_body
from serving.http.routes.answers import CheckRequest, json_answer, nested_request
from serving.http.routes.principal import CurrentTenant
from serving.jobs.jobs import MAX_REQUESTS, JobDraft, JobLane, JobService

_SCHEMAS: dict[JobLane, type[Strict]] = {"rag": RagRequest, "code": CodeRequest, "rollup": RollupRequest}
JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{1,64}$")]
Status = Literal["QUEUED", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "CACHED", "PULLED", "RESUMABLE"]


class SubmitJob(Strict):
    """Body of ``POST /jobs``."""

    lane: Literal["rag", "code", "rollup"]
    requests: Annotated[list[dict[str, Any]], Field(fail_fast=True)] = Field(
        min_length=1, max_length=MAX_REQUESTS, description="Requests of the lane."
    )
    session_id: str | None = Field(None, pattern=SESSION_ID_PATTERN, description="Kept as a hash; list jobs by it.")
    experiment_name: str | None = Field(None, pattern=r"^[^\x00-\x1f\x7f]{1,128}$", description="The job's tag.")
    privacy_mode: bool = Field(False, description="Redact personal data too, not only secrets.")
    idempotency_key: str | None = Field(
        None, min_length=1, max_length=256, description="Repeat it with the same job, and there is one job."
    )


def build_router(service: JobService, check: CheckRequest | None = None) -> APIRouter:
    """Routes of jobs. ``check`` refuses lane requests past the server's limits."""
    router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])
    _add_submission(router, service, check)
    _add_readings(router, service)
    return router


async def submit_single(
    service: JobService, tenant: str, lane: JobLane, request: dict[str, Any], session_id: str | None
) -> Response:
    """What a lane answers to ``return_job: true``: 202 and a job. ``request``: the validated body as JSON values."""
    body = {key: value for key, value in request.items() if key != "return_job"}
    job = await service.submit(tenant, JobDraft(lane, [body], batch=False, session_id=session_id))
    return json_answer(job, 202)


def _add_submission(router: APIRouter, service: JobService, check: CheckRequest | None) -> None:
    def read(body: bytes) -> JobDraft:
        job = parse_body(SubmitJob, body)
        schema = _SCHEMAS[job.lane]
        requests = [
            nested_request(schema, request, f"requests[{index}]", check) for index, request in enumerate(job.requests)
        ]
        named = (job.session_id, job.experiment_name, job.privacy_mode, job.idempotency_key)
        return JobDraft(job.lane, requests, True, *named)

    @router.post("", summary="Submit a batch", operation_id="submit_job", status_code=202)
    async def submit(request: Request, tenant: CurrentTenant) -> Response:
        """Queued durably; scored in the shadow of interactive requests."""
        draft = await asyncio.to_thread(read, await request.body())
        return json_answer(await service.submit(tenant, draft), 202)

    @router.delete("/{job_id}", summary="Cancel a job", operation_id="cancel_job")
    async def cancel(job_id: JobId, tenant: CurrentTenant) -> Response:
        """What is finished stays readable; the rest is not begun."""
        return json_answer(await service.cancel(tenant, job_id))


def _add_readings(router: APIRouter, service: JobService) -> None:
    @router.get("", summary="List jobs", operation_id="list_jobs")
    async def list_jobs(
        tenant: CurrentTenant,
        status: Annotated[Status | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
        session_id: Annotated[str | None, Query(pattern=SESSION_ID_PATTERN)] = None,
    ) -> Response:
        """Latest first, without outputs."""
        return json_answer(await service.list(tenant, status, limit, offset, session_id))

    @router.get("/{job_id}", summary="Read a job", operation_id="get_job")
    async def get(job_id: JobId, tenant: CurrentTenant) -> Response:
        """Status, progress and, once it is completed, the output."""
        return json_answer(await service.get(tenant, job_id))

    @router.get("/{job_id}/results", summary="Read results", operation_id="job_results")
    async def results(
        job_id: JobId, tenant: CurrentTenant, after: Annotated[int, Query(ge=-1, le=MAX_REQUESTS)] = -1
    ) -> Response:
        """JSON lines in the order of the requests: what is there by now, while the job runs too. A page of about a mebibyte;
        where more follow, its last line is `{"next_after": n}`: ask again with `after=n`."""
        return Response(await service.results(tenant, job_id, after), media_type="application/x-ndjson")

    @router.get("/{job_id}/events", summary="Watch a job", operation_id="job_events")
    async def events(job_id: JobId, tenant: CurrentTenant) -> Response:
        """Server-sent events: `progress` on every change, `end` with the finished job."""
        stream = await service.watch(tenant, job_id)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})
