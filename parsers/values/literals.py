"""Literals of a text: dates, times, numbers, quantities, currencies, percentages, identifiers and addresses.

One pass over the words, constant work at each: linear in the text whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from parsers.values.dates import (
    MONTHS,
    DateMatch,
    DateValue,
    TimeValue,
    match_date_at_digit,
    match_date_at_word,
    match_time,
    named_time,
)
from parsers.values.markup import Decoded, decode_references, has_references
from parsers.values.numbers import skip_digits
from parsers.values.quantities import QuantityMatch, match_quantity, resolve_style
from parsers.values.types import Quantity, Span
from parsers.values.units import CURRENCY, CURRENCY_ALIASES, NUMBER, NUMBER_WORDS, RATIO, to_base

LiteralValue = Quantity | DateValue | TimeValue | str


class LiteralKind(StrEnum):
    """What a literal is."""

    DATE = "date"
    TIME = "time"
    NUMBER = "number"
    QUANTITY = "quantity"
    CURRENCY = "currency"
    PERCENTAGE = "percentage"
    IDENTIFIER = "identifier"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal and all its readings; ``source[start:end] == text``.

    ``values`` holds one value for each reading: '03/05/2024' has two dates, '2024' a year and a number. ``checkable`` is False
    where a number only counts or orders ('one of', '1st', a list's '1.'): such a literal supports others, but raises no alarm.
    """

    kind: LiteralKind
    text: str
    span: Span
    values: tuple[LiteralValue, ...]
    checkable: bool = True
    source: str = field(default="", repr=False, compare=False)


_KIND_OF_DIMENSION = {NUMBER: LiteralKind.NUMBER, RATIO: LiteralKind.PERCENTAGE, CURRENCY: LiteralKind.CURRENCY}
_TOKEN = re.compile(r"[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+|[½¼¾⅓⅔⅛⅜⅝⅞]")
"""Where a literal may begin: a word. Chinese and Japanese text parts no words: of "定員は120名" it is the number."""
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'`{}|\\^\[\]]{1,2000}", re.IGNORECASE)
_URL_TAIL = ".,;:!?)*_"
_EMAIL_LEFT = re.compile(r"[A-Za-z0-9._%+-]{1,64}$")
_EMAIL_RIGHT = re.compile(r"@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-zA-Z])")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_PHONE = re.compile(
    r"[0-9]{1,3}[ .-]\(?[0-9]{2,4}\)?[ .-][0-9]{3,4}[ .-]?[0-9]{3,4}(?![0-9])"
    r"|[0-9]{3}(?:\) ?|[.-])[0-9]{3}[ .-][0-9]{4}(?![0-9])"
    r"|0[0-9]{2,4}[ /-][0-9]{4,9}(?![0-9])"
)
_PHONE_PLUS = re.compile(r"[0-9]{1,3}(?:[ ()/.-]{0,2}[0-9]{2,5}){2,5}(?![0-9])")
_VERSION = re.compile(r"[vV]?[0-9]{1,6}(?:\.[0-9]{1,6}){2,4}(?:[-+][0-9A-Za-z.]{1,30})?(?![0-9])")
_V_VERSION = re.compile(r"[vV][0-9]{1,6}(?:\.[0-9]{1,6}){0,4}(?:[-+][0-9A-Za-z.]{1,30})?(?![0-9A-Za-z])")
_COMPOUND = re.compile(r"[A-Za-z0-9]{1,40}(?:[-_/][A-Za-z0-9]{1,40}){1,8}")
_MOST_COUNTED = 12
_IN_PARTS = frozenset({"duration", "length", "mass"})
_PART_GAP = re.compile(r"\s{0,2}(?:,|and|und|,\s?and)?\s{0,2}")
_LABEL = re.compile(
    r"\b(?:passages?|steps?|points?|options?|documents?|sources?|contexts?|schritte?|punkte?|quellen?|absatz)"
    r"(?: [0-9]{1,3}(?:,| and| und))? $",
    re.IGNORECASE,
)
_OWN_LENGTH = re.compile(
    r"[ -](?:words?|sentences?|bullet|steps|wörter[n]?|worte[n]?|sätze[n]?|schritte[n]?)\b", re.IGNORECASE
)
_SCALE_END = re.compile(r"(?:out of|von) $", re.IGNORECASE)
_ALWAYS = re.compile(r"(?:7|seven|sieben)[ -](?:days|tage) (?:a|per|die|pro|in der) (?:week|woche)\b", re.IGNORECASE)
_LIST_MARK = re.compile(r"[.)](?=\s|$)")
_LINE_HEAD = re.compile(r"(?:^|\n)(?:[^\S\n]|[>*#(-])*+$")
_NUMBER_AND_STOP = re.compile(r"[0-9]\.[0-9]\.")
_JOINTS = "-_/"
# Words that a hyphen joins to a plain number: mid-1990s, top-10.
_PREFIXES = frozenset(
    "mid pre post sub top non early late per under over anti ex and or to bis ab vor nach mitte anfang ende plus minus "
    "age aged about around".split()
)


def extract_literals(text: str) -> tuple[Literal, ...]:
    """Literals of ``text`` in reading order, without overlaps. Character references ("4&nbsp;200&nbsp;&euro;") are resolved."""
    if not has_references(text):
        return _joined_parts(_without_overlaps(list(_extract(text))))
    decoded = decode_references(text)
    return tuple(_written(one, text, decoded) for one in _joined_parts(_without_overlaps(list(_extract(decoded.text)))))


def _joined_parts(literals: tuple[Literal, ...]) -> tuple[Literal, ...]:
    """Quantities written in parts as one: "1 hour and 55 minutes", "6 ft 2 in", "5 lb 3 oz"."""
    joined: list[Literal] = []
    for literal in literals:
        before = joined[-1] if joined else None
        whole = None if before is None else _join_parts(before, literal)
        if whole is not None:
            joined[-1] = whole
        else:
            joined.append(literal)
    return tuple(joined)


def _join_parts(first: Literal, second: Literal) -> Literal | None:
    """Both as one quantity, where the second is the smaller part of the first."""
    text, one, two = first.source, first.values[0], second.values[0]
    if first.kind is not LiteralKind.QUANTITY or second.kind is not LiteralKind.QUANTITY:
        return None
    if not isinstance(one, Quantity) or not isinstance(two, Quantity) or one.dimension != two.dimension:
        return None
    between = text[first.span[1] : second.span[0]]
    scales = abs(to_base(1.0, one.unit)), abs(to_base(1.0, two.unit))
    if one.dimension not in _IN_PARTS or not _PART_GAP.fullmatch(between) or not scales[0] > scales[1] > 0:
        return None
    if two.value >= scales[0]:
        return None  # "1 hour, 90 minutes" is a list
    span = (first.span[0], second.span[1])
    value = Quantity(
        text[slice(*span)], span, one.value + two.value, one.dimension, two.unit, two.precision, one.approximate
    )
    return Literal(first.kind, text[slice(*span)], span, (value,), first.checkable or second.checkable, text)


def _written(literal: Literal, text: str, decoded: Decoded) -> Literal:
    """The literal at the characters of the text as written."""
    start, end = decoded.place(literal.span[0]), decoded.place(literal.span[1] - 1) + 1
    return replace(literal, text=text[start:end], span=(start, end), source=text)


def _extract(text: str) -> tuple[Literal, ...]:
    found: list[Literal | QuantityMatch] = []
    reserved = _addresses(text)
    position = 0
    for token in _TOKEN.finditer(text):
        start = token.start()
        if start < position:
            continue
        while reserved and reserved[0].span[0] <= start:
            address = reserved.pop(0)
            found.append(address)
            position = address.span[1]
        if start < position:
            continue
        word = token.group()
        one = _at_word(text, start, word) if word[0].isalpha() else _at_digit(text, start, token.end())
        if one is None:
            continue
        found.append(one)
        position = one.span[1] if isinstance(one, Literal) else one.end
    found.extend(reserved)
    return tuple(_finish(text, found))


def _finish(text: str, found: list[Literal | QuantityMatch]) -> Iterator[Literal]:
    settled = iter(resolve_style([match for match in found if isinstance(match, QuantityMatch)]))
    for one in found:
        yield one if isinstance(one, Literal) else _quantity_literal(text, next(settled))


def _quantity_literal(text: str, match: QuantityMatch) -> Literal:
    first = match.quantities[0]
    kind = _KIND_OF_DIMENSION.get(first.dimension, LiteralKind.QUANTITY)
    plain = first.dimension == NUMBER
    counts = match.ordinal or (plain and match.spelled and first.value == 1)
    if kind is LiteralKind.QUANTITY:
        counts = bool(_ALWAYS.match(text, match.start))
    if plain and not counts:
        counts = _only_counts(text, match)
    if plain and not counts and _LIST_MARK.match(text, match.end):
        counts = bool(_LINE_HEAD.search(text, max(0, match.start - 12), match.start))
    span = (match.start, match.end)
    return Literal(kind, text[match.start : match.end], span, match.quantities, not counts, text)


def _only_counts(text: str, match: QuantityMatch) -> bool:
    """Counts the writer made ('two guests'), labels ('step 7'), scales ('out of 5'), the answer's length ('in 200 words')."""
    if match.spelled and abs(match.quantities[0].value) <= _MOST_COUNTED:
        return True
    before = max(0, match.start - 16)
    if _LABEL.search(text, before, match.start) or _OWN_LENGTH.match(text, match.end):
        return True
    return match.quantities[0].value in (5, 10, 100) and bool(_SCALE_END.search(text, before, match.start))


def _addresses(text: str) -> list[Literal]:
    """URLs and e-mail addresses, in order."""
    found = []
    if "://" in text or "www." in text or "WWW." in text:
        for match in _URL.finditer(text):
            written = match.group().rstrip(_URL_TAIL)
            if written.count("(") > written.count(")") and match.group()[len(written) : len(written) + 1] == ")":
                written += ")"
            canonical = re.sub(r"^(?:https?://)?(?:www\.)?", "", written.lower()).rstrip("/")
            found.append(_text_literal(text, LiteralKind.URL, match.start(), match.start() + len(written), canonical))
    at = text.find("@")
    while at >= 0:
        left, right = _EMAIL_LEFT.search(text, max(0, at - 64), at), _EMAIL_RIGHT.match(text, at)
        if left and right:
            start, end = left.start(), right.end()
            if not any(one.span[0] < end and start < one.span[1] for one in found[-1:]):
                found.append(_text_literal(text, LiteralKind.IDENTIFIER, start, end, text[start:end].lower()))
        at = text.find("@", at + 1)
    found.sort(key=lambda one: one.span)
    return list(_without_overlaps(found))


def _without_overlaps(literals: Sequence[Literal]) -> tuple[Literal, ...]:
    kept: list[Literal] = []
    for literal in literals:
        if not kept or literal.span[0] >= kept[-1].span[1]:
            kept.append(literal)
    return tuple(kept)


def _text_literal(text: str, kind: LiteralKind, start: int, end: int, canonical: str) -> Literal:
    return Literal(kind, text[start:end], (start, end), (canonical,), True, text)


def _identifier(text: str, start: int, end: int, drop: str = "") -> Literal:
    canonical = text[start:end].lower()
    if drop:
        canonical = re.sub(drop, "", canonical)
    return _text_literal(text, LiteralKind.IDENTIFIER, start, end, canonical)


def _at_word(text: str, start: int, word: str) -> Literal | QuantityMatch | None:
    """A literal that begins with a letter."""
    end = start + len(word)
    joined = end + 1 < len(text) and text[end] in _JOINTS and text[end + 1].isalnum()
    if not word.isalpha():
        return _at_mixed_word(text, start, word)
    lowered = word.lower()
    if lowered in MONTHS:
        return _date_literal(text, start, match_date_at_word(text, start, word), LiteralKind.DATE)
    if lowered in NUMBER_WORDS:
        return match_quantity(text, start)
    if (named := named_time(lowered)) is not None:
        return Literal(LiteralKind.TIME, word, (start, end), (named,), False, text)
    if joined and len(word) <= 40 and lowered not in _PREFIXES:
        compound = _COMPOUND.match(text, start)
        if compound and any(c in "0123456789" for c in compound.group()):
            return _uuid(text, start) or _identifier(text, start, compound.end())
    if joined and len(word) == 8:
        return _uuid(text, start)
    return None


def _at_mixed_word(text: str, start: int, word: str) -> Literal | QuantityMatch | None:
    """A word of letters and digits: Q1, v1.2.3, USD50, H1N1, a UUID, an IBAN, a hash."""
    if word[0] in "Qq" and (quarter := match_date_at_word(text, start, word)):
        return _date_literal(text, start, quarter, LiteralKind.DATE)
    letters = len(word) - len(word.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
    if word[:letters].lower() in CURRENCY_ALIASES and word[:letters].isupper():
        return match_quantity(text, start + letters) if word[letters:].isdigit() else None
    if uuid := _uuid(text, start):
        return uuid
    if word[:2].isupper() and (iban := _IBAN.match(text, start)):
        return _identifier(text, start, iban.end(), " ")
    if word[0] in "vV" and (version := _V_VERSION.match(text, start)):
        return _identifier(text, start, version.end(), "^v")
    compound = _COMPOUND.match(text, start)
    return _identifier(text, start, max(compound.end() if compound else 0, start + len(word)))


def _uuid(text: str, start: int) -> Literal | None:
    found = _UUID.match(text, start)
    return _identifier(text, start, found.end()) if found else None


def _date_literal(text: str, start: int, match: DateMatch | None, kind: LiteralKind) -> Literal | None:
    if match is None:
        return None
    written = text[start : match.end]
    values: tuple[LiteralValue, ...] = match.values
    if written.isdigit():  # a year can be a plain number too
        values = (*values, Quantity(written, (start, match.end), float(written), NUMBER, ""))
    elif _NUMBER_AND_STOP.fullmatch(written):  # "3.5." can be the third of May or a number that ends its sentence
        values = (*values, Quantity(written, (start, match.end), float(written[:-1]), NUMBER, "", 0.05))
    return Literal(kind, written, (start, match.end), values, True, text)


def _at_digit(text: str, start: int, token_end: int) -> Literal | QuantityMatch | None:
    """A literal that begins with a digit: identifiers first, then dates and times, then quantities."""
    if identifier := _identifier_at_digit(text, start, token_end):
        return identifier
    joined = start > 0 and text[start - 1] in "$€£¥₹"
    listed = text[token_end : token_end + 1] in ".)" and _LINE_HEAD.search(text, max(0, start - 12), start)
    if not joined and (date := match_date_at_digit(text, start)) and not (listed and date.values[0] in _MAY_DAYS):
        return _date_literal(text, start, date, LiteralKind.DATE)
    if not joined and (time := match_time(text, start)):
        return _date_literal(text, start, time, LiteralKind.TIME)
    found = match_quantity(text, start)
    if found is None:
        return _identifier(text, start, max(token_end, skip_digits(text, start)))
    if found.end < token_end and text[found.end - 1].isalnum() and token_end - found.end <= 2 and not found.ordinal:
        return _identifier(text, start, token_end)  # 4K, 3D, 100x
    return found


def _identifier_at_digit(text: str, start: int, token_end: int) -> Literal | None:
    if token_end - start > 18 and text[start:token_end].isdigit():
        return _identifier(text, start, token_end)
    if token_end - start == 8 and (uuid := _uuid(text, start)):
        return uuid
    plus = start > 0 and text[start - 1] == "+"
    if phone := (_PHONE_PLUS.match(text, start) if plus else _PHONE.match(text, start)):
        written = re.sub("[^0-9]", "", phone.group())
        if len(written) >= 7 and not match_date_at_digit(text, start):
            return _identifier(text, start, phone.end(), "[^0-9]")
    version = _VERSION.match(text, start)
    if version and not match_date_at_digit(text, start) and not _is_grouped(version.group()):
        return _identifier(text, start, version.end())
    word = text[start:token_end]
    letters = sum(c.isalpha() for c in word[:64])
    if letters >= 2 and len(word) >= 7 and all(c in "0123456789abcdefABCDEF" for c in word[:64]):
        return _identifier(text, start, token_end)  # a hash that begins with a digit
    return None


# '6. May improve ...' is an item of a list.
_MAY_DAYS = tuple(DateValue(month=5, day=day) for day in range(1, 32))


def _is_grouped(written: str) -> bool:
    return all(len(part) == 3 for part in written.split(".")[1:])
