"""Scores, labels and feedback in and out, and the reasons that a project's labels may give."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from serving.api.schemas import Strict, parse_body
from serving.http.routes.answers import json_answer
from serving.http.routes.principal import CurrentCaller, CurrentTenant
from serving.http.routes.traces import SpanId, Time, Word
from serving.reviews.assembly import Reviews
from serving.reviews.people import NOTE_CHARACTERS
from serving.reviews.scores import MAX_REASONS, NewLabel, NewScore, ScoreService, Target
from serving.reviews.views import decode_place
from serving.store.score_records import ScoreFilter
from serving.traces.filters import time_ms

Limit = Annotated[int, Query(ge=1, le=200)]
CursorText = Annotated[str | None, Query(max_length=2048)]
TraceWord = Annotated[str | None, Query(max_length=128)]
Author = Annotated[str | None, Query(max_length=128, description="The label's author; the calling key without it.")]
ProjectName = Annotated[str, Path(min_length=1, max_length=256)]
TraceId = Annotated[str, Path(min_length=1, max_length=128)]
_BY = "Who says so; the calling key without it."


class ScoreTarget(Strict):
    """What a score is about."""

    kind: Literal["span", "trace", "conversation", "run_item"]
    id: str = Field(
        min_length=1, max_length=512, description="Of a run item: run, task and repeat, `run_1/late-fee/0`."
    )
    trace_id: str | None = Field(None, max_length=128, description="Tells two spans of one id apart.")


class PutScore(Strict):
    """Body of ``POST /scores``."""

    target: ScoreTarget
    name: str = Field(min_length=1, max_length=128)
    data_type: Literal["NUMERIC", "CATEGORICAL", "BOOLEAN", "TEXT"]
    value: bool | float | str = Field(description="By `data_type`; or `unknown`, which no mean counts.")
    annotator_kind: Literal["HUMAN", "LLM", "CODE"]
    explanation: str | None = Field(None, max_length=NOTE_CHARACTERS)
    author: str | None = Field(None, max_length=128, description=_BY)
    evaluator_version: str | None = Field(None, max_length=256, description="Required of LLM and CODE.")
    inclusion_probability: float | None = Field(
        None, gt=0, le=1, description="With which the target was drawn, where it was drawn by chance."
    )


class PutLabel(Strict):
    """Body of ``POST /spans/{span_id}/labels``."""

    thumb: Literal["up", "down", "unknown"]
    reason: str | None = Field(None, max_length=128, description="From the project's list; required of up and down.")
    note: str | None = Field(None, max_length=NOTE_CHARACTERS)
    author: str | None = Field(None, max_length=128, description=_BY)
    trace_id: str | None = Field(None, max_length=128, description="Tells two spans of one id apart.")


class PutFeedback(Strict):
    """Body of ``POST /feedback``."""

    thumb: Literal["up", "down"]
    request_id: str | None = Field(None, min_length=1, max_length=256, description="The latest turn with this id.")
    trace_id: str | None = Field(None, min_length=1, max_length=128)
    reason: str | None = Field(None, max_length=128, description="From the project's list.")
    note: str | None = Field(None, max_length=NOTE_CHARACTERS)
    user: str | None = Field(None, max_length=128, description="Whose thumb it is; a second press replaces the first.")


class PutReasons(Strict):
    """Body of ``PUT /projects/{project}/reasons``."""

    reasons: list[str] = Field(min_length=1, max_length=MAX_REASONS, description="In the order of their keys.")


def build_router(reviews: Reviews) -> APIRouter:
    """Routes of what people and evaluators say."""
    router = APIRouter(prefix="/api/v1", tags=["reviews"])
    _add_scores(router, reviews.scores)
    _add_labels(router, reviews.scores)
    _add_reasons(router, reviews.scores)
    return router


def _add_scores(router: APIRouter, service: ScoreService) -> None:
    @router.post("/scores", summary="Keep a score", operation_id="put_score")
    async def put(request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """In the place of the one of the same target, name and author or evaluator version, which stays in the history."""
        body = parse_body(PutScore, await request.body())
        given = {name: getattr(body, name) for name in PutScore.model_fields if name != "target"}
        target = Target(body.target.kind, body.target.id, body.target.trace_id)
        return json_answer({"score": await service.put(tenant, NewScore(target=target, **given), caller)})

    @router.get("/scores", summary="List scores", operation_id="list_scores")
    async def listed(
        tenant: CurrentTenant,
        name: Word = None,
        target_kind: Annotated[Literal["span", "trace", "conversation", "run_item"] | None, Query()] = None,
        annotator_kind: Annotated[Literal["HUMAN", "LLM", "CODE"] | None, Query()] = None,
        author: Word = None,
        trace_id: TraceWord = None,
        label: Word = None,
        since: Time = None,
        until: Time = None,
        limit: Limit = 50,
        cursor: CursorText = None,
    ) -> Response:
        """Latest change first."""
        wanted = ScoreFilter(
            name, target_kind, annotator_kind, author, trace_id, label, time_ms(since, "since"), time_ms(until, "until")
        )
        return json_answer(await service.list(tenant, wanted, limit, decode_place(cursor, (int, str, str, str, str))))

    @router.get("/scores/summary", summary="Sum scores up", operation_id="sum_scores")
    async def summary(tenant: CurrentTenant, name: Word = None, since: Time = None, until: Time = None) -> Response:
        """Counts and means by name. What is unknown is counted apart, and no mean counts it."""
        wanted = ScoreFilter(name=name, since_ms=time_ms(since, "since"), until_ms=time_ms(until, "until"))
        return json_answer(await service.summary(tenant, wanted))


def _add_labels(router: APIRouter, service: ScoreService) -> None:
    @router.post("/spans/{span_id}/labels", summary="Label an answer", operation_id="put_label")
    async def label(span_id: SpanId, request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """A thumb with its reason. A second one of the same author replaces the first, which stays in the history."""
        body = parse_body(PutLabel, await request.body())
        given = NewLabel(body.thumb, body.reason, body.note, body.author)
        return json_answer({"label": await service.label(tenant, span_id, given, body.trace_id, caller)})

    @router.get("/spans/{span_id}/labels", summary="A label's history", operation_id="get_label_history")
    async def history(
        span_id: SpanId,
        tenant: CurrentTenant,
        caller: CurrentCaller,
        author: Author = None,
        trace_id: TraceWord = None,
    ) -> Response:
        """Every change of an author's label, latest first."""
        return json_answer({"history": await service.label_history(tenant, span_id, author, trace_id, caller)})

    @router.delete("/spans/{span_id}/labels", summary="Undo a label", operation_id="undo_label")
    async def undo(
        span_id: SpanId,
        tenant: CurrentTenant,
        caller: CurrentCaller,
        author: Author = None,
        trace_id: TraceWord = None,
    ) -> Response:
        """Take back an author's latest change; `label` is what stands again, null where nothing stood before."""
        return json_answer({"label": await service.undo_label(tenant, span_id, author, trace_id, caller)})

    @router.post("/feedback", summary="Send a user's thumb", operation_id="put_feedback")
    async def feedback(request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """What a user of the application pressed, by the request's id or the trace. It is no label: a person reviews it."""
        body = parse_body(PutFeedback, await request.body())
        given = NewLabel(body.thumb, body.reason, body.note, body.user)
        kept = await service.feedback(tenant, given, body.request_id, body.trace_id, caller)
        return json_answer({"feedback": kept})


def _add_reasons(router: APIRouter, service: ScoreService) -> None:
    @router.get("/projects/{project:path}/reasons", summary="A project's reasons", operation_id="get_reasons")
    async def get(project: ProjectName, tenant: CurrentTenant) -> Response:
        """The reasons that a label may give; `own` says whether the project has a list of its own."""
        return json_answer(await service.reasons(tenant, project))

    @router.put("/projects/{project:path}/reasons", summary="Set a project's reasons", operation_id="put_reasons")
    async def put(project: ProjectName, request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """In the order of their keys. Labels that were given before keep theirs."""
        body = parse_body(PutReasons, await request.body())
        return json_answer(await service.put_reasons(tenant, project, body.reasons, caller))
