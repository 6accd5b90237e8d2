"""Input files as a Ray Data source, and the actor that scores its rows.

Files are read on the machine where the command runs, so no other machine needs them: rows travel to the workers
through Ray's object store, which costs little beside scoring them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from math import ceil
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import ray
from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata

from serving.batch.inputs import Block, InputFile, Row, cut, read_blocks
from serving.batch.parts import Done
from serving.config.load import Config

_MAX_TASKS: Final = 1_000
_SCHEMA: Final = pa.schema(
    [("row_id", pa.string()), ("source", pa.string()), ("position", pa.int64()), ("body", pa.large_binary())]
)
_COLUMNS: Final = tuple(each.name for each in fields(Row))


@dataclass(frozen=True, eq=False)
class _Piece:
    """Blocks of a file, and which of their rows are committed already, from the position of the first on."""

    file: InputFile
    blocks: Sequence[Block]
    done: npt.NDArray[np.bool_]

    def open_rows(self) -> int:
        """Rows at most that are left; blank lines count."""
        lines = sum(block.last - block.first + 1 for block in self.blocks)
        return lines - int(self.done.sum())


class RowSource(Datasource):  # type: ignore[misc]
    """The rows that are not ``done``. A read task gives one block of rows after another."""

    def __init__(self, files: Sequence[InputFile], done: Done) -> None:
        super().__init__()
        open_blocks = [(file, _open_blocks(file, done[file.name])) for file in files]
        at_most = ceil(sum(len(blocks) for _, blocks in open_blocks) / _MAX_TASKS)
        self._pieces = [
            _Piece(file, piece, done[file.name][piece[0].first : piece[-1].last + 1])
            for file, blocks in open_blocks
            for piece in cut(file, blocks, max(1, at_most))
        ]

    @property
    def supports_distributed_reads(self) -> bool:
        """No: files are read where the command runs."""
        return False

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown before the files are read again."""
        return None

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        """One task for each piece, whatever parallelism Ray would like: blocks are sized for the workers."""
        return [
            ReadTask(partial(_read_piece, piece), BlockMetadata(piece.open_rows(), None, None, None), _SCHEMA)
            for piece in self._pieces
        ]

    @property
    def tasks(self) -> int:
        """How many read tasks there are."""
        return len(self._pieces)


def open_rows(files: Sequence[InputFile], done: Done) -> Iterator[Row]:
    """The rows that are not ``done``, read here."""
    for file in files:
        for rows in read_blocks(file, _open_blocks(file, done[file.name])):
            yield from (row for row in rows if not done[file.name][row.position])


def _open_blocks(file: InputFile, done: npt.NDArray[np.bool_]) -> list[Block]:
    return [block for block in file.blocks if not done[block.first : block.last + 1].all()]


def _read_piece(piece: _Piece) -> Iterator[pa.Table]:
    first = piece.blocks[0].first
    for rows in read_blocks(piece.file, piece.blocks):
        yield row_table([row for row in rows if not piece.done[row.position - first]])


def row_table(rows: Sequence[Row]) -> pa.Table:
    """Rows as a table with a column for each of their fields."""
    columns = list(zip(*map(astuple, rows), strict=True)) or [()] * len(_COLUMNS)
    return pa.table(dict(zip(_COLUMNS, columns, strict=True)), schema=_SCHEMA)


class ScoringActor:
    """An actor of Ray Data's pool: the shell around :class:`serving.batch.worker.LaneWorker`."""

    def __init__(self, config: Config, lane: str, environment: Mapping[str, str]) -> None:
        os.environ.update(environment)
        from serving.batch.worker import LaneWorker  # imports torch, which reads the environment once

        self._worker = LaneWorker(config, lane)
        self._node = ray.get_runtime_context().get_node_id()

    def __call__(self, table: pa.Table) -> pa.Table:
        """The columns of a row in; ``line``, the output rows as JSON, and ``node``, where they were scored, out."""
        lines = self._worker.score([Row(**values) for values in table.to_pylist()])
        return pa.table({"line": pa.array(lines, pa.large_binary()), "node": pa.array([self._node] * len(lines))})
