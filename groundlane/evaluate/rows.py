"""Rows to score: a request each, what it is grouped by, what a person said; or why there is nothing to score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, Final

from groundlane.cli.common import EXIT_USAGE, CommandError
from groundlane.evaluate.reading.columns import Columns, asks_for_grounded, map_columns
from groundlane.evaluate.reading.files import Record
from groundlane.evaluate.reading.values import UnreadableError, context_of, label_of, text_of

NO_CONTEXT: Final = "no context: there is nothing to check against"
NO_VALUE: Final = "(none)"
_LOOK_AHEAD: Final = 50
"""Rows whose column names are collected: the first row of JSON lines may lack one."""


@dataclass(frozen=True)
class Row:
    """One answer. ``request``: the body of a lane request, None without context; ``key`` names its content."""

    place: str
    key: str
    request: Mapping[str, Any] | None
    answer: str
    context_key: str
    groups: Mapping[str, str]
    label: bool | None = None


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, and why."""

    place: str
    problem: str


@dataclass(frozen=True)
class Wanted:
    """What the flags say: columns by role, to group by, and of labels."""

    columns: Mapping[str, str | None]
    by: Sequence[str]
    labels: str | None


def open_rows(records: Iterable[Record], wanted: Wanted) -> tuple[Columns, list[str], Iterator[Row | BadRow]]:
    """The columns, all column names, and the rows. Raises CommandError where columns cannot be told."""
    stream = iter(records)
    first = list(islice(stream, _LOOK_AHEAD))
    if not first:
        raise CommandError("the input has no rows", EXIT_USAGE)
    names = list(dict.fromkeys(name for record in first for name in record.values))
    if not names:
        raise CommandError(f"no row can be read: {first[0].place}: {first[0].problem}", EXIT_USAGE)
    for flag, name in (*(("by", name) for name in wanted.by), ("labels", wanted.labels)):
        if name is not None and name not in names:
            listed = ", ".join(map(repr, names))
            raise CommandError(f"--{flag} {name!r}: there is no such column; there are {listed}", EXIT_USAGE)
    columns = map_columns([name for name in names if name not in (*wanted.by, wanted.labels)], wanted.columns)
    return columns, names, (_row(record, columns, wanted) for record in chain(first, stream))


def _row(record: Record, columns: Columns, wanted: Wanted) -> Row | BadRow:
    if record.problem is not None:
        return BadRow(record.place, record.problem)
    try:
        answer = _cell(record, columns.answer.name, text_of)
        context = _cell(record, columns.context.name, context_of)
        question = _cell(record, columns.question.name, text_of) if columns.question else ""
        label = _cell(record, wanted.labels, _label_reader(wanted.labels)) if wanted.labels else None
    except UnreadableError as error:
        return BadRow(record.place, str(error))
    if not answer.strip():
        return BadRow(record.place, f"no answer: column {columns.answer.name!r} is empty")
    request: dict[str, Any] = {"response_text": answer}
    request |= {"query_text": question} if question.strip() else {}
    request |= {"raw_context": context} if isinstance(context, str) else {"support_units": context}
    there = bool(context.strip() if isinstance(context, str) else context)
    groups = {name: group_name(record.values.get(name)) for name in wanted.by}
    return Row(record.place, digest(request), request if there else None, answer, digest(context), groups, label)


def _label_reader(column: str) -> Callable[[Any], bool | None]:
    return partial(label_of, yes_is_grounded=asks_for_grounded(column))


def _cell(record: Record, name: str, read: Callable[[Any], Any]) -> Any:
    try:
        return read(record.values.get(name))
    except UnreadableError as error:
        raise UnreadableError(f"column {name!r}: {error}") from None


def group_name(value: Any) -> str:
    """The group that a cell puts its row in."""
    if value is None or value == "":
        return NO_VALUE
    return value if isinstance(value, str) else json.dumps(value, default=str)


def digest(value: object) -> str:
    """A short name of a value's content."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]
