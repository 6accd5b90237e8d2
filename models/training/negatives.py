"""Hard negatives made from supported claims, with the exact characters that became wrong.

Each rule changes one thing a careful reader would catch: a number, a unit, a date, a name, who did what to whom, a negation, an
attribute; or borrows a clause from another document; or leaves the claim and changes the record behind it. A rule that finds
nothing to change answers None. Pure functions of their arguments and a seeded generator.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from models.training.examples import LABELS, Example

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?!\w)")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'’&-]*(?: (?:of |the |de )?[A-Z][\w'’&-]*)*")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|has been|have been|can|could|will|would|should|does|did)\b(?! not|n't)(?= [a-z])"
)
_NEGATION = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should) not\b|\b(can|could|would|should|was|were|is|are)n['’]t\b"
)
_FIELD = re.compile(r"(?P<key>[A-Za-z][A-Za-z ]*): (?P<value>yes|no)\b")
_CYCLES: tuple[tuple[str, ...], ...] = (
    ("january", "february", "march", "april", "june", "july", "august", "september", "october", "november", "december"),
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    ("seconds", "minutes", "hours", "days", "weeks", "months", "years"),
    ("second", "minute", "hour", "day", "week", "month", "year"),
    ("thousand", "million", "billion"),
    ("inches", "feet", "yards", "miles"),
    ("grams", "ounces", "pounds", "tons"),
    ("north", "south", "east", "west"),
    ("northern", "southern", "eastern", "western"),
    ("breakfast", "lunch", "dinner", "brunch"),
    ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    ("second", "third", "fourth", "fifth"),
    ("casual", "upscale", "romantic", "trendy", "classy", "hipster", "divey", "touristy", "intimate"),
    ("red", "blue", "green", "yellow", "black", "white", "brown"),
    ("brother", "sister", "father", "mother", "son", "daughter"),
    ("teacher", "doctor", "lawyer", "engineer", "journalist", "police officer"),
)
_OPPOSITES: tuple[tuple[str, str], ...] = tuple(
    (pair.partition("/")[0], pair.partition("/")[2])
    for pair in (
        "increase/decrease increased/decreased increases/decreases more/less higher/lower highest/lowest largest/smallest "
        "before/after first/last always/never all/none many/few most/few open/closed opens/closes indoor/outdoor free/paid "
        "positive/negative good/poor excellent/terrible friendly/rude fresh/stale slow/fast hot/cold early/late won/lost "
        "accepted/rejected approved/denied arrested/released guilty/innocent alive/dead male/female men/women husband/wife "
        "public/private legal/illegal safe/dangerous able/unable possible/impossible necessary/unnecessary "
        "required/optional recommended/discouraged available/unavailable includes/excludes including/excluding "
        "with/without inside/outside above/below left/right young/old new/old rich/poor cheap/expensive "
        "reasonable/excessive praised/criticized praise/criticize enjoyed/disliked satisfied/dissatisfied "
        "delicious/bland busy/quiet spacious/cramped clean/dirty lunch/dinner morning/evening confirmed/denied "
        "support/oppose supports/opposes agreed/refused bought/sold rise/fall rose/fell gain/loss maximum/minimum "
        "sufficient/insufficient same/different similar/different often/rarely usually/seldom easy/difficult"
    ).split()
)
_MIN_BORROWED_WORDS = 4
_DONOR_DISTANCE = 400
_EDIT_FIRST_SHARE = 0.8
_STOP = frozenset("the a an of in on at to and or is are was were for with it its this that by as from".split())


@dataclass(frozen=True)
class Negative:
    """A claim that its premise does not support. ``spans``: the characters of ``claim`` that are wrong."""

    premise: str
    claim: str
    spans: tuple[tuple[int, int], ...]
    label: str
    kind: str


@dataclass(frozen=True)
class Material:
    """A supported claim, its premise, and claims of other documents to borrow from."""

    premise: str
    claim: str
    donors: Sequence[str]


Rule = Callable[[Material, random.Random], Negative | None]


def _replaced(material: Material, start: int, end: int, text: str, kind: str) -> Negative:
    claim = material.claim[:start] + text + material.claim[end:]
    return Negative(material.premise, claim, ((start, start + len(text)),), "contradiction", kind)


def change_number(material: Material, draw: random.Random) -> Negative | None:
    """Another number of the same look, one that the premise does not have."""
    matches = list(_NUMBER.finditer(material.claim))
    if not matches:
        return None
    match = draw.choice(matches)
    for _ in range(8):
        digits = [draw.choice("123456789") if c.isdigit() and draw.random() < 0.6 else c for c in match.group()]
        other = "".join(digits)
        if other != match.group() and other not in material.premise:
            return _replaced(material, match.start(), match.end(), other, "number")
    return None


def change_name(material: Material, draw: random.Random) -> Negative | None:
    """A name of the claim becomes another name of the premise or of another document."""
    matches = list(_NAME.finditer(material.claim))
    if not matches:
        return None
    match = draw.choice(matches)
    pool = material.premise if draw.random() < 0.5 else draw.choice(material.donors or [material.premise])
    others = sorted({m.group() for m in _NAME.finditer(pool)} - {match.group()})
    others = [name for name in others if name not in material.claim and match.group() not in name]
    if not others:
        return None
    return _replaced(material, match.start(), match.end(), draw.choice(others), "name")


def swap_roles(material: Material, draw: random.Random) -> Negative | None:
    """Two names of the claim change places."""
    matches = list(_NAME.finditer(material.claim))
    if len(matches) < 2:
        return None
    place = draw.randrange(len(matches) - 1)
    first, second = matches[place], matches[place + 1]
    between = material.claim[first.end() : second.start()]
    if first.group() == second.group() or re.fullmatch(r"[\s,]*(?:and|or|&)?\s*", between):
        return None
    claim = material.claim[: first.start()] + second.group() + between + first.group() + material.claim[second.end() :]
    start = first.start() + len(second.group()) + len(between)
    spans = ((first.start(), first.start() + len(second.group())), (start, start + len(first.group())))
    return Negative(material.premise, claim, spans, "contradiction", "role")


def change_in_cycle(material: Material, draw: random.Random) -> Negative | None:
    """A month, weekday, unit, magnitude, direction or trait becomes another of its kind."""
    found = [
        (match, cycle)
        for cycle in _CYCLES
        for match in re.finditer(rf"\b(?:{'|'.join(cycle)})\b", material.claim, re.IGNORECASE)
    ]
    if not found:
        return None
    match, cycle = draw.choice(found)
    others = [word for word in cycle if word != match.group().lower() and f" {word}" not in material.premise.lower()]
    if not others:
        return None
    return _replaced(material, match.start(), match.end(), _like(match.group(), draw.choice(others)), "kind")


def change_attribute(material: Material, draw: random.Random) -> Negative | None:
    """A word becomes its opposite."""
    found: list[tuple[re.Match[str], str]] = []
    for one, other in _OPPOSITES:
        for old, new in ((one, other), (other, one)):
            found.extend((match, new) for match in re.finditer(rf"\b{old}\b", material.claim, re.IGNORECASE))
    if not found:
        return None
    match, new = draw.choice(found)
    return _replaced(material, match.start(), match.end(), _like(match.group(), new), "attribute")


def change_negation(material: Material, draw: random.Random) -> Negative | None:
    """A "not" comes or goes; the span is the verb with or without it."""
    gone = list(_NEGATION.finditer(material.claim))
    if gone:
        match = draw.choice(gone)
        return _replaced(material, match.start(), match.end(), match.group(1) or match.group(2), "negation")
    found = list(_AUXILIARY.finditer(material.claim))
    if not found:
        return None
    match = draw.choice(found)
    words = match.group().split()
    return _replaced(material, match.start(), match.end(), " ".join([words[0], "not", *words[1:]]), "negation")


def borrow_clause(material: Material, draw: random.Random) -> Negative | None:
    """The claim goes on with a clause from another document."""
    donor = _foreign(material, draw)
    if donor is None:
        return None
    clause = donor.rstrip(" .!?")
    clause = (
        clause
        if clause[:1].isupper() and clause.split()[0][1:] != clause.split()[0][1:].lower()
        else clause[:1].lower() + clause[1:]
    )
    base = material.claim.rstrip(" .!?")
    joint = draw.choice((", and ", ", while ", "; additionally, "))
    start = len(base) + len(joint)
    return Negative(material.premise, f"{base}{joint}{clause}.", ((start, start + len(clause)),), "neutral", "clause")


def borrow_sentence(material: Material, draw: random.Random) -> Negative | None:
    """A claim of another document stands against this premise."""
    donor = _foreign(material, draw)
    return None if donor is None else Negative(material.premise, donor, ((0, len(donor)),), "neutral", "sentence")


def change_record(material: Material, draw: random.Random) -> Negative | None:
    """A yes in the record becomes a no, or the other way round, where the claim speaks of that field."""
    found: list[tuple[re.Match[str], tuple[int, int]]] = []
    for match in _FIELD.finditer(material.premise):
        words = [
            word for word in match.group("key").lower().split() if word not in ("restaurants", "business", "attributes")
        ]
        spans = [re.search(rf"\b{re.escape(word)}\b", material.claim, re.IGNORECASE) for word in words]
        inside = [span for span in spans if span is not None]
        if words and len(inside) == len(words):
            found.append((match, (min(m.start() for m in inside), max(m.end() for m in inside))))
    if not found:
        return None
    match, span = draw.choice(found)
    value = "no" if match.group("value") == "yes" else "yes"
    premise = material.premise[: match.start("value")] + value + material.premise[match.end("value") :]
    return Negative(premise, material.claim, (span,), "contradiction", "record")


RULES: Mapping[str, Rule] = {
    "number": change_number,
    "name": change_name,
    "role": swap_roles,
    "kind": change_in_cycle,
    "attribute": change_attribute,
    "negation": change_negation,
    "clause": borrow_clause,
    "sentence": borrow_sentence,
    "record": change_record,
}


_BORROWING = frozenset({"clause", "sentence"})


def _foreign(material: Material, draw: random.Random) -> str | None:
    """A donor most of whose content words the premise lacks."""
    premise = set(re.findall(r"\w+", material.premise.lower()))
    for _ in range(4):
        if not material.donors:
            return None
        donor = draw.choice(material.donors)
        words = set(re.findall(r"\w+", donor.lower())) - _STOP
        if len(words) >= _MIN_BORROWED_WORDS and len(words - premise) * 2 > len(words):
            return donor
    return None


def _like(model: str, word: str) -> str:
    return word.capitalize() if model[:1].isupper() else word


def make_negatives(examples: Sequence[Example], per_example: float, seed: int) -> list[Example]:
    """Up to ``per_example`` negatives of different rules from each supported, token-labelled example.

    Below 1 it is the share of the examples that get one. Examples of a pair have their negative already.
    Donors are claims of other answers near by in the list, which files keep by kind of task. Edits come before
    borrowings four times in five, since a borrowing always applies.
    """
    supported = [e for e in examples if e.label == LABELS["entailment"] and e.unsupported == () and e.pair is None]
    negatives: list[Example] = []
    for number, example in enumerate(supported):
        draw = random.Random(f"{seed}:{number}")  # noqa: S311
        near = supported[max(0, number - _DONOR_DISTANCE) : number + _DONOR_DISTANCE]
        donors = [other.claim for other in draw.choices(near, k=6) if other.group != example.group]
        material = Material(example.premise, example.claim, donors)
        made = 0
        wanted = per_example if per_example >= 1.0 else float(draw.random() < per_example)
        for name in _order_of_rules(draw):
            negative = RULES[name](material, draw) if made < wanted else None
            if negative is None:
                continue
            made += 1
            negatives.append(
                replace(
                    example,
                    premise=negative.premise,
                    claim=negative.claim,
                    label=LABELS[negative.label],
                    unsupported=negative.spans,
                )
            )
    return negatives


def _order_of_rules(draw: random.Random) -> list[str]:
    rules = list(RULES)
    draw.shuffle(rules)
    if draw.random() < _EDIT_FIRST_SHARE:
        rules.sort(key=_BORROWING.__contains__)
    return rules
