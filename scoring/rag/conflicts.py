"""Passages that disagree: two units that give different values of one thing.

"One charge lasts 9 hours" and "with the new battery one charge lasts 14 hours" disagree; "Returns, Europe: 30 days" and "Returns,
Americas: 20 days" do not, since each names something of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scoring.rag.anchors import AnchoredValue
from scoring.rag.literal_index import head_word
from scoring.rag.literals import LiteralState
from scoring.rag.rulings import Ruling, RulingCode
from scoring.rag.value_rules import ValueCase, agrees, said_too
from scoring.types import Verdict

_LEAST_SHARED = 3
_MOST_CONFLICTS = 20
_AGREEMENT = re.compile(
    r"\b(?:all|both|every|each|agree\w*|consistent\w*|unanimous\w*|consensus|alle|beide|jede\w*|"
    r"übereinstimmend|einig|stimmen überein)\b",
    re.IGNORECASE,
)
_DIFFERENCE = re.compile(
    r"\b(?:differ\w*|disagree\w*|conflict\w*|inconsistent\w*|contradict\w*|whereas|while|but|varies|vary|unterschied\w*|"
    r"widersprech\w*|während|aber|uneinig|weichen)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two values of one thing. ``first`` is the one that the claim repeats."""

    claim_index: int
    first: AnchoredValue
    second: AnchoredValue


def find_conflicts(case: ValueCase, claim_index: int) -> tuple[Conflict, ...]:
    """Values of other passages that disagree with those the claim repeats, where it does not give both itself."""
    found: list[Conflict] = []
    for value, state in zip(case.said, case.states, strict=True):
        if state is not LiteralState.SUPPORTED:
            continue
        for place in case.same(value):
            for other in case.others(value):
                if _disagree(place, other) and not said_too(case, other) and len(found) < _MOST_CONFLICTS:
                    found.append(Conflict(claim_index, place, other))
    return tuple(found)


def _disagree(first: AnchoredValue, second: AnchoredValue) -> bool:
    """Sentences of two units about one thing: alike, and at most one of them says more."""
    if first.unit_index == second.unit_index or head_word(first.literal) != head_word(second.literal):
        return False
    shared = first.around & second.around
    if len(shared) < _LEAST_SHARED or agrees(first, second):
        return False
    return shared in (first.around, second.around)


def rule_agreement(claim_text: str, conflicts: tuple[Conflict, ...], offset: int) -> Ruling | None:
    """A claim that the passages agree, where they do not; None for any other claim."""
    said = _AGREEMENT.search(claim_text)
    if not conflicts or said is None or _DIFFERENCE.search(claim_text):
        return None
    other = conflicts[0].second
    reason = f"the passages do not agree: another one says {other.literal.text!r}"
    span = (offset + said.start(), offset + said.end())
    return Ruling(
        RulingCode.DISAGREEMENT,
        Verdict.CONTRADICTED,
        reason,
        span,
        other.literal.text,
        other.unit_index,
        other.literal.span,
    )
