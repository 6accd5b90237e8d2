"""Dates and times of English and German text, as far as they are written: a day, a month, a year, a clock time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class DateValue:
    """A calendar date with the parts that were written; ``decade`` is its first year (1990 for the 1990s)."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    quarter: int | None = None
    decade: int | None = None


@dataclass(frozen=True, slots=True)
class TimeValue:
    """A clock time as minutes after midnight, 0–1439."""

    minute: int


class DateMatch(NamedTuple):
    """Dates or times found at a position, one for each reading."""

    end: int
    values: tuple[DateValue, ...] | tuple[TimeValue, ...]


def _months() -> dict[str, int]:
    names = (
        "january jan januar jänner|february feb februar|march mar märz mrz maerz|april apr|may mai|june jun juni|"
        "july jul juli|august aug|september sep sept|october oct oktober okt|november nov|december dec dezember dez"
    )
    return {name: number for number, group in enumerate(names.split("|"), start=1) for name in group.split()}


MONTHS = _months()
_MONTH_WORD = r"(?P<month>[^\W\d_]{3,9})\.?"
_YEAR = r"(?P<year>(?:1[0-9]|20|21)[0-9]{2})(?![0-9])"
_END = r"(?![0-9])"
_ISO = re.compile(rf"(?P<year>[0-9]{{4}})(?P<mark>[-/.])(?P<month>[0-9]{{1,2}})(?P=mark)(?P<day>[0-9]{{1,2}}){_END}")
_ISO_MONTH = re.compile(r"(?P<year>(?:1[5-9]|20)[0-9]{2})-(?P<month>0[1-9]|1[0-2])(?![0-9-])")
_DOTTED = re.compile(
    r"(?P<day>[0-9]{1,2})\. ?(?P<month>[0-9]{1,2})\.(?: ?(?P<year>(?:1[0-9]|20)[0-9]{2}|[0-9]{2})(?![0-9.]))?(?![0-9])"
)
_SLASHED = re.compile(
    r"(?P<first>[0-9]{1,2})(?P<mark>[/-])(?P<second>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4}|[0-9]{2})(?![0-9/-])"
)
_DAY_MONTH = re.compile(
    rf"(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th|\.)?[ -](?:of )?{_MONTH_WORD}(?:,?[ -]{_YEAR})?", re.IGNORECASE
)
_MONTH_DAY = re.compile(
    rf"{_MONTH_WORD} (?:the )?(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?![0-9:%]|[.,][0-9])(?:,? {_YEAR})?", re.IGNORECASE
)
_MONTH_YEAR = re.compile(rf"{_MONTH_WORD},? (?:of )?{_YEAR}", re.IGNORECASE)
_QUARTER = re.compile(
    r"(?:Q(?P<q>[1-4])(?:[ /-]?(?P<year>(?:19|20)[0-9]{2}))?"
    r"|(?P<q2>[1-4])\. ?Quartal(?: (?P<year2>(?:19|20)[0-9]{2}))?)(?![^\W_])"
)
_YEAR_QUARTER = re.compile(r"(?P<year>(?:19|20)[0-9]{2})[ -]?Q(?P<q>[1-4])(?![^\W_])")
_DECADE = re.compile(r"(?P<year>(?:1[5-9]|20)[0-9]0)(?:['’]?s|er)(?![^\W_])")
_PLAIN_YEAR = re.compile(r"(?:1[5-9]|20)[0-9]{2}(?![0-9]|[.,][0-9]|[^\W_]|[-/][0-9]{2}(?![0-9])|%|[ ]?[€$£])")
_CLOCK = re.compile(
    r"(?P<hour>2[0-4]|[01]?[0-9])(?![0-9])(?::(?P<minute>[0-5][0-9]|0)(?::[0-5]?[0-9](?:[.,][0-9]{1,6})?)?(?![0-9:]))?"
    r"(?P<suffix> ?(?:[ap]\.?m\b\.?|Uhr\b|o['’]clock\b))?",
    re.IGNORECASE,
)
_DOTTED_CLOCK = re.compile(
    r"(?P<hour>2[0-4]|[01]?[0-9])(?![0-9])\.(?P<minute>[0-5][0-9])(?P<suffix> (?:Uhr|[ap]\.?m\b\.?))"
)
_NAMED_TIMES = {"noon": 720, "midnight": 0, "mitternacht": 0}
_LONGEST_MONTH = max(map(len, MONTHS))


def match_date_at_digit(text: str, position: int) -> DateMatch | None:
    """The date whose digits begin at ``position``; ``03/05/2024`` gives both readings, day and month first."""
    for matcher in (_match_iso, _match_slashed, _match_day_month, _match_dotted):
        if found := matcher(text, position):
            return found
    if found_quarter := _YEAR_QUARTER.match(text, position) or _QUARTER.match(text, position):
        return _quarter(found_quarter)
    if decade := _DECADE.match(text, position):
        return DateMatch(decade.end(), (DateValue(decade=int(decade["year"])),))
    if year := _PLAIN_YEAR.match(text, position):
        return DateMatch(year.end(), (DateValue(int(year.group())),))
    return None


def match_date_at_word(text: str, position: int, word: str) -> DateMatch | None:
    """The date that begins with a month's name ('March 5th, 2024', 'März 2024'), or a quarter ('Q1 2024')."""
    if found := _QUARTER.match(text, position):
        return _quarter(found)
    month = MONTHS.get(word.lower()) if len(word) <= _LONGEST_MONTH else None
    if month is None:
        return None
    if month_day := _MONTH_DAY.match(text, position):
        day = int(month_day["day"])
        if 1 <= day <= 31:
            return DateMatch(month_day.end(), (DateValue(_year(month_day["year"]), month, day),))
    if month_year := _MONTH_YEAR.match(text, position):
        return DateMatch(month_year.end(), (DateValue(_year(month_year["year"]), month),))
    return None


def match_time(text: str, position: int) -> DateMatch | None:
    """The clock time at ``position``: 14:30, 2 pm, 14.30 Uhr. Without am or pm, an hour up to 12 has two readings."""
    found = _DOTTED_CLOCK.match(text, position) or _CLOCK.match(text, position)
    if found is None or (found["minute"] is None and not found["suffix"]):
        return None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    suffix = (found["suffix"] or "").strip().lower().replace(".", "")
    if suffix in ("am", "pm"):
        hours: tuple[int, ...] = (hour % 12 + (12 if suffix == "pm" else 0),) if 1 <= hour <= 12 else (hour % 24,)
    elif suffix.startswith("o") or (not suffix and 1 <= hour <= 12 and len(found["hour"]) < 3):
        hours = (hour, (hour + 12) % 24)
    else:
        hours = (hour % 24,)
    return DateMatch(found.end(), tuple(TimeValue((h % 24) * 60 + minute) for h in hours))


def named_time(word: str) -> TimeValue | None:
    """Noon and midnight."""
    minute = _NAMED_TIMES.get(word)
    return None if minute is None else TimeValue(minute)


def _match_iso(text: str, position: int) -> DateMatch | None:
    if found := _ISO.match(text, position):
        return _checked(found.end(), ((_year(found["year"]), int(found["month"]), int(found["day"])),))
    if found := _ISO_MONTH.match(text, position):
        return DateMatch(found.end(), (DateValue(_year(found["year"]), int(found["month"])),))
    return None


def _match_slashed(text: str, position: int) -> DateMatch | None:
    found = _SLASHED.match(text, position)
    if found is None:
        return None
    first, second, year = int(found["first"]), int(found["second"]), _year(found["year"])
    readings = ((year, first, second), (year, second, first))
    return _checked(found.end(), readings[:1] if first == second else readings)


def _match_dotted(text: str, position: int) -> DateMatch | None:
    found = _DOTTED.match(text, position)
    if found is None:
        return None
    return _checked(found.end(), ((_year(found["year"]), int(found["month"]), int(found["day"])),))


def _match_day_month(text: str, position: int) -> DateMatch | None:
    found = _DAY_MONTH.match(text, position)
    month = MONTHS.get(found["month"].lower()) if found else None
    if found is None or month is None:
        return None
    return _checked(found.end(), ((_year(found["year"]), month, int(found["day"])),))


def _checked(end: int, readings: tuple[tuple[int | None, int, int], ...]) -> DateMatch | None:
    values = tuple(DateValue(year, month, day) for year, month, day in readings if 1 <= month <= 12 and 1 <= day <= 31)
    return DateMatch(end, values) if values else None


def _quarter(found: re.Match[str]) -> DateMatch:
    groups = found.groupdict()
    year = groups.get("year") or groups.get("year2")
    return DateMatch(found.end(), (DateValue(_year(year), quarter=int(groups.get("q") or groups.get("q2") or 0)),))


def _year(written: str | None) -> int | None:
    """Four digits as they are; two digits as 1970–2069."""
    if not written:
        return None
    year = int(written)
    return year if len(written) > 2 else year + (1900 if year >= 70 else 2000)


def date_supports(claim: DateValue, premise: DateValue) -> bool:
    """Whether ``premise`` states everything that ``claim`` states: 2024-03-05 supports '5 March', 'March 2024', '2024'."""
    if claim.decade is not None:
        known = premise.decade if premise.year is None else premise.year - premise.year % 10
        return known == claim.decade
    if claim.quarter is not None:
        known = premise.quarter if premise.month is None else (premise.month + 2) // 3
        return known == claim.quarter and claim.year in (None, premise.year)
    pairs = ((claim.year, premise.year), (claim.month, premise.month), (claim.day, premise.day))
    return all(stated is None or stated == known for stated, known in pairs)
