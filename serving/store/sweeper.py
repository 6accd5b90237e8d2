"""Retention: deletes sessions, job results and conversations whose time is over, a few at a time so that nobody waits long."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, select

from serving.api.errors import OverloadedError
from serving.store.schema import jobs, sessions
from serving.store.session_records import delete_session
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import delete_conversation
from serving.store.trace_schema import conversations

_BATCH: Final = 20
_LOGGER = logging.getLogger("groundlane.store")


@dataclass(frozen=True)
class Swept:
    """How many sessions, jobs and conversations one sweep deleted."""

    sessions: int
    jobs: int
    conversations: int = 0


class Sweeper:
    """Deletes what has expired. Several may run: each deletion is a transaction that finds its row or does not."""

    def __init__(self, store: Store, interval_s: float = 60.0) -> None:
        self._store = store
        self._interval_s = interval_s

    async def sweep(self) -> Swept:
        """Delete all that has expired by now."""
        counts: Counter[str] = Counter()
        removals = {"session": self._delete_session, "job": self._delete_job, "conversation": self._delete_conversation}
        while names := await self._store.read_all(lambda connection: _expired(connection, self._store.now_ms())):
            for kind, tenant, name in names:
                await self._store.tenant(tenant).write(partial(removals[kind], name))
                counts[kind] += 1
        return Swept(counts["session"], counts["job"], counts["conversation"])

    async def run(self) -> None:
        """Sweep every ``interval_s`` seconds until cancelled; a store that is away is tried again."""
        while True:
            try:
                swept = await self.sweep()
                if any(asdict(swept).values()):
                    _LOGGER.info("swept", extra={"fields": asdict(swept)})
            except OverloadedError:
                _LOGGER.warning("sweep postponed: the store does not answer")
            await asyncio.sleep(self._interval_s)

    def _delete_session(self, session_id: str, connection: TenantConnection) -> None:
        """Looks again: a session that was used since it was listed stays."""
        statement = select(sessions.c.session_id).where(
            sessions.c.session_id == session_id, sessions.c.expires_ms <= self._store.now_ms()
        )
        if connection.first(statement.with_for_update()) is not None:
            delete_session(connection, session_id)

    def _delete_job(self, job_id: str, connection: TenantConnection) -> None:
        connection.change(delete(jobs).where(jobs.c.job_id == job_id, jobs.c.expires_ms <= self._store.now_ms()))

    def _delete_conversation(self, conversation_id: str, connection: TenantConnection) -> None:
        """Looks again: a conversation that went on since it was listed stays."""
        ended = conversations.c.expires_ms <= self._store.now_ms()
        statement = select(conversations.c.conversation_id).where(
            conversations.c.conversation_id == conversation_id, ended
        )
        if connection.first(statement.with_for_update()) is not None:
            delete_conversation(connection, conversation_id)


def _expired(connection: Connection, now_ms: int) -> list[tuple[str, str, str]]:
    """(kind, tenant, id) of some whose time is over, whichever tenant's."""
    found: list[tuple[str, str, str]] = []
    for kind, table, name in (
        ("session", sessions, sessions.c.session_id),
        ("job", jobs, jobs.c.job_id),
        ("conversation", conversations, conversations.c.conversation_id),
    ):
        rows = connection.execute(select(table.c.tenant, name).where(table.c.expires_ms <= now_ms).limit(_BATCH))
        found += [(kind, *row) for row in rows]
    return found
