"""Connections to SQLite and PostgreSQL, with the settings that durability rests on."""

from __future__ import annotations

import math
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError

from serving.api.config_errors import ConfigError
from serving.store.failures import READ_ONLY

BUSY_TIMEOUT_MS: Final = 30_000
PING_AFTER_S: Final = 1.0
_RETURNED_S: Final = "returned_s"
_SQLITE_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
)
_OWNER_ONLY: Final = 0o600


def parse_url(url: str) -> URL:
    """The SQLAlchemy URL, with psycopg 3 as PostgreSQL's driver. Raises ConfigError for what is not supported."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "store.url", "is no database URL", "Use sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigError(
            "store.url", f"{backend} is not supported", "Use sqlite:///FILE or postgresql://USER@HOST/NAME"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError(
            "store.url", "SQLite needs a file: an in-memory database survives nothing", "Use sqlite:///FILE"
        )
    return parsed.set(drivername="sqlite+pysqlite")


def reading_engine(url: URL, connections: int) -> Engine:
    """An engine whose transactions begin without a lock. On PostgreSQL it writes too; there rows are locked, not files."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, connections, "BEGIN")
    try:
        engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=30.0,
            isolation_level="READ COMMITTED",
        )
    except ModuleNotFoundError:
        raise ConfigError(
            "store.url", "PostgreSQL needs the psycopg driver", "Install it: pip install 'groundlane[postgres]'"
        ) from None
    _ping_after_rest(engine)
    _leave_standbys(engine)
    return engine


def writing_engine(url: URL) -> Engine:
    """SQLite only: one connection whose transactions take the write lock at once, so that none fails half-way."""
    return _sqlite_engine(url, 1, "BEGIN IMMEDIATE")


def _ping_after_rest(engine: Engine) -> None:
    """Ask a connection that has rested whether its server is still there, and drop it, and its like, if not.

    Asking one that was used a moment ago costs each transaction a round trip, and hardly ever saves it.
    """

    @event.listens_for(engine, "checkin")
    def _returned(_connection: Any, record: Any) -> None:
        record.info[_RETURNED_S] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(_RETURNED_S, math.inf) < PING_AFTER_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _leave_standbys(engine: Engine) -> None:
    """After a failover, connections to what became a standby stay open and refuse every change: drop them all, so that the
    next transaction connects anew, to whatever the address leads to by then.
    """

    @event.listens_for(engine, "handle_error")
    def _failed(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True


def _sqlite_engine(url: URL, connections: int, begin: str) -> Engine:
    """Files are created readable by their owner only; SQLite gives its -wal and -shm files the same mode."""
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=_OWNER_ONLY, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=30.0,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000.0},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
