"""What pages read of conversations: each turn with all that was said, its documents and its score, in one reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from serving.pages.support import Claim, Piece, claims_of, pieces, quoted
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import (
    ConversationFilter,
    bodies_of,
    list_conversations,
    neighbours,
    read_calls,
    read_conversation,
    read_turn,
    read_turns,
)
from serving.store.trace_totals import Row
from serving.traces.bodies import decode_body
from serving.traces.content import last_text, text_of
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
class Said:
    """A turn as a person reads it. ``whole`` is false where only the beginning of the answer was kept."""

    view: Mapping[str, Any]
    conversation_id: str
    number: int
    question: str
    answer: tuple[Piece, ...]
    claims: tuple[Claim, ...]
    documents: tuple[Document, ...]
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


class PageReader:
    """Every call names its tenant. Raises NotFoundError for what he does not have."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def timeline(self, tenant: str, conversation_id: str, offset: int, wanted: ConversationFilter) -> Timeline:
        """Twenty turns from ``offset``, and which conversations lie beside this one in the list ``wanted``."""
        return await self._store.tenant(tenant).read(partial(_timeline, conversation_id, offset, wanted))

    async def turn(self, tenant: str, trace_id: str) -> Said:
        """One turn."""
        return await self._store.tenant(tenant).read(partial(_turn, trace_id))

    async def has_conversations(self, tenant: str) -> bool:
        """Whether anything was ever sent."""
        return await self._store.tenant(tenant).read(_has_conversations)


def _has_conversations(connection: TenantConnection) -> bool:
    return bool(list_conversations(connection, ConversationFilter(), 1, None).rows)


def _timeline(conversation_id: str, offset: int, wanted: ConversationFilter, connection: TenantConnection) -> Timeline:
    row = read_conversation(connection, conversation_id)
    turns = read_turns(connection, conversation_id, TURNS_A_PAGE, offset)
    newer, older = neighbours(connection, wanted, (row["ended_ms"], conversation_id))
    return Timeline(conversation_view(row), tuple(_said(connection, turns, offset)), offset, newer, older)


def _turn(trace_id: str, connection: TenantConnection) -> Said:
    return _said(connection, [read_turn(connection, trace_id)], 0)[0]


def _said(connection: TenantConnection, turns: Sequence[Row], offset: int) -> list[Said]:
    calls: dict[str, list[Row]] = {}
    for call in read_calls(connection, [turn["trace_id"] for turn in turns], _MAX_CALLS):
        calls.setdefault(call["trace_id"], []).append(call)
    shown = [call for of_turn in calls.values() for call in of_turn if _is_shown(call, turns)]
    bodies = bodies_of(connection, shown, ("input", "output", "documents"))
    return [
        _said_turn(turn, calls.get(turn["trace_id"], []), bodies, number)
        for number, turn in enumerate(turns, offset + 1)
    ]


def _is_shown(call: Row, turns: Sequence[Row]) -> bool:
    """Whether what was said in a call stands on the page: in the root, in the answer's call, in a retrieval."""
    answers = {turn["answer_span_id"] for turn in turns}
    return call["parent_id"] is None or call["span_id"] in answers or call["documents_digest"] is not None


def _said_turn(turn: Row, calls: Sequence[Row], bodies: Mapping[str, bytes], number: int) -> Said:
    view = turn_view(turn, ())
    question = _whole(view["question"], calls, bodies, "input", ("user",))
    of_answer = [call for call in calls if call["span_id"] == turn["answer_span_id"]]
    answer = _whole(view["answer"], of_answer or calls, bodies, "output", ("assistant",))
    score = None
    claims = claims_of(score)
    documents, query = _documents(calls, bodies, claims)
    return Said(
        view=view,
        conversation_id=turn["conversation_id"],
        number=number,
        question=question,
        answer=pieces(answer, score),
        claims=claims,
        documents=documents,
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


def _documents(
    calls: Sequence[Row], bodies: Mapping[str, bytes], claims: Sequence[Claim]
) -> tuple[tuple[Document, ...], str]:
    """What was retrieved in the turn, each document once, and the last query."""
    found: dict[tuple[str, str], Document] = {}
    asked = ""
    for call in calls:
        content = bodies.get(call["documents_digest"] or "")
        if content is None:
            continue
        record = decode_body(content)
        asked = record.get("query") or asked
        for result in record.get("results") or ():
            text = result.get("content") if isinstance(result.get("content"), str) else text_of(result.get("content"))
            name = str(result.get("document_id"))
            found[name, text] = Document(
                document_id=name,
                pieces=quoted(text[:DOCUMENT_CHARACTERS], claims),
                rank=int(result.get("rank") or 0),
                score=result.get("score"),
                span_id=call["span_id"],
                hidden=max(0, len(text) - DOCUMENT_CHARACTERS),
            )
    return tuple(found.values()), asked
