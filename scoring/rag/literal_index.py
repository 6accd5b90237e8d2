"""Premise literals, searchable by value and by the words around them. Every look-up is bounded, whatever the texts hold."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from parsers.values.dates import DateValue, TimeValue, date_supports
from parsers.values.literals import Literal
from parsers.values.types import Quantity
from parsers.values.units import CURRENCY, NUMBER, RATIO, from_base, same_currency, to_base

_CUE_CHARACTERS = 48
_MAX_RIVALS = 32
_MAX_RIVAL_SEARCHES = 256
_LEAST_SHARED = 4
_WORDS = re.compile(r"[^\W\d_]{3,24}")
_STOP = frozenset(
    "the and for with that this from was were are has have had been its their his her than into over about which who not but "
    "all any more most per each also between after before during under around nearly approximately only just said will would "
    "can could may der die das und für mit von aus dem den des ein eine einen einer ist sind war waren hat haben nach vor bei "
    "auf über rund etwa one two three four five six seven eight nine ten review stars date text".split()
)


class _Values:
    """Distinct numbers in order, each with the first place it stands at."""

    def __init__(self) -> None:
        self._first: dict[float, int] = {}
        self._order: list[float] | None = None

    def add(self, value: float, place: int) -> None:
        self._first.setdefault(value, place)
        self._order = None

    def find(self, value: float, tolerance: float) -> int | None:
        """Place of a number equal to ``value`` up to floating point, or strictly closer than ``tolerance``.

        Half a digit away already rounds to another number, so the bound itself is outside.
        """
        if self._order is None:
            self._order = sorted(self._first)
        exact = 1e-9 * abs(value)
        reach = max(exact, tolerance * (1 - 1e-9))
        position = bisect_left(self._order, value - reach)
        while position < len(self._order) and self._order[position] <= value + reach:
            difference = abs(self._order[position] - value)
            if difference <= exact or difference < tolerance * (1 - 1e-9):
                return self._first[self._order[position]]
            position += 1
        return None


def _scale(unit: str) -> float:
    return abs(to_base(1.0, unit) - to_base(0.0, unit)) or 1.0


def _tolerance(claim: Quantity) -> float:
    return claim.precision * 2 if claim.approximate else claim.precision


def quantity_supports(claim: Quantity, premise: Quantity) -> bool:
    """Whether two quantities of one dimension agree within the claim's written precision (in base units)."""
    if claim.dimension != premise.dimension:
        return False
    if claim.dimension == CURRENCY and not same_currency(claim.unit, premise.unit):
        return False
    values = _Values()
    values.add(premise.value, 0)
    return values.find(claim.value, _unit_tolerance(claim, premise.unit)) is not None


def _unit_tolerance(claim: Quantity, unit: str) -> float:
    """The claim's precision; between units, at least half of its last integer digit."""
    if unit == claim.unit or claim.dimension == CURRENCY:
        return _tolerance(claim)
    return max(_tolerance(claim), 0.5 * _scale(claim.unit))


class LiteralIndex:
    """Premise literals of several texts. Building is O(n log n), a look-up O(log n) in the number of literals.

    Rivals (same kind, same words, another value) are searched for the first ``_MAX_RIVAL_SEARCHES`` literals without support;
    the ones after them stay ``missing``.
    """

    def __init__(self, premises: Sequence[Sequence[Literal]]) -> None:
        self.places: list[tuple[int, Literal]] = [
            (index, one) for index, literals in enumerate(premises) for one in literals
        ]
        self._texts: dict[str, int] = {}
        self._dates: dict[tuple[object, ...], int] = {}
        self._times: dict[int, int] = {}
        self._by_unit: dict[str, dict[str, _Values]] = {}
        self._written = _Values()
        self._rivals: dict[tuple[str, str], list[int]] | None = None
        self._searches_left = _MAX_RIVAL_SEARCHES
        for place, (_, literal) in enumerate(self.places):
            self._texts.setdefault(f"{literal.kind}:{_key(literal.text)}", place)
            for value in literal.values:
                self._add(value, place)

    def _add(self, value: Quantity | DateValue | TimeValue | str, place: int) -> None:
        if isinstance(value, Quantity):
            self._by_unit.setdefault(value.dimension, {}).setdefault(value.unit, _Values()).add(value.value, place)
            self._written.add(from_base(value.value, value.unit), place)
        elif isinstance(value, DateValue):
            for key in _date_keys(value):
                self._dates.setdefault(key, place)
        elif isinstance(value, TimeValue):
            self._times.setdefault(value.minute, place)
        else:
            self._texts.setdefault(value, place)

    def find(self, claim: Literal) -> int | None:
        """Place of a premise literal that supports ``claim``, or None."""
        place = self._texts.get(f"{claim.kind}:{_key(claim.text)}")
        for value in claim.values:
            if place is not None:
                break
            if isinstance(value, Quantity):
                place = self._find_quantity(value)
            elif isinstance(value, DateValue):
                place = self._find_date(value)
            elif isinstance(value, TimeValue):
                place = self._times.get(value.minute)
            else:
                place = self._texts.get(value)
        return place

    def _find_quantity(self, claim: Quantity) -> int | None:
        for unit, values in self._by_unit.get(claim.dimension, {}).items():
            if claim.dimension == CURRENCY and not same_currency(claim.unit, unit):
                continue
            place = values.find(claim.value, _unit_tolerance(claim, unit))
            if place is not None:
                return place
        written = from_base(claim.value, claim.unit)
        half = _tolerance(claim) / _scale(claim.unit)
        if claim.dimension == NUMBER:
            place = self._written.find(written, half)
            return self._find_in(RATIO, claim.value, _tolerance(claim)) if place is None else place
        place = self._find_in(NUMBER, written, half)
        if place is None and claim.dimension == RATIO:
            place = self._find_in(NUMBER, claim.value, _tolerance(claim))
        return place

    def _find_in(self, dimension: str, value: float, tolerance: float) -> int | None:
        for values in self._by_unit.get(dimension, {}).values():
            place = values.find(value, tolerance)
            if place is not None:
                return place
        return None

    def _find_date(self, claim: DateValue) -> int | None:
        place = self._dates.get(_date_key(claim))
        if place is not None or not (claim.year and claim.day):
            return place
        # '5 March' in one sentence and '2024' in another say '5 March 2024' together.
        day = self._dates.get(("day without year", claim.month, claim.day))
        return day if ("year alone", claim.year) in self._dates else None

    def find_rival(self, claim: Literal) -> int | None:
        """The one premise literal in the claim's place: same kind, same word after it, shared words around it; or None."""
        if self._searches_left <= 0:
            return None
        self._searches_left -= 1
        if self._rivals is None:
            self._rivals = {}
            for place, (_, literal) in enumerate(self.places):
                self._rivals.setdefault((_species(literal), head_word(literal)), []).append(place)
        head, around = head_word(claim), _around(claim)
        best, best_shared, tied = None, _LEAST_SHARED - 1, False
        for place in self._rivals.get((_species(claim), head), ())[:_MAX_RIVALS]:
            shared = len(around & _around(self.places[place][1])) + (2 if head else 0)
            if shared >= best_shared:
                best, best_shared, tied = place, shared, shared == best_shared
        return best if best_shared >= _LEAST_SHARED and not tied else None


def _key(text: str) -> str:
    return text.strip().lower()


def _date_key(claim: DateValue) -> tuple[object, ...]:
    if claim.decade is not None:
        return ("decade", claim.decade)
    if claim.quarter is not None:
        return ("quarter", claim.year, claim.quarter)
    return (claim.year, claim.month, claim.day)


def _date_keys(premise: DateValue) -> set[tuple[object, ...]]:
    """Keys of every claim that ``premise`` supports (:func:`parsers.values.dates.date_supports`)."""
    year, month, day = premise.year, premise.month, premise.day
    candidates = [DateValue(y, m, d) for y in {year, None} for m in {month, None} for d in {day, None}]
    if year is not None:
        candidates.append(DateValue(decade=year - year % 10))
    if premise.decade is not None:
        candidates.append(DateValue(decade=premise.decade))
    quarter = premise.quarter if month is None else (month + 2) // 3
    if quarter is not None:
        candidates += [DateValue(year, quarter=quarter), DateValue(quarter=quarter)]
    keys = {_date_key(claim) for claim in candidates if claim != DateValue() and date_supports(claim, premise)}
    if year is None and day is not None:
        keys.add(("day without year", month, day))
    if year is not None and month is None:
        keys.add(("year alone", year))
    return keys


def _species(literal: Literal) -> str:
    """Kind and dimension: only literals of one species can stand for each other."""
    first = literal.values[0]
    return f"{literal.kind}:{first.dimension}" if isinstance(first, Quantity) else str(literal.kind)


def head_word(literal: Literal) -> str:
    """Stem of the word right after a literal, '' when there is none or it says nothing."""
    end = literal.span[1]
    follow = _WORDS.search(literal.source, end, end + 28)
    word = _stem(follow.group()) if follow and follow.start() <= end + 2 else ""
    return "" if word in _STOP else word


def _around(literal: Literal) -> frozenset[str]:
    start, end = literal.span
    return _cue_words(
        literal.source[max(0, start - _CUE_CHARACTERS) : start], literal.source[end : end + _CUE_CHARACTERS]
    )


@lru_cache(maxsize=4096)
def _cue_words(before: str, after: str) -> frozenset[str]:
    words = _WORDS.findall(before) + _WORDS.findall(after)
    return frozenset(_stem(word) for word in words if word.lower() not in _STOP)


def _stem(word: str) -> str:
    lowered = word.lower()
    return lowered[:-1] if lowered.endswith("s") and len(lowered) > 3 else lowered
