"""Opening hours: weekdays and clock ranges of a claim against cells whose attributes are weekdays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from parsers.values.dates import TimeValue
from parsers.values.types import Cell
from scoring.rag.literals import Literal, extract_literals
from scoring.types import Verdict

_DAY_NAMES = (
    ("monday", "mon", "montag", "montags"),
    ("tuesday", "tue", "tues", "dienstag", "dienstags"),
    ("wednesday", "wed", "mittwoch", "mittwochs"),
    ("thursday", "thu", "thurs", "donnerstag", "donnerstags"),
    ("friday", "fri", "freitag", "freitags"),
    ("saturday", "sat", "samstag", "samstags"),
    ("sunday", "sun", "sonntag", "sonntags"),
)
_DAYS = {name: number for number, names in enumerate(_DAY_NAMES) for name in names}
_GROUPS = {
    "every day": range(7), "everyday": range(7), "daily": range(7), "seven days a week": range(7), "7 days a week": range(7),
    "all week": range(7), "täglich": range(7), "weekdays": range(5), "werktags": range(5), "weekends": range(5, 7),
    "am wochenende": range(5, 7),
}  # fmt: skip
_NAMES = "|".join(sorted((*_DAYS, *(f"{name}s" for name in _DAYS if name.endswith("day"))), key=len, reverse=True))
_MENTION = re.compile(
    rf"\b(?P<first>{_NAMES})\b\.?(?:\s?(?:-|–|—|to|through|thru|until|bis)\s?(?P<last>{_NAMES})\b)?|\b(?P<group>{'|'.join(_GROUPS)})\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"^[\s,]*(?:-|–|—|to|until|till|and|bis|und|through)\s*$", re.IGNORECASE)
_OPEN = re.compile(r"\b(?:open|opens|opened|operat\w+|hours|geöffnet|öffnungszeiten|offen)\b", re.IGNORECASE)
_CLOSED = re.compile(
    r"\b(?:closed?|except|geschlossen|außer|review\w*|not|vary|varies|varying|different|differ\w*)\b", re.IGNORECASE
)
_UNKNOWN = (0, 0)  # closed in some data, open all day in others

_Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ScheduleFinding:
    """What the claim says about a day, and the cell that decides it."""

    verdict: Verdict
    reason: str
    cell: Cell


def _day(word: str) -> int | None:
    lowered = word.lower()
    return _DAYS.get(lowered, _DAYS.get(lowered.removesuffix("s")))


def _clock_ranges(text: str) -> list[tuple[int, list[_Range]]] | None:
    """Clock ranges with their place, several readings without am or pm; None when a time is in no range ('until 9')."""
    times = [one for one in extract_literals(text) if any(isinstance(value, TimeValue) for value in one.values)]
    ranges = []
    for first, second in pairwise(times):
        if _LINK.match(text[first.span[1] : second.span[0]]):
            ranges.append((first.span[0], [(a, b) for a in _minutes(first) for b in _minutes(second)]))
    return ranges if len(times) == 2 * len(ranges) else None


def _minutes(literal: Literal) -> list[int]:
    return [value.minute for value in literal.values if isinstance(value, TimeValue)]


def _cell_ranges(cell: Cell) -> tuple[_Range, ...]:
    """'11:0-17:0' as minutes, 24-hour; an end before the beginning may be a night or an afternoon ('11:30-2:0')."""
    found = re.fullmatch(r"\s*(\d{1,2}):(\d{1,2})\s*[-–]\s*(\d{1,2}):(\d{1,2})\s*", cell.text)
    if found is None:
        return ()
    hours = [int(group) for group in found.groups()]
    first, last = hours[0] % 24 * 60 + hours[1], hours[2] % 24 * 60 + hours[3]
    return ((first, last), (first, last + 720)) if last < first and last <= 720 else ((first, last),)


def _mentions(text: str) -> list[tuple[int, tuple[int, ...]]]:
    found = []
    for match in _MENTION.finditer(text):
        if match["group"]:
            found.append((match.start(), tuple(_GROUPS[match["group"].lower()])))
            continue
        first, last = _day(match["first"]), _day(match["last"]) if match["last"] else None
        if first is None:
            continue
        days = [first]
        while last is not None and days[-1] != last:
            days.append((days[-1] + 1) % 7)
        found.append((match.start(), tuple(days)))
    return found


def check_schedule(text: str, cells: Sequence[Cell]) -> ScheduleFinding | None:
    """Opening days and hours that ``text`` states, against ``cells`` of one entity. None when it states none clearly."""
    if not _OPEN.search(text) or _CLOSED.search(text):
        return None
    by_day: dict[int, tuple[Cell, tuple[_Range, ...]]] = {}
    for cell in cells:
        day = _day(cell.attribute)
        if day is not None and (hours := _cell_ranges(cell)):
            by_day[day] = (cell, hours)
    if len(by_day) < 2:
        return None
    mentions, ranges = _mentions(text), _clock_ranges(text)
    if not mentions or ranges is None:
        return None
    if not ranges:
        return _missing_day(mentions, by_day)
    if len(ranges) == 1:
        pairs = [(days, ranges[0][1]) for _, days in mentions]
    elif len(mentions) == len(ranges):
        pairs = [(days, hours) for (_, days), (_, hours) in zip(mentions, ranges, strict=True)]
    else:
        return None
    if any(day not in by_day for days, _ in pairs for day in days):
        return _missing_day(mentions, by_day)
    return _compare(pairs, by_day)


def _compare(
    pairs: list[tuple[tuple[int, ...], list[_Range]]], by_day: dict[int, tuple[Cell, tuple[_Range, ...]]]
) -> ScheduleFinding | None:
    for days, readings in pairs:
        for day in days:
            cell, hours = by_day[day]
            if hours[0] == _UNKNOWN:
                return None
            if not set(hours) & set(readings):
                return ScheduleFinding(Verdict.CONTRADICTED, f"{cell.attribute} is {cell.text!r} in the source", cell)
    cell = by_day[pairs[0][0][0]][0]
    return ScheduleFinding(Verdict.SUPPORTED, f"{cell.attribute} is {cell.text!r} in the source", cell)


def _missing_day(
    mentions: list[tuple[int, tuple[int, ...]]], by_day: dict[int, tuple[Cell, tuple[_Range, ...]]]
) -> ScheduleFinding | None:
    """A day the claim calls open and the source's list of days leaves out."""
    days = [day for _, group in mentions for day in group]
    missing = [day for day in days if day not in by_day]
    if not missing or len(by_day) < 4:
        return None
    cell = next(iter(by_day.values()))[0]
    name = _DAY_NAMES[missing[0]][0].capitalize()
    return ScheduleFinding(Verdict.CONTRADICTED, f"{name} is not among the opening days of the source", cell)
