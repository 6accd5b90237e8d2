"""What a batch reads: JSON lines (plain or gzip) and Parquet, cut into blocks of rows that can be read alone.

One pass over every file finds its digest, its rows and where blocks begin. A row is known by its file, its position and
its content, so the same input always has the same row ids, and a changed input is noticed.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
import pyarrow.parquet as parquet

from serving.api.errors import ValidationFailedError

_JSON_LINES: Final = (".jsonl", ".ndjson")
_GZIP: Final = tuple(f"{suffix}.gz" for suffix in _JSON_LINES)
_PARQUET: Final = (".parquet",)
SUFFIXES: Final = (*_JSON_LINES, *_GZIP, *_PARQUET)
_ID_DIGITS: Final = 32
BLOCK_ROWS: Final = 16
"""Rows that are read, and scored on a CPU, together."""


@dataclass(frozen=True)
class Block:
    """Rows ``first`` to ``last`` of a file, counted from 1; ``offset``: of the first byte, or which row group."""

    first: int
    last: int
    offset: int


@dataclass(frozen=True)
class InputFile:
    """A file, its digest (SHA-256), how many rows it has, and its blocks. ``name`` is relative to the input."""

    name: str
    path: Path
    digest: str
    rows: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Row:
    """A row as JSON bytes; ``position`` is the line of a JSON file, the row of a Parquet file, counted from 1."""

    row_id: str
    source: str
    position: int
    body: bytes


def scan_input(path: Path, block_rows: int) -> list[InputFile]:
    """Every input file, by name. Raises ValidationFailedError where there is nothing to read."""
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file() and each.name.endswith(SUFFIXES))
        names = [each.relative_to(path).as_posix() for each in found]
    else:
        found, names = ([path], [path.name]) if path.is_file() else ([], [])
    if not found:
        raise ValidationFailedError(
            f"{path}: no such file, or a folder without input", f"Give a file or a folder of {', '.join(SUFFIXES)}."
        )
    files = [_scan_file(each, name, block_rows) for each, name in zip(found, names, strict=True)]
    if not any(file.rows for file in files):
        raise ValidationFailedError(f"{path}: it has no rows", "Give lane requests, one on each line or row.")
    return files


def read_blocks(file: InputFile, blocks: Sequence[Block]) -> Iterator[list[Row]]:
    """The rows of blocks of one file, given in their order; the file is opened once and read forward."""
    read = _read_parquet if file.path.name.endswith(_PARQUET) else _read_lines
    for block in read(file.path, blocks):
        yield [Row(row_id(file.name, position, body), file.name, position, body) for position, body in block]


def cut(file: InputFile, blocks: Sequence[Block], at_most: int) -> Iterator[Sequence[Block]]:
    """Blocks to read together, some ``at_most`` each: a gzip file is one piece, a row group is decoded once."""
    if file.path.name.endswith(_GZIP):
        at_most = max(1, len(blocks))
    piece: list[Block] = []
    for block in blocks:
        together = file.path.name.endswith(_PARQUET) and piece and piece[-1].offset == block.offset
        if len(piece) >= at_most and not together:
            yield tuple(piece)
            piece = []
        piece.append(block)
    if piece:
        yield tuple(piece)


def row_id(source: str, position: int, body: bytes) -> str:
    """The row's name: a digest of file name, position and content."""
    return hashlib.sha256(f"{source}\0{position}\0".encode() + body).hexdigest()[:_ID_DIGITS]


def _scan_file(path: Path, name: str, block_rows: int) -> InputFile:
    scan: Callable[[Path, int], tuple[int, list[Block]]]
    if path.name.endswith(_PARQUET):
        scan = _scan_parquet
    elif path.name.endswith(SUFFIXES):
        scan = _scan_lines
    else:
        raise ValidationFailedError(f"{path}: unknown kind of file", f"Known are {', '.join(SUFFIXES)}.")
    if not name.isprintable():
        raise ValidationFailedError(f"{name!a}: the name has characters that cannot be printed", "Rename the file.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows, blocks = scan(path, block_rows)
    return InputFile(name, path, digest, rows, tuple(blocks))


def _open_lines(path: Path) -> BinaryIO | gzip.GzipFile:
    if path.name.endswith(_GZIP):
        return gzip.open(path, "rb")
    return path.open("rb")


def _scan_lines(path: Path, block_rows: int) -> tuple[int, list[Block]]:
    """Lines that are not blank are rows. A block counts lines, so that one without rows costs nothing but its lines."""
    blocks: list[Block] = []
    rows = held = offset = begin = 0
    first, number = 1, 0
    try:
        with _open_lines(path) as lines:
            for number, line in enumerate(lines, 1):
                offset += len(line)
                held += not line.isspace()
                if held == block_rows:
                    blocks.append(Block(first, number, begin))
                    rows, held, first, begin = rows + held, 0, number + 1, offset
    except (gzip.BadGzipFile, EOFError) as error:
        raise ValidationFailedError(f"{path}: damaged gzip file ({error})") from None
    if held:
        blocks.append(Block(first, number, begin))
    return rows + held, blocks


def _read_lines(path: Path, blocks: Sequence[Block]) -> Iterator[list[tuple[int, bytes]]]:
    with _open_lines(path) as lines:
        for block in blocks:
            lines.seek(block.offset)
            read = ((position, lines.readline().strip()) for position in range(block.first, block.last + 1))
            yield [(position, body) for position, body in read if body]


def _scan_parquet(path: Path, block_rows: int) -> tuple[int, list[Block]]:
    metadata = _parquet_file(path).metadata
    blocks: list[Block] = []
    start = 0
    for group in range(metadata.num_row_groups):
        end = start + metadata.row_group(group).num_rows
        blocks += [Block(at + 1, min(at + block_rows, end), group) for at in range(start, end, block_rows)]
        start = end
    return start, blocks


def _read_parquet(path: Path, blocks: Sequence[Block]) -> Iterator[list[tuple[int, bytes]]]:
    """Columns that are null are absent fields."""
    file = _parquet_file(path)
    for group, together in groupby(blocks, key=lambda block: block.offset):
        start = 1 + sum(file.metadata.row_group(earlier).num_rows for earlier in range(group))
        table = file.read_row_group(group)
        for block in together:
            values = table.slice(block.first - start, block.last - block.first + 1).to_pylist()
            yield [(position, _as_json(each)) for position, each in enumerate(values, block.first)]


def _as_json(values: dict[str, Any]) -> bytes:
    """The row as JSON. A column that JSON cannot carry becomes an unknown field that says so: the row is refused."""
    present = _without_none(values)
    try:
        return orjson.dumps(present, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # orjson's JSONEncodeError is a TypeError
        kinds = {name: type(value).__name__ for name, value in present.items()}
        unknown = [name for name, value in present.items() if not _has_json_form(value)]
        return orjson.dumps({f"{name}: {kinds[name]} has no JSON form": True for name in unknown})


def _has_json_form(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_none(each) for each in value]
    return value


def _parquet_file(path: Path) -> Any:
    try:
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise ValidationFailedError(f"{path}: no readable Parquet file ({error})") from None
