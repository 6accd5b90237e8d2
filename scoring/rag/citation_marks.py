"""Markers that an answer uses to cite its sources: ``[1]``, ``[2, 3]``, ``(Source 2)``, ``[^4]``, ``【1】``.

They are no part of what is said: a number in one is not looked up, and the models read the sentence without it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scoring.types import Claim, Span, SupportUnit, Verdict

_NUMBERS = r"[0-9]{1,3}(?:\s{0,2}[,;–-]\s{0,2}[0-9]{1,3}){0,12}"
_WORD = r"(?:sources?|refs?\.?|references?|docs?\.?|documents?|passages?|citations?|quellen?|belege?|dokumente?|abschnitte?)"
_MARK = re.compile(
    rf"[ \t]?(?:\[\^?({_NUMBERS})\]|【({_NUMBERS})(?:†[^】]{{0,40}})?】|[(\[]{_WORD}\s{{0,2}}#?({_NUMBERS})[)\]])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]{1,3}")
_RANGE = re.compile(r"([0-9]{1,3})\s{0,2}[–-]\s{0,2}([0-9]{1,3})")
_MOST_CITED = 20


class CitationState(StrEnum):
    """What a cited unit does for the sentence that cites it."""

    SUPPORTED = "supported"
    OTHER_UNIT = "other_unit"
    UNSUPPORTED = "unsupported"
    NO_SUCH_UNIT = "no_such_unit"


@dataclass(frozen=True, slots=True)
class CitationMark:
    """One marker of the answer at ``span``; ``numbers`` as written: [1] is the first unit."""

    span: Span
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CitationCheck:
    """Whether the unit that a claim cites supports it. ``better_unit``: the one that does instead."""

    claim_index: int
    mark: Span
    number: int
    state: CitationState
    unit_index: int | None = None
    better_unit: int | None = None


def citation_marks(text: str) -> tuple[CitationMark, ...]:
    """The markers of ``text`` in order. A number in brackets that opens a line of references is one as well."""
    found = []
    for match in _MARK.finditer(text):
        written = next(group for group in match.groups() if group)
        found.append(CitationMark(match.span(), _cited(written)))
    return tuple(found)


def _cited(written: str) -> tuple[int, ...]:
    numbers = [int(number) for number in _NUMBER.findall(written)]
    for first, last in _RANGE.findall(written):
        if int(first) < int(last) <= int(first) + _MOST_CITED:
            numbers.extend(range(int(first), int(last) + 1))
    return tuple(dict.fromkeys(numbers))


def without_marks(text: str, marks: Sequence[CitationMark]) -> str:
    """The text with its markers blanked; every other character keeps its place."""
    pieces, last = [], 0
    for mark in marks:
        start, end = mark.span
        pieces.append(text[last:start])
        pieces.append(" " * (end - start))
        last = end
    pieces.append(text[last:])
    return "".join(pieces)


def check_citations(
    marks: Sequence[CitationMark],
    claims: Sequence[Claim],
    verdicts: Sequence[Verdict],
    cited_units: Sequence[Sequence[int]],
    units: Sequence[SupportUnit],
) -> tuple[CitationCheck, ...]:
    """By marker and number, what the cited unit does. ``cited_units``: by claim, the units of its evidence, best first.

    A number names the unit at that place, or one whose ``source_id`` is the number itself.
    """
    by_name = {unit.source_id: unit.index for unit in units if unit.source_id}
    checks = []
    for mark in marks:
        claim = _owner(mark, claims)
        if claim is None:
            continue
        evidence = list(cited_units[claim.index])
        for number in mark.numbers:
            unit = by_name.get(str(number), number - 1 if 0 < number <= len(units) else None)
            checks.append(_check(claim, mark, number, unit, verdicts[claim.index], evidence))
    return tuple(checks)


def _check(
    claim: Claim, mark: CitationMark, number: int, unit: int | None, verdict: Verdict, evidence: Sequence[int]
) -> CitationCheck:
    best = evidence[0] if evidence else None
    if unit is None:
        return CitationCheck(claim.index, mark.span, number, CitationState.NO_SUCH_UNIT, None, best)
    if verdict is not Verdict.SUPPORTED:
        return CitationCheck(claim.index, mark.span, number, CitationState.UNSUPPORTED, unit)
    if unit in evidence:
        return CitationCheck(claim.index, mark.span, number, CitationState.SUPPORTED, unit)
    return CitationCheck(claim.index, mark.span, number, CitationState.OTHER_UNIT, unit, best)


def _owner(mark: CitationMark, claims: Sequence[Claim]) -> Claim | None:
    """The claim that a marker stands in or right after."""
    before = [claim for claim in claims if claim.char_start <= mark.span[0]]
    return before[-1] if before else None
