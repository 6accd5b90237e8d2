"""Conversations, turns and calls as they are read, and their deletion. Lists touch promoted columns only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select, tuple_

from serving.api.errors import NotFoundError
from serving.store.tenancy import TenantConnection
from serving.store.trace_records import IN_LIST, parts, read_bodies, release_spans
from serving.store.trace_schema import (
    BODY_ROLES,
    conversations,
    score_revisions,
    scores,
    spans,
    suggestions,
    traces,
    triages,
)
from serving.store.trace_totals import Row, facet_line

SEARCHED: Final = 2_000
"""Turns that a text search looks at: the latest that hold all the words. Older ones are found by more words."""

Cursor = tuple[int, str]
"""Where a page ended: (ended_ms, conversation_id)."""

_OF_TRACE: Final = (scores, score_revisions, suggestions, triages)


@dataclass(frozen=True)
class ConversationFilter:
    """What a list is narrowed to. ``facets``: lines such as ``model=gpt-4o``, all of which a conversation has."""

    project: str | None = None
    without_project: str | None = None
    facets: tuple[str, ...] = ()
    words: str | None = None
    min_charge_usd: float | None = None
    max_charge_usd: float | None = None
    min_latency_ms: int | None = None
    max_latency_ms: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True)
class Page:
    """Rows, where the next page begins (None: nowhere), and whether a search looked at its most turns."""

    rows: tuple[Row, ...]
    after: Cursor | None
    search_cut: bool = False


def list_conversations(
    connection: TenantConnection, wanted: ConversationFilter, limit: int, after: Cursor | None
) -> Page:
    """A page of conversations, latest first."""
    conditions = _conditions(connection, wanted)
    if after is not None:
        ended_ms, name = after
        same = (conversations.c.ended_ms == ended_ms) & (conversations.c.conversation_id < name)
        conditions.append((conversations.c.ended_ms < ended_ms) | same)
    if wanted.words is None:
        rows, cut = _page(connection, conditions, limit + 1), False
    else:
        found = connection.find_texts(wanted.words, SEARCHED)
        cut = len(found) >= SEARCHED
        rows = _page_among(connection, conditions, _conversations_of(connection, found), limit + 1)
    page = tuple(rows[:limit])
    more = len(rows) > limit
    return Page(page, (page[-1]["ended_ms"], page[-1]["conversation_id"]) if more else None, cut)


def neighbours(
    connection: TenantConnection, wanted: ConversationFilter, place: Cursor
) -> tuple[str | None, str | None]:
    """The conversations that stand directly before (newer) and after (older) a place in the filtered list."""
    older = list_conversations(connection, wanted, 1, place).rows
    conditions = _conditions(connection, wanted)
    ended_ms, name = place
    same = (conversations.c.ended_ms == ended_ms) & (conversations.c.conversation_id > name)
    conditions.append((conversations.c.ended_ms > ended_ms) | same)
    if wanted.words is None:
        newer = _first_of(connection, conditions)
    else:
        newer = []
        for part in parts(_conversations_of(connection, connection.find_texts(wanted.words, SEARCHED))):
            newer += _first_of(connection, [*conditions, conversations.c.conversation_id.in_(part)])
    first = min(newer, key=lambda row: (row["ended_ms"], row["conversation_id"]), default=None)
    return first["conversation_id"] if first else None, older[0]["conversation_id"] if older else None


def _first_of(connection: TenantConnection, conditions: Sequence[Any]) -> list[Row]:
    """The oldest conversation that meets the conditions."""
    table = conversations.c
    statement = select(conversations).where(*conditions).order_by(table.ended_ms, table.conversation_id).limit(1)
    return [dict(row._mapping) for row in connection.rows(statement)]


def find_turns(connection: TenantConnection, wanted: ConversationFilter, limit: int) -> tuple[list[str], bool]:
    """Turns of the conversations that match, latest conversation first, which have the filter's facets and words themselves.

    The second value is True where there are more than ``limit``, or a search looked at its most turns.
    """
    found: list[str] = []
    after: Cursor | None = None
    spoken = None if wanted.words is None else set(connection.find_texts(wanted.words, SEARCHED))
    cut = spoken is not None and len(spoken) >= SEARCHED
    while True:
        page = list_conversations(connection, wanted, IN_LIST, after)
        place = {row["conversation_id"]: index for index, row in enumerate(page.rows)}
        statement = select(traces.c.trace_id, traces.c.conversation_id, traces.c.facets, traces.c.started_ms)
        rows = connection.rows(statement.where(traces.c.conversation_id.in_(list(place)))) if place else ()
        matching = [
            row
            for row in rows
            if all(facet_line(entry) in row.facets for entry in wanted.facets)
            and (spoken is None or row.trace_id in spoken)
        ]
        matching.sort(key=lambda row: (place[row.conversation_id], row.started_ms, row.trace_id))
        found += [str(row.trace_id) for row in matching]
        if len(found) > limit:
            return found[:limit], True
        if page.after is None:
            return found, cut
        after = page.after


def read_conversation(connection: TenantConnection, conversation_id: str) -> Row:
    """The conversation's row. Raises NotFoundError."""
    row = connection.first(select(conversations).where(conversations.c.conversation_id == conversation_id))
    if row is None:
        raise NotFoundError(f"conversation {conversation_id} does not exist")
    return dict(row._mapping)


def read_turns(connection: TenantConnection, conversation_id: str, limit: int, offset: int = 0) -> list[Row]:
    """The conversation's turns in the order in which they began."""
    statement = (
        select(traces)
        .where(traces.c.conversation_id == conversation_id)
        .order_by(traces.c.started_ms, traces.c.trace_id)
        .limit(limit)
        .offset(offset)
    )
    return [dict(row._mapping) for row in connection.rows(statement)]


def count_turns_before(connection: TenantConnection, turn: Row) -> int:
    """How many turns of its conversation began before a turn."""
    table = traces.c
    earlier = tuple_(table.started_ms, table.trace_id) < tuple_(turn["started_ms"], turn["trace_id"])
    same = table.conversation_id == turn["conversation_id"]
    row = connection.first(select(func.count(table.trace_id).label("n")).where(same, earlier))
    return 0 if row is None else int(row.n)


def read_turns_before(connection: TenantConnection, turn: Row, limit: int) -> list[Row]:
    """Score and band of the latest ``limit`` turns of the conversation that began before this one, oldest first."""
    table = traces.c
    place = tuple_(table.started_ms, table.trace_id)
    statement = (
        select(table.trace_id, table.score, table.band)
        .where(table.conversation_id == turn["conversation_id"], place < tuple_(turn["started_ms"], turn["trace_id"]))
        .order_by(table.started_ms.desc(), table.trace_id.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in reversed(connection.rows(statement))]


def read_turn(connection: TenantConnection, trace_id: str) -> Row:
    """One turn. Raises NotFoundError."""
    row = connection.first(select(traces).where(traces.c.trace_id == trace_id))
    if row is None:
        raise NotFoundError(f"trace {trace_id} does not exist")
    return dict(row._mapping)


def trace_of_request(connection: TenantConnection, request_id: str) -> str:
    """The latest turn with a call of this request id. Raises NotFoundError."""
    statement = select(traces.c.trace_id).where(traces.c.request_id == request_id)
    row = connection.first(statement.order_by(traces.c.started_ms.desc()).limit(1))
    if row is None:
        raise NotFoundError(f"no trace has request_id {request_id[:64]}")
    return str(row.trace_id)


def read_calls(connection: TenantConnection, trace_ids: Sequence[str], limit: int) -> list[Row]:
    """The calls of turns in the order in which they began, without their bodies."""
    found: list[Row] = []
    for part in parts(trace_ids):
        statement = (
            select(spans)
            .where(spans.c.trace_id.in_(part))
            .order_by(spans.c.started_us, spans.c.span_id)
            .limit(limit - len(found))
        )
        found += [dict(row._mapping) for row in connection.rows(statement)]
        if len(found) >= limit:
            break
    return found


def read_call(connection: TenantConnection, span_id: str, trace_id: str | None = None) -> Row:
    """One call; where two traces have one of the same id, the latest. Raises NotFoundError."""
    statement = select(spans).where(spans.c.span_id == span_id)
    if trace_id is not None:
        statement = statement.where(spans.c.trace_id == trace_id)
    row = connection.first(statement.order_by(spans.c.started_us.desc()).limit(1))
    if row is None:
        raise NotFoundError(f"span {span_id} does not exist")
    return dict(row._mapping)


def bodies_of(
    connection: TenantConnection, rows: Sequence[Mapping[str, Any]], roles: Sequence[str] = BODY_ROLES
) -> dict[str, bytes]:
    """The bodies that the calls hold in these roles, by digest."""
    digests = [row[f"{role}_digest"] for row in rows for role in roles if row[f"{role}_digest"] is not None]
    return read_bodies(connection, digests)


def delete_conversation(connection: TenantConnection, conversation_id: str) -> Counter[str]:
    """Delete a conversation with all it holds; how many of each went. Raises NotFoundError."""
    connection.alone("traces")
    read_conversation(connection, conversation_id)
    names = [
        str(row.trace_id)
        for row in connection.rows(select(traces.c.trace_id).where(traces.c.conversation_id == conversation_id))
    ]
    gone = release_spans(connection, names)
    for part in parts(names):
        for table in _OF_TRACE:
            gone[str(table.name)] += connection.change(delete(table).where(table.c.trace_id.in_(part)))
        gone["traces"] += connection.change(delete(traces).where(traces.c.trace_id.in_(part)))
    of_conversation = (scores.c.target_kind == "conversation") & (scores.c.target_id == conversation_id)
    gone["scores"] += connection.change(delete(scores).where(of_conversation))
    old = (score_revisions.c.target_kind == "conversation") & (score_revisions.c.target_id == conversation_id)
    gone["score_revisions"] += connection.change(delete(score_revisions).where(old))
    gone["conversations"] += connection.change(
        delete(conversations).where(conversations.c.conversation_id == conversation_id)
    )
    return gone


def _conditions(connection: TenantConnection, wanted: ConversationFilter) -> list[Any]:
    table = conversations.c
    bounds = (
        (table.project, "==", wanted.project),
        (table.project, "!=", wanted.without_project),
        (table.charge_usd, ">=", wanted.min_charge_usd),
        (table.charge_usd, "<=", wanted.max_charge_usd),
        (table.latency_ms, ">=", wanted.min_latency_ms),
        (table.latency_ms, "<=", wanted.max_latency_ms),
        (table.ended_ms, ">=", wanted.since_ms),
        (table.ended_ms, "<", wanted.until_ms),
    )
    conditions = [
        column.op(sign)(value) if sign != "==" else column == value
        for column, sign, value in bounds
        if value is not None
    ]
    place = func.instr if connection.is_sqlite else func.strpos
    return conditions + [place(table.facets, facet_line(entry)) > 0 for entry in wanted.facets]


def _page(connection: TenantConnection, conditions: Sequence[Any], limit: int) -> list[Row]:
    statement = (
        select(conversations)
        .where(*conditions)
        .order_by(conversations.c.ended_ms.desc(), conversations.c.conversation_id.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.rows(statement)]


def _page_among(connection: TenantConnection, conditions: Sequence[Any], names: Sequence[str], limit: int) -> list[Row]:
    rows: list[Row] = []
    for part in parts(names):
        rows += _page(connection, [*conditions, conversations.c.conversation_id.in_(part)], limit)
    return sorted(rows, key=lambda row: (row["ended_ms"], row["conversation_id"]), reverse=True)[:limit]


def _conversations_of(connection: TenantConnection, trace_ids: Sequence[str]) -> list[str]:
    found: set[str] = set()
    for part in parts(trace_ids):
        statement = select(traces.c.conversation_id).where(traces.c.trace_id.in_(part)).distinct()
        found.update(row.conversation_id for row in connection.rows(statement))
    return sorted(found)
