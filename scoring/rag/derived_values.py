"""Values that the context does not write but gives: bounds, sums, differences, averages, counts.

"more than 1,000 metres" holds of 1,149 metres; "72 in total" of 34 and 38. A value that computes is supported, with the
computation as its reason. What does not compute is contradicted only where the claim itself says what to compute from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise

from parsers.values.dates import DateValue, TimeValue
from parsers.values.literals import LiteralKind
from parsers.values.types import Quantity
from parsers.values.units import from_base
from scoring.rag.anchors import AnchoredValue
from scoring.rag.literals import LiteralState
from scoring.rag.rulings import Ruling, RulingCode
from scoring.rag.value_rules import ValueCase, rival_of, said_span
from scoring.types import Verdict

_ABOVE = re.compile(
    r"\b(?:more than|over|above|at least|exceed(?:s|ing)?|no less than|not less than|greater than|upwards of|a minimum of|"
    r"mehr als|über|mindestens|wenigstens|nicht weniger als)\s+(?:[$€£]\s*)?$",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"\b(?:less than|fewer than|under|below|at most|up to|no more than|not more than|a maximum of|weniger als|unter|höchstens|"
    r"maximal|bis zu|nicht mehr als)\s+(?:[$€£]\s*)?$",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"\b(?:up to|at most|(?:no|not) (?:\w+ )?more than|a maximum of|höchstens|maximal|bis zu|nicht mehr als)\s+(?:[$€£]\s*)?$",
    re.IGNORECASE,
)
_HOURS_JOINT = re.compile(r"\s{0,3}(?:to|until|till|through|and|bis|und|[-\u2013\u2014])\s{0,3}", re.IGNORECASE)
_EDGES = re.compile(
    r"\b(?:open(?:s|ed|ing)?|clos\w+|start\w*|begin\w*|began|end(?:s|ed|ing)?|until|till|from|finish\w*|only|öffnet|schließt|beginnt|"
    r"endet|bis|ab)\b",
    re.IGNORECASE,
)
"""A claim with one of these says where the hours begin or end, which a time inside them does not."""
_LOOKED_BACK = 28
_MOST_OPERANDS = 12
_MOST_PAIRS = 60
_SUM = re.compile(
    r"\b(?:total\w*|sum|combined|altogether|together|overall|in all|insgesamt|zusammen|gesamt\w*|summe)\b",
    re.IGNORECASE,
)
_DIFFERENCE = re.compile(
    r"\b(?:difference|more|less|fewer|higher|lower|increase\w*|decrease\w*|rose|fell|grew|drop\w*|gap|younger|older|later|earlier|"
    r"longer|shorter|ris(?:e|es|ing|en)|rais\w*|cut\w*|reduc\w*|cheaper|dearer|off|steig\w*|stieg\w*|sink\w*|sank|"
    r"teurer|billiger|unterschied|differenz|mehr|weniger|höher|niedriger|gestiegen|gesunken|länger|kürzer|älter|jünger)\b",
    re.IGNORECASE,
)
_AVERAGE = re.compile(r"\b(?:average|mean|on average|durchschnitt\w*|mittel|im schnitt)\b", re.IGNORECASE)
_TOLERANCE = 1e-6


def rule_bound(case: ValueCase, value: AnchoredValue) -> Ruling | None:
    """ "more than N" and "at most N" against the one value that the context gives of the same thing."""
    before = value.literal.source[max(0, value.literal.span[0] - _LOOKED_BACK) : value.literal.span[0]]
    below = _BELOW.search(before)
    above = None if below else _ABOVE.search(before)  # "no more than" holds "more than"
    bound = value.literal.values[0]
    if not (above or below) or not isinstance(bound, Quantity):
        return None
    if any(_equal(bound, one) for one in case.same(value)):
        return None  # the source writes the bound itself
    rival = rival_of(case, value, [*case.same(value), *case.others(value)])
    actual = rival.literal.values[0] if rival is not None else None
    if rival is None or not isinstance(actual, Quantity):
        return None
    holds = actual.value >= bound.value if above else actual.value <= bound.value and not _both_limit(before, rival)
    cue = above or below
    said = f"{cue.group().strip() if cue else ''} {value.literal.text}"
    return Ruling(
        RulingCode.BOUND,
        Verdict.SUPPORTED if holds else Verdict.CONTRADICTED,
        f"the source says {rival.literal.text!r}, which is {'' if holds else 'not '}{said}",
        said_span(case, value),
        rival.literal.text,
        rival.unit_index,
        rival.literal.span,
    )


def _both_limit(before: str, rival: AnchoredValue) -> bool:
    """Whether claim and source both say how much is allowed: "at most 20 items" is no other word for "up to 12 items"."""
    start = rival.literal.span[0]
    there = rival.literal.source[max(0, start - _LOOKED_BACK) : start]
    return _LIMIT.search(before) is not None and _LIMIT.search(there) is not None


def rule_within(case: ValueCase, value: AnchoredValue, claim_text: str) -> Ruling | None:
    """A time of day inside the hours that the context gives: "you can come at 7 p.m." of "from 9 a.m. to 8 p.m."."""
    wanted = value.literal.values[0]
    if not isinstance(wanted, TimeValue) or _EDGES.search(claim_text):
        return None
    times = [one for one in case.source if isinstance(one.literal.values[0], TimeValue)]
    for first, last in pairwise(times):
        between = first.literal.source[first.literal.span[1] : last.literal.span[0]]
        if first.unit_index != last.unit_index or not _HOURS_JOINT.fullmatch(between):
            continue
        opens, closes = first.literal.values[0], last.literal.values[0]
        if not (isinstance(opens, TimeValue) and isinstance(closes, TimeValue)):
            continue
        if opens.minute <= wanted.minute <= closes.minute and value.near & first.around:
            hours = f"{first.literal.text} to {last.literal.text}"
            return _computed(case, value, f"{value.literal.text} lies within {hours}")
    return None


def _equal(bound: Quantity, place: AnchoredValue) -> bool:
    return any(
        isinstance(v, Quantity) and abs(v.value - bound.value) <= _TOLERANCE * abs(bound.value)
        for v in place.literal.values
    )


Operation = tuple[str, re.Pattern[str], Callable[[Sequence[float]], float]]
_OPERATIONS: tuple[Operation, ...] = (
    ("sum", _SUM, sum),
    ("average", _AVERAGE, lambda values: sum(values) / len(values)),
)


def rule_computed(case: ValueCase, value: AnchoredValue, claim_text: str) -> Ruling | None:
    """A sum, average or difference of values of the context; None when nothing computes and nothing is told to."""
    wanted = value.literal.values[0]
    if not isinstance(wanted, Quantity):
        return None
    sources = _operands(case.others(value))
    stated = _operands(
        [
            own
            for own, state in zip(case.said, case.states, strict=True)
            if state is LiteralState.SUPPORTED and own.species == value.species
        ]
    )
    for name, cue, compute in _OPERATIONS:
        if not cue.search(claim_text):
            continue
        for operands in _groups(stated, sources):
            if _same(compute([number for number, _ in operands]), wanted):
                return _computed(case, value, f"{name} of {_listed(operands)} is {value.literal.text}")
        if len(stated) >= 2 and name == "sum":
            result = from_base(compute([number for number, _ in stated]), wanted.unit)
            return Ruling(
                RulingCode.COMPUTED,
                Verdict.CONTRADICTED,
                f"{name} of {_listed(stated)} is {result:g}, the claim says {value.literal.text!r}",
                said_span(case, value),
                f"{result:g}",
            )
    if value.literal.kind is LiteralKind.PERCENTAGE and (found := _change(case, value, wanted)) is not None:
        return found
    if wanted.dimension == "duration" and (found := _years_between(case, value, wanted)) is not None:
        return found
    if _DIFFERENCE.search(claim_text):
        for first, second in list(combinations(sources[:_MOST_OPERANDS], 2))[:_MOST_PAIRS]:
            if _same(abs(first[0] - second[0]), wanted):
                return _computed(case, value, f"difference of {first[1]} and {second[1]} is {value.literal.text}")
    return None


def _change(case: ValueCase, value: AnchoredValue, wanted: Quantity) -> Ruling | None:
    """A percentage that is the change from one value of the context to another: 20% from $1.0m to $1.2m."""
    numbers = [(one, quantity) for one in case.source if isinstance(quantity := one.literal.values[0], Quantity)]
    for (first, a), (second, b) in list(combinations(numbers[:_MOST_OPERANDS], 2))[:_MOST_PAIRS]:
        if (
            first.species != second.species
            or first.literal.kind is LiteralKind.PERCENTAGE
            or not a.value
            or not b.value
        ):
            continue
        for start, end in ((a.value, b.value), (b.value, a.value)):
            if _same(abs(end / start - 1.0), wanted):
                texts = f"{first.literal.text} and {second.literal.text}"
                return _computed(case, value, f"the change between {texts} is {value.literal.text}")
    return None


def _years_between(case: ValueCase, value: AnchoredValue, wanted: Quantity) -> Ruling | None:
    """A number of years between two years of the context: "three years later" of 2015 and 2018."""
    if wanted.unit not in _YEARS:
        return None
    years = {
        date.year for one in case.source for date in one.literal.values if isinstance(date, DateValue) and date.year
    }
    count = from_base(wanted.value, wanted.unit)
    for first, second in list(combinations(sorted(years), 2))[:_MOST_PAIRS]:
        if abs(second - first - count) < _TOLERANCE:
            return _computed(case, value, f"from {first} to {second} are {value.literal.text}")
    return None


_YEARS = frozenset({"yr", "y", "year", "a"})


def _operands(values: Sequence[AnchoredValue]) -> list[tuple[float, str]]:
    """Distinct places with a number, as (value in the base unit, text)."""
    found = []
    for one in values:
        first = one.literal.values[0]
        if isinstance(first, Quantity):
            found.append((first.value, one.literal.text))
    return found


def _groups(stated: list[tuple[float, str]], sources: list[tuple[float, str]]) -> list[list[tuple[float, str]]]:
    """What may be computed from: the values that the claim itself gives, all that the context gives, any two or three of them."""
    groups = [group for group in (stated, sources) if 2 <= len(group) <= _MOST_OPERANDS]
    few = sources[:_MOST_OPERANDS]
    groups += [list(pair) for size in (2, 3) for pair in combinations(few, size) if len(few) <= 6 or size == 2]
    return groups


def _same(number: float, wanted: Quantity) -> bool:
    """Within half of the last digit that the claim writes."""
    return abs(number - wanted.value) <= max(wanted.precision, _TOLERANCE * abs(wanted.value))


def _computed(case: ValueCase, value: AnchoredValue, reason: str) -> Ruling:
    return Ruling(RulingCode.COMPUTED, Verdict.SUPPORTED, reason, said_span(case, value))


def _listed(operands: Sequence[tuple[float, str]]) -> str:
    return " and ".join(text for _, text in operands[:4]) + (
        f" and {len(operands) - 4} more" if len(operands) > 4 else ""
    )
