"""Sessions over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from scoring.memory.repair import MAX_MISSING_TERMS
from serving.api.errors import ValidationFailedError
from serving.api.schemas import SESSION_ID_PATTERN, CodeRequest, RagRequest, Strict, parse_body
from serving.http.routes.answers import CheckRequest, json_answer, nested_request
from serving.http.routes.principal import CurrentTenant
from serving.sessions.memory import RepairRequest
from serving.sessions.sessions import EventDraft, SessionDraft, SessionService, TurnDraft

MAX_EVENTS: int = 1_000
SessionId = Annotated[str, Path(pattern=SESSION_ID_PATTERN, description="As `POST /trace/sessions` gave it.")]
SourceId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="As events, hot context and packets name it.")]
_PREFIX = "/api/v1/trace/sessions"


class CreateSession(Strict):
    """Body of ``POST /trace/sessions``."""

    kind: Literal["code", "rag", "general"]
    metadata: dict[str, Any] = Field(default_factory=dict)
    retention: str | None = Field(
        None,
        pattern=r"^(close|keep|[1-9][0-9]{0,5}[smhd])$",
        description="How long after its last use: 30d, 12h, 90m; `close`: until it is closed; `keep`: for good.",
    )
    privacy_mode: bool = Field(False, description="Redact personal data too, not only secrets.")


class EventBody(Strict):
    """One event of a session."""

    event_type: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")
    content: str = Field(min_length=1)
    metadata: dict[str, Any] | None = None
    idempotency_key: str | None = Field(None, min_length=1, max_length=256)

    def draft(self) -> EventDraft:
        """The plain value that the service takes."""
        return EventDraft(self.event_type, self.content, self.metadata, self.idempotency_key)


class AppendEvents(Strict):
    """Body of ``POST …/events``."""

    event: EventBody | None = None
    events: Annotated[list[EventBody], Field(fail_fast=True)] | None = Field(None, min_length=1, max_length=MAX_EVENTS)

    @model_validator(mode="after")
    def _one_of(self) -> AppendEvents:
        if (self.event is None) == (self.events is None):
            raise ValueError("send either event or events")
        return self


class ScoreTurn(Strict):
    """Body of ``POST …/score``. ``trace_request`` is checked against the lane's own schema."""

    lane: Literal["rag", "code"]
    trace_request: dict[str, Any]
    force_original_on_trigger: bool = Field(
        False, description="Score again with excerpts from the vault when the turn is amber, red or names the unknown."
    )
    use_hot_context: bool = Field(False, description="Add the hot context to the premises.")


class Repair(Strict):
    """Body of ``POST …/repair``."""

    missing_terms: Annotated[list[Annotated[str, Field(min_length=1, max_length=400)]], Field(fail_fast=True)] = Field(
        min_length=1, max_length=MAX_MISSING_TERMS
    )
    reason: str = Field("requested", max_length=256)
    max_excerpts: int = Field(8, ge=1, le=32)
    max_tokens: int = Field(1_000, ge=1, le=16_000)


class Rollup(Strict):
    """Body of ``POST …/rollup``; may be empty."""

    heatmap_format: Literal["none", "data", "html"] = "data"


def build_router(service: SessionService, check: CheckRequest | None = None) -> APIRouter:
    """Routes of sessions. ``check`` refuses lane requests past the server's limits."""
    router = APIRouter(prefix=_PREFIX, tags=["sessions"])
    _add_life_cycle(router, service)
    _add_records(router, service, check)
    _add_readings(router, service)
    return router


def _add_life_cycle(router: APIRouter, service: SessionService) -> None:
    @router.post("", summary="Open a session", operation_id="create_session", status_code=201)
    async def create(request: Request, tenant: CurrentTenant) -> Response:
        """A session of its own memory, vault and state."""
        body = parse_body(CreateSession, await request.body())
        draft = SessionDraft(body.kind, body.metadata, body.retention, body.privacy_mode)
        return json_answer({"session": await service.create(tenant, draft)}, 201)

    @router.get("/{session_id}", summary="Inspect a session", operation_id="get_session")
    async def inspect(session_id: SessionId, tenant: CurrentTenant) -> Response:
        """Counts, times, the carried state and the signals after the last turn."""
        return json_answer({"session": await service.inspect(tenant, session_id)})

    @router.delete("/{session_id}", summary="Close a session", operation_id="close_session")
    async def close(session_id: SessionId, tenant: CurrentTenant) -> Response:
        """Closed by its retention: deleted now, or readable until its time is over."""
        return json_answer({"session": await service.close(tenant, session_id)})


def _add_records(router: APIRouter, service: SessionService, check: CheckRequest | None) -> None:
    @router.post("/{session_id}/events", summary="Append events", operation_id="append_events")
    async def append(session_id: SessionId, request: Request, tenant: CurrentTenant) -> Response:
        """Kept in order, durable when answered; an idempotency key makes a repeated delivery harmless."""
        body = parse_body(AppendEvents, await request.body())
        drafts = [event.draft() for event in (body.event, *(body.events or ())) if event is not None]
        return json_answer(await service.append(tenant, session_id, drafts))

    @router.post("/{session_id}/score", summary="Score a turn", operation_id="score_turn")
    async def score(session_id: SessionId, request: Request, tenant: CurrentTenant) -> Response:
        """The lane's answer, with the session's state, its hot context and, on a trigger, a repair packet."""
        body = parse_body(ScoreTurn, await request.body())
        schema = CodeRequest if body.lane == "code" else RagRequest
        lane_request = nested_request(schema, body.trace_request, "trace_request", check)
        if lane_request.get("context_ref") is not None:
            raise ValidationFailedError("trace_request.context_ref: a session keeps its texts; send raw_context")
        draft = TurnDraft(body.lane, lane_request, body.force_original_on_trigger, body.use_hot_context)
        return json_answer(await service.score(tenant, session_id, draft))


def _add_readings(router: APIRouter, service: SessionService) -> None:
    @router.get("/{session_id}/context", summary="The hot context", operation_id="session_context")
    async def context(
        session_id: SessionId,
        tenant: CurrentTenant,
        max_tokens: Annotated[int | None, Query(ge=1, le=16_000, description="Budget; null: as configured.")] = None,
    ) -> Response:
        """A text within a token budget of what the session should not forget; every line names its source."""
        return json_answer(await service.context(tenant, session_id, max_tokens))

    @router.get("/{session_id}/sources/{source_id}", summary="An original", operation_id="session_source")
    async def source(session_id: SessionId, source_id: SourceId, tenant: CurrentTenant) -> Response:
        """The redacted text that a pointer names, unchanged since it came in."""
        return json_answer(await service.source(tenant, session_id, source_id))

    @router.post("/{session_id}/repair", summary="Find missing terms", operation_id="session_repair")
    async def repair(session_id: SessionId, request: Request, tenant: CurrentTenant) -> Response:
        """Exact excerpts of the vault within a token budget."""
        body = parse_body(Repair, await request.body())
        wanted = RepairRequest(tuple(body.missing_terms), body.max_excerpts, body.max_tokens)
        return json_answer(await service.repair(tenant, session_id, wanted, body.reason))

    @router.post("/{session_id}/rollup", summary="The session's scoreboard", operation_id="session_rollup")
    async def rollup(session_id: SessionId, request: Request, tenant: CurrentTenant) -> Response:
        """The rollup of the stored turns; nothing is sent again."""
        body = parse_body(Rollup, await request.body() or b"{}")
        return json_answer(await service.rollup(tenant, session_id, body.heatmap_format))
