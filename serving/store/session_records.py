"""Sessions, their events and their place in the vault: the statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update

from serving.api.errors import ConflictError, NotFoundError
from serving.store.schema import events, session_memory, session_sources, sessions, vault
from serving.store.tenancy import TenantConnection, confined
from serving.store.values import decode_json, encode_json, expiry_ms

_IN_LIST: Final = 500


def open_session(session_id: Any, now_ms: Any) -> Any:
    """An UPDATE of the session that finds it only while it is open and its time is not over."""
    return update(sessions).where(
        sessions.c.session_id == session_id,
        sessions.c.closed_ms.is_(None),
        sessions.c.expires_ms.is_(None) | (sessions.c.expires_ms > now_ms),
    )


_READ_SESSION: Final = confined(select(sessions).where(sessions.c.session_id == bindparam("id")))
_KNOWN_EVENTS: Final = confined(
    select(events.c.idempotency_digest, events.c.sequence, events.c.digest).where(
        events.c.session_id == bindparam("id"), events.c.idempotency_digest.in_(bindparam("keys", expanding=True))
    )
)
_KNOWN_EVENT: Final = confined(
    select(events.c.idempotency_digest, events.c.sequence, events.c.digest).where(
        events.c.session_id == bindparam("id"), events.c.idempotency_digest == bindparam("key")
    )
)
"""As ``_KNOWN_EVENTS`` for one key: a list is written into the statement anew each time, which costs more than the search."""
_ADD_RECORDS: Final = confined(
    open_session(bindparam("id"), bindparam("now_ms"))
    .values(
        sequence=sessions.c.sequence + bindparam("added"),
        events=sessions.c.events + bindparam("added"),
        updated_ms=bindparam("now_ms"),
        expires_ms=bindparam("end_ms"),
    )
    .returning(sessions.c.sequence)
)


@dataclass(frozen=True)
class SessionRecord:
    """One session. ``sequence`` numbers its records, ``version`` changes with ``state`` only. Times in ms, UTC."""

    session_id: str
    kind: str
    metadata: Mapping[str, Any]
    retention: str
    privacy_mode: bool
    version: int
    sequence: int
    events: int
    turns: int
    state: Mapping[str, Any]
    created_ms: int
    updated_ms: int
    expires_ms: int | None
    closed_ms: int | None


@dataclass(frozen=True)
class SessionTerms:
    """What never changes about a session, and is all that appending an event needs to know."""

    session_id: str
    retention: str
    privacy_mode: bool


@dataclass(frozen=True)
class NewEvent:
    """An event, redacted. ``digest`` tells a repeated delivery from another event under the same idempotency key."""

    event_type: str
    source_id: str
    content: bytes
    metadata: bytes
    digest: str
    idempotency_digest: str | None = None


@dataclass(frozen=True)
class KeptEvent:
    """Where an event stands. ``duplicate``: it had been kept before and was not kept again."""

    sequence: int
    source_id: str
    duplicate: bool


def insert_session(connection: TenantConnection, record: SessionRecord) -> None:
    """Keep a new session and its empty memory."""
    row = {name: getattr(record, name) for name in SessionRecord.__dataclass_fields__}
    row |= {"metadata": encode_json(dict(record.metadata)), "state": encode_json(dict(record.state))}
    connection.insert(sessions, [row])
    connection.insert(
        session_memory, [{"session_id": record.session_id, "folded_sequence": 0, "memory": encode_json(None)}]
    )


def read_session(connection: TenantConnection, session_id: str, now_ms: int) -> SessionRecord:
    """The session. Raises NotFoundError if there is none, or if its time is over."""
    row = connection.first(_READ_SESSION, id=session_id)
    if row is None or (row.expires_ms is not None and row.expires_ms <= now_ms):
        raise NotFoundError(f"session {session_id} does not exist")
    values = {name: getattr(row, name) for name in SessionRecord.__dataclass_fields__}
    return SessionRecord(**{**values, "metadata": decode_json(row.metadata), "state": decode_json(row.state)})


def append_events(
    connection: TenantConnection, session: SessionTerms, new: Sequence[NewEvent], now_ms: int
) -> list[KeptEvent]:
    """Keep events at the end of the session, in order; those delivered before are found, not kept twice.

    Raises ConflictError if a key comes again with another event, or if the session is closed.
    """
    known = _known_events(connection, session.session_id, new)
    fresh = _distinct([event for event in new if event.idempotency_digest not in known])
    _check_same(new, known, fresh)
    first = 1
    if fresh:
        rows = connection.change_returning(
            _ADD_RECORDS,
            id=session.session_id,
            now_ms=now_ms,
            added=len(fresh),
            end_ms=expiry_ms(session.retention, now_ms),
        )
        if not rows:
            raise_unusable(connection, session.session_id, now_ms)
        first = rows[0].sequence - len(fresh) + 1
        _insert_events(connection, session.session_id, fresh, first, now_ms)
    sequences = {id(event): first + at for at, event in enumerate(fresh)}
    by_key = {event.idempotency_digest: first + at for at, event in enumerate(fresh)}
    return [
        KeptEvent(sequences[id(event)], event.source_id, duplicate=False)
        if id(event) in sequences
        else KeptEvent(
            known[event.idempotency_digest][0]
            if event.idempotency_digest in known
            else by_key[event.idempotency_digest],
            event.source_id,
            duplicate=True,
        )
        for event in new
    ]


def keep_sources(
    connection: TenantConnection, session_id: str, contents: Sequence[tuple[int, str, bytes]], now_ms: int
) -> None:
    """Put texts, each as (sequence, source_id, content), into the vault and link them to the session.

    In the order of their names, so that two transactions that keep the same texts cannot wait for each other.
    """
    ordered = sorted(contents, key=lambda entry: (entry[1], entry[0]))
    texts = [{"source_id": name, "content": content, "created_ms": now_ms} for _, name, content in ordered]
    connection.insert(vault, texts, ignore_existing=True)
    links = [{"session_id": session_id, "source_id": name, "sequence": sequence} for sequence, name, _ in ordered]
    connection.insert(session_sources, links, ignore_existing=True)


def read_source(connection: TenantConnection, session_id: str, source_id: str) -> tuple[str, int]:
    """The text of a source of the session and when it was kept (ms). Raises NotFoundError."""
    row = connection.first(
        select(vault.c.content, vault.c.created_ms)
        .join(session_sources, _same_source())
        .where(session_sources.c.session_id == session_id, session_sources.c.source_id == source_id)
    )
    if row is None:
        raise NotFoundError(f"session {session_id} has no source {source_id}")
    return row.content.decode("utf-8"), row.created_ms


def close_session(connection: TenantConnection, session: SessionRecord, now_ms: int) -> bool:
    """Close by the session's retention. True: its data is gone; False: it goes at its time, and reads go on till then."""
    if session.retention == "close":
        delete_session(connection, session.session_id)
        return True
    change = {"closed_ms": now_ms, "updated_ms": now_ms, "expires_ms": expiry_ms(session.retention, now_ms)}
    connection.change(open_session(session.session_id, now_ms).values(change))
    return False


def delete_session(connection: TenantConnection, session_id: str) -> None:
    """Delete a session with all its records, and the vault's texts that no other session points at."""
    linked = connection.rows(select(session_sources.c.source_id).where(session_sources.c.session_id == session_id))
    connection.change(delete(sessions).where(sessions.c.session_id == session_id))
    names = [row.source_id for row in linked]
    for start in range(0, len(names), _IN_LIST):
        part = names[start : start + _IN_LIST]
        kept = connection.rows(
            select(session_sources.c.source_id).where(session_sources.c.source_id.in_(part)).distinct()
        )
        orphans = set(part) - {row.source_id for row in kept}
        connection.change(delete(vault).where(vault.c.source_id.in_(sorted(orphans))))


def raise_unusable(connection: TenantConnection, session_id: str, now_ms: int) -> None:
    """Say why a session takes no change: it does not exist (404) or is closed (409). Returns if it is open."""
    if read_session(connection, session_id, now_ms).closed_ms is not None:
        raise ConflictError(
            f"session {session_id} is closed", "Create a session; what the closed one holds can be read."
        )


def _insert_events(
    connection: TenantConnection, session_id: str, fresh: Sequence[NewEvent], first: int, now_ms: int
) -> None:
    contents = [(first + at, event.source_id, event.content) for at, event in enumerate(fresh)]
    keep_sources(connection, session_id, contents, now_ms)
    rows = [
        {
            "session_id": session_id,
            "sequence": first + at,
            "event_type": event.event_type,
            "source_id": event.source_id,
            "metadata": event.metadata,
            "idempotency_digest": event.idempotency_digest,
            "digest": event.digest,
            "turn": None,
            "created_ms": now_ms,
        }
        for at, event in enumerate(fresh)
    ]
    connection.insert(events, rows)


def _known_events(
    connection: TenantConnection, session_id: str, new: Sequence[NewEvent]
) -> dict[str | None, tuple[int, str]]:
    """Sequence and digest of the events that were delivered before, by idempotency key."""
    keys = sorted({event.idempotency_digest for event in new if event.idempotency_digest is not None})
    known: dict[str | None, tuple[int, str]] = {}
    for start in range(0, len(keys), _IN_LIST):
        part = keys[start : start + _IN_LIST]
        rows = (
            connection.rows(_KNOWN_EVENT, id=session_id, key=part[0])
            if len(part) == 1
            else connection.rows(_KNOWN_EVENTS, id=session_id, keys=part)
        )
        known |= {row.idempotency_digest: (row.sequence, row.digest) for row in rows}
    return known


def _distinct(new: Sequence[NewEvent]) -> list[NewEvent]:
    """The events, the first of each idempotency key only."""
    seen: set[str] = set()
    out = []
    for event in new:
        key = event.idempotency_digest
        if key is None or key not in seen:
            out.append(event)
        if key is not None:
            seen.add(key)
    return out


def _check_same(
    new: Sequence[NewEvent], known: Mapping[str | None, tuple[int, str]], fresh: Sequence[NewEvent]
) -> None:
    first = {event.idempotency_digest: event.digest for event in reversed(fresh)}
    for at, event in enumerate(new):
        key = event.idempotency_digest
        if key is None:
            continue
        kept = known[key][1] if key in known else first[key]
        if kept != event.digest:
            raise ConflictError(
                f"events[{at}].idempotency_key was used for another event",
                "Give every event a key of its own; repeat a key only with the same event.",
            )


def _same_source() -> Any:
    return (vault.c.tenant == session_sources.c.tenant) & (vault.c.source_id == session_sources.c.source_id)
