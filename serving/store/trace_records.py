"""Calls into the store: each once, in whatever order they come, with their turn and conversation kept up to date.

One transaction a request: bodies, calls, text index, turns, conversations. A call that is there already changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import delete, select, update

from serving.store.review_order import review_order
from serving.store.tenancy import TenantConnection
from serving.store.trace_schema import BODY_ROLES, bodies, conversations, spans, traces
from serving.store.trace_totals import Row, add_call, add_turn, empty_totals

IN_LIST: Final = 500
_TRACES: Final = "traces"


@dataclass(frozen=True)
class NewSpan:
    """A call, redacted and ready: ``columns`` of its row, ``bodies`` by role, what it adds to its turn.

    ``text`` is what search finds. ``conversation_id`` is None where the call names none.
    """

    trace_id: str
    span_id: str
    columns: Mapping[str, Any]
    bodies: Mapping[str, tuple[str, bytes]]
    call: Mapping[str, Any]
    project: str
    text: str = ""
    conversation_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Arrival:
    """When calls came in, when their turn may be scored, and when their conversation may go."""

    now_ms: int
    score_due_ms: int
    expires_ms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Inserted:
    """How many calls were new, and how many had been kept before."""

    new: int
    duplicates: int


def insert_spans(connection: TenantConnection, batch: Sequence[NewSpan], arrival: Arrival) -> Inserted:
    """Keep calls. Those with a (trace_id, span_id) that is kept already are left as they were."""
    connection.alone(_TRACES)
    fresh = _fresh(connection, batch)
    if fresh:
        _insert_bodies(connection, fresh)
        _insert_rows(connection, fresh)
        _count_in(connection, fresh, arrival)
    return Inserted(len(fresh), len(batch) - len(fresh))


def read_bodies(connection: TenantConnection, digests: Sequence[str]) -> dict[str, bytes]:
    """The bodies of those names that exist."""
    found: dict[str, bytes] = {}
    unique = sorted(set(digests))
    for part in parts(unique):
        for row in connection.rows(select(bodies.c.digest, bodies.c.content).where(bodies.c.digest.in_(part))):
            found[row.digest] = row.content
    return found


def parts(names: Sequence[Any]) -> list[Sequence[Any]]:
    """Slices short enough for a list in a statement."""
    return [names[start : start + IN_LIST] for start in range(0, len(names), IN_LIST)]


def release_spans(connection: TenantConnection, trace_ids: Sequence[str]) -> Counter[str]:
    """Delete the calls of turns, with the bodies that nothing else holds; how many went of each."""
    gone: Counter[str] = Counter()
    held: Counter[str] = Counter()
    columns = [spans.c[f"{role}_digest"] for role in BODY_ROLES]
    for part in parts(trace_ids):
        rows = connection.rows(select(spans.c.search_row, *columns).where(spans.c.trace_id.in_(part)))
        for row in rows:
            digests: Sequence[Any] = row[1:]
            held.update(str(digest) for digest in digests if digest is not None)
        connection.forget_texts([row.search_row for row in rows if row.search_row is not None])
        gone["spans"] += connection.change(delete(spans).where(spans.c.trace_id.in_(part)))
    for name, count in sorted(held.items()):
        connection.change(update(bodies).where(bodies.c.digest == name).values(held=bodies.c.held - count))
    for part in parts(sorted(held)):
        gone["bodies"] += connection.change(delete(bodies).where(bodies.c.digest.in_(part), bodies.c.held <= 0))
    return gone


def _fresh(connection: TenantConnection, batch: Sequence[NewSpan]) -> list[NewSpan]:
    """The calls that are not kept yet, the first of each id."""
    by_key = {(span.span_id, span.trace_id): span for span in reversed(batch)}
    ids = sorted({span_id for span_id, _ in by_key})
    for part in parts(ids):
        for row in connection.rows(select(spans.c.span_id, spans.c.trace_id).where(spans.c.span_id.in_(part))):
            by_key.pop((row.span_id, row.trace_id), None)
    return [by_key[key] for key in sorted(by_key)]


def _insert_bodies(connection: TenantConnection, fresh: Sequence[NewSpan]) -> None:
    """In the order of their names, so that two transactions that keep the same bodies cannot wait for each other."""
    held = Counter(digest for span in fresh for digest, _ in span.bodies.values())
    contents = {digest: content for span in fresh for digest, content in span.bodies.values()}
    rows = [{"digest": digest, "content": contents[digest], "held": held[digest]} for digest in sorted(held)]
    connection.add(bodies, rows, "held")


def _insert_rows(connection: TenantConnection, fresh: Sequence[NewSpan]) -> None:
    indexed = [span for span in fresh if span.text]
    rows = connection.index_texts([(span.trace_id, span.text) for span in indexed])
    of_span = {(span.trace_id, span.span_id): row for span, row in zip(indexed, rows, strict=True)}
    values = []
    for span in fresh:
        digests = {f"{role}_digest": span.bodies[role][0] if role in span.bodies else None for role in BODY_ROLES}
        key = (span.trace_id, span.span_id)
        values.append(
            {
                **span.columns,
                **digests,
                "trace_id": span.trace_id,
                "span_id": span.span_id,
                "search_row": of_span.get(key),
                "score": None,
                "band": None,
            }
        )
    connection.insert(spans, values)


def _count_in(connection: TenantConnection, fresh: Sequence[NewSpan], arrival: Arrival) -> None:
    before = _rows_by(connection, traces, "trace_id", {span.trace_id for span in fresh})
    after = {trace_id: dict(row) for trace_id, row in before.items()}
    for span in fresh:
        turn = after.get(span.trace_id)
        if turn is None:
            turn = after[span.trace_id] = _new_turn(span, arrival)
        add_call(turn, span.call)
        if span.conversation_id is not None and not turn["conversation_given"]:
            turn["conversation_id"], turn["conversation_given"] = span.conversation_id, True
        turn["request_id"] = turn["request_id"] or span.request_id
        turn["project"] = turn["project"] if turn["project"] != "default" else span.project
    for turn in after.values():
        _wait_for_more(turn, arrival)
    connection.upsert_all(traces, list(after.values()))
    _count_turns(connection, before, after, arrival)


def _wait_for_more(turn: Row, arrival: Arrival) -> None:
    """A turn is scored once nothing of it has come for a while; a late call has it scored again."""
    turn["score_state"], turn["score_due_ms"] = "waiting", arrival.score_due_ms
    turn["received_ms"] = arrival.now_ms


def _count_turns(
    connection: TenantConnection, before: Mapping[str, Row], after: Mapping[str, Row], arrival: Arrival
) -> None:
    names = {row["conversation_id"] for row in (*before.values(), *after.values())}
    found = _rows_by(connection, conversations, "conversation_id", names)
    for trace_id, turn in sorted(after.items()):
        name = turn["conversation_id"]
        earlier = before.get(trace_id)
        if earlier is not None and earlier["conversation_id"] != name:
            # Until now the turn was a conversation of its own, whose name nobody had given: that one ends.
            connection.change(
                delete(conversations).where(conversations.c.conversation_id == earlier["conversation_id"])
            )
            found.pop(earlier["conversation_id"], None)
            earlier = None
        conversation = found.get(name)
        if conversation is None:
            conversation = found[name] = {
                "conversation_id": name,
                "project": turn["project"],
                "turns": 0,
                **empty_totals(turn["started_ms"], turn["ended_ms"]),
                "expires_ms": 0,
            }
        add_turn(conversation, earlier, turn)
        conversation["project"] = turn["project"]
        expires_ms = arrival.expires_ms.get(turn["project"], arrival.now_ms)
        conversation["expires_ms"] = max(conversation["expires_ms"], expires_ms)
    connection.upsert_all(conversations, list(found.values()))


def _new_turn(span: NewSpan, arrival: Arrival) -> Row:
    return {
        "trace_id": span.trace_id,
        "conversation_id": span.trace_id,
        "conversation_given": False,
        "project": span.project,
        "request_id": None,
        **empty_totals(span.call["started_ms"], span.call["ended_ms"]),
        "answer_span_id": None,
        "score_state": "waiting",
        "score_reason": None,
        "score_due_ms": arrival.score_due_ms,
        "score_attempts": 0,
        "received_ms": arrival.now_ms,
        "review_probability": None,
        "review_risk": None,
        "review_state": None,
        "review_order": review_order(span.trace_id),
        "locked_by": None,
        "lock_expires_ms": None,
    }


def _rows_by(connection: TenantConnection, table: Any, key: str, names: set[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for part in parts(sorted(names)):
        for row in connection.rows(select(table).where(table.c[key].in_(part))):
            values = dict(row._mapping)
            values.pop("tenant")
            found[values[key]] = values
    return found
