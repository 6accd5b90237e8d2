"""Which words of a sentence belong together: "teaches physics" said of one teacher, where the source says it of the other.

A clause is read as groups by role (subject, verb, object, or the preposition a phrase stands behind). A claim that has all groups
of one clause but one, whose words the source has in another clause instead, has mixed the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.words.lexicon import is_past_form, is_verb_form, lexicon
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import mean_the_same
from scoring.rag.sentences.grounds import Contrast, proper
from scoring.rag.sentences.words import VERB_SIGNS, Kind, Sentence, Word, clauses

_SUBJECT, _VERB, _OBJECT = "subject", "verb", "object"
_AGENT = "by"
_BE = frozenset("is are was were be been being".split())
_PLACES = frozenset("in at on im am".split())
_LEAST_SHARED = 2
_LEAST_SHARE = 0.5
_LONG = 25
_MOST_GROUP_WORDS = 4


@dataclass(frozen=True)
class Clause:
    """The content words of one clause by role; ``passive``: its verb is one, with a form of *be* before it."""

    groups: dict[str, tuple[Word, ...]]
    passive: bool
    denies: bool
    sentence: int


def source_clauses(sentences: Sequence[Sentence], numbers: Sequence[int]) -> list[Clause]:
    """The clauses of the sentences with these numbers; very long sentences are left out."""
    return [
        clause
        for number in numbers
        if len(sentences[number].content) <= _LONG
        for part in clauses(sentences[number])
        if (clause := read_clause(part, number)) is not None
    ]


def read_clause(part: Sentence, sentence: int = -1) -> Clause | None:
    """The groups of a clause; None without a verb."""
    sign = next((at for at, word in enumerate(part.words) if at and word.text.lower() in VERB_SIGNS), None)
    verb = next(
        (
            at
            for at, word in enumerate(part.words)
            if at >= (sign or 1)
            and word.kind is Kind.CONTENT
            and is_verb_form(word.text)
            and _may_state(part, at, sign)
        ),
        None,
    )
    if verb is None and sign is None:
        return None
    edge = min(one for one in (sign, verb) if one is not None)
    groups: dict[str, list[Word]] = {}
    for at, word in enumerate(part.words):
        if word.kind in (Kind.FUNCTION, Kind.NEGATION):
            continue
        if at == verb:
            role = _VERB
        elif at < edge:
            role = _SUBJECT
        else:
            role = "place" if word.slot in _PLACES and word.kind is not Kind.NUMBER else word.slot or _OBJECT
        groups.setdefault(role, []).append(word)
    denies = any(word.kind is Kind.NEGATION for word in part.words)
    past = verb is not None and is_past_form(part.words[verb].text)
    passive = past and sign is not None and part.words[sign].text.lower() in _BE
    if past and _AGENT in groups and _OBJECT not in groups:
        groups, passive = _active(groups), False
    return Clause({role: tuple(words) for role, words in groups.items()}, passive, denies, sentence)


def _active(groups: dict[str, list[Word]]) -> dict[str, list[Word]]:
    """The groups of "the hall was built by Hensel" as those of "Hensel built the hall"."""
    turned = dict(groups)
    subject = turned.pop(_SUBJECT, [])
    turned[_SUBJECT] = turned.pop(_AGENT)
    return {**turned, _OBJECT: subject} if subject else turned


def _may_state(part: Sentence, at: int, sign: int | None) -> bool:
    """A verb behind its auxiliary, or one that no determiner makes a noun of."""
    if sign is not None:
        return True
    before = part.words[at - 1].text.lower()
    return before not in ("a", "an", "the", "his", "her", "its", "their") and (
        part.words[at - 1].kind is not Kind.CONTENT or part.words[at].text.lower() not in lexicon().nouns or at >= 1
    )


def mixed_clauses(claim: Sentence, sources: Sequence[Clause]) -> tuple[Contrast, int] | None:
    """The contrast of a claim that says of one thing what the source says of another, and its sentence's number.

    None where a clause says all of it.
    """
    said = read_clause(claim)
    if said is None or len(said.groups) < _LEAST_SHARED or said.denies:
        return None
    found: tuple[Contrast, int] | None = None
    for clause in sources:
        missing = [role for role, words in said.groups.items() if not _holds(clause, role, words)]
        if not missing:
            return None
        if len(missing) > 1 or found is not None or clause.denies or clause.passive != said.passive:
            continue
        role = missing[0]
        instead = clause.groups.get(role, ())
        words = said.groups[role]
        if not instead or not _rivals(words, instead) or len(said.groups) - 1 < _LEAST_SHARED:
            continue
        if any(_has(clause.groups.get(other, ()), word) for word in words for other in clause.groups):
            continue
        if role == _SUBJECT and not all(_is_proper(group) for group in (words, instead)):
            continue
        reach = 0 if role == _VERB else 1
        near = (one for one in sources if one is not clause and abs(one.sentence - clause.sentence) <= reach)
        other = next((one for one in near if _holds(one, role, words)), None)
        if other is not None and _differs(said, other, role):
            reason = f"the source says {instead[0].text!r} here; {words[0].text!r} belongs to something else"
            found = Contrast(RulingCode.OTHER_LINK, words[0], instead[0], reason), clause.sentence
    return found


def _is_proper(words: Sequence[Word]) -> bool:
    """Whether a group is names alone: two descriptions ("the suspect", "that individual") may be of one person."""
    return all(proper(word) for word in words)


def _holds(clause: Clause, role: str, words: Sequence[Word]) -> bool:
    """Whether a clause has all of ``words`` in a role, or anywhere when their role is the subject of a clause without one."""
    return all(_has(clause.groups.get(role, ()), word) for word in words)


def _has(words: Sequence[Word], wanted: Word) -> bool:
    return any(mean_the_same(word, wanted) for word in words)


def _rivals(words: Sequence[Word], instead: Sequence[Word]) -> bool:
    """Whether two groups can stand for each other: of one kind, short, and neither a part of the other."""
    if len(words) > _MOST_GROUP_WORDS or len(instead) > _MOST_GROUP_WORDS:
        return False
    numbers = [any(word.kind is Kind.NUMBER for word in group) for group in (words, instead)]
    return numbers[0] == numbers[1] and not any(_has(instead, word) for word in words if word.kind is not Kind.NUMBER)


def _differs(said: Clause, other: Clause, role: str) -> bool:
    """Whether the clause that has the claim's words says them of something else than the claim does."""
    return any(
        group in other.groups and not any(_has(other.groups[group], word) for word in words)
        for group, words in said.groups.items()
        if group != role
    )
