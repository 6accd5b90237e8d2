"""What pages read of conversations: each turn with all that was said, its documents and its score, in one reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from serving.api.errors import NotFoundError
from serving.config.traces import TraceSettings
from serving.pages.support import Claim, Piece, claims_of, pieces, quoted
from serving.reviews.turn_state import THUMB
from serving.reviews.views import item_view, score_view, suggestion_view, triage_view
from serving.store import review_records
from serving.store.review_records import turns_around
from serving.store.score_records import GROUNDEDNESS, scores_of_traces
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import (
    ConversationFilter,
    bodies_of,
    count_turns_before,
    list_conversations,
    neighbours,
    read_calls,
    read_conversation,
    read_turn,
    read_turns,
)
from serving.store.trace_totals import Row
from serving.store.values import decode_json
from serving.traces.bodies import decode_body
from serving.traces.content import last_text
from serving.traces.views import call_view, conversation_view, turn_view

TURNS_A_PAGE: Final = 20
_MAX_CALLS: Final = 2_000
"""Calls of one page of turns that are listed; a turn of an agent has some dozens."""
DOCUMENT_CHARACTERS: Final = 4_000
"""Of a document beside an answer; the page of its call has all of it."""


@dataclass(frozen=True)
class Document:
    """A retrieved document beside the answer. ``hidden``: characters that only the page of its call shows."""

    document_id: str
    pieces: tuple[Piece, ...]
    rank: int
    score: float | None
    span_id: str
    hidden: int = 0


@dataclass(frozen=True)
class Review:
    """What people and rules have said of a turn. ``suggestions``: those that nobody has decided yet, the surest first."""

    labels: tuple[Mapping[str, Any], ...] = ()
    suggestions: tuple[Mapping[str, Any], ...] = ()
    triage: Mapping[str, Any] | None = None
    reasons: tuple[str, ...] = ()

    def by(self, author: str) -> Mapping[str, Any] | None:
        """The label that this author gave."""
        return next((label for label in self.labels if label.get("author") == author), None)


@dataclass(frozen=True)
class Said:
    """A turn as a person reads it. ``whole`` is false where only the beginning of the answer was kept."""

    view: Mapping[str, Any]
    conversation_id: str
    number: int
    question: str
    answer: tuple[Piece, ...]
    claims: tuple[Claim, ...]
    documents: tuple[Document, ...]
    review: Review
    query: str = ""
    whole: bool = True
    calls: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    calls_hidden: int = 0


@dataclass(frozen=True)
class Timeline:
    """A page of a conversation. ``newer`` and ``older``: its neighbours in the list it was opened from."""

    view: Mapping[str, Any]
    turns: tuple[Said, ...]
    offset: int
    newer: str | None
    older: str | None


@dataclass(frozen=True)
class QueueItem:
    """A turn that waits for review, between what was said before it and what the user said next."""

    turn: Said
    place: Mapping[str, Any]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class PageReader:
    """Every call names its tenant. Raises NotFoundError for what he does not have."""

    def __init__(self, store: Store, settings: TraceSettings) -> None:
        self._store = store
        self._settings = settings

    async def timeline(self, tenant: str, conversation_id: str, offset: int, wanted: ConversationFilter) -> Timeline:
        """Twenty turns from ``offset``, and which conversations lie beside this one in the list ``wanted``."""
        return await self._store.tenant(tenant).read(partial(self._timeline, conversation_id, offset, wanted))

    async def turn(self, tenant: str, trace_id: str) -> Said:
        """One turn."""
        return await self._store.tenant(tenant).read(partial(self._turn, trace_id))

    async def has_conversations(self, tenant: str) -> bool:
        """Whether anything was ever sent."""
        return await self._store.tenant(tenant).read(_has_conversations)

    async def queue_item(self, tenant: str, trace_id: str) -> QueueItem:
        """An item of the queue with its neighbours in the conversation."""
        return await self._store.tenant(tenant).read(partial(self._queue_item, trace_id))

    def _timeline(
        self, conversation_id: str, offset: int, wanted: ConversationFilter, connection: TenantConnection
    ) -> Timeline:
        row = read_conversation(connection, conversation_id)
        turns = read_turns(connection, conversation_id, TURNS_A_PAGE, offset)
        newer, older = neighbours(connection, wanted, (row["ended_ms"], conversation_id))
        said = tuple(self._said(connection, turns, offset))
        return Timeline(conversation_view(row), said, offset, newer, older)

    def _turn(self, trace_id: str, connection: TenantConnection) -> Said:
        turn = read_turn(connection, trace_id)
        return self._said(connection, [turn], count_turns_before(connection, turn))[0]

    def _queue_item(self, trace_id: str, connection: TenantConnection) -> QueueItem:
        row = read_turn(connection, trace_id)
        before, after = turns_around(connection, row)
        said = self._said(connection, [row], count_turns_before(connection, row))[0]
        place = item_view(row, self._store.now_ms()) if row["review_risk"] is not None else {}
        return QueueItem(
            said,
            place,
            None if before is None else turn_view(before, ()),
            None if after is None else turn_view(after, ()),
        )

    def _said(self, connection: TenantConnection, turns: Sequence[Row], offset: int) -> list[Said]:
        names = [turn["trace_id"] for turn in turns]
        calls: dict[str, list[Row]] = {}
        for call in read_calls(connection, names, _MAX_CALLS):
            calls.setdefault(call["trace_id"], []).append(call)
        shown = [call for of_turn in calls.values() for call in of_turn if _is_shown(call, turns)]
        bodies = bodies_of(connection, shown, ("input", "output", "documents"))
        scores: dict[str, list[Row]] = {}
        for score in scores_of_traces(connection, names, (THUMB, GROUNDEDNESS)):
            scores.setdefault(score["trace_id"], []).append(score)
        reviews = self._reviews(connection, turns, scores)
        return [
            _said_turn(
                turn,
                calls.get(turn["trace_id"], []),
                bodies,
                number,
                _score_detail(scores.get(turn["trace_id"], ())),
                reviews[turn["trace_id"]],
            )
            for number, turn in enumerate(turns, offset + 1)
        ]

    def _reviews(
        self, connection: TenantConnection, turns: Sequence[Row], scores: Mapping[str, Sequence[Row]]
    ) -> dict[str, Review]:
        names = [turn["trace_id"] for turn in turns]
        suggested: dict[str, list[dict[str, Any]]] = {}
        for row in review_records.suggestions_of(connection, names):
            if row["state"] == review_records.OPEN:
                view = {**suggestion_view(row), "around": _around(connection, row["evidence"])}
                suggested.setdefault(row["trace_id"], []).append(view)
        triages = review_records.triages_of(connection, names)
        reasons = {project: self._reasons(connection, project) for project in {turn["project"] for turn in turns}}
        found = {}
        for turn in turns:
            name = turn["trace_id"]
            labels = [score_view(row) for row in scores.get(name, ()) if row["name"] == THUMB]
            found[name] = Review(
                labels=tuple(reversed(labels)),
                suggestions=tuple(sorted(suggested.get(name, ()), key=lambda one: -one["confidence"])),
                triage=triage_view(triages[name]) if name in triages else None,
                reasons=reasons[turn["project"]],
            )
        return found

    def _reasons(self, connection: TenantConnection, project: str) -> tuple[str, ...]:
        own = review_records.read_reasons(connection, project)
        return tuple(own or self._settings.of(project).reasons)


def _has_conversations(connection: TenantConnection) -> bool:
    return bool(list_conversations(connection, ConversationFilter(), 1, None).rows)


def _is_shown(call: Row, turns: Sequence[Row]) -> bool:
    """Whether what was said in a call stands on the page: in the root, in the answer's call, in a retrieval."""
    answers = {turn["answer_span_id"] for turn in turns}
    return call["parent_id"] is None or call["span_id"] in answers or call["documents_digest"] is not None


def _around(connection: TenantConnection, evidence: Mapping[str, Any]) -> tuple[str, str, str]:
    """The words that a suggestion rests on between what stands before and after them in the user's turn."""
    said = str(evidence.get("text", ""))
    try:
        turn = read_turn(connection, str(evidence.get("trace_id", "")))
    except NotFoundError:
        return "", said, ""
    question = turn["question"].decode("utf-8", "replace")
    start, end = evidence["char_start"], evidence["char_end"]
    return (question[:start], said, question[end:]) if question[start:end] == said else ("", said, "")


def _score_detail(scores: Sequence[Row]) -> Mapping[str, Any] | None:
    """What a lane found, of the latest score that has it."""
    details = [row["detail"] for row in scores if row["name"] == GROUNDEDNESS and row["detail"] is not None]
    return decode_json(details[-1]) if details else None


def _said_turn(
    turn: Row,
    calls: Sequence[Row],
    bodies: Mapping[str, bytes],
    number: int,
    score: Mapping[str, Any] | None,
    review: Review,
) -> Said:
    view = turn_view(turn, ())
    question = _whole(view["question"], calls, bodies, "input", ("user",))
    of_answer = [call for call in calls if call["span_id"] == turn["answer_span_id"]]
    answer = _whole(view["answer"], of_answer or calls, bodies, "output", ("assistant",))
    retrieved, query = _retrieved(calls, bodies)
    claims = claims_of(score, [(str(one["document_id"]), one["content"]) for one, _ in retrieved])
    return Said(
        view=view,
        conversation_id=turn["conversation_id"],
        number=number,
        question=question,
        answer=pieces(answer, score),
        claims=claims,
        documents=tuple(_document(one, span, place, claims) for place, (one, span) in enumerate(retrieved)),
        review=review,
        query=query,
        whole=answer != view["answer"] or len(answer) < 400,
        calls=[call_view(call) for call in calls],
        calls_hidden=max(0, turn["spans"] - len(calls)),
    )


def _whole(preview: str, calls: Sequence[Row], bodies: Mapping[str, bytes], role: str, said_by: tuple[str, ...]) -> str:
    """The text that the turn keeps the beginning of."""
    for call in calls:
        content = bodies.get(call[f"{role}_digest"] or "")
        text = last_text(decode_body(content), said_by) if content is not None else ""
        if preview and text.startswith(preview):
            return text
    return preview


def _retrieved(calls: Sequence[Row], bodies: Mapping[str, bytes]) -> tuple[list[tuple[Mapping[str, Any], str]], str]:
    """The answer's premises with the call that brought each, and the last query.

    As :func:`serving.traces.turn_contents.read_contents` has them, in its order: what the last reranker kept, without one
    what the retrievers found, each document once. A citation names a document by its place there.
    """
    retrieving = [call for call in calls if call["documents_digest"] in bodies]
    rerankers = [call for call in retrieving if call["kind"] == "reranker"][-1:]
    found: dict[tuple[str, str], tuple[Mapping[str, Any], str]] = {}
    asked = ""
    for call in rerankers or retrieving:
        record = decode_body(bodies[call["documents_digest"]])
        asked = record.get("query") or asked
        for result in record.get("results") or ():
            if str(result.get("content") or "").strip():
                found.setdefault((str(result.get("document_id")), str(result["content"])), (result, call["span_id"]))
    return list(found.values()), asked


def _document(result: Mapping[str, Any], span_id: str, place: int, claims: Sequence[Claim]) -> Document:
    content = str(result["content"])
    return Document(
        document_id=str(result["document_id"]),
        pieces=quoted(content[:DOCUMENT_CHARACTERS], place, claims),
        rank=int(result.get("rank") or 0),
        score=result.get("score"),
        span_id=span_id,
        hidden=max(0, len(content) - DOCUMENT_CHARACTERS),
    )
