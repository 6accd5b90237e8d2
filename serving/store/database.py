"""The database behind the store: reads and changes run off the event loop; a change is done when it is on the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from sqlalchemy import Connection

from serving.api.errors import OverloadedError
from serving.store.engine import parse_url, reading_engine, writing_engine
from serving.store.failures import LostRaceError, translated
from serving.store.group_commit import GroupCommitWriter
from serving.store.open_file import OpenFile

T = TypeVar("T")
Work = Callable[[Connection], T]

DEFAULT_CONNECTIONS: Final = 8
_ATTEMPTS: Final = 5


class Database:
    """Runs work on connections: :meth:`read` on a bounded pool, :meth:`write` durable when its future is done.

    Work must be a function of the database alone, for it may run more than once; nothing of a failed run stays.
    A database that is away raises OverloadedError (503): the change may or may not have been kept, repeat it with the
    same idempotency key.
    """

    def __init__(self, url: str, connections: int = DEFAULT_CONNECTIONS) -> None:
        self.url = parse_url(url)
        self._pool = ThreadPoolExecutor(max_workers=connections, thread_name_prefix="store")
        self._engine = reading_engine(self.url, connections)
        self._file = OpenFile(reading_engine(self.url, 1)) if self.is_sqlite else None
        self._writer = None if self._file is None else GroupCommitWriter(writing_engine(self.url), self._file.check)
        self._closed = threading.Event()

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    def read(self, work: Work[T]) -> Future[T]:
        """Run ``work``, which changes nothing, in one transaction."""
        return self._pool.submit(self._transact, work)

    def write(self, work: Work[T]) -> Future[T]:
        """Run ``work`` as one transaction. The future is done once the change is durable, or was undone."""
        return self.read(work) if self._writer is None else self._writer.submit(work)

    def close(self) -> None:
        """Finish what is queued, then close every connection. Repeating it changes nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._writer is not None:
            self._writer.close()
        self._pool.shutdown(wait=True)
        self._engine.dispose()
        if self._file is not None:
            self._file.close()

    def check_file(self) -> None:
        """Raise StoreFileLostError where the file of a SQLite store was deleted or replaced. Costs two calls of ``stat``."""
        if self._file is not None:
            self._file.check()

    def _transact(self, work: Work[T]) -> T:
        for _ in range(_ATTEMPTS):
            try:
                self.check_file()
                with translated(), self._engine.begin() as connection:
                    return work(connection)
            except LostRaceError:
                continue
        raise OverloadedError("the store is too contended", retry_after_s=1.0)
