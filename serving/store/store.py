"""The store as services see it: one tenant at a time, asynchronous, every change durable when it returns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Self, TypeVar

from sqlalchemy import Connection

from serving.api.config_errors import ConfigError
from serving.api.errors import OverloadedError
from serving.store.admin import require_schema
from serving.store.database import DEFAULT_CONNECTIONS, Database
from serving.store.tenancy import TenantConnection

T = TypeVar("T")
TenantWork = Callable[[TenantConnection], T]
NowMs = Callable[[], int]

_OPEN_AGAIN_S: Final = 0.25


def wall_clock_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Store:
    """Opens the database and hands out one :class:`TenantStore` per tenant."""

    def __init__(self, database: Database, now_ms: NowMs = wall_clock_ms) -> None:
        self.database = database
        self.now_ms = now_ms

    @classmethod
    def open(
        cls, url: str, connections: int = DEFAULT_CONNECTIONS, now_ms: NowMs = wall_clock_ms, wait_s: float = 30.0
    ) -> Self:
        """Connect and check the schema; an empty database gets it. Blocks for at most ``wait_s`` while it is away.

        Raises ConfigError for another version's schema, OverloadedError if the database did not answer in time.
        """
        database = Database(url, connections)
        deadline_s = time.monotonic() + wait_s
        while True:
            try:
                require_schema(database)
            except OverloadedError:
                if time.monotonic() > deadline_s:
                    database.close()
                    raise
                time.sleep(_OPEN_AGAIN_S)
            except ConfigError:
                database.close()
                raise
            else:
                return cls(database, now_ms)

    def tenant(self, tenant: str) -> TenantStore:
        """The store of one tenant; nothing of another can be seen or changed through it."""
        return TenantStore(self.database, tenant)

    async def read_all(self, work: Callable[[Connection], T]) -> T:
        """Read across tenants: for the job runner and the sweeper, which serve no request."""
        return await asyncio.wrap_future(self.database.read(work))

    async def write_all(self, work: Callable[[Connection], T]) -> T:
        """Change across tenants: for the job runner and the sweeper, which serve no request."""
        return await asyncio.wrap_future(self.database.write(work))

    def check(self) -> None:
        """Raise OverloadedError where a SQLite store's file was deleted or replaced: nothing is kept until it is back."""
        self.database.check_file()

    def close(self) -> None:
        """Finish what is queued and close; further use raises RuntimeError."""
        self.database.close()


class TenantStore:
    """One tenant's view. Work runs on a thread; see :class:`serving.store.database.Database` for its rules."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self.tenant = tenant

    async def read(self, work: TenantWork[T]) -> T:
        """The result of ``work``, which changes nothing."""
        return await asyncio.wrap_future(self._database.read(self._confined(work)))

    async def write(self, work: TenantWork[T]) -> T:
        """The result of ``work``, once its changes are on the disk.

        A caller that goes away does not undo a change that has begun.
        """
        return await asyncio.wrap_future(self._database.write(self._confined(work)))

    def _confined(self, work: TenantWork[T]) -> Callable[[Connection], T]:
        return lambda connection: work(TenantConnection(connection, self.tenant))
