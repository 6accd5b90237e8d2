"""Rules on the values of a claim: another value of the same thing, two values exchanged, the value of another place.

Each is a function from :class:`ValueCase` to at most one :class:`Ruling`, tried in the order of :data:`VALUE_RULES`. A rule
speaks only where the words around the values leave one reading; the rest is for the literals' own state and the verifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parsers.values.literals import LiteralKind
from parsers.values.types import Quantity
from parsers.values.units import from_base
from parsers.words.lexicon import may_be_verb, same_meaning
from scoring.rag.anchors import AnchoredValue
from scoring.rag.literal_index import head_word
from scoring.rag.literals import LiteralState
from scoring.rag.rulings import Ruling, RulingCode
from scoring.types import Span, Verdict

MOST_VALUES = 4000
"""Contexts with more literals than this are logs or data sets: comparing anchors there says little and costs much."""
_EXCHANGE_MARGIN = 2
_ADJACENT_CHARACTERS = 160
_LEAST_PLACE_WORDS = 3
_PARALLEL_SHARE = 0.6
"""Rows of one list say the same but for what they are about: "Returns, Europe: sent back within", "Returns, Americas: …"."""
_LEAST_SHARED_WORDS = 2
_COVERED_SHARE = 0.6
_MEASURED = frozenset(
    {LiteralKind.QUANTITY, LiteralKind.CURRENCY, LiteralKind.PERCENTAGE, LiteralKind.DATE, LiteralKind.TIME}
)
_AMOUNTS = frozenset({LiteralKind.QUANTITY, LiteralKind.CURRENCY})
_MOST_ITEM_WORDS = 3
_FROM = re.compile(r"\b(?:from|von|vom)\s+(?:[$€£]\s*)?$", re.IGNORECASE)
_TO = re.compile(r"\s*(?:to|auf)\s+(?:[$€£]\s*)?", re.IGNORECASE)
_MOVED_TO = re.compile(r"\b(?:to|until|auf)\s+(?:[$€£]\s*)?$", re.IGNORECASE)
_MOVES = re.compile(
    r"\b(?:mov|postpon|delay|shift|reschedul|push|rais|increas|rose|grew|fell|drop|cut|lower|reduc|chang|deferr?|verschob|verschoben|"
    r"erhöh|gesenkt|gestiegen|stieg)",
    re.IGNORECASE,
)
"""What goes from one value to another; "open from 9 to 5" is a range and goes nowhere."""
_LOOKED_BACK = 12


@dataclass(frozen=True)
class ValueCase:
    """The values of one claim beside those of its context. ``states``: of each of ``said``, against the whole context.

    ``covered``: share of the claim's other content words that the context has, in [0, 1].
    """

    said: tuple[AnchoredValue, ...]
    states: tuple[LiteralState, ...]
    source: tuple[AnchoredValue, ...]
    covered: float
    offset: int = 0

    def same(self, value: AnchoredValue) -> list[AnchoredValue]:
        """Values of the context that support ``value``."""
        return [one for one in self.source if _comparable(value, one) and agrees(value, one)]

    def others(self, value: AnchoredValue) -> list[AnchoredValue]:
        """Values of the context of the same species that do not support ``value``."""
        return [one for one in self.source if _comparable(value, one) and not agrees(value, one)]


def _comparable(value: AnchoredValue, other: AnchoredValue) -> bool:
    return value.species == other.species


def agrees(value: AnchoredValue, other: AnchoredValue) -> bool:
    """Whether ``other`` supports ``value``: the same in any notation, as precisely as ``value`` is written."""
    return other.matcher.find(value.literal) is not None


def said_span(case: ValueCase, value: AnchoredValue) -> Span:
    """The characters of the response that a value of the claim stands at."""
    return (value.literal.span[0] + case.offset, value.literal.span[1] + case.offset)


def _ruling(case: ValueCase, code: RulingCode, value: AnchoredValue, source: AnchoredValue, reason: str) -> Ruling:
    return Ruling(
        code,
        Verdict.CONTRADICTED,
        reason,
        said_span(case, value),
        source.literal.text,
        source.unit_index,
        source.literal.span,
    )


def other_value(case: ValueCase) -> Ruling | None:
    """A value that the context lacks, of a thing whose value it gives.

    "The bridge is 1,490 metres long." against "It is 1,149 metres long.": *long* is said of both, no other length stands there.
    """
    for value, state in zip(case.said, case.states, strict=True):
        if state is LiteralState.SUPPORTED or not value.literal.checkable or _is_part(value):
            continue
        rivals = rival_of(case, value)
        if rivals is not None:
            reason = f"the source says {rivals.literal.text!r} here, the claim {value.literal.text!r}"
            return _ruling(case, RulingCode.OTHER_VALUE, value, rivals, reason)
    return None


def rival_of(
    case: ValueCase, value: AnchoredValue, candidates: Sequence[AnchoredValue] | None = None
) -> AnchoredValue | None:
    """The one value of the context in the claim's place, None when several could be meant. ``candidates``: what may be it."""
    candidates = case.others(value) if candidates is None else candidates
    if not candidates:
        return None
    taken = {
        id(own)
        for said, state in zip(case.said, case.states, strict=True)
        if state is LiteralState.SUPPORTED and said is not value
        for own in case.same(said)
    }
    scored = sorted(
        (
            (len(value.near & one.near) + len(value.near & one.around), one)
            for one in candidates
            if id(one) not in taken
        ),
        key=lambda pair: -pair[0],
    )
    if not scored:
        return None
    best, first = scored[0]
    rest = [score for score, one in scored[1:] if not agrees(first, one)]
    alone = not rest
    measured = value.literal.kind in _MEASURED
    if value.literal.kind is LiteralKind.NUMBER and not (head_word(value.literal) and _same_head(value, first)):
        return None  # "Windows 10" and "step 3": a bare number without its noun is a name or a label
    shared = len(value.near & first.near)
    if alone and measured and case.covered >= _COVERED_SHARE and shared >= 1:
        return first
    if shared >= _LEAST_SHARED_WORDS and case.covered >= _COVERED_SHARE and (alone or best > max(rest) + 1):
        return first
    return None


def _same_head(value: AnchoredValue, other: AnchoredValue) -> bool:
    return head_word(value.literal) == head_word(other.literal)


def _is_part(value: AnchoredValue) -> bool:
    """Identifiers and addresses have no rivals: a second name is another thing, not a wrong value."""
    return value.literal.kind in (LiteralKind.IDENTIFIER, LiteralKind.URL)


def exchanged_values(case: ValueCase) -> Ruling | None:
    """Two values that the context has, each beside the other's words.

    "latency fell by 12% and reached 35 regions" against "latency fell by 35%", "rolled out to 12 regions".
    """
    supported = [
        v for v, s in zip(case.said, case.states, strict=True) if s is LiteralState.SUPPORTED and not _is_part(v)
    ]
    for at, first in enumerate(supported):
        for second in supported[at + 1 :]:
            found = _exchange(case, first, second)
            if found is not None:
                reason = (
                    f"{first.literal.text!r} and {second.literal.text!r} are exchanged: the source says "
                    f"{found.literal.text!r} where the claim says {first.literal.text!r}"
                )
                return _ruling(case, RulingCode.EXCHANGED_VALUES, first, found, reason)
    return None


def _exchange(case: ValueCase, first: AnchoredValue, second: AnchoredValue) -> AnchoredValue | None:
    if not _interchangeable(first, second):
        return None
    firsts, seconds = _places(case, first), _places(case, second)
    if not firsts or not seconds or {id(one) for one in firsts} & {id(one) for one in seconds}:
        return None
    if any(_follows(one, two) for one in firsts for two in seconds):
        return None  # the source says them in the claim's order, one right after the other
    only_first, only_second = first.near - second.near, second.near - first.near
    own_first, _ = _nearest(only_first, firsts)
    own_second, _ = _nearest(only_second, seconds)
    cross_first, there = _nearest(only_first, seconds)
    cross_second, _ = _nearest(only_second, firsts)
    if cross_first <= own_first or cross_second <= own_second:
        return None
    return there if cross_first + cross_second >= own_first + own_second + _EXCHANGE_MARGIN else None


def _places(case: ValueCase, value: AnchoredValue) -> list[AnchoredValue]:
    """Where the number of ``value`` stands, whatever its unit: "12%" and "12 regions" are one number here."""
    number = _number(value)
    if number is None:
        return case.same(value)
    return [one for one in case.source if _number(one) == number]


def _number(value: AnchoredValue) -> float | None:
    first = value.literal.values[0]
    if not isinstance(first, Quantity):
        return None
    return round(from_base(first.value, first.unit), 9)


def _interchangeable(first: AnchoredValue, second: AnchoredValue) -> bool:
    """Values that a writer could exchange: of one species, or plain digits ("12%", "12 regions")."""
    plain = (LiteralKind.NUMBER, LiteralKind.PERCENTAGE)
    return first.species == second.species or (first.literal.kind in plain and second.literal.kind in plain)


def _follows(first: AnchoredValue, second: AnchoredValue) -> bool:
    gap = second.literal.span[0] - first.literal.span[1]
    return first.unit_index == second.unit_index and 0 <= gap <= _ADJACENT_CHARACTERS


def _nearest(anchors: frozenset[str], places: Sequence[AnchoredValue]) -> tuple[int, AnchoredValue]:
    return max(((len(anchors & one.near), one) for one in places), key=lambda pair: pair[0])


def other_place(case: ValueCase) -> Ruling | None:
    """A value of the context that belongs to another row, region or time than the claim's.

    "Customers in the Americas: within 30 days" against "Returns, Americas: 20 days", "Returns, Europe: 30 days": all that the
    claim shares with the second it shares with the first as well, and *Americas* besides.
    """
    for value, state in zip(case.said, case.states, strict=True):
        if state is not LiteralState.SUPPORTED or _is_part(value) or value.literal.kind is LiteralKind.NUMBER:
            continue
        own = case.same(value)
        if not own:
            continue
        for rival in case.others(value):
            shared = value.around & rival.around
            if len(shared) < _LEAST_PLACE_WORDS or said_too(case, rival):
                continue
            if all(_parallel(place, rival) and (value.around & place.around) < shared for place in own):
                reason = f"{value.literal.text!r} belongs to something else in the source; here it says {rival.literal.text!r}"
                return _ruling(case, RulingCode.OTHER_PLACE, value, rival, reason)
    return None


def _parallel(first: AnchoredValue, second: AnchoredValue) -> bool:
    """Whether two sentences are rows of one list: alike in most of their words, and each with a word of its own."""
    both = len(first.around & second.around)
    alike = both / max(len(first.around), len(second.around), 1)
    return alike >= _PARALLEL_SHARE and both < len(first.around) and both < len(second.around)


def said_too(case: ValueCase, rival: AnchoredValue) -> bool:
    """Whether the claim gives the rival value as well."""
    return any(_comparable(one, rival) and agrees(one, rival) for one in case.said)


def other_item(case: ValueCase) -> Ruling | None:
    """The amount of another item of the same list: "120 g of flour" against "250 g flour, 3 eggs and 120 g sugar"."""
    for value, state in zip(case.said, case.states, strict=True):
        own = case.same(value)
        if state is not LiteralState.SUPPORTED or value.literal.kind not in _AMOUNTS or len(own) != 1:
            continue
        if not 0 < len(own[0].near) <= _MOST_ITEM_WORDS or _about(own[0].near, value.near):
            continue
        rivals = [one for one in case.others(value) if one.sentence == own[0].sentence and _about(one.near, value.near)]
        rivals = [one for one in rivals if one.unit_index == own[0].unit_index and len(one.near) <= _MOST_ITEM_WORDS]
        if len(rivals) == 1 and not said_too(case, rivals[0]):
            item = ", ".join(sorted(own[0].near))
            reason = f"{value.literal.text!r} is of {item} in the source; here it says {rivals[0].literal.text!r}"
            return _ruling(case, RulingCode.EXCHANGED_VALUES, value, rivals[0], reason)
    return None


def _about(item: frozenset[str], said: frozenset[str]) -> bool:
    """Whether the words of an item name what the claim speaks of: a word of both, or of one meaning."""
    nouns = [word for word in item if not may_be_verb(word) or word in said]
    return any(word == one or same_meaning(word, one) for word in nouns for one in said)


def start_for_end(case: ValueCase) -> Ruling | None:
    """What the source starts from, said to be where it ends: "moved to 15 March" against "moved from 15 March to 2 April"."""
    for value, state in zip(case.said, case.states, strict=True):
        if state is not LiteralState.SUPPORTED or _is_part(value) or not _behind(value, _MOVED_TO):
            continue
        places = case.same(value)
        ends = [_end_of_move(case, place) for place in places]
        if not places or not all(ends) or not all(place.around & value.around for place in places):
            continue
        end = next(one for one in ends if one is not None)
        if not said_too(case, end):
            reason = f"the source goes from {value.literal.text!r} to {end.literal.text!r}"
            return _ruling(case, RulingCode.EXCHANGED_VALUES, value, end, reason)
    return None


def _behind(value: AnchoredValue, cue: re.Pattern[str]) -> bool:
    start = value.literal.span[0]
    return cue.search(value.literal.source[max(0, start - _LOOKED_BACK) : start]) is not None


def _end_of_move(case: ValueCase, start: AnchoredValue) -> AnchoredValue | None:
    """The value right behind *to*, where ``start`` stands behind *from* in a sentence in which something moves."""
    text, at = start.literal.source, start.literal.span[1]
    joint = _TO.match(text, at)
    moves = _MOVES.search(text, start.sentence[0], start.sentence[1]) is not None
    if joint is None or not moves or not _behind(start, _FROM):
        return None
    for one in case.source:
        if one.unit_index == start.unit_index and 0 <= one.literal.span[0] - at <= joint.end() - at:
            return one if _comparable(one, start) and not agrees(one, start) else None
    return None


ValueRule = Callable[[ValueCase], Ruling | None]
VALUE_RULES: tuple[ValueRule, ...] = (other_value, exchanged_values, other_place, start_for_end, other_item)


def rule_values(case: ValueCase) -> Ruling | None:
    """The first rule that speaks; None when none does, or when the context holds too many values to compare."""
    if not case.said or not case.source or len(case.source) > MOST_VALUES:
        return None
    for rule in VALUE_RULES:
        found = rule(case)
        if found is not None:
            return found
    return None
