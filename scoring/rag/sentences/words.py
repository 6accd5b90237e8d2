"""A sentence as words with what grammar can be told without a parser: names, numbers, negation with its reach, segments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from parsers.words.lexicon import Meaning, base_forms, is_past_form, is_verb_form, lexicon, meaning, meaning_of_itself
from scoring.types import Span

MOST_WORDS = 80
"""A longer sentence is a list or a log; two words of it that both stand in a claim need not belong together."""


_NO_MEANING = meaning_of_itself("")


class Kind(StrEnum):
    """What a word is to the comparison."""

    CONTENT = "content"
    NAME = "name"
    NUMBER = "number"
    FUNCTION = "function"
    NEGATION = "negation"


@dataclass(frozen=True, slots=True)
class Word:
    """``negated``: its part of the sentence holds a negation. ``segment``: number of that part. ``slot``: the
    preposition that it stands behind, '' for none ("born **in** the old Warsaw"). ``meaning``: what it is compared by; of a
    number its digits, of a function word nothing.
    """

    text: str
    span: Span
    kind: Kind
    segment: int
    slot: str = ""
    negated: bool = False
    meaning: Meaning = field(default=_NO_MEANING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sentence:
    """``content``: the words that say something, in order. ``cues``: function words and hedges that it holds, lowered."""

    text: str
    span: Span
    words: tuple[Word, ...]
    content: tuple[Word, ...]
    cues: frozenset[str]


_TOKEN = re.compile(r"\d+(?:[.:,]\d+)*[^\W\d_]*|[^\W_]+(?:['’.][^\W_]+)*|[,;:()?!\u2013\u2014\"“”]")
_FUNCTION = frozenset(
    "the a an this that these those there here of to in on at by for with from into onto about as than and or but "
    "if then so "
    "because while when where who whom whose which what how why is are was were be been being am do does did done "
    "has have had "
    "having will would shall should can could may might must it its he his him she her hers they them their theirs "
    "we us our "
    "you your i me my mine one ones some any each every both such also too as well very just only even still "
    "yet already again up down out off over under above below beneath between among through "
    "during before after until till since per "
    "via within "
    "without against toward towards upon around near across along behind beyond except besides despite although "
    "though unless "
    "whether however therefore thus hence moreover furthermore everyone everybody someone somebody anyone anybody "
    "everything something "
    "anything mr mrs ms dr prof sir herr frau much many several own itself himself "
    "herself themselves yourself ourselves there's it's that's according able get gets got getting let lets yes "
    "der die das den dem des ein eine einen einer eines einem und oder aber von vom zu zum zur im in am an auf bei "
    "beim für mit aus "
    "als wie ist sind war waren wird werden wurde wurden worden hat haben hatte hatten kann können muss müssen darf "
    "dürfen soll "
    "sollen will wollen es er sie ihr sein ihre seine auch nur noch schon sich man wir uns unser unsere ich mir "
    "mich du dir "
    "dieser diese dieses jeder jede jedes nach vor über unter durch gegen ohne um bis seit während wenn weil "
    "dass ob denn doch".split()
)
_PREPOSITIONS = frozenset(
    "in on at by for from to with of into onto as than about under over before after until since during between "
    "against near "
    "beneath through via per toward towards within without behind above below beyond inside outside across along "
    "beside von vom zu zum zur im in am an auf bei beim für mit aus als nach vor über unter".split()
)
_NEGATIONS = frozenset(
    "not no never nobody none nothing neither nor without cannot nowhere "
    "nicht kein keine keinen keiner keines keinem niemand nie niemals nichts weder ohne".split()
)
_BEHIND = frozenset({"without", "ohne", "rather than", "instead of", "anstatt", "statt"})
"""Denies only what stands behind it: "delivered without a charger", "by spores rather than seeds". The others deny all
of their part."""
_SAME_SLOT = {"below": "under", "beneath": "under", "above": "over"}
"""Prepositions that say the same of a place: "below the flowerpot", "under the flowerpot"."""
_SLOT_REACH = 3
_NO_NEGATION = re.compile(
    r"\b(?:not only|no later than|no earlier than|no more than|not more than|no less than|no fewer than|not less than|not until|"
    r"no matter|no doubt|nicht nur|not just|not to mention|whether or not|with or without|mit oder ohne|nicht mehr als|"
    r"spätestens)\b",
    re.IGNORECASE,
)
_NUMBER_SIGN = re.compile(r"[Nn]o\.\s*(?:\d|of\b)")
"""An abbreviation of *number*: "No. 5", "No. of issues"."""
_OPENING_ANSWER = re.compile(r"\s*(?:no|yes|nein|ja|nope|yep|yeah)\s*[,.!:;–—-]+\s*", re.IGNORECASE)
_BREAKS = frozenset(
    "but because although though while whereas if unless since when which who whom whose that and so however "
    "aber sondern weil obwohl während wenn falls und dass doch".split()
)
_TURNS = re.compile(r"(?:rather than|instead of)\b", re.IGNORECASE)
_NEEDS = frozenset("need needs needed".split())
_BOUND = frozenset(',;:()"“”\u2013\u2014')
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen "
        "eighteen nineteen twenty".split()
    )
    if value != 1
}


def read_sentence(text: str, start: int = 0, names: frozenset[str] = frozenset()) -> Sentence:
    """The words of one sentence. ``start``: where it stands; ``names``: words that are names elsewhere, for its first word."""
    opening = _OPENING_ANSWER.match(text)
    first = opening.end() if opening and opening.end() < len(text) else 0
    harmless = [match.span() for match in _NO_NEGATION.finditer(text)]
    words: list[Word] = []
    segment, slot, since, behind_at = 0, "", 0, -1
    denied: set[int] = set()
    for match in _TOKEN.finditer(text, first):
        written, lowered = match.group(), match.group().lower()
        if written in _BOUND or written in "?!":
            listed = (
                written == ","
                and words
                and words[-1].kind is Kind.NAME
                and text[match.end() : match.end() + 2].strip().isupper()
            )
            segment, slot, since = segment + 1, slot if listed else "", 0
            continue
        if lowered in _BREAKS and words:
            segment, slot = segment + 1, ""
        if _TURNS.match(text, match.start()) or lowered in ("anstatt", "statt"):
            lowered = {"rather": "rather than", "instead": "instead of"}.get(lowered, lowered)
            segment += 1
        negates = lowered in _NEGATIONS or lowered in _BEHIND or lowered.endswith(("n't", "n’t"))
        negates = (
            negates
            and not any(a <= match.start() < b for a, b in harmless)
            and not _NUMBER_SIGN.match(text, match.start())
        )
        kind = Kind.NEGATION if negates else _kind(written, lowered, match.start() == first, names)
        if lowered in _NEEDS and text[match.end() : match.end() + 4] in (" to ", " not"):
            kind = Kind.FUNCTION
        future = lowered == "to" and bool(words) and words[-1].text.lower() == "going"
        if lowered == "going" and text[match.end() : match.end() + 4] == " to ":
            kind = Kind.FUNCTION  # "is going to update" says *update*
        if lowered in _PREPOSITIONS and not future:
            slot, since = _SAME_SLOT.get(lowered, lowered), 0
        elif kind is not Kind.FUNCTION:
            since += 1
        if negates and lowered not in _BEHIND:
            denied.add(segment)
        behind = behind_at == segment
        if lowered in _BEHIND:
            behind_at = segment
        span = (start + match.start(), start + match.end())
        near = slot if since <= _SLOT_REACH else ""
        words.append(Word(written, span, kind, segment, near, behind and not negates, _meaning(written, lowered, kind)))
    words = [_denied(word) if word.segment in denied else word for word in words]
    content = tuple(word for word in words if word.kind not in (Kind.FUNCTION, Kind.NEGATION))
    cues = frozenset(word.text.lower() for word in words)
    return Sentence(text, (start, start + len(text)), tuple(words), content, cues)


def _denied(word: Word) -> Word:
    return replace(word, negated=word.kind is not Kind.NEGATION)


def _meaning(written: str, lowered: str, kind: Kind) -> Meaning:
    if kind is Kind.NUMBER:
        return meaning_of_itself(NUMBER_WORDS.get(lowered, lowered.replace(",", "")))
    return _NO_MEANING if kind in (Kind.FUNCTION, Kind.NEGATION) else meaning(written)


def _kind(written: str, lowered: str, opens: bool, names: frozenset[str]) -> Kind:
    if written[0].isdigit() or lowered in NUMBER_WORDS:
        return Kind.NUMBER
    if written == "May" and not opens:
        return Kind.NAME
    if lowered in _FUNCTION:
        return Kind.FUNCTION
    if written[0].isupper() and _is_name(written, lowered.removesuffix("'s").removesuffix("’s"), opens, names):
        return Kind.NAME
    return Kind.CONTENT


def _is_name(written: str, lowered: str, opens: bool, names: frozenset[str]) -> bool:
    """A capital inside a sentence makes a name; at its opening only of a word that is none in lower case."""
    if lowered in names or lowered in lexicon().given_names:
        return True
    if not opens:
        return written[1:2].islower() or not written[1:2]
    return lowered not in lexicon().common and not base_forms(lowered) & lexicon().common


def clauses(sentence: Sentence) -> list[Sentence]:
    """The sentence in its parts after *and*, *but* or a semicolon that say something by themselves; itself when it is one."""
    starts = [0]
    for at, word in enumerate(sentence.words):
        joined = word.text.lower() in _JOINING and at > 0 and word.segment > sentence.words[at - 1].segment
        if joined:
            starts.append(at)
    parts = [sentence.words[a:b] for a, b in zip(starts, [*starts[1:], len(sentence.words)], strict=True)]
    subject = _subject(sentence)
    found = [
        _part(sentence, (*_said_again(subject, words), *words) if at and _lacks_subject(words) else words)
        for at, words in enumerate(parts)
    ]
    return [part for part in found if len(part.content) >= _LEAST_CLAUSE_WORDS] if len(found) > 1 else [sentence]


def _subject(sentence: Sentence) -> tuple[Word, ...]:
    """What a sentence opens with, up to its verb: what its further parts are about as well."""
    found: list[Word] = []
    for word in sentence.words[: 2 * _MOST_SUBJECT_WORDS]:
        if found and (word.text.lower() in VERB_SIGNS or (is_verb_form(word.text) and word.kind is Kind.CONTENT)):
            return tuple(found)[:_MOST_SUBJECT_WORDS]
        if word.kind is not Kind.FUNCTION:
            found.append(word)
    return ()


def _lacks_subject(part: tuple[Word, ...]) -> bool:
    """Whether a part opens with its verb, or has none: "and has led the firm since", "and the lowest fares"."""
    if not any(
        word.text.lower() in VERB_SIGNS or (word.kind is Kind.CONTENT and is_verb_form(word.text)) for word in part
    ):
        return True
    first = next((word for word in part if word.text.lower() not in _JOINING), None)
    if first is None or first.text.lower() in VERB_SIGNS or first.kind is Kind.NEGATION:
        return True
    return (
        first.kind is Kind.CONTENT
        and is_verb_form(first.text)
        and (is_past_form(first.text) or first.text.endswith("s"))
    )


def _said_again(subject: tuple[Word, ...], part: tuple[Word, ...]) -> list[Word]:
    """The subject as a word of a further part, whose negation is its own."""
    return [
        replace(word, segment=part[0].segment, negated=any(one.negated for one in part[:2]))
        for word in subject
        if word.kind is not Kind.NEGATION
    ]


def _part(sentence: Sentence, words: tuple[Word, ...]) -> Sentence:
    content = tuple(word for word in words if word.kind not in (Kind.FUNCTION, Kind.NEGATION))
    return Sentence(sentence.text, sentence.span, words, content, frozenset(word.text.lower() for word in words))


_MOST_SUBJECT_WORDS = 4
VERB_SIGNS = frozenset(
    "is are was were be been has have had will would can could may might must should does do did ist sind war waren "
    "hat haben "
    "wird werden wurde wurden kann können muss müssen darf dürfen soll sollen".split()
)
_JOINING = frozenset("and but und aber sondern".split())
_LEAST_CLAUSE_WORDS = 3
