"""JSON events as short lines: an object's plain values on one line, a list of like objects as a small table.

A tool's JSON answer costs most of its tokens in quotes, braces and repeated keys; this keeps every key and value but
writes each key once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MAX_RECORD_CHARS: Final = 320
_MAX_JSON_CHARS: Final = 1_000_000
_MAX_DEPTH: Final = 32
_CALL: Final = re.compile(r"\s*([A-Za-z_][\w.]{0,80})\((\{.*\})\)\s*\Z", re.DOTALL)
_IDENTITY: Final = re.compile(r"(?:^|_)(?:id|key|name|path|file|uuid|number)$")


@dataclass(frozen=True)
class Record:
    """One line made of a JSON value. ``key`` names what it tells of, entity and path; ``values`` is without them."""

    key: str
    text: str
    values: str


def read_json(content: str) -> tuple[str, Any] | None:
    """The name of the call (or '') and the value, when the content is JSON or ``name({…})``; else None."""
    text = content.strip()
    if not text or len(text) > _MAX_JSON_CHARS:
        return None
    name = ""
    call = _CALL.match(text) if text[-1] == ")" else None
    if call:
        name, text = call.group(1), call.group(2)
    elif text[0] not in "{[":
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return (name, value) if isinstance(value, (dict, list)) and _is_shallow(value) else None


def _is_shallow(value: Any) -> bool:
    """Whether the nesting is at most 32 levels; what is deeper is read as prose."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            entry
            for one in level
            for entry in (one.values() if isinstance(one, dict) else one)
            if isinstance(entry, (dict, list))
        ]
        if not level:
            return True
    return False


def records(value: Any) -> tuple[Record, ...]:
    """The lines of a JSON value, in its order; each at most about 320 characters, and nothing is left out."""
    entity = _entity(value)
    return tuple(
        Record(f"{entity}/{path}", " ".join(part for part in (entity, path, header, text) if part), text)
        for path, header, text in _walk(value, "")
        if text
    )


def inline(value: Any) -> str:
    """A value on one line: ``k v, k v`` for objects, ``a, b`` for lists."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {inline(entry)}" for key, entry in value.items())
    if isinstance(value, list):
        return ", ".join(inline(entry) for entry in value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def _entity(value: Any) -> str:
    """What the record is about: the first plain value whose key says so."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if _IDENTITY.search(str(key)) and isinstance(entry, (str, int)) and len(str(entry)) <= 60:
                return str(entry)
    return ""


def _walk(value: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, Mapping):
        rows = _rows_by_key(value)
        if rows:
            yield from _table(rows, path)
            return
        plain = {key: entry for key, entry in value.items() if _is_short(entry)}
        yield from (
            (path, "", text) for text in _packed([f"{key} {inline(entry)}" for key, entry in plain.items()], ", ")
        )
        for key, entry in value.items():
            if key not in plain:
                yield from _walk(entry, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        if value and all(isinstance(entry, Mapping) for entry in value):
            yield from _table([("", entry) for entry in value], path)
        else:
            yield from ((path, "", text) for text in _packed([inline(entry) for entry in value], ", "))
    else:
        yield path, "", inline(value)


def _is_short(value: Any) -> bool:
    """Plain, or an object or list of plain values that fits on a line with others."""
    if isinstance(value, Mapping):
        return all(_is_plain(entry) for entry in value.values()) and len(inline(value)) <= MAX_RECORD_CHARS // 2
    if isinstance(value, list):
        return all(_is_plain(entry) for entry in value) and len(inline(value)) <= MAX_RECORD_CHARS // 2
    return True


def _is_plain(value: Any) -> bool:
    return not isinstance(value, (Mapping, list))


def _rows_by_key(value: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The rows of an object that is a table keyed by identifiers: several objects with the same first key."""
    entries = list(value.items())
    if len(entries) < 2 or not all(isinstance(entry, Mapping) and entry for _, entry in entries):
        return []
    first = next(iter(entries[0][1]))
    return entries if all(next(iter(entry)) == first for _, entry in entries) else []


def _table(rows: Sequence[tuple[str, Mapping[str, Any]]], path: str) -> Iterator[tuple[str, str, str]]:
    """Rows under one header while they have the same keys; a row's own key is dropped where a value repeats it."""
    header: tuple[str, ...] | None = None
    lines: list[str] = []
    for name, row in rows:
        keys = tuple(map(str, row))
        values = [inline(entry) for entry in row.values()]
        if name and name not in values:
            keys, values = ("", *keys), [name, *values]
        if keys != header and lines:
            yield from _headed(path, header, lines)
            lines = []
        header = keys
        lines.append(" ".join(values))
    if lines:
        yield from _headed(path, header, lines)


def _headed(path: str, header: tuple[str, ...] | None, lines: list[str]) -> Iterator[tuple[str, str, str]]:
    names = " ".join(filter(None, header or ()))
    for text in _packed(lines, "; "):
        yield path, f"({names})" if names else "", text


def _packed(parts: Sequence[str], separator: str) -> Iterator[str]:
    """Parts joined into lines of at most MAX_RECORD_CHARS; a part longer than that is cut at spaces."""
    line = ""
    for part in parts:
        for piece in _pieces(part):
            if line and len(line) + len(separator) + len(piece) > MAX_RECORD_CHARS:
                yield line
                line = ""
            line = f"{line}{separator}{piece}" if line else piece
    if line:
        yield line


def _pieces(text: str) -> Iterator[str]:
    while len(text) > MAX_RECORD_CHARS:
        cut = text.rfind(" ", MAX_RECORD_CHARS // 2, MAX_RECORD_CHARS)
        cut = MAX_RECORD_CHARS if cut < 0 else cut
        yield text[:cut]
        text = text[cut:].lstrip()
    if text:
        yield text
