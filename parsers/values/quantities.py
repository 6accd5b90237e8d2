"""Quantities of English and German text: numbers in their formats, scales, units, currencies, signs and ranges.

``1.234`` and ``1,234`` can be a grouped integer or a decimal. When the rest of the document writes only one style
("3,5" and "12.000,00" or "3.5" and "12,000.00"), that style decides; otherwise both readings are returned, as two
:class:`Quantity` values with the same span. A unit with two meanings ("5 m", "10 pounds") gives one value for each.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from parsers.values.numbers import SPACES, last_place, match_number, skip_digits
from parsers.values.types import Quantity
from parsers.values.units import (
    CURRENCY_ALIASES,
    NUMBER,
    NUMBER_WORDS,
    SCALE_LETTERS,
    SCALES,
    UNITS,
    Unit,
    lookup_unit,
)

_ORDINAL = re.compile(r"(?:st|nd|rd|th)(?![^\W_])")
_WORD = re.compile(
    rf"(?P<gap>[{SPACES}]|-)?(?P<word>[^\W\d_]{{1,24}}(?![^\W\d_])(?:[²³23](?![0-9]))?(?:/(?:h|s|min)(?![^\W\d_]))?"
    r"|°[CF](?![^\W\d_])|[%‰€£¥₹₩¢′″℃℉°]|\$)"
)
_PHRASE = re.compile(r"[^\W\d_.]{1,24}(?:[ -][^\W\d_]{1,24}){1,2}")
_PHRASE_HEADS = frozenset(alias.split()[0].split("-")[0] for alias in UNITS if " " in alias or "-" in alias)
_RANGE = re.compile(rf"[{SPACES}]?(?:-|–|—|to|bis|till|and|und)[{SPACES}]?(?=[0-9$€£¥])")
_BETWEEN = re.compile(r"(?:between|zwischen)[^\n]{0,4}$", re.IGNORECASE)
_PREFIX_CURRENCY = re.compile(
    rf"(?:(?<![^\W_])(?:US\$|A\$|AU\$|C\$|CA\$|HK\$|R\$|USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|CAD|AUD|SEK|KRW|BRL|HKD|Rs\.?)"
    rf"|[$€£¥₹₩])[{SPACES}]?$"
)
_CURRENCY_TAILS = frozenset("$€£¥₹₩DRPFYBNKLs.")
_MINUS = frozenset("-−–")
_APPROXIMATE = frozenset(
    "about around approximately approx roughly nearly almost over under some circa ca etwa rund ungefähr fast knapp "
    "über unter gut upwards than least most als up bis".split()
)
_METRE_OR_MILLION = (*lookup_unit("m"), Unit(NUMBER, 1e6, 0.0, ""))
_SCALE_STOPS = (". ", ".\u00a0")
_APPROXIMATE_MARKS = frozenset("~≈")


class QuantityMatch(NamedTuple):
    """A quantity found at a position, all its readings; ``ordinal`` for 1st, 2nd, 3rd."""

    start: int
    end: int
    quantities: tuple[Quantity, ...]
    style: str
    spelled: bool = False
    ordinal: bool = False


class _Suffix(NamedTuple):
    end: int
    scale: float
    units: tuple[Unit, ...]


def _match_suffix(text: str, end: int, *, currency: bool) -> _Suffix:
    """Scale and unit after a number: '5 million dollars', '12k', '3,5 Mio. €', '40 square miles'."""
    found = _WORD.match(text, end)
    if found is None:
        return _Suffix(end, 1.0, ())
    word, touches = found["word"], not found["gap"]
    if word == "m" and touches and not currency:
        return _Suffix(found.end(), 1.0, _METRE_OR_MILLION)
    scale, position = _scale(word, touches=touches, currency=currency), end
    if scale != 1.0:
        position = found.end()
        if len(word) <= 4 and text[position : position + 2] in _SCALE_STOPS:
            position += 1
        found = _WORD.match(text, position)
        if found is None:
            return _Suffix(position, scale, ())
    unit_end, units = _match_unit(text, found)
    return _Suffix(unit_end, scale, units) if units else _Suffix(position, scale, ())


def _scale(word: str, *, touches: bool, currency: bool) -> float:
    """Factor of a scale word; a lone letter scales only when it touches the digits or follows a currency."""
    lowered = word.lower()
    if lowered in SCALE_LETTERS and not (touches or (currency and lowered != "k")):
        return 1.0
    if lowered == "mm" and not currency:
        return 1.0
    return SCALES.get(lowered, 1.0)


def _match_unit(text: str, found: re.Match[str]) -> tuple[int, tuple[Unit, ...]]:
    word, start = found["word"], found.start("word")
    if word.lower() in _PHRASE_HEADS and (phrase := _PHRASE.match(text, start)):
        parts = phrase.group().lower().replace("-", " ").split(" ")
        for count in (3, 2):
            if len(parts) >= count and (units := UNITS.get(" ".join(parts[:count]))):
                return start + len(" ".join(parts[:count])), units
    if found["gap"] == "-" and len(word) < 2:
        return found.end(), ()
    return found.end(), lookup_unit(word)


def _look_back(text: str, position: int) -> tuple[int, int, tuple[Unit, ...], bool]:
    """Start, sign, currency and approximation before a number: '-$5', '$(5', '~5', 'about 5', 'minus 5'."""
    start, sign = position, 1
    units: tuple[Unit, ...] = ()
    if start and text[start - 1] in _MINUS:
        start, sign = _signed(text, start)
    if start and text[start - 1] == "(" and start > 1 and text[start - 2] in "$€£":
        start, sign = start - 1, -1
    if start and (text[start - 1] in _CURRENCY_TAILS or text[start - 1] in SPACES):
        found = _PREFIX_CURRENCY.search(text, max(0, start - 6), start)
        if found:
            alias = found.group().strip(SPACES).rstrip(".").lower()
            units, start = CURRENCY_ALIASES.get(alias, ()), found.start()
            if start and text[start - 1] in _MINUS:
                start, sign = _signed(text, start)
    if start and text[start - 1] in _APPROXIMATE_MARKS:
        return start, sign, units, True
    before = text[max(0, start - 24) : start].split()
    word = before[-1].rstrip(".(").lower() if before else ""
    if word == "minus":
        return start, -1, units, False
    return start, sign, units, word in _APPROXIMATE


def _signed(text: str, start: int) -> tuple[int, int]:
    """A minus counts as sign only after a space, an opening bracket or nothing; else it joins words or a range."""
    before = text[start - 2] if start > 1 else " "
    return (start - 1, -1) if before in " \t\n\r(:,;=|>\"'\u00a0" else (start, 1)


def match_quantity(text: str, position: int) -> QuantityMatch | None:
    """The quantity whose number begins at ``position``, with sign and currency before it, scale and unit after it."""
    number = match_number(text, position)
    if number is None:
        return None
    start, sign, prefix, approximate = _look_back(text, position)
    ordinal = _ORDINAL.match(text, number.end) if number.integer and not prefix else None
    if ordinal:
        nth = Quantity(text[position : ordinal.end()], (position, ordinal.end()), number.readings[0][0], NUMBER, "")
        return QuantityMatch(position, ordinal.end(), (nth,), number.style, ordinal=True)
    suffix = _match_suffix(text, number.end, currency=bool(prefix))
    end = suffix.end
    if suffix == (number.end, 1.0, ()) and not number.spelled:
        suffix = _inherit(text, start, number.end, currency=bool(prefix))
    if prefix and text[end : end + 1] == ")":  # accounting negatives: (€500) and $(500)
        if "(" in text[start:position]:
            end += 1
        elif text[start - 1 : start] == "(":
            start, end, sign = start - 1, end + 1, -1
    units = prefix or suffix.units or (Unit(NUMBER, 1.0, 0.0, ""),)
    span, written = (start, end), text[start:end]
    quantities = []
    for value, half in number.readings:
        for unit in units:
            half_width = half
            if approximate and not half:
                half_width = 0.5 * last_place(value)
            elif suffix.scale > 1 and not half:
                half_width = 0.5
            scaled = sign * value * suffix.scale
            base, precision = scaled * unit.factor + unit.offset, half_width * suffix.scale * unit.factor
            quantities.append(Quantity(written, span, base, unit.dimension, unit.canonical, precision, approximate))
    return QuantityMatch(start, end, tuple(quantities), number.style, spelled=number.spelled)


def _inherit(text: str, start: int, end: int, *, currency: bool) -> _Suffix:
    """In '5–10 km' and 'between 5 and 10 percent' the first number takes scale and unit of the second."""
    nothing = _Suffix(end, 1.0, ())
    link = _RANGE.match(text, end)
    if link is None:
        return nothing
    if "nd" in link.group() and not _BETWEEN.search(text, max(0, start - 16), start):
        return nothing
    position = link.end()
    if text[position] in "$€£¥":
        position += 1
    second = match_number(text, position) if position < len(text) else None
    if second is None:
        return nothing
    suffix = _match_suffix(text, second.end, currency=currency)
    return suffix if suffix.scale != 1.0 or suffix.units else nothing


def resolve_style(matches: list[QuantityMatch]) -> list[QuantityMatch]:
    """Settle the ambiguous formats by the rest of the document when it writes in one style only."""
    styles = {match.style for match in matches}
    if "?" not in styles or ("en" in styles) == ("de" in styles):
        return matches
    english = "en" in styles
    return [_settle(match, english=english) if match.style == "?" else match for match in matches]


def _settle(match: QuantityMatch, *, english: bool) -> QuantityMatch:
    """Keep the reading of ``1,234`` / ``1.234`` in which ',' or '.' has the role the document's style gives it."""
    half = len(match.quantities) // 2
    kept = match.quantities[:half] if english else match.quantities[half:]
    return match._replace(quantities=kept or match.quantities)


_ANCHOR = re.compile(r"[0-9½¼¾⅓⅔⅛⅜⅝⅞]|[^\W\d_]+")


def extract_quantities(text: str) -> tuple[Quantity, ...]:
    """All quantities of ``text`` in reading order; ambiguous ones as several values with one span.

    Linear in the text: each number is read once from its first digit. Digit runs longer than 18 are no quantities.
    """
    matches: list[QuantityMatch] = []
    position = 0
    while anchor := _ANCHOR.search(text, position):
        position, token = anchor.end(), anchor.group()
        if token[0].isalpha() and token.lower() not in NUMBER_WORDS:
            continue
        start = anchor.start()
        if not token[0].isalpha() and start and text[start - 1].isalpha() and text[start - 1] not in _CURRENCY_TAILS:
            position = skip_digits(text, start)
            continue
        found = match_quantity(text, start)
        if found is None:
            position = max(position, skip_digits(text, start))
            continue
        matches.append(found)
        position = max(found.end, position)
    return tuple(quantity for match in resolve_style(matches) for quantity in match.quantities)


def parse_quantity(text: str) -> tuple[Quantity, ...]:
    """Readings of a cell that is one quantity and nothing else ('(1,234)' is negative there), else empty."""
    stripped = text.strip()
    negative = len(stripped) > 2 and stripped[0] == "(" and stripped[-1] == ")" and stripped[1] in "0123456789$€£"
    if negative:
        stripped = stripped[1:-1]
    if not stripped or len(stripped) > 80:
        return ()
    anchor = _ANCHOR.search(stripped)
    found = match_quantity(stripped, anchor.start()) if anchor else None
    if found is None or found.ordinal or stripped[: found.start].strip("+~≈ ") or stripped[found.end :].strip(" ."):
        return ()
    offset = text.index(stripped)
    sign = -1.0 if negative else 1.0
    return tuple(
        Quantity(
            q.text,
            (q.span[0] + offset, q.span[1] + offset),
            sign * q.value,
            q.dimension,
            q.unit,
            q.precision,
            q.approximate,
        )
        for q in found.quantities
    )


__all__ = ["QuantityMatch", "extract_quantities", "match_quantity", "parse_quantity", "resolve_style"]
