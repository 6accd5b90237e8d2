"""Numbers as English and German text write them: digits with marks, fractions, and spelled-out words."""

from __future__ import annotations

import re
from typing import NamedTuple

from parsers.values.units import MULTIPLIER_WORDS, NUMBER_WORDS

SPACES = " \u00a0\u202f\u2009"
_NUMBER = re.compile(
    r"(?P<en>[0-9]{1,3}(?:,[0-9]{3}){1,5}(?![0-9])(?:\.[0-9]{1,15}(?![0-9]))?)"
    r"|(?P<de>[1-9][0-9]{0,2}(?:\.[0-9]{3}){1,5}(?![0-9])(?:,[0-9]{1,15}(?![0-9]))?)"
    rf"|(?P<spaced>[1-9][0-9]{{0,2}}(?:[{SPACES}][0-9]{{3}}){{1,5}}(?![0-9])(?:[.,][0-9]{{1,15}}(?![0-9]))?)"
    r"|(?P<ticked>[1-9][0-9]{0,2}(?:['’][0-9]{3}){1,5}(?![0-9])(?:[.,][0-9]{1,15}(?![0-9]))?)"
    r"|(?P<dot>[0-9]{1,18}\.[0-9]{1,15}(?![0-9])(?:[eE][+-]?[0-9]{1,2}(?![0-9A-Za-z]))?)"
    r"|(?P<comma>[0-9]{1,18},[0-9]{1,2}(?![0-9])|0,[0-9]{3,15}(?![0-9]))"
    r"|(?P<plain>[0-9]{1,18}(?![0-9])(?:[eE][+-]?[0-9]{1,2}(?![0-9A-Za-z]))?)"
)
_FRACTION = re.compile(r"(?:([0-9]{1,4}) )?([0-9]{1,3})/([0-9]{1,3})(?![0-9/])")
_VULGAR = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 0.125, "⅜": 0.375, "⅝": 0.625, "⅞": 0.875}
_WORD_STEP = re.compile(r"(?: and | und |[ -])([^\W\d_]{2,24})")
_NUMBER_WORD = re.compile(r"[^\W\d_]{2,40}")
_DIGITS = re.compile(r"[0-9]*")


class NumberMatch(NamedTuple):
    """A number without its unit: value and half-width per reading, and what its format says about the document."""

    end: int
    readings: tuple[tuple[float, float], ...]
    style: str  # 'en', 'de', '' when the format does not tell, '?' when it has both readings (English one first)
    integer: bool
    spelled: bool = False


def _decimal(written: str, separator: str) -> tuple[float, float]:
    """Value and half-width of a number whose decimal separator is ``separator`` and whose other marks are groups."""
    mantissa, _, exponent = written.replace("E", "e").partition("e")
    whole, _, fraction = mantissa.partition(separator)
    digits = re.sub("[^0-9]", "", whole)
    power = int(exponent) if exponent else 0
    value = float(f"{digits}.{fraction or '0'}e{power}")
    half = 0.5 * 10.0 ** (power - len(fraction)) if fraction or power > 0 else 0.0
    return value, half


def match_number(text: str, position: int) -> NumberMatch | None:
    """The number that begins at ``position`` (a digit, a vulgar fraction or a number word), or None."""
    character = text[position]
    if character in _VULGAR:
        return NumberMatch(position + 1, ((_VULGAR[character], 0.005),), "", integer=False)
    if not "0" <= character <= "9":
        return _match_words(text, position)
    fraction = _FRACTION.match(text, position)
    if fraction and (denominator := int(fraction[3])):
        value = int(fraction[1] or 0) + int(fraction[2]) / denominator
        return NumberMatch(fraction.end(), ((value, 0.005),), "", integer=False)
    found = _NUMBER.match(text, position)
    if found is None:
        return None
    kind, written, end = found.lastgroup, found.group(), found.end()
    if kind == "plain":
        if end < len(text) and text[end] in _VULGAR:
            return NumberMatch(end + 1, ((float(written) + _VULGAR[text[end]], 0.005),), "", integer=False)
        return NumberMatch(end, (_decimal(written, "."),), "", integer="e" not in written.lower())
    return _read_marked(kind, written, end)


def _read_marked(kind: str | None, written: str, end: int) -> NumberMatch:
    if kind == "dot":
        return NumberMatch(end, (_decimal(written, "."),), "" if written.endswith("000") else "en", integer=False)
    if kind == "comma":
        return NumberMatch(end, (_decimal(written, ","),), "de", integer=False)
    if kind in ("spaced", "ticked"):
        style = "de" if "," in written else "en" if "." in written else ""
        return NumberMatch(end, (_decimal(written, "," if style == "de" else "."),), style, integer=not style)
    if written.count(",") + written.count(".") == 1:
        return NumberMatch(end, (_decimal(written, "."), _decimal(written, ",")), "?", integer=True)
    decimals = "," in written and "." in written
    return NumberMatch(end, (_decimal(written, "." if kind == "en" else ","),), str(kind), integer=not decimals)


def _match_words(text: str, position: int) -> NumberMatch | None:
    """A spelled-out number: 'two hundred and five thousand', 'twenty-one', 'dreiundzwanzig'."""
    found = _NUMBER_WORD.match(text, position)
    if found is None or (value := NUMBER_WORDS.get(found.group().lower())) is None:
        return None
    total, current, end, exact = 0, value, found.end(), True
    for _ in range(8):
        step = _WORD_STEP.match(text, end)
        word = step[1].lower() if step else ""
        if step and (multiplier := MULTIPLIER_WORDS.get(word)):
            exact = exact and multiplier < 1_000_000
            if multiplier == 100:
                current *= 100
            else:
                total, current = total + current * multiplier, 0
        elif step and (more := NUMBER_WORDS.get(word)) is not None and _continues(current, more, text[step.start()]):
            current += more
        else:
            break
        end = step.end()
    number = float(total + current)
    half = 0.0 if exact else 0.5 * last_place(number)
    return NumberMatch(end, ((number, half),), "", integer=exact, spelled=True)


def _continues(current: int, more: int, joint: str) -> bool:
    if current and current % 100 == 0:
        return more < 100
    return joint == "-" and 20 <= current <= 90 and current % 10 == 0 and 0 < more < 10


def last_place(value: float) -> float:
    """Place value of the last non-zero digit of an integer: 3,700,000 has 100,000."""
    digits = f"{abs(value):.0f}"
    return 10.0 ** (len(digits) - len(digits.rstrip("0"))) if value else 1.0


def skip_digits(text: str, start: int) -> int:
    """End of the digit run that begins at ``start``."""
    found = _DIGITS.match(text, start)
    return found.end() if found else start
