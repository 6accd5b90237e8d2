"""Rows of prose: what the source says of one thing, said of another that stands beside it.

"Basic costs $9 a month. Plus costs $19 a month." are two rows; "Basic costs $19" takes its value from the other one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from parsers.words.lexicon import base_forms, exclusive, is_verb_form
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import mean_the_same
from scoring.rag.sentences.grounds import LIMITS, LONG, PRONOUNS, Contrast
from scoring.rag.sentences.words import VERB_SIGNS, Kind, Sentence, Word, clauses

_MOST_CLAIM_WORDS = 12
_MOST_UNKNOWN = 2
_OPEN = LIMITS | frozenset("than both neither each all every between or".split())
"""A claim with one of these speaks of more than one row, or of part of one."""
_YEAR_DIGITS = 4
_LEAST_EVENT_WORDS = 2
_MOST_GAP = 3
"""Characters between two words of one clause; what is further apart was put together from two places."""
_NAMED_BY = 4
_SCALES = frozenset("hundred thousand million billion trillion".split())
_ENDS = ".!?:"
_ARTICLES = frozenset("the a an this that our your".split())
_POSSESSIVES = frozenset("his her its their".split())
_WEAK_SIGNS = frozenset("is are was were be been has have had do does did".split())


@dataclass(frozen=True)
class Row:
    """One clause. ``opens``: the content words before its verb; ``stated``: base forms of its verb and auxiliaries."""

    part: Sentence
    opens: tuple[Word, ...]
    stated: frozenset[str]
    sentence: int

    def has(self, word: Word) -> bool:
        """Whether the clause says ``word`` in some form."""
        return any(mean_the_same(word, one) for one in self.part.content)


def other_row(
    claim: Sentence, sentences: Sequence[Sentence], holding: Mapping[str, Sequence[int]]
) -> tuple[Contrast, int] | None:
    """A number or weekday of the claim that the source gives of another thing than the claim does; with the sentence's number.

    Speaks only where the thing of the claim has a value of the same kind in a row of the same form beside the other one.
    """
    if len(claim.content) > _MOST_CLAIM_WORDS or claim.cues & _OPEN:
        return None
    if any(word.kind is Kind.NEGATION for word in claim.words):
        return None
    said = _row(claim, -1)
    for value in claim.content:
        if value.kind is not Kind.NUMBER and not _of_a_class(value):
            continue
        if value.kind is Kind.NUMBER and _is_label(claim, value):
            continue
        numbers = [n for base in value.meaning.bases | base_forms(value.text) for n in holding.get(base, ())]
        owners = [row for row in _rows(sentences, sorted(set(numbers))) if _value_in(row, value, claim) is not None]
        if not owners or any(not _foreign(said, owner, value, holding) for owner in owners):
            continue
        for owner in owners:
            around = [n for n in (owner.sentence - 1, owner.sentence, owner.sentence + 1) if 0 <= n < len(sentences)]
            for row in _rows(sentences, around):
                stands = _instead(said, value, owner, row, holding)
                if stands is not None:
                    reason = f"{value.text!r} belongs to something else in the source; here it says {stands.text!r}"
                    return Contrast(RulingCode.OTHER_LINK, value, stands, reason), row.sentence
    return None


def _is_label(claim: Sentence, value: Word) -> bool:
    """A number that counts nothing and only names: "4. Wrap the left section", "Passage 2", "priority 1 tickets"."""
    at = claim.words.index(value)
    if at == 0:
        return True
    before = claim.words[at - 1]
    return before.kind in (Kind.CONTENT, Kind.NAME) and not _verb(before) and value.span[0] - before.span[1] == 1


def _rows(sentences: Sequence[Sentence], numbers: Iterable[int]) -> Iterator[Row]:
    for number in numbers:
        if len(sentences[number].content) <= LONG:
            yield from (_row(part, number) for part in clauses(sentences[number]))


def _row(part: Sentence, number: int) -> Row:
    part = _without_said_again(part)
    edge = next((at for at in range(1, len(part.words)) if _verb_at(part.words, at)), len(part.words))
    segment = part.words[min(edge, len(part.words) - 1)].segment
    opens = [word for word in part.words[:edge] if word.kind in (Kind.CONTENT, Kind.NAME) and word.segment == segment]
    stated = {base for word in part.words if _verb(word) for base in base_forms(word.text)}
    return Row(part, tuple(opens), frozenset(stated), number)


def _without_said_again(part: Sentence) -> Sentence:
    """A clause without a verb that names its own thing, "and a day ticket 8.80 euros", without the subject before it."""
    at = next((i for i, word in enumerate(part.words) if i and word.span[0] > part.words[i - 1].span[1] + _MOST_GAP), 0)
    own = part.words[at:]
    named = any(word.kind in (Kind.CONTENT, Kind.NAME) and not _verb(word) for word in own[:_NAMED_BY])
    if not at or any(_verb(word) for word in own) or not named:
        return part
    return replace(part, words=own, content=tuple(word for word in part.content if word in own))


def _verb_at(words: Sequence[Word], at: int) -> bool:
    """Whether a verb stands there: "the pool" is a thing, though one may pool."""
    return _verb(words[at]) and words[at - 1].text.lower() not in _ARTICLES


def _verb(word: Word) -> bool:
    return word.text.lower() in VERB_SIGNS or (word.kind is Kind.CONTENT and is_verb_form(word.text))


def _of_a_class(word: Word) -> bool:
    """A weekday or a month, of which a row has one."""
    return word.kind is Kind.NAME and bool(word.meaning.classes & {"weekday", "month"})


def _unit(sentence: Sentence, value: Word) -> frozenset[str]:
    """Base forms of the word right behind a number: what it counts."""
    behind = [word for word in sentence.words if word.span[0] >= value.span[1]][:2]
    behind = behind[1:] if behind and _is_scale(behind[0]) else behind
    return behind[0].meaning.bases if behind and behind[0].kind is Kind.CONTENT else frozenset()


def _is_scale(word: Word) -> bool:
    return word.text.lower() in _SCALES


def _scale(sentence: Sentence, value: Word) -> str:
    """ "billion" of "$4.2 billion" and "%" of "3%", which are part of the number."""
    end = value.span[1] - sentence.span[0]
    if sentence.text[end : end + 2].strip().startswith("%"):
        return "%"
    behind = next((word for word in sentence.words if word.span[0] >= value.span[1]), None)
    return behind.text.lower() if behind is not None and _is_scale(behind) else ""


def _scaling(sentence: Sentence, value: Word) -> str:
    """Whether a number is plain (""), a percentage ("%") or one of millions and the like ("*"): only like ones are compared."""
    scale = _scale(sentence, value)
    return scale if scale in ("", "%") else "*"


def _value_in(row: Row, value: Word, claim: Sentence) -> Word | None:
    """The word of a row that is the claim's value, of the same unit."""
    unit = _unit(claim, value)
    for word in row.part.content:
        if not mean_the_same(word, value) or _scale(row.part, word) != _scale(claim, value):
            continue
        if word.kind is not Kind.NUMBER or _alike(_unit(row.part, word), unit):
            return word
    return None


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one.isdisjoint(other) or not (one or other)


def _foreign(said: Row, owner: Row, value: Word, holding: Mapping[str, Sequence[int]]) -> bool:
    """Whether the row that has the value lacks something that the claim is about and the source speaks of."""
    unit = _unit(said.part, value)
    known = [word for word in said.part.content if word.kind is not Kind.NUMBER and not mean_the_same(word, value)]
    about = [word for word in known if (word in said.opens or not _verb(word)) and _known(word, holding)]
    return any(not (owner.has(word) or _is_scale(word) or word.meaning.bases & unit) for word in about)


def _instead(said: Row, value: Word, owner: Row, row: Row, holding: Mapping[str, Sequence[int]]) -> Word | None:
    """The value that ``row``, which is about the claim's thing, has in place of ``value``; None when that cannot be told."""
    claim = said.part
    if any(word.kind is Kind.NEGATION for one in (owner, row) for word in one.part.words):
        return None
    if (owner.part.cues | row.part.cues) & (LIMITS | _POSSESSIVES) or _value_in(row, value, claim) is not None:
        return None
    unit = _unit(claim, value)
    rest = [
        word
        for word in claim.content
        if not (mean_the_same(word, value) or _is_scale(word)) and word.meaning.bases.isdisjoint(unit)
    ]
    about = [word for word in rest if word in said.opens or not _verb(word)]
    own = [word for word in about if row.has(word) and not owner.has(word)]
    if owner.part.cues & PRONOUNS:
        own = [word for word in own if not any(mean_the_same(word, one) and not one.slot for one in row.opens)]
    theirs = [word for word in rest if owner.has(word) and not row.has(word) and not _beside(claim, word, value)]
    if owner.sentence == row.sentence and not row.stated:  # the subject is said once: "open … and on Saturdays from 10"
        theirs = [word for word in theirs if not any(mean_the_same(word, one) for one in owner.opens)]
    unknown = [word for word in rest if not owner.has(word) and not row.has(word)]
    if (
        not own
        or theirs
        or len(unknown) > _MOST_UNKNOWN
        or any(word in said.opens and not _known(word, holding) for word in unknown)
    ):
        return None
    dated = _is_year(value) and owner.sentence == row.sentence and len(own) >= _LEAST_EVENT_WORDS
    if not any(_marked(row, word) for word in own) or not (dated or _names_its_own(owner, row, claim, own)):
        return None
    if not _of_one_form(owner, row):
        return None
    scaled = _scaling(claim, value)
    rivals = [word for word in row.part.content if _rival(row, word, value, unit)]
    rivals = [one for one in rivals if _scaling(row.part, one) == scaled]
    if any(mean_the_same(one, word) for one in rivals for word in claim.content):
        return None
    return rivals[0] if rivals else None


def _is_year(word: Word) -> bool:
    return word.text.isdecimal() and len(word.text) == _YEAR_DIGITS


def _known(word: Word, holding: Mapping[str, Sequence[int]]) -> bool:
    """Whether the source speaks of it in another sentence: "the clinic" of "at weekends it opens at 10"."""
    return any(base in holding for base in word.meaning.bases)


def _of_one_form(owner: Row, row: Row) -> bool:
    """Whether two rows say the same kind of thing: parts of one sentence, or with a verb of both."""
    if owner.sentence == row.sentence or (owner.stated & row.stated) - _WEAK_SIGNS:
        return True
    first = owner if owner.sentence < row.sentence else row
    parts = first.part.text.rstrip()[-1:] not in _ENDS and abs(owner.sentence - row.sentence) == 1
    return parts or (owner.stated == row.stated and bool(owner.stated))


def _beside(claim: Sentence, word: Word, value: Word) -> bool:
    """A word right before the value belongs to it: "next Wednesday"."""
    return abs(claim.content.index(word) - claim.content.index(value)) == 1 and word.kind is Kind.CONTENT


def _marked(row: Row, word: Word) -> bool:
    """Whether a word says what a row is about: before its verb, a name, or behind a preposition ("at sea level")."""
    there = next(one for one in row.part.content if mean_the_same(word, one))
    return there in row.opens or there.kind is Kind.NAME or bool(there.slot) or len(row.part.content) <= LONG // 3


def _names_its_own(owner: Row, row: Row, claim: Sentence, own: Sequence[Word]) -> bool:
    """Whether the other row says what it is about: before its verb, or by another member of a class ("Monday" for "Saturday")."""
    fresh = [word for word in owner.part.content if not row.has(word) and word.kind is not Kind.NUMBER]
    fresh = [word for word in fresh if not any(mean_the_same(word, one) for one in claim.content)]
    return any(word in owner.opens or any(exclusive(word.text, one.text) for one in own) for word in fresh)


def _rival(row: Row, word: Word, value: Word, unit: frozenset[str]) -> bool:
    if value.kind is Kind.NUMBER:
        return word.kind is Kind.NUMBER and _alike(_unit(row.part, word), unit)
    return exclusive(word.text, value.text)
