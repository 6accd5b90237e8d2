"""Calls in by OpenTelemetry and plain JSON; conversations, turns and calls out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from serving.http.routes.answers import json_answer
from serving.http.routes.principal import CurrentTenant
from serving.store.trace_reads import ConversationFilter
from serving.traces.filters import to_filter
from serving.traces.ingest import Accepted, TraceIngest, accepted_view
from serving.traces.otlp import encode_answer
from serving.traces.reading import MAX_PAGE, TraceReader
from serving.traces.span import span_id_of, trace_id_of
from serving.traces.views import decode_cursor

OTLP_PATHS = ("/v1/traces", "/api/public/otel/v1/traces")
"""OpenTelemetry's own path, and the one that Langfuse's exporters use."""
ConversationId = Annotated[str, Path(min_length=1, max_length=256)]
SpanId = Annotated[str, Path(min_length=1, max_length=128)]
Word = Annotated[str | None, Query(max_length=256)]
Number = Annotated[float | None, Query(ge=0, le=1e12, allow_inf_nan=False)]
Time = Annotated[str | None, Query(max_length=40, description="ISO 8601, UTC where no zone is named.")]


@dataclass(frozen=True)
class Filters:
    """The query parameters of a list of conversations; what is None does not narrow it."""

    project: Word = None
    task_hint: Word = None
    model: Word = None
    provider: Word = None
    label: Annotated[Literal["up", "down", "unknown"] | None, Query()] = None
    reason: Word = None
    cause: Word = None
    suggestion: Annotated[Literal["up", "down"] | None, Query()] = None
    feedback: Annotated[Literal["up", "down"] | None, Query()] = None
    band: Annotated[Literal["green", "amber", "red", "unknown"] | None, Query()] = None
    status: Annotated[Literal["error"] | None, Query()] = None
    segment: Word = None
    route: Word = None
    config: Word = None
    experiment: Word = None
    tag: Word = None
    min_charge_usd: Number = None
    max_charge_usd: Number = None
    min_latency_ms: Number = None
    max_latency_ms: Number = None
    since: Time = None
    until: Time = None
    text: Annotated[str | None, Query(max_length=512, description="Words that the turn holds, all of them.")] = None


def wanted(filters: Annotated[Filters, Depends()]) -> ConversationFilter:
    """The filter that query parameters ask for. Raises ValidationFailedError for a time that is none."""
    return to_filter({name: getattr(filters, name) for name in Filters.__dataclass_fields__})


def build_router(ingest: TraceIngest, reader: TraceReader) -> APIRouter:
    """Routes of traces."""
    router = APIRouter(tags=["traces"])
    _add_ingest(router, ingest)
    _add_readings(router, reader)
    return router


def _add_ingest(router: APIRouter, ingest: TraceIngest) -> None:
    async def otlp(request: Request, tenant: CurrentTenant) -> Response:
        """OTLP over HTTP, protobuf or JSON, gzip or not. 200 once the spans are on the disk."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await request.body()
        accepted = await ingest.otlp(tenant, body, media_type, request.headers.get("content-encoding"))
        return _otlp_answer(accepted, media_type)

    for path, name in zip(OTLP_PATHS, ("export_traces", "export_traces_langfuse"), strict=True):
        router.add_api_route(
            path,
            otlp,
            methods=["POST"],
            summary="Export spans (OpenTelemetry)",
            operation_id=name,
            response_class=Response,
        )

    @router.post("/api/v1/traces", summary="Send calls as JSON", operation_id="post_traces")
    async def plain(request: Request, tenant: CurrentTenant) -> Response:
        """Calls under our field names, or LiteLLM's generic callback as it is."""
        body = await request.body()
        return json_answer(accepted_view(await ingest.plain(tenant, body, request.headers.get("content-encoding"))))


def _add_readings(router: APIRouter, reader: TraceReader) -> None:
    @router.get("/api/v1/conversations", summary="List conversations", operation_id="list_conversations")
    async def list_conversations(
        tenant: CurrentTenant,
        narrowed: Annotated[ConversationFilter, Depends(wanted)],
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        cursor: Annotated[str | None, Query(max_length=1024)] = None,
    ) -> Response:
        """Latest first; `next_cursor` leads to the next page."""
        return json_answer(await reader.list(tenant, narrowed, limit, decode_cursor(cursor)))

    @router.get(
        "/api/v1/conversations/{conversation_id:path}", summary="Read a conversation", operation_id="get_conversation"
    )
    async def get_conversation(
        conversation_id: ConversationId,
        tenant: CurrentTenant,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    ) -> Response:
        """The whole timeline: turns in order, each with its calls."""
        return json_answer({"conversation": await reader.conversation(tenant, conversation_id, offset)})

    @router.delete(
        "/api/v1/conversations/{conversation_id:path}",
        summary="Delete a conversation",
        operation_id="delete_conversation",
    )
    async def delete(conversation_id: ConversationId, tenant: CurrentTenant) -> Response:
        """At once, with its turns, calls, bodies, scores and labels; answers how many of each went."""
        return json_answer({"deleted": await reader.delete(tenant, conversation_id)})

    @router.get("/api/v1/spans/{span_id}", summary="Read a call", operation_id="get_span")
    async def get_span(
        span_id: SpanId, tenant: CurrentTenant, trace_id: Annotated[str | None, Query(max_length=128)] = None
    ) -> Response:
        """The raw request and response of one call, what was retrieved, and every attribute."""
        trace = trace_id_of(trace_id) if trace_id else None
        return json_answer({"span": await reader.call(tenant, span_id_of(span_id), trace)})


def _otlp_answer(accepted: Accepted, media_type: str) -> Response:
    body = encode_answer(media_type, accepted.rejected, accepted.reason)
    return Response(body, 200, media_type=media_type)
