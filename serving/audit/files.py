"""Daily files of JSON lines: ``<folder>/<YYYY-MM-DD>/<writer>.jsonl``, continued in ``<writer>.1.jsonl`` and so on.

One writer has its own files, so gateways that share a folder never write into one another's. Folders are 0700, files 0600. What
is appended goes out in one write to the end of the file, so a kill leaves at most one half line, which readers skip.
"""

from __future__ import annotations

import os
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_MOST_NAME: Final = 48
SUFFIX: Final = ".jsonl"


class DailyFiles:
    """Appends to the files of one writer. Not for several threads at a time.

    ``file_bytes``: a file past this size is continued in another one. ``retention_days``: folders of older days are removed.
    """

    def __init__(self, folder: Path, writer: str, file_bytes: int, retention_days: int) -> None:
        self._folder = folder
        self._writer = _UNSAFE.sub("-", writer)[:_MOST_NAME] or "0"
        self._file_bytes = file_bytes
        self._retention_days = retention_days
        self._open: tuple[str, int, int] | None = None  # (day, descriptor, number)
        self._bytes = 0
        self._day: tuple[str, int] = ("", 0)  # (day, this writer's bytes of it)

    def append(self, lines: bytes, now_ms: int) -> None:
        """Write whole lines into the file of the day. Raises OSError; nothing of them is written twice."""
        day = day_of(now_ms)
        descriptor = self._descriptor(day)
        view = memoryview(lines)
        while view:
            view = view[os.write(descriptor, view) :]
        self._bytes += len(lines)
        self._day = (day, self.day_bytes(now_ms) + len(lines) if self._day[0] == day else self._read_bytes(day))

    def day_bytes(self, now_ms: int) -> int:
        """Bytes that this writer has of the day."""
        day = day_of(now_ms)
        if self._day[0] != day:
            self._day = (day, self._read_bytes(day))
        return self._day[1]

    def _read_bytes(self, day: str) -> int:
        folder = self._folder / day
        return sum(path.stat().st_size for path in folder.glob(f"{self._writer}*{SUFFIX}")) if folder.is_dir() else 0

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def _descriptor(self, day: str) -> int:
        if self._open is not None and self._open[0] == day and self._bytes < self._file_bytes:
            return self._open[1]
        number = self._open[2] + 1 if self._open is not None and self._open[0] == day else 0
        new_day = self._open is None or self._open[0] != day
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = self._folder / day
        folder.mkdir(exist_ok=True, mode=0o700)
        if new_day:
            remove_old_days(self._folder, day, self._retention_days)
        descriptor, number = self._next_file(folder, number)
        self._open = (day, descriptor, number)
        return descriptor

    def _next_file(self, folder: Path, number: int) -> tuple[int, int]:
        """The first file from ``number`` on that has room."""
        while True:
            path = folder / f"{self._writer}{f'.{number}' if number else ''}{SUFFIX}"
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            self._bytes = os.fstat(descriptor).st_size
            if self._bytes < self._file_bytes:
                os.fchmod(descriptor, 0o600)
                return descriptor, number
            os.close(descriptor)
            number += 1


def day_of(now_ms: int) -> str:
    """The day of a time in milliseconds, UTC: ``2026-11-30``."""
    return datetime.fromtimestamp(now_ms / 1000.0, UTC).date().isoformat()


def remove_old_days(folder: Path, today: str, retention_days: int) -> int:
    """Remove the folders of days before the last ``retention_days``; anything that is not named as a day is left alone."""
    first = (date.fromisoformat(today) - timedelta(days=retention_days - 1)).isoformat()
    removed = 0
    for path in sorted(folder.iterdir()):
        if _DAY.fullmatch(path.name) and path.name < first and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed
