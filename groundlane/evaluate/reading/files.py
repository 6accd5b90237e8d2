"""Every format as the same thing: records with their place. What cannot be read keeps its place and says why."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from groundlane.cli.common import EXIT_USAGE, CommandError
from groundlane.evaluate.reading.datasets import read_dataset, read_parquet

_OPENERS: Final[dict[str, Callable[..., Any]]] = {".gz": gzip.open, ".xz": lzma.open}
_SEPARATORS: Final = ",;\t|"
_CELL_LIMIT: Final = 2**31 - 1
"""Characters in a CSV cell; Python's own limit of 131,072 is smaller than many contexts."""


@dataclass(frozen=True)
class Record:
    """A row of the input. ``place`` is where a person finds it; ``problem`` says why there are no ``values``."""

    place: str
    values: dict[str, Any]
    problem: str | None = None


def read_records(source: str, split: str | None) -> Iterator[Record]:
    """The rows of a file, of a dataset's folder, or of JSON lines on stdin (``-``).

    Raises CommandError where nothing can be read at all.
    """
    path = Path(source)
    if source == "-":
        yield from _json_lines(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig"))
        return
    if not path.exists():
        raise CommandError(f"{source}: there is no such file or folder", EXIT_USAGE)
    if path.is_dir():
        for place, values in read_dataset(path, split, _text_rows):
            yield _record(place, values)
        return
    if split is not None:
        raise CommandError("--split names a part of a dataset's folder; this is one file", EXIT_USAGE)
    if path.suffix == ".parquet":
        yield from (Record(f"row {number}", values) for number, values in read_parquet(path))
        return
    yield from _text_records(path)


def _text_rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """The rows of a text file in a dataset's folder; a problem in place of the values."""
    for record in _text_records(path):
        yield record.place, record.problem or record.values


def _record(place: str, values: dict[str, Any] | str) -> Record:
    return Record(place, {}, values) if isinstance(values, str) else Record(place, values)


def _text_records(path: Path) -> Iterator[Record]:
    packed = path.suffix in _OPENERS
    kind = (path.with_suffix("") if packed else path).suffix.lower()
    if kind not in _READERS:
        raise CommandError(
            f"{path}: its name does not say what it holds. Known are {', '.join(_READERS)} (also .gz, .xz), .parquet, and "
            "the folder of a Hugging Face dataset",
            EXIT_USAGE,
        )
    opened: Callable[..., IO[str]] = _OPENERS.get(path.suffix, open)
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as text:
            yield from _READERS[kind](text)
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); convert it first") from None
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise CommandError(f"{path}: damaged: {error}") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None


def _json_lines(text: IO[str]) -> Iterator[Record]:
    for number, line in enumerate(text, 1):
        if line.strip():
            yield _json_record(f"line {number}", line)


def _json_record(place: str, line: str) -> Record:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Record(place, {}, f"not JSON: {error}")
    return _object(place, values)


def _object(place: str, values: Any) -> Record:
    if not isinstance(values, dict):
        return Record(place, {}, f"a row is a JSON object with named values; this is {_kind(values)}")
    return Record(place, values)


def _kind(value: Any) -> str:
    return {"list": "a list", "str": "a text", "NoneType": "null"}.get(type(value).__name__, "a bare value")


def _json_document(text: IO[str]) -> Iterator[Record]:
    """A list of objects, or JSON lines under the name ``.json``, as many tools write them."""
    whole = text.read()
    if not whole.lstrip().startswith("["):
        yield from _json_lines(io.StringIO(whole))
        return
    try:
        rows = json.loads(whole)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"not JSON: {error}") from None
    yield from (_object(f"item {number}", values) for number, values in enumerate(rows, 1))


def _csv(text: IO[str]) -> Iterator[Record]:
    csv.field_size_limit(_CELL_LIMIT)
    head = text.readline()
    separator = max(_SEPARATORS, key=head.count)
    yield from _separated(text, head, separator)


def _tsv(text: IO[str]) -> Iterator[Record]:
    csv.field_size_limit(_CELL_LIMIT)
    yield from _separated(text, text.readline(), "\t")


def _separated(text: IO[str], head: str, separator: str) -> Iterator[Record]:
    """Rows below a header; a row with another number of cells than the header is named, not stretched."""
    names = next(csv.reader([head], delimiter=separator), [])
    if not any(names):
        raise CommandError("the first line must name the columns")
    rows = csv.reader(text, delimiter=separator, strict=True)
    while True:
        place = f"line {rows.line_num + 2}"
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(place, {}, f"not CSV: {error}")
            continue
        if len(cells) == len(names):
            yield Record(place, dict(zip(names, cells, strict=True)))
        elif cells:
            yield Record(place, {}, f"{len(cells)} cells under {len(names)} column names")


_READERS: Final[dict[str, Callable[[IO[str]], Iterator[Record]]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_document,
    ".csv": _csv,
    ".tsv": _tsv,
}
