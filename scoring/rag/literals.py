"""Do the literals of an answer stand in its context? Compared by value across formats, with the precision as written.

A literal is ``supported`` when a premise literal has its value: '1,5 Mio. €' and 'EUR 1500000', '5 %' and '0.05', '5 March' and
'05.03.2024'. A number may be rounded as far as its own digits say: '3.69 million' is supported by 3,692,000, '3.8 million'
is not; 'about' widens that to a whole last digit. A bare number and a number with a unit support each other when they are written
alike, because a table keeps its units in the header. ``contradicted`` needs a premise literal of the same kind and the same words
around it with another value; everything else that is not found is ``missing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from parsers.values.literals import Literal, LiteralKind, extract_literals
from scoring.rag.literal_index import LiteralIndex, quantity_supports
from scoring.types import Span


class LiteralState(StrEnum):
    """Verdict on one literal."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class LiteralCheck:
    """One literal of the claim with its verdict; ``premise_index`` and ``premise_span`` say where its evidence stands."""

    literal: Literal
    state: LiteralState
    premise_index: int | None = None
    premise_span: Span | None = None
    premise_text: str | None = None


@dataclass(frozen=True, slots=True)
class LiteralReport:
    """All checks of an answer. ``share`` is supported / checked in [0, 1]; None, with ``reason``, without a checkable literal."""

    checks: tuple[LiteralCheck, ...]
    share: float | None
    reason: str | None = None

    def with_state(self, state: LiteralState) -> tuple[LiteralCheck, ...]:
        """The checks in one state."""
        return tuple(check for check in self.checks if check.state is state)


def check_literals(claim_literals: Sequence[Literal], premise_literals: Sequence[Literal]) -> tuple[LiteralCheck, ...]:
    """A check for each checkable literal of the claim against the literals of one premise text."""
    return check_against(claim_literals, LiteralIndex((premise_literals,)))


def check_against(claim_literals: Sequence[Literal], index: LiteralIndex) -> tuple[LiteralCheck, ...]:
    """Like :func:`check_literals`, against an index that several claims share."""
    return tuple(_check(literal, index) for literal in claim_literals if literal.checkable)


def _check(literal: Literal, index: LiteralIndex) -> LiteralCheck:
    place, state = index.find(literal), LiteralState.SUPPORTED
    if place is None:
        place, state = index.find_rival(literal), LiteralState.CONTRADICTED
    if place is None:
        return LiteralCheck(literal, LiteralState.MISSING)
    premise_index, premise = index.places[place]
    return LiteralCheck(literal, state, premise_index, premise.span, premise.text)


def literal_support(response: str, context_texts: Sequence[str]) -> LiteralReport:
    """The literals of ``response`` checked against all context texts together; offsets point into each text."""
    return literal_report(response, LiteralIndex([extract_literals(text) for text in context_texts]))


def literal_report(response: str, context: LiteralIndex) -> LiteralReport:
    """Like :func:`literal_support`, against a context that was read before."""
    claims = extract_literals(response)
    if not any(literal.checkable for literal in claims):
        return LiteralReport((), None, "the answer has no literal to check")
    checks = check_against(claims, context)
    supported = sum(check.state is LiteralState.SUPPORTED for check in checks)
    return LiteralReport(checks, supported / len(checks))


__all__ = [
    "Literal",
    "LiteralCheck",
    "LiteralIndex",
    "LiteralKind",
    "LiteralReport",
    "LiteralState",
    "check_against",
    "check_literals",
    "extract_literals",
    "literal_report",
    "literal_support",
    "quantity_supports",
]
