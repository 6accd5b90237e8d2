"""One writer for SQLite: changes that wait together share one flush, and each is acknowledged only after it.

SQLite lets one transaction write at a time, and a flush to disk costs milliseconds, so the changes that queue up
behind a flush become one transaction. All but the first run in a savepoint: one that fails takes no other with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine

from serving.api.errors import OverloadedError
from serving.store.failures import LostRaceError, translated

T = TypeVar("T")
Work = Callable[[Connection], T]

MAX_GROUP: Final = 256
"""Changes in one transaction at most: bounds how long the first of a group waits for the last."""


class GroupCommitWriter:
    """Runs changes in order on one thread. The future of a change is done once its commit has reached the disk.

    ``check``: raises StoreFileLostError where that disk's file is no longer the one at the store's path; asked before a
    transaction begins and again before anything of it is acknowledged.
    """

    def __init__(self, engine: Engine, check: Callable[[], None] = lambda: None) -> None:
        self._engine = engine
        self._check = check
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._order = threading.Lock()
        self._submitted = 0
        self._ran = 0
        self._connection: Connection | None = None
        self._undone = False
        self._group: list[tuple[Future[Any], Future[Any]]] = []

    def submit(self, work: Work[T]) -> Future[T]:
        """Queue a change. Its future has the result after the flush, or the error that undid it."""
        acknowledged: Future[T] = Future()
        with self._order:
            ran = self._thread.submit(self._run, work)
            self._submitted += 1
            self._thread.submit(self._settle, ran, acknowledged)
        return acknowledged

    def close(self) -> None:
        """Finish what is queued and release the connection."""
        self._thread.shutdown(wait=True)
        self._engine.dispose()

    def _run(self, work: Work[T]) -> T:
        """Run a change: the first of a group in the bare transaction, the others each in a savepoint."""
        self._ran += 1
        try:
            if self._connection is None:
                return self._run_first(work)
            with translated(), self._connection.begin_nested():
                return work(self._connection)
        except LostRaceError as error:
            raise OverloadedError("the change contradicts what is stored", retry_after_s=1.0) from error
        finally:
            self._undone = self._connection is not None and not _in_transaction(self._connection)

    def _run_first(self, work: Work[T]) -> T:
        connection = self._begin()
        try:
            with translated():
                result = work(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return result

    def _begin(self) -> Connection:
        self._check()
        with translated():
            connection = self._engine.connect()
            try:
                connection.begin()
            except BaseException:
                connection.close()
                raise
        return connection

    def _settle(self, ran: Future[Any], acknowledged: Future[Any]) -> None:
        """Runs right after its change: commit, unless another is queued to share the flush."""
        self._group.append((ran, acknowledged))
        if self._undone or self._ran >= self._submitted or len(self._group) >= MAX_GROUP:
            self._flush()

    def _flush(self) -> None:
        failure = self._commit()
        group, self._group = self._group, []
        for ran, acknowledged in group:
            error = ran.exception() or failure
            if not acknowledged.set_running_or_notify_cancel():
                continue
            if error is None:
                acknowledged.set_result(ran.result())
            else:
                acknowledged.set_exception(error)

    def _commit(self) -> OverloadedError | None:
        """Commit the group's transaction. SQLite undoes all of it on its own when the disk is full or fails."""
        connection, self._connection = self._connection, None
        undone, self._undone = self._undone, False
        if connection is None:
            return None
        try:
            with translated():
                if undone:
                    connection.invalidate()
                    raise OverloadedError("the store could not write to its disk", retry_after_s=5.0)
                connection.commit()
                self._check()
        except OverloadedError as error:
            return error
        finally:
            connection.close()
        return None


def _in_transaction(connection: Connection) -> bool:
    raw: Any = connection.connection.dbapi_connection
    return bool(raw is not None and raw.in_transaction)
