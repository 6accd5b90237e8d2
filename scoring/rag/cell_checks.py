"""One cell against one claim: yes and no, numbers and dates, categories, and values repeated word for word."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from parsers.values.dates import DateValue, date_supports
from parsers.values.literals import Literal, extract_literals
from parsers.values.quantities import parse_quantity
from parsers.values.types import Cell, Quantity
from parsers.values.units import NUMBER, RATIO, from_base
from scoring.rag.literal_index import quantity_supports
from scoring.rag.wording import (
    STRUCTURAL,
    Words,
    attribute_forms,
    clause_around,
    find_attribute,
    find_phrase,
    header_unit,
    is_denied,
    is_hedged,
    split_words,
)
from scoring.types import Span, Verdict

_TRUE = frozenset("true yes y free paid ja wahr vorhanden".split())
_FALSE = frozenset("false no n none nein falsch".split())
_NULL = frozenset({"null", "None"})
_UNKNOWN = frozenset({"null", "None", "NaN", "n/a", "N/A", "-", "–", ""})
_GROWTH = re.compile(
    r"\b(?:grew|grow\w*|increas\w*|rose|rising|gain\w*|up|higher|stieg\w*|wuchs|Zuwachs|plus)\b", re.IGNORECASE
)
_DECLINE = re.compile(
    r"\b(?:declin\w*|decreas\w*|fell|fall\w*|drop\w*|loss\w*|down|lower|sank|sinken|fiel|Rückgang|Verlust|minus)\b",
    re.IGNORECASE,
)
_SAYS_UNKNOWN = re.compile(
    r"\b(?:unknown|unclear|not (?:known|given|stated|specified|listed|available)|no (?:information|specific)|"
    r"not provide|mentioned|unbekannt|unklar|"
    r"keine angaben?|nicht (?:bekannt|angegeben))\b",
    re.IGNORECASE,
)
_OUT_OF = re.compile(r"(?:out of|von|/)\s*$", re.IGNORECASE)
_NUMBER_LIKE = re.compile(r"[0-9]")
_MOST_CATEGORY_WORDS = 4
_MOST_CATEGORIES = 500
_MOST_GAP_CHARACTERS = 28
CROWD = 8
_LONGEST_VALUE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """What one cell says about the claim."""

    verdict: Verdict
    reason: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class Case:
    """A claim and the cells of the entity that it is about. ``columns``: distinct values of an attribute over all entities."""

    claim: str
    literals: tuple[Literal, ...]
    cells: Sequence[Cell]
    counts: Mapping[str, int]
    columns: Mapping[str, frozenset[str]]
    entities: Container[str]

    def is_crowded(self, cell: Cell) -> bool:
        """Many cells of one attribute: which one the claim means is open, so none of them contradicts."""
        return self.counts[cell.attribute] > CROWD


def _supported(cell: Cell) -> Finding:
    return Finding(Verdict.SUPPORTED, f"{cell.attribute} is {cell.text!r} in the source", cell)


def _contradicted(cell: Cell, said: str) -> Finding:
    return Finding(
        Verdict.CONTRADICTED, f"{cell.attribute} is {cell.text!r} in the source, the claim says {said}", cell
    )


def _is_listed(cell: Cell) -> bool:
    """A member of a list without a name of its own ('#3'): a claim cannot name it."""
    return any(step.startswith("#") for step in cell.row)


def _is_unclear(claim: str, mention: Span) -> bool:
    return is_hedged(claim, mention) or is_denied(claim, mention) is not False


def check_cell(case: Case, cell: Cell) -> Finding | None:
    """What ``cell`` says about the claim; None when it says nothing certain."""
    text = cell.text.strip()
    if text in _NULL:
        return _check_null(case, cell)
    if text in _UNKNOWN or len(text) > _LONGEST_VALUE_CHARACTERS:
        return None
    lowered = text.lower()
    if lowered in _TRUE or lowered in _FALSE:
        return _check_flag(case, cell, holds=lowered in _TRUE)
    mentions = find_attribute(case.claim, cell.attribute)
    if not mentions:
        return _verbatim(case.claim, cell)
    if _NUMBER_LIKE.search(text) and (values := _values_of(cell)):
        return _check_value(case, cell, values, mentions)
    return _check_category(case, cell, mentions) or _verbatim(case.claim, cell)


# --- yes and no --------------------------------------------------------------------------------------------------------


def _check_flag(case: Case, cell: Cell, *, holds: bool) -> Finding | None:
    claim = case.claim
    if _is_listed(cell) or case.is_crowded(cell):
        return None
    for span in find_attribute(claim, cell.attribute):
        if not _parent_named(claim, cell, span) or _is_idiom(claim, span):
            continue
        denied = is_denied(claim, span)
        if denied is None or is_hedged(claim, span):
            continue
        if denied is holds:
            says = "denies" if denied else "affirms"
            return Finding(
                Verdict.CONTRADICTED, f"{cell.attribute} is {cell.text!r} in the source; the claim {says} it", cell
            )
        return _supported(cell)
    return None


def _check_null(case: Case, cell: Cell) -> Finding | None:
    """``null`` is unknown, neither yes nor no: a claim that affirms or denies the attribute has nothing to rest on."""
    if _is_listed(cell) or case.is_crowded(cell) or _told_elsewhere(case, cell):
        return None
    for span in find_attribute(case.claim, cell.attribute):
        if (
            _parent_named(case.claim, cell, span)
            and not _is_idiom(case.claim, span)
            and not _SAYS_UNKNOWN.search(case.claim)
        ):
            return Finding(Verdict.UNSUPPORTED, f"{cell.attribute} is unknown ({cell.text}) in the source", cell)
    return None


def _told_elsewhere(case: Case, cell: Cell) -> bool:
    """Whether another cell speaks of the attribute: a review that praises the ambience, where ``Ambience`` is null."""
    return any(find_attribute(other.text, cell.attribute) for other in case.cells if other is not cell)


def _parent_named(claim: str, cell: Cell, span: Span) -> bool:
    """A flag inside a group ('valet' in 'BusinessParking') counts only where the clause names the group too."""
    parent = cell.row[-1] if len(cell.row) > 1 else ""
    if not parent or parent.lower() in STRUCTURAL or parent.startswith("#"):
        return True
    start, end = clause_around(claim, span)
    words = split_words(claim[max(start, span[0] - 60) : min(end, span[1] + 60)])
    return any(find_phrase(words, form) for form in attribute_forms(parent))


def _is_idiom(claim: str, span: Span) -> bool:
    return claim[max(0, span[0] - 2) : span[1]].lower() == "a lot" and claim[span[1] : span[1] + 3] == " of"


# --- numbers and dates -------------------------------------------------------------------------------------------------


def _values_of(cell: Cell) -> tuple[Quantity | DateValue, ...]:
    return _read_values(cell.text, cell.attribute)


@lru_cache(maxsize=4096)
def _read_values(text: str, attribute: str) -> tuple[Quantity | DateValue, ...]:
    """Readings of a cell that is one number or one date; a unit in the attribute's name applies to a bare number."""
    if quantities := parse_quantity(text):
        unit = header_unit(attribute)
        if unit and quantities[0].dimension == NUMBER:
            quantities = parse_quantity(f"{text.strip()} {unit}") or quantities
        literals = extract_literals(text)
        years = tuple(value for one in literals for value in one.values if isinstance(value, DateValue))
        return (*quantities, *years)
    literals = extract_literals(text)
    if len(literals) == 1 and literals[0].text == text.strip():
        return tuple(value for value in literals[0].values if isinstance(value, DateValue))
    return ()


def _check_value(
    case: Case, cell: Cell, values: tuple[Quantity | DateValue, ...], mentions: list[Span]
) -> Finding | None:
    """The claim's one value beside the attribute against the cell's."""
    claim = case.claim
    start, end = clause_around(claim, mentions[0])
    stated = [one for one in case.literals if start <= one.span[0] < end and one.checkable and _comparable(one, values)]
    stated = [one for one in stated if not _OUT_OF.search(claim, max(0, one.span[0] - 10), one.span[0])]
    if any(_agrees(one, values) for one in stated):
        return _supported(cell)
    if len(stated) != 1:
        return None
    claimed = stated[0]
    opposite = _sign_differs(claim[start:end], claimed, values)
    if opposite is not None:
        return _contradicted(cell, f"{claimed.text!r} with the other sign") if opposite else _supported(cell)
    if _is_listed(cell) or case.is_crowded(cell) or _is_unclear(claim, mentions[0]):
        return None
    if min(_gap(span, claimed.span) for span in mentions) > _MOST_GAP_CHARACTERS:
        return None
    forms = set(attribute_forms(cell.attribute))
    for other in case.cells:
        if other is cell or not _NUMBER_LIKE.search(other.text):
            continue
        if claimed.text in other.text or _agrees(claimed, _values_of(other)):
            return None  # the number stands in another cell of this entity
        if not _is_listed(other) and forms & set(attribute_forms(other.attribute)):
            return None  # several cells could be meant
    return _contradicted(cell, repr(claimed.text))


def _gap(first: Span, second: Span) -> int:
    return max(0, second[0] - first[1], first[0] - second[1])


def _comparable(literal: Literal, values: tuple[Quantity | DateValue, ...]) -> bool:
    for claimed in literal.values:
        for value in values:
            if isinstance(claimed, DateValue) and isinstance(value, DateValue):
                return True
            if isinstance(claimed, Quantity) and isinstance(value, Quantity):
                bare = NUMBER in (claimed.dimension, value.dimension)
                if bare or claimed.dimension == value.dimension:
                    return True
    return False


def _agrees(literal: Literal, values: tuple[Quantity | DateValue, ...]) -> bool:
    return any(_same(claimed, value) for claimed in literal.values for value in values)


def _same(claimed: object, value: Quantity | DateValue) -> bool:
    if isinstance(claimed, DateValue) and isinstance(value, DateValue):
        return date_supports(claimed, value)
    if not isinstance(claimed, Quantity) or not isinstance(value, Quantity):
        return False
    if claimed.dimension == value.dimension:
        return quantity_supports(claimed, value)
    if NUMBER not in (claimed.dimension, value.dimension):
        return False
    if RATIO in (claimed.dimension, value.dimension) and claimed.value == value.value:
        return True
    bare = Quantity(claimed.text, claimed.span, from_base(claimed.value, claimed.unit), NUMBER, "", claimed.precision)
    return quantity_supports(bare, Quantity(value.text, value.span, from_base(value.value, value.unit), NUMBER, ""))


def _sign_differs(clause: str, claimed: Literal, values: tuple[Quantity | DateValue, ...]) -> bool | None:
    """For the same magnitude with another sign: True when the wording says the other direction, False when it says this one."""
    for stated in claimed.values:
        for value in values:
            if (
                not isinstance(stated, Quantity)
                or not isinstance(value, Quantity)
                or value.value >= 0
                or stated.value <= 0
            ):
                continue
            mirrored = Quantity(value.text, value.span, -value.value, value.dimension, value.unit, value.precision)
            if not _same(stated, mirrored):
                continue
            if _DECLINE.search(clause):
                return False
            return True if _GROWTH.search(clause) else None
    return None


# --- words -------------------------------------------------------------------------------------------------------------


def _check_category(case: Case, cell: Cell, mentions: list[Span]) -> Finding | None:
    """A category of the same column that belongs to another row, where the claim names entity and attribute."""
    words = split_words(case.claim)
    if _says(words, cell.text):
        return _supported(cell)
    if not _is_category(cell.text) or case.is_crowded(cell) or _is_unclear(case.claim, mentions[0]):
        return None
    column = case.columns.get(cell.attribute, frozenset())
    if len(column) > _MOST_CATEGORIES:
        return None
    said = [other for other in column if _is_category(other) and other != cell.text and _says(words, other)]
    return _contradicted(cell, repr(said[0])) if len(said) == 1 and said[0] not in case.entities else None


def _is_category(text: str) -> bool:
    return 0 < len(text.split()) <= _MOST_CATEGORY_WORDS and not _NUMBER_LIKE.search(text) and len(text) > 1


def _says(words: Words, value: str) -> bool:
    form = split_words(value).squeezed
    return len(form) > 1 and bool(find_phrase(words, form))


def _verbatim(claim: str, cell: Cell) -> Finding | None:
    """A distinctive text value that the claim repeats needs no attribute: an address, a city, a long name."""
    if (
        cell.text in cell.row
        or len(cell.text) < 5
        or len(cell.text.split()) > 8
        or not any(c.isalpha() for c in cell.text)
    ):
        return None
    if cell.text.lower() in claim.lower():
        return _supported(cell)
    return None
