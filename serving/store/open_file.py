"""Whether a SQLite store's path still leads to the file that is open.

SQLite goes on in an open file that was deleted or replaced by another (``rm``, ``mv backup.db store.db``), and whatever it
keeps there is gone at the next start. A file that is overwritten in place (``cp backup.db store.db``) stays the same file,
so it is not seen here.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

from serving.store.failures import StoreFileLostError, translated

_LOGGER = logging.getLogger("groundlane.store")
_PARTS: Final = ("", "-wal")
"""The file, and what was committed since it was last brought up to date. SQLite makes ``-shm`` anew from these."""

Identity = tuple[int, int]


class OpenFile:
    """Remembers device and inode of the file and of its log, and compares them with what the path leads to.

    A connection stays open for as long as this does: SQLite deletes the log with the last connection, and a log that was
    deleted for that reason must not look like a loss.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = Path(engine.url.database or "").absolute()
        self._opening = threading.Lock()
        self._anchor: Connection | None = None
        self._opened: dict[str, Identity] = {}
        self._lost: str | None = None

    def check(self) -> None:
        """Return where the path leads to the open file; raise StoreFileLostError until it does."""
        if self._anchor is None:
            self._open()
        lost = next((f"{self._path.name}{part}" for part in _PARTS if self._identity(part) != self._opened[part]), None)
        if lost != self._lost:
            self._lost = lost
            if lost is None:
                _LOGGER.warning("the store's file is back", extra={"fields": {"path": str(self._path)}})
            else:
                _LOGGER.error(
                    "the store's file was deleted or replaced",
                    extra={"fields": {"path": str(self._path), "part": lost}},
                )
        if lost is not None:
            raise StoreFileLostError(
                f"the store's file {lost} was deleted or replaced under the server", retry_after_s=30.0
            )

    def close(self) -> None:
        """Let go of the file."""
        with self._opening:
            if self._anchor is not None:
                self._anchor.close()
        self._engine.dispose()

    def _open(self) -> None:
        with self._opening, translated():
            if self._anchor is not None:
                return
            anchor = self._engine.connect()
            try:
                anchor.execute(text("SELECT count(*) FROM sqlite_master"))  # reading is what opens the log
                anchor.rollback()
                self._opened = {part: self._identity(part) for part in _PARTS}
            except BaseException:
                anchor.close()
                raise
            self._anchor = anchor

    def _identity(self, part: str) -> Identity:
        """(device, inode); zeros where nothing is there."""
        try:
            found = Path(f"{self._path}{part}").stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_dev, found.st_ino
