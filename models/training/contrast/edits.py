"""One small change in a real sentence that its passage supports, with the exact characters; and changes that leave it true.

Beside the rules of :mod:`models.training.negatives` these turn round what small words do, and exchange values within one
passage. A rule that finds nothing to change answers None.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from models.training.contrast.tables import table
from models.training.contrast.values import MONTHS, in_words
from models.training.negatives import RULES as SINGLE_CHANGES
from models.training.negatives import Material, Negative, Rule

_NAME = r"[A-Z][\w'’&-]*(?: (?:of |the |de )?[A-Z][\w'’&-]*)*"
_VALUE_KINDS: Mapping[str, re.Pattern[str]] = {
    # "$4.5 million", "87 euros"
    "money": re.compile(r"[$€£]\d[\d,.]*\d(?: (?:million|billion))?|\b\d[\d,.]* (?:dollars|euros|pounds)\b"),
    # "35%", "35 percent"
    "percent": re.compile(r"\b\d[\d.]*(?:%| percent| per cent)"),
    # "March 3, 2019", "3 March", "March 2019"
    "date": re.compile(
        rf"\b(?:{'|'.join(MONTHS)}) \d{{1,4}}(?:, \d{{4}})?|\b\d{{1,2}} (?:{'|'.join(MONTHS)})(?: \d{{4}})?"
    ),
    # "1998", "2024"
    "year": re.compile(r"(?<![\d,.])(?:1[6-9]|20)\d\d(?![\d,.]?\d)"),
    # "12 regions" -> "12"; "6:30"
    "number": re.compile(r"(?<![\w.,$€£])\d+(?:[.,:]\d+)*(?!\w|%| percent| million|\. [A-Z])"),
    "name": re.compile(rf"(?<=[a-z,;] ){_NAME}"),
}
_SPEAKING = "said|says|told|added|wrote|argued|claimed|explained|announced|stated|noted|warned|denied|admitted|promised"
# "Anna Berg said that", "said Anna Berg"
_SPEAKER = re.compile(
    rf"\b({_NAME})(?= (?:has |had )?(?:{_SPEAKING})\b)|(?<=\bsaid )({_NAME})|(?<=[Aa]ccording to )({_NAME})"
)
_TABLE = table("edits")
_FLIP_LABEL = {
    "status": "neutral",
    "quantifier": "not_entailment",
    "exception": "not_entailment",
    "permission": "not_entailment",
}


def _flip(kind: str) -> Rule:
    """A rule that turns one word of the table round."""
    table = dict(_TABLE["flips"][kind])
    words = sorted(table, key=len, reverse=True)
    pattern = re.compile(rf"\b(?:{'|'.join(words)})\b")

    def rule(material: Material, draw: random.Random) -> Negative | None:
        matches = list(pattern.finditer(material.claim))
        if not matches:
            return None
        match = draw.choice(matches)
        return _put(
            material, match.start(), match.end(), table[match.group()], kind, _FLIP_LABEL.get(kind, "contradiction")
        )

    rule.__doc__ = f"Turns round a word of {kind}."
    return rule


def _put(material: Material, start: int, end: int, text: str, kind: str, label: str) -> Negative:
    claim = material.claim[:start] + text + material.claim[end:]
    return Negative(material.premise, claim, ((start, start + len(text)),), label, kind)


def exchange(material: Material, draw: random.Random) -> Negative | None:
    """A value of the claim becomes another of the same kind that the passage states for something else.

    "founded in 1932" -> "founded in 1951", where the passage has 1951 too.
    """
    kinds = list(_VALUE_KINDS)
    draw.shuffle(kinds)
    for kind in kinds:
        pattern = _VALUE_KINDS[kind]
        inside = list(pattern.finditer(material.claim))
        if not inside:
            continue
        match = draw.choice(inside)
        others = sorted({m.group() for m in pattern.finditer(material.premise)})
        others = [o for o in others if o not in material.claim and match.group() not in o and o not in match.group()]
        if others:
            return _put(material, match.start(), match.end(), draw.choice(others), "exchange", "contradiction")
    return None


def exchange_speaker(material: Material, draw: random.Random) -> Negative | None:
    """Another name of the passage is said to have said it."""
    match = _SPEAKER.search(material.claim)
    if match is None:
        return None
    names = {m.group() for m in re.finditer(rf"(?<=[a-z,;] ){_NAME}|{_SPEAKER.pattern}", material.premise)}
    others = sorted(name for name in names if name not in material.claim and match.group() not in name)
    if not others:
        return None
    return _put(material, match.start(), match.end(), draw.choice(others), "speaker", "not_entailment")


# "oak, ash and birch": the last comma item before "and"
_ITEMS = re.compile(r"(?<=, )(\w[\w' -]{2,30})(?=,? and \w)")


def add_item(material: Material, draw: random.Random) -> Negative | None:
    """An item of another text's list stands in this one's."""
    match = _ITEMS.search(material.claim)
    if match is None:
        return None
    found = [m.group() for donor in material.donors for m in _ITEMS.finditer(donor)]
    found = [item for item in found if item.lower() not in material.premise.lower()]
    if not found:
        return None
    item = draw.choice(found)
    if draw.random() < 0.5:
        return _put(material, match.start(), match.end(), item, "list", "neutral")
    claim = f"{material.claim[: match.end()]}, {item}{material.claim[match.end() :]}"
    start = match.end() + 2
    return Negative(material.premise, claim, ((start, start + len(item)),), "neutral", "list")


EDITS: Mapping[str, Rule] = {
    "exchange": exchange,
    "exchange_speaker": exchange_speaker,
    "add_item": add_item,
    **{kind: _flip(kind) for kind in _TABLE["flips"]},
}
"""The rules of this module; with :data:`models.training.negatives.RULES` they are what a sentence may suffer."""

_NUMBER_WORDS = {str(n): in_words(n) for n in range(2, 21)}
_DATE = re.compile(rf"\b({'|'.join(MONTHS)}) (\d{{1,2}}), (\d{{4}})")
_COMMON_START = frozenset(
    "The A An It He She They There This That These Those In On At His Her Their Its We You One Some Most All Many".split()
)


def restate(
    claim: str, spans: Sequence[tuple[int, int]], draw: random.Random
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The claim in other words outside the spans, which move along: synonyms, notation, contraction, a frame around.

    "He purchased 3 boats." -> "According to the passage, he bought three boats."
    """
    changes: list[tuple[int, int, str]] = []
    swaps = [
        (re.compile(rf"(?<![\w-]){re.escape(old)}(?![\w-])"), new)
        for old, new in draw.sample(_TABLE["synonyms"], 45) + _TABLE["contractions"]
    ]
    swaps += [(re.compile(rf"(?<![\w.,:$€£-]){n}(?= [a-z])"), word) for n, word in _NUMBER_WORDS.items()]
    swaps += [(re.compile(rf"\b{word}(?= [a-z])"), n) for n, word in _NUMBER_WORDS.items() if draw.random() < 0.5]
    swaps += [(re.compile(r"(?<=\d)%"), " percent"), (re.compile(r"(?<=\d) percent\b"), "%")]
    for pattern, new in swaps:
        for match in pattern.finditer(claim):
            if (
                draw.random() < 0.7
                and not _touches(match.span(), spans)
                and not _touches(match.span(), [c[:2] for c in changes])
            ):
                changes.append((*match.span(), new))
    for match in _DATE.finditer(claim):
        if (
            draw.random() < 0.6
            and not _touches(match.span(), spans)
            and not _touches(match.span(), [c[:2] for c in changes])
        ):
            changes.append((*match.span(), f"{match.group(2)} {match.group(1)} {match.group(3)}"))
    claim, spans = _applied(claim, spans, changes)
    if claim.split(" ", 1)[0] in _COMMON_START and draw.random() < 0.35:
        frame = draw.choice(_TABLE["frames"])
        head = frame.partition("{")[0]
        claim = frame.format(x=claim[0].lower() + claim[1:])
        spans = tuple((a + len(head), b + len(head)) for a, b in spans)
    return claim, tuple(spans)


def _touches(span: tuple[int, int], others: Sequence[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


def _applied(
    text: str, spans: Sequence[tuple[int, int]], changes: Sequence[tuple[int, int, str]]
) -> tuple[str, Sequence[tuple[int, int]]]:
    """The text with all changes, and where the spans then are."""
    ordered = sorted(changes)
    moved = tuple((start + _shift(ordered, start), end + _shift(ordered, start)) for start, end in spans)
    parts, last = [], 0
    for start, end, new in ordered:
        parts += [text[last:start], new]
        last = end
    return "".join(parts) + text[last:], moved


def _shift(changes: Sequence[tuple[int, int, str]], place: int) -> int:
    return sum(len(new) - (end - start) for start, end, new in changes if end <= place)


def turned_round(material: Material, negative: Negative) -> tuple[str, tuple[tuple[int, int], ...]] | None:
    """The passage with the altered sentence in place of its own, and what is then wrong in the sentence as it was.

    So the words that a rule puts in stand in true claims as often as in false ones. None where the claim is no sentence of
    the passage, or where more than one thing changed, or something was added.
    """
    if len(negative.spans) != 1 or material.premise.count(material.claim) != 1:
        return None
    ((start, end),) = negative.spans
    before_end = end - (len(negative.claim) - len(material.claim))
    if before_end <= start:
        return None
    return material.premise.replace(material.claim, negative.claim), ((start, before_end),)


def altered(material: Material, draw: random.Random) -> Negative | None:
    """One change by one rule: those of this module first, three times in four, then single changes; None where none fits."""
    rules: list[Callable[[Material, random.Random], Negative | None]] = list(EDITS.values())
    draw.shuffle(rules)
    singles = [rule for name, rule in SINGLE_CHANGES.items() if name not in ("clause", "sentence", "record")]
    draw.shuffle(singles)
    for rule in (*rules, *singles) if draw.random() < 0.75 else (*singles, *rules):
        negative = rule(material, draw)
        if negative is not None:
            return negative
    return None
