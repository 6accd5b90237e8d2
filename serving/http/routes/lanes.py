"""The lanes over HTTP: validate, check the limits, hand over, send the lane's bytes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.requests import HTTPConnection

from serving.api.errors import PayloadTooLargeError, UnauthorizedError, ValidationFailedError
from serving.api.schemas import CodeRequest, LaneRequest, RagRequest, RollupRequest, Strict, parse_body
from serving.config.settings import LimitSettings, PriceSettings
from serving.http.edge import Exchange
from serving.http.routes.jobs import submit_single
from serving.jobs.jobs import JobLane, JobService
from serving.lanes.dispatch import Dispatcher


def lanes_router(
    dispatcher: Dispatcher, limits: LimitSettings, prices: PriceSettings, jobs: JobService | None = None
) -> APIRouter:
    """Routes of the scoring lanes; without ``jobs`` a request for a job is refused."""
    router = APIRouter(prefix="/api/v1/trace", tags=["lanes"])
    usd = {"standard": prices.standard_usd, "quality": prices.quality_usd}

    async def score(request: Request, lane: JobLane, schema: type[LaneRequest]) -> Response:
        exchange: Exchange = request.state.exchange
        body = parse_body(schema, await request.body())
        exchange.request_id = body.request_id or exchange.request_id
        exchange.session_id, exchange.profile, exchange.model = body.session_id, body.profile.value, body.model
        check_limits(body, limits)
        if body.return_job:
            return await queue(request, lane, body, body.session_id)
        answer = await dispatcher.score(lane, body, exchange.request_id, tenant_of(request))
        exchange.answer, exchange.cost_usd = answer, usd[body.profile.value]
        return Response(answer.body, media_type="application/json")

    async def queue(request: Request, lane: JobLane, body: Strict, session_id: str | None) -> Response:
        if jobs is None:
            raise ValidationFailedError("return_job: this server keeps no jobs; leave the field out to get the result")
        values = body.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return await submit_single(jobs, tenant_of(request), lane, values, session_id)

    @router.post("/rag", summary="Is this answer grounded in its context?", operation_id="trace_rag")
    async def rag(request: Request) -> Response:
        """Groundedness of a response against context."""
        return await score(request, "rag", RagRequest)

    @router.post("/code", summary="Does this code call APIs that exist?", operation_id="trace_code")
    async def code(request: Request) -> Response:
        """Phantom functions, methods, parameters and imports; drift over turns."""
        return await score(request, "code", CodeRequest)

    @router.post("/rollup", summary="Where is this session heading?", operation_id="trace_rollup")
    async def rollup(request: Request) -> Response:
        """Per-turn outputs to one session scoreboard."""
        exchange: Exchange = request.state.exchange
        body = parse_body(RollupRequest, await request.body())
        exchange.request_id = body.request_id or exchange.request_id
        exchange.session_id = body.session_id
        if body.return_job:
            return await queue(request, "rollup", body, body.session_id)
        exchange.answer = await dispatcher.roll_up(body, exchange.request_id, tenant_of(request))
        return Response(exchange.answer.body, media_type="application/json")

    return router


def tenant_of(request: HTTPConnection) -> str:
    """The caller's tenant, as the gateway's edge found it."""
    exchange: Exchange = request.state.exchange
    if exchange.principal is None:
        raise UnauthorizedError("the caller is not authenticated")
    return exchange.principal.tenant


def check_limits(body: LaneRequest, limits: LimitSettings) -> None:
    """Refuse a request past a limit whole, naming field, size and limit; nothing is ever cut."""
    context = len(body.raw_context or "") + sum(len(unit.text) for unit in body.support_units or ())
    sizes = (
        ("response_text", len(body.response_text), limits.response_characters, "characters"),
        ("query_text", len(body.query_text or ""), limits.query_characters, "characters"),
        ("context", context, limits.context_characters, "characters"),
        ("support_units", len(body.support_units or ()), limits.units, "units"),
        ("chunk_ids", len(body.chunk_ids or ()), limits.units, "units"),
        ("verification_samples", len(body.verification_samples or ()), limits.verification_samples, "samples"),
        (
            "verification_samples",
            max(map(len, body.verification_samples or ()), default=0),
            limits.response_characters,
            "characters",
        ),
    )
    for name, size, limit, unit in sizes:
        if size > limit:
            raise PayloadTooLargeError(f"{name}: {size} {unit}, the limit is {limit}")
