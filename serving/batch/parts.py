"""The output folder: parts that are there wholly or not at all, a manifest that says what they belong to, a lock.

A part is written beside its place, flushed to the disk and renamed, so a kill leaves no half of one. What a part holds
is never scored again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from serving.api.errors import ApiError, ConflictError, envelope
from serving.batch.inputs import Row

MANIFEST: Final = "manifest.json"
_LOCK: Final = ".lock"
_TEMPORARY: Final = ".tmp"

Done = dict[str, npt.NDArray[np.bool_]]


class OutputFolder:
    """One batch's folder, locked until it is closed or its process ends. Raises ConflictError on a foreign one."""

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take(manifest)
        except BaseException:
            os.close(self._lock)
            raise
        self._next = 1 + max((_number(part) for part in self.parts()), default=0)

    def _take(self, manifest: Mapping[str, Any]) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"{self.path} is in use by another run", "Wait for it, or give --output.") from None
        for leftover in self.path.glob(f"*{_TEMPORARY}"):
            leftover.unlink()
        kept = self.path / MANIFEST
        if not kept.exists():
            if any(self.path.glob("part-*.jsonl")):
                raise ConflictError(f"{self.path} has parts but no {MANIFEST}", "Give an empty folder as --output.")
            self.write(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
            return
        began = orjson.loads(kept.read_bytes())
        changed = sorted(key for key in {*began, *manifest} if began.get(key) != manifest.get(key))
        if changed:
            raise ConflictError(
                f"{self.path} was begun with other {', '.join(changed)}; its numbers would not go together",
                "Restore what changed to resume it, or give another --output.",
            )

    def parts(self) -> list[Path]:
        """The committed parts, in their order."""
        return sorted(self.path.glob("part-*.jsonl"), key=_number)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every committed row."""
        for part in self.parts():
            with part.open("rb") as lines:
                for line in lines:
                    yield orjson.loads(line)

    def done(self, last_positions: Mapping[str, int]) -> Done:
        """For every file, whether the row at a position is committed; ``last_positions``: its last one."""
        done = {name: np.zeros(last + 1, dtype=bool) for name, last in last_positions.items()}
        for row in self.rows():
            done[row["source"]][row["row"]] = True
        return done

    def commit(self, lines: list[bytes]) -> Path:
        """Keep rows, JSON without line ends, as the next part; on the disk when this returns."""
        path = self.write(f"part-{self._next:06d}.jsonl", b"".join(line + b"\n" for line in lines))
        self._next += 1
        return path

    def write(self, name: str, content: bytes) -> Path:
        """Write a file wholly or not at all."""
        path = self.path / name
        temporary = path.with_name(name + _TEMPORARY)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path

    def close(self) -> None:
        """Release the lock."""
        os.close(self._lock)


def output_line(row: Row, outcome: Mapping[str, Any]) -> bytes:
    """An output row: what the row is, and ``outcome``, its ``result`` or its ``error``."""
    return orjson.dumps({"row_id": row.row_id, "source": row.source, "row": row.position, **outcome})


def error_line(row: Row, error: ApiError) -> bytes:
    """The output row of a row that could not be scored."""
    return output_line(row, {"error": envelope(error, row.row_id)})


def _number(part: Path) -> int:
    return int(part.stem.removeprefix("part-"))
