"""Scored turns and the memory folded from a session's records: the statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, update

from serving.store.schema import events, session_memory, session_sources, session_terms, sessions, turns, vault
from serving.store.session_records import SessionRecord, keep_sources, open_session, raise_unusable
from serving.store.tenancy import TenantConnection
from serving.store.values import decode_json, encode_json, expiry_ms

TURN_EVENT: Final = "scored_turn"
MAX_ROLLUP_TURNS: Final = 10_000


@dataclass(frozen=True)
class NewTurn:
    """A scored turn, redacted. ``sources``: (source_id, content) of the response first, then of its context.

    ``summary``: what rollup and memory read. ``state``: the session's after the turn.
    """

    request_digest: str
    digest: str
    lane: str
    band: str
    score: float | None
    summary: Mapping[str, Any]
    answer: Mapping[str, Any]
    state: Mapping[str, Any]
    sources: Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class KeptTurn:
    """A turn as it was kept. ``digest`` is that of its request."""

    turn: int
    digest: str
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class PendingRecord:
    """A record that memory has not seen: ``summary`` is that of a scored turn, None for an event."""

    sequence: int
    event_type: str
    source_id: str
    content: str
    metadata: Any
    summary: Mapping[str, Any] | None


@dataclass(frozen=True)
class MemoryRecord:
    """A session's memory after the record number ``folded_sequence``: JSON, null before the first."""

    folded_sequence: int
    memory: bytes


def append_turn(connection: TenantConnection, session: SessionRecord, turn: NewTurn, now_ms: int) -> int | None:
    """Keep a turn and the session's new state; the turn's number.

    None if another turn changed the state since ``session`` was read: compute on the new state and call again.
    """
    change = {
        "version": session.version + 1,
        "sequence": sessions.c.sequence + 1,
        "turns": sessions.c.turns + 1,
        "state": encode_json(dict(turn.state)),
        "updated_ms": now_ms,
        "expires_ms": expiry_ms(session.retention, now_ms),
    }
    statement = open_session(session.session_id, now_ms).where(sessions.c.version == session.version)
    rows = connection.change_returning(statement.values(change).returning(sessions.c.sequence, sessions.c.turns))
    if not rows:
        raise_unusable(connection, session.session_id, now_ms)
        return None
    sequence, number = rows[0].sequence, rows[0].turns
    contents = [(sequence, name, content) for name, content in turn.sources]
    keep_sources(connection, session.session_id, contents, now_ms)
    _insert_turn(connection, session.session_id, turn, (sequence, number), now_ms)
    return int(number)


def find_turn(connection: TenantConnection, session_id: str, request_digest: str) -> KeptTurn | None:
    """The turn of a request that was scored before."""
    row = connection.first(
        select(turns.c.turn, turns.c.digest, turns.c.answer).where(
            turns.c.session_id == session_id, turns.c.request_digest == request_digest
        )
    )
    return None if row is None else KeptTurn(row.turn, row.digest, decode_json(row.answer))


def read_turn_summaries(connection: TenantConnection, session_id: str) -> list[Mapping[str, Any]]:
    """What rollup reads of the latest 10,000 turns, oldest first."""
    statement = (
        select(turns.c.summary)
        .where(turns.c.session_id == session_id)
        .order_by(turns.c.turn.desc())
        .limit(MAX_ROLLUP_TURNS)
    )
    return [decode_json(row.summary) for row in reversed(connection.rows(statement))]


def read_memory(connection: TenantConnection, session_id: str) -> MemoryRecord:
    """The memory as far as it is folded."""
    row = connection.first(select(session_memory).where(session_memory.c.session_id == session_id))
    if row is None:
        return MemoryRecord(0, encode_json(None))
    return MemoryRecord(row.folded_sequence, row.memory)


def read_pending(connection: TenantConnection, session_id: str, after: int, limit: int) -> list[PendingRecord]:
    """The records after number ``after``, oldest first."""
    statement = (
        select(events.c.sequence, events.c.event_type, events.c.source_id, events.c.metadata, events.c.turn)
        .add_columns(vault.c.content)
        .join(vault, (vault.c.tenant == events.c.tenant) & (vault.c.source_id == events.c.source_id))
        .where(events.c.session_id == session_id, events.c.sequence > after)
        .order_by(events.c.sequence)
        .limit(limit)
    )
    rows = connection.rows(statement)
    numbers = [row.turn for row in rows if row.turn is not None]
    summaries = select(turns.c.turn, turns.c.summary).where(turns.c.session_id == session_id, turns.c.turn.in_(numbers))
    by_turn = {row.turn: decode_json(row.summary) for row in connection.rows(summaries)} if numbers else {}
    return [
        PendingRecord(
            row.sequence,
            row.event_type,
            row.source_id,
            row.content.decode("utf-8"),
            decode_json(row.metadata),
            by_turn.get(row.turn),
        )
        for row in rows
    ]


def read_new_sources(connection: TenantConnection, session_id: str, after: int, upto: int) -> list[tuple[int, str]]:
    """(sequence, text) of the texts that entered the session with the records ``after`` < number ≤ ``upto``."""
    statement = (
        select(session_sources.c.sequence, vault.c.content)
        .join(vault, (vault.c.tenant == session_sources.c.tenant) & (vault.c.source_id == session_sources.c.source_id))
        .where(
            session_sources.c.session_id == session_id,
            session_sources.c.sequence > after,
            session_sources.c.sequence <= upto,
        )
    )
    return [(row.sequence, row.content.decode("utf-8")) for row in connection.rows(statement)]


def keep_memory(
    connection: TenantConnection,
    session_id: str,
    before: MemoryRecord,
    after: MemoryRecord,
    terms: Iterable[tuple[int, int]],
) -> bool:
    """Replace ``before`` by ``after`` and index (term digest, sequence). False if another fold came first."""
    statement = update(session_memory).where(
        session_memory.c.session_id == session_id, session_memory.c.folded_sequence == before.folded_sequence
    )
    values = {"folded_sequence": after.folded_sequence, "memory": after.memory}
    if connection.change(statement.values(values)) == 0:
        return False
    rows = [{"session_id": session_id, "term_digest": term, "sequence": at} for term, at in terms]
    connection.insert(session_terms, rows, ignore_existing=True)
    return True


def find_sources(
    connection: TenantConnection, session_id: str, term_digests: Sequence[int], per_term: int
) -> list[tuple[int, str, str]]:
    """(sequence, source_id, text) of the texts with one of the terms, the latest ``per_term`` records of each."""
    sequences: set[int] = set()
    for term in term_digests:
        statement = (
            select(session_terms.c.sequence)
            .where(session_terms.c.session_id == session_id, session_terms.c.term_digest == term)
            .order_by(session_terms.c.sequence.desc())
            .limit(per_term)
        )
        sequences |= {row.sequence for row in connection.rows(statement)}
    found: list[tuple[int, str, str]] = []
    ordered = sorted(sequences)
    for start in range(0, len(ordered), 500):
        found += _texts(connection, session_id, session_sources.c.sequence.in_(ordered[start : start + 500]), None)
    return found


def latest_sources(connection: TenantConnection, session_id: str, limit: int) -> list[tuple[int, str, str]]:
    """(sequence, source_id, text) of the texts that entered the session last, oldest of them first."""
    return _texts(connection, session_id, session_sources.c.sequence > 0, limit)


def _texts(
    connection: TenantConnection, session_id: str, condition: Any, limit: int | None
) -> list[tuple[int, str, str]]:
    statement = (
        select(session_sources.c.sequence, session_sources.c.source_id, vault.c.content)
        .join(vault, (vault.c.tenant == session_sources.c.tenant) & (vault.c.source_id == session_sources.c.source_id))
        .where(session_sources.c.session_id == session_id, condition)
        .order_by(session_sources.c.sequence.desc(), session_sources.c.source_id)
        .limit(limit)
    )
    return [(row.sequence, row.source_id, row.content.decode("utf-8")) for row in reversed(connection.rows(statement))]


def _insert_turn(
    connection: TenantConnection, session_id: str, turn: NewTurn, numbers: tuple[int, int], now_ms: int
) -> None:
    sequence, number = numbers
    event = {
        "session_id": session_id,
        "sequence": sequence,
        "event_type": TURN_EVENT,
        "source_id": turn.sources[0][0],
        "metadata": encode_json(None),
        "idempotency_digest": None,
        "digest": turn.digest,
        "turn": number,
        "created_ms": now_ms,
    }
    connection.insert(events, [event])
    row = {
        "session_id": session_id,
        "turn": number,
        "request_digest": turn.request_digest,
        "lane": turn.lane,
        "digest": turn.digest,
        "band": turn.band,
        "score": turn.score,
        "summary": encode_json(dict(turn.summary)),
        "answer": encode_json(dict(turn.answer)),
        "created_ms": now_ms,
    }
    connection.insert(turns, [row])
