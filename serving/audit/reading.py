"""Logs of decisions read from folders, files and patterns: a bounded number of files, line by line, in a fixed order.

Our own lines have a fixed order of fields, and those of few values stand together, so a reader takes that part of a line as a
whole: it is parsed once for all lines that share it, and of each line only the numbers before it. Any other line is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Final

import orjson

from scoring.audit.decisions import normalised
from scoring.audit.summary import Group, Groups
from serving.api.errors import ValidationFailedError
from serving.audit.files import SUFFIX
from serving.audit.line import FIELDS, GROUP_FIELDS

MAX_FILES: Final = 1_000
MOST_LINE_BYTES: Final = 1_000_000
_TIME: Final = re.compile(rb'"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"')
_HEAD: Final = re.compile(
    rb'\{"schema":1,"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","request":"[0-9a-f]{32}",'
    rb'(?:"session":"[0-9a-f]{32}",)?"tenant":"[0-9a-f]{32}",(?="latency_ms":)'
)
"""A line of ours up to its numbers, which stand before its group."""
_TIME_AT: Final = slice(20, 44)
_REQUEST_AT: Final = slice(57, 89)
_GROUP: Final = b',"lane":"'
_TAIL: Final = b',"phases_ms":'
_MOST_PARTS: Final = 50_000


@dataclass(slots=True)
class Reader:
    """What was read, see :func:`read_decisions`. ``skipped``: lines without a time or a decision."""

    groups: Groups
    skipped: int = 0


Decision = tuple[Group, str, str, Mapping[str, Any], bytes]
"""Group, time, request, numbers (see :class:`scoring.audit.summary.Summary`), and the line as it stands in the file."""


def find_files(places: Sequence[str], max_files: int = MAX_FILES) -> tuple[Path, ...]:
    """The files of folders (every ``*.jsonl`` below them), of patterns and of names, each once, in the order of their paths.

    Raises ValidationFailedError where there is none, or more than ``max_files``.
    """
    found: set[Path] = set()
    for place in places:
        for path in _named(place):
            if path.is_dir():
                found.update(_below(path, max_files))
            elif path.is_file():
                found.add(path)
            else:
                raise ValidationFailedError(f"{place}: there is no such file or folder")
            if len(found) > max_files:
                raise ValidationFailedError(f"more than {max_files} files; name fewer days, or raise --max-files")
    if not found:
        raise ValidationFailedError(f"{', '.join(places)}: holds no *{SUFFIX} file")
    return tuple(sorted(found))


def _named(place: str) -> list[Path]:
    """A pattern's paths, absolute ones too, which ``Path.glob`` refuses; else the place itself."""
    return [Path(name) for name in glob(place, recursive=True)] if has_magic(place) else [Path(place)]  # noqa: PTH207


def _below(folder: Path, max_files: int) -> Iterator[Path]:
    """At most one more than ``max_files``, so that a folder with millions is not walked."""
    for count, path in enumerate(folder.rglob(f"*{SUFFIX}")):
        if count > max_files:
            return
        yield path


def read_decisions(
    files: Sequence[Path], reader: Reader, start: str = "", tenant: str | None = None
) -> Iterator[Decision]:
    """Decisions, file by file, from the time ``start`` on, see :func:`window_start`.

    ``tenant``: only lines of ours of the tenant with this pseudonym.
    """
    mark = None if tenant is None else f'"tenant":"{tenant}"'.encode()
    parts: dict[bytes, Group | None] = {}
    head, loads, groups = _HEAD.match, orjson.loads, reader.groups
    for path in files:
        with path.open("rb") as file:
            for raw in file:
                found = head(raw)
                if found is not None:
                    time = raw[_TIME_AT].decode()
                    if time < start or (mark is not None and raw.find(mark, 0, found.end()) < 0):
                        continue
                    middle = raw.find(_GROUP, found.end())
                    part = raw[middle + 1 : raw.find(_TAIL, middle)]
                    group = parts.get(part)
                    if group is None and part not in parts:
                        group = _group(part, groups)
                        if len(parts) < _MOST_PARTS:
                            parts[part] = group
                    if group is not None:
                        try:
                            numbers = loads(b"{" + raw[found.end() : middle] + b"}")
                        except orjson.JSONDecodeError:
                            reader.skipped += 1
                            continue
                        yield group, time, raw[_REQUEST_AT].decode(), numbers, raw
                        continue
                line = None if mark is not None else normal(raw)
                if line is None:
                    reader.skipped += not raw.isspace()
                elif line["time"] >= start:
                    yield groups.of(line), line["time"], line["request"], line, raw


def _group(part: bytes, groups: Groups) -> Group | None:
    """The group that a line's middle names; None where it is not as we write it."""
    try:
        values = orjson.loads(b"{" + part + b"}")
    except orjson.JSONDecodeError:
        return None
    fits = all(name in GROUP_FIELDS and FIELDS[name].fit(value) == value for name, value in values.items())
    return groups.of(values) if fits else None


def normal(raw: bytes) -> Mapping[str, Any] | None:
    """Any line as :func:`scoring.audit.decisions.normalised` has it."""
    try:
        line = orjson.loads(raw) if len(raw) <= MOST_LINE_BYTES else None
    except orjson.JSONDecodeError:
        return None
    return normalised(line) if isinstance(line, dict) else None


def window_start(files: Sequence[Path], minutes: float) -> str:
    """The earliest time of the window, which ends with the newest line, so that the same files give the same slice."""
    newest = b""
    for path in files:
        with path.open("rb") as file:
            for raw in file:
                found = _TIME.search(raw)
                if found is not None:
                    stamp = found[1]
                else:
                    line = normal(raw)
                    stamp = b"" if line is None else str(line["time"]).encode()
                if stamp > newest:
                    newest = stamp
    if not newest:
        return ""
    begin = datetime.fromisoformat(newest.decode()) - timedelta(minutes=minutes)
    return begin.isoformat(timespec="milliseconds").replace("+00:00", "Z")
