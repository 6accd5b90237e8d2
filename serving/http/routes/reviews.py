"""Suggestions, causes, the queue, and selections that become eval cases."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from scoring.feedback import RootCause
from serving.api.errors import ValidationFailedError
from serving.api.schemas import Strict, parse_body
from serving.http.routes.answers import json_answer
from serving.http.routes.principal import CurrentCaller, CurrentTenant
from serving.http.routes.scores import CursorText, Limit, TraceId
from serving.http.routes.traces import Filters, Time, Word
from serving.reviews.assembly import Reviews
from serving.reviews.people import NOTE_CHARACTERS
from serving.reviews.scores import NewLabel
from serving.reviews.selections import MAX_TURNS
from serving.reviews.views import decode_place
from serving.traces.filters import time_ms, to_filter

_BY = "Who decides; the calling key without it."
Author = Annotated[str | None, Field(max_length=128, description=_BY)]
SelectionId = Annotated[str, Path(min_length=1, max_length=64)]
Cause = Literal[
    "HALLUCINATION",
    "FAILED_RETRIEVAL",
    "INCOMPLETE_ANSWER",
    "POOR_INSTRUCTION_FOLLOWING",
    "BAD_FORMATTING",
    "UNSAFE_ANSWER",
    "SHOULD_HAVE_REFUSED",
    "TONE_STYLE_ISSUE",
    "MISSING_KNOWLEDGE",
    "CONTEXT_DRIFT",
    "OTHER",
]
"""The members of :class:`scoring.feedback.RootCause`, as the OpenAPI document lists them."""


class DecideSuggestion(Strict):
    """Body of ``POST /traces/{trace_id}/suggestions/{rule}``."""

    decision: Literal["accept", "dismiss"]
    reason: str | None = Field(None, max_length=128, description="Of the label; by the suggestion's kind without it.")
    note: str | None = Field(None, max_length=NOTE_CHARACTERS)
    author: Author = None


class DecideCause(Strict):
    """Body of ``POST /traces/{trace_id}/triage``."""

    cause: Cause | None = Field(description="null takes the decision back.")
    author: Author = None


class TakeNext(Strict):
    """Body of ``POST /queue:next``."""

    author: Author = None
    project: str | None = Field(None, max_length=256)
    order: Literal["risk", "chance"] = Field("risk", description="`chance`: for a rate of all answers sooner.")


class HoldItem(Strict):
    """Body of ``POST /queue/{trace_id}/hold`` and ``/release``."""

    author: Author = None


class CreateSelection(Strict):
    """Body of ``POST /selections``: ``filters`` or ``trace_ids``."""

    name: str = Field(min_length=1, max_length=128)
    filters: dict[str, Any] | None = Field(None, description="As the parameters of GET /conversations.")
    trace_ids: list[str] | None = Field(None, min_length=1, max_length=MAX_TURNS)
    author: Author = None


def build_router(reviews: Reviews) -> APIRouter:
    """Routes of reviewing."""
    router = APIRouter(prefix="/api/v1", tags=["reviews"])
    _add_turns(router, reviews)
    _add_suggestions(router, reviews)
    _add_causes(router, reviews)
    _add_queue(router, reviews)
    _add_selections(router, reviews)
    return router


def _add_turns(router: APIRouter, reviews: Reviews) -> None:
    @router.get("/traces/{trace_id}/reviews", summary="What is said of a turn", operation_id="get_reviews")
    async def get(trace_id: TraceId, tenant: CurrentTenant) -> Response:
        """Its scores and labels, suggestions, cause, and place in the queue."""
        found = await reviews.of_turns(tenant, [trace_id])
        return json_answer({"reviews": next(iter(found.values()))})


def _add_suggestions(router: APIRouter, reviews: Reviews) -> None:
    @router.get("/suggestions", summary="List suggestions", operation_id="list_suggestions")
    async def listed(
        tenant: CurrentTenant,
        state: Annotated[Literal["open", "accepted", "dismissed"], Query()] = "open",
        thumb: Annotated[Literal["up", "down"] | None, Query()] = None,
        project: Word = None,
        limit: Limit = 50,
        cursor: CursorText = None,
    ) -> Response:
        """Weak labels read off the next turn, latest first."""
        after = decode_place(cursor, (int, str, str))
        found = await reviews.suggestions.list(tenant, limit, after, state=state, thumb=thumb, project=project)
        return json_answer(found)

    @router.post("/traces/{trace_id}/suggestions/{rule}", summary="Accept or dismiss", operation_id="decide_suggestion")
    async def decide(
        trace_id: TraceId,
        rule: Annotated[str, Path(min_length=1, max_length=64)],
        request: Request,
        tenant: CurrentTenant,
        caller: CurrentCaller,
    ) -> Response:
        """An accepted suggestion labels the answer; a dismissed one counts as nothing."""
        body = parse_body(DecideSuggestion, await request.body())
        label = NewLabel("unknown", body.reason, body.note, body.author)
        return json_answer(await reviews.suggestions.decide(tenant, trace_id, rule, body.decision, label, caller))


def _add_causes(router: APIRouter, reviews: Reviews) -> None:
    @router.get("/triages", summary="List bad answers by cause", operation_id="list_triages")
    async def listed(
        tenant: CurrentTenant,
        state: Annotated[Literal["open", "done"] | None, Query()] = None,
        cause: Annotated[Cause | None, Query()] = None,
        project: Word = None,
        limit: Limit = 50,
        cursor: CursorText = None,
    ) -> Response:
        """Answers that were called bad, each with the server's proposal and its reason; latest first."""
        done = None if state is None else state == "done"
        after = decode_place(cursor, (int, str))
        return json_answer(await reviews.causes.list(tenant, limit, after, done=done, cause=cause, project=project))

    @router.post("/traces/{trace_id}/triage", summary="Decide a cause", operation_id="decide_cause")
    async def decide(trace_id: TraceId, request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """A person's cause of a bad answer. 409 for an answer that nobody called bad."""
        body = parse_body(DecideCause, await request.body())
        cause = None if body.cause is None else RootCause(body.cause)
        return json_answer({"triage": await reviews.causes.decide(tenant, trace_id, cause, body.author, caller)})

    @router.get("/clusters", summary="Bad answers in clusters", operation_id="list_clusters")
    async def clusters(tenant: CurrentTenant, project: Word = None) -> Response:
        """By cause and what they share: a document, a kind of claim, near questions. Of the latest 2,000."""
        return json_answer(await reviews.causes.clusters(tenant, project))


def _add_queue(router: APIRouter, reviews: Reviews) -> None:
    queue = reviews.queue

    @router.get("/queue", summary="What waits for review", operation_id="list_queue")
    async def listed(
        tenant: CurrentTenant, project: Word = None, limit: Limit = 50, cursor: CursorText = None
    ) -> Response:
        """Riskiest first; each item with the probability with which it was drawn."""
        after = decode_place(cursor, (float, int))
        return json_answer(await queue.list(tenant, limit, after, project=project))

    @router.post("/queue:next", summary="Take the next item", operation_id="take_next")
    async def take(request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """Locks it for the reviewer, for a while; the one he holds already where there is one. `item` is null at the end."""
        body = parse_body(TakeNext, await request.body() or b"{}")
        by_chance = body.order == "chance"
        return json_answer(await queue.next(tenant, body.author, caller, project=body.project, by_chance=by_chance))

    @router.post("/queue/{trace_id}/hold", summary="Hold an item", operation_id="hold_item")
    async def hold(trace_id: TraceId, request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """Lock one item, or hold it longer. 409 while another reviewer holds it."""
        body = parse_body(HoldItem, await request.body() or b"{}")
        return json_answer(await queue.hold(tenant, trace_id, body.author, caller))

    @router.post("/queue/{trace_id}/release", summary="Give an item back", operation_id="release_item")
    async def release(trace_id: TraceId, request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """Before its time is over."""
        body = parse_body(HoldItem, await request.body() or b"{}")
        return json_answer(await queue.release(tenant, trace_id, body.author, caller))

    @router.get("/queue/estimate", summary="The rate of good answers", operation_id="estimate_rate")
    async def estimate(tenant: CurrentTenant, project: Word = None, since: Time = None, until: Time = None) -> Response:
        """Among all answers, from those reviewed, each by how it was drawn. `rate` may be null, with a reason."""
        bounds = {"since_ms": time_ms(since, "since"), "until_ms": time_ms(until, "until")}
        return json_answer(await queue.estimate(tenant, project=project, **bounds))


def _add_selections(router: APIRouter, reviews: Reviews) -> None:
    selections = reviews.selections

    @router.post("/selections", summary="Store a selection", operation_id="create_selection")
    async def create(request: Request, tenant: CurrentTenant, caller: CurrentCaller) -> Response:
        """The turns that a filter finds now, at most 2,000, or those named."""
        body = parse_body(CreateSelection, await request.body())
        if (body.filters is None) == (body.trace_ids is None):
            raise ValidationFailedError("name either filters or trace_ids")
        wanted = None if body.filters is None else to_filter(checked_filters(body.filters))
        kept = await selections.create(tenant, body.name, wanted, body.filters, body.trace_ids, body.author, caller)
        return json_answer({"selection": kept})

    @router.get("/selections", summary="List selections", operation_id="list_selections")
    async def listed(tenant: CurrentTenant, limit: Limit = 50, cursor: CursorText = None) -> Response:
        """Latest first."""
        return json_answer(await selections.list(tenant, limit, decode_place(cursor, (int, str))))

    @router.get("/selections/{selection_id}", summary="One selection", operation_id="get_selection")
    async def get(selection_id: SelectionId, tenant: CurrentTenant) -> Response:
        """With its turns."""
        return json_answer({"selection": await selections.get(tenant, selection_id)})

    @router.delete("/selections/{selection_id}", summary="Delete a selection", operation_id="delete_selection")
    async def delete(selection_id: SelectionId, tenant: CurrentTenant) -> Response:
        """And nothing that it selected."""
        return json_answer({"deleted": await selections.delete(tenant, selection_id)})

    @router.post("/selections/{selection_id}/cases", summary="Create an eval set", operation_id="create_cases")
    async def cases(selection_id: SelectionId, tenant: CurrentTenant) -> Response:
        """A DRAFT case a turn, filled in from what was said, its label and cause; `skipped` says which made none and why."""
        return json_answer(await selections.create_cases(tenant, selection_id))


def checked_filters(given: dict[str, Any]) -> dict[str, Any]:
    """A body's filters with the types of the query parameters. Raises ValidationFailedError naming the field."""
    known = Filters.__dataclass_fields__
    for name, value in given.items():
        if name not in known:
            raise ValidationFailedError(f"filters.{name}: is none of {', '.join(known)}")
        numeric = name.startswith(("min_", "max_"))
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float) if numeric else str)):
            raise ValidationFailedError(f"filters.{name}: is {'a number' if numeric else 'a text'}")
        if isinstance(value, str) and (len(value) > 512 or not value.isprintable()):
            raise ValidationFailedError(f"filters.{name}: has at most 512 characters on one line")
    return given
