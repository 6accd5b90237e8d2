"""Weak labels of answers, read off the next user turn. Silence is not satisfaction, and a suggestion is not a label.

A turn is read sentence by sentence, with quotations and code masked: "how do I say 'that's wrong'?" complains of nothing.
A turn that answers the assistant's own question, or hands over a text to work on, is material and no reaction. One
complaint outweighs any thanks before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from scoring.feedback.context import asks_for_material, hands_over_material
from scoring.feedback.english import ENGLISH
from scoring.feedback.german import GERMAN
from scoring.feedback.repeats import RepeatEvidence, repeated
from scoring.feedback.rules import Rule
from scoring.feedback.texts import Sentence, mask_quotations, sentences
from scoring.feedback.types import Suggestion, SuggestionKind, Thumb, Turn
from scoring.feedback.values import Stated

RULE_VERSION: Final = "2026-11-27.1"

_LANGUAGES: Final = (ENGLISH, GERMAN)
"""Every turn is read in all of them: a German chat says "thanks" too."""
_COMPLAINTS: Final = tuple(rule for language in _LANGUAGES for rule in language.complaints)
_OUTCOMES: Final = tuple(rule for language in _LANGUAGES for rule in language.outcomes)
_OPENERS: Final = tuple(language.openers for language in _LANGUAGES)
_PRAISE: Final = tuple(language.praise for language in _LANGUAGES)
_THANKS: Final = tuple(language.thanks for language in _LANGUAGES)
_FILLERS: Final = tuple(language.fillers for language in _LANGUAGES)
_TURNED: Final = re.compile(
    r"\b(?:but|though|however|except|yet|although|aber|jedoch|allerdings|nur leider)\b", re.IGNORECASE
)
"""Praise that is taken back: "Nice, but the phone numbers are missing"."""
_NEGATED: Final = re.compile(
    r"\b(?:not|never|no|nothing|isn't|wasn't|doesn't|don't|didn't|nicht|kein\w*|nichts" r"|nie)\b", re.IGNORECASE
)
_MAX_REST_WORDS: Final = 3
"""Of a turn of praise, what may be left besides: "Cheers, found page nine" is praise; a longer rest says something of its own."""
_MAX_SENTENCE_CHARACTERS: Final = 600
"""A longer one is a pasted text, and no reaction."""
_MAX_STARTS: Final = 12
"""A sentence of more clauses is a list, and no reaction; it also bounds the work on hostile text."""
_MAX_SENTENCES: Final = 64
"""Of a turn of more, the first and the last half as many are read: a reaction stands before or after what was pasted."""
_THANKS_ALONE: Final = 0.6
_PRAISE_ALONE: Final = 0.75
_PRAISE_AND_THANKS: Final = 0.85


@dataclass(frozen=True)
class _Hit:
    kind: SuggestionKind
    confidence: float
    start: int
    end: int
    rule: str


def suggest(turns: Sequence[Turn]) -> tuple[Suggestion, ...]:
    """At most one suggestion for each answer that has a turn after it, in order.

    ``similarity_to_previous`` of a turn sharpens what counts as asked again; without it the shared words decide.
    """
    found = []
    for index in range(1, len(turns)):
        before, after = turns[index - 1], turns[index]
        hit = _read(before, after)
        if hit is not None:
            thumb = Thumb.UP if hit.kind is SuggestionKind.SATISFIED else Thumb.DOWN
            found.append(
                Suggestion(
                    index - 1, thumb, hit.kind, hit.confidence, index, hit.start, hit.end, hit.rule, RULE_VERSION
                )
            )
    return tuple(found)


def _read(before: Turn, after: Turn) -> _Hit | None:
    text = mask_quotations(after.question)
    parts = _outer(tuple(sentences(text)))
    if hands_over_material(before, text):
        return None
    expects_reply = asks_for_material(before.answer)
    if not expects_reply:
        down = _complaint(parts) or _value(before, after, parts) or _repeat(before, after, text)
        if down is not None:
            return down
    if _TURNED.search(text) or any(part.is_question for part in parts):
        return None
    return _outcome(parts, expects_reply) or (None if expects_reply else _praise(text))


def _outer(parts: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
    """The sentences that may be a reaction; it bounds the work on a turn of a million of them."""
    half = _MAX_SENTENCES // 2
    return parts if len(parts) <= _MAX_SENTENCES else (*parts[:half], *parts[-half:])


def _complaint(parts: Sequence[Sentence]) -> _Hit | None:
    """The strongest complaint of the turn; the first of equals."""
    hits = [hit for part in parts for hit in _rules_of(part, _COMPLAINTS)]
    return max(hits, key=lambda hit: hit.confidence, default=None)


def _rules_of(part: Sentence, rules: Sequence[Rule]) -> Iterator[_Hit]:
    if len(part.text) > _MAX_SENTENCE_CHARACTERS:
        return
    starts = _starts(part.text)
    for rule in rules:
        if part.is_question and not rule.asks:
            continue
        for start in starts:
            match = rule.find(part.text[start:])
            if match is not None and match.end() > match.start():
                offset = part.start + start
                yield _Hit(rule.kind, rule.confidence, offset + match.start(), offset + match.end(), rule.name)
                break


def _starts(text: str) -> tuple[int, ...]:
    """Where the point may begin: at the start, after openers, and after each comma, semicolon or dash.

    Not after a colon: what follows is often someone else's, as in "B should answer: that's not what I wanted".
    """
    starts = [0]
    for opener in _OPENERS:
        match = opener.match(text)
        if match is not None and match.end() < len(text):
            starts.append(match.end())
    starts.extend(match.end() for match in re.finditer(r"[,;–—] (?:and |but |so |und |aber )?", text))
    return tuple(dict.fromkeys(starts))[:_MAX_STARTS]


def _value(before: Turn, after: Turn, parts: Sequence[Sentence]) -> _Hit | None:
    """A statement with another value than the answer's, about the same thing."""
    stated = Stated(before.question, before.answer)
    for part in parts:
        if not part.is_question and stated.contradicted_by(part.text):
            return _Hit(SuggestionKind.CORRECTION, 0.7, part.start, part.start + len(part.text), "value.differs")
    return None


def _repeat(before: Turn, after: Turn, text: str) -> _Hit | None:
    evidence: RepeatEvidence | None = repeated(before.question, text, after.similarity_to_previous)
    if evidence is None:
        return None
    return _Hit(SuggestionKind.REPEAT, evidence.confidence, evidence.start, evidence.end, evidence.rule)


def _outcome(parts: Sequence[Sentence], expects_reply: bool) -> _Hit | None:
    """A said outcome, such as "that fixed it". After a question of the assistant only a goodbye counts."""
    wanted = [rule for rule in _OUTCOMES if not expects_reply or rule.name.endswith("all_done")]
    hits = [hit for part in parts for hit in _rules_of(part, wanted)]
    return max(hits, key=lambda hit: hit.confidence, default=None)


def _praise(text: str) -> _Hit | None:
    """A turn that is praise or thanks and hardly anything else."""
    praise = _first(text, _PRAISE)
    thanks = _first(text, _THANKS)
    first = praise or thanks
    if first is None:
        return None
    rest = text
    for pattern in (*_PRAISE, *_THANKS, *_FILLERS):
        rest = pattern.sub(" ", rest)
    left = re.findall(r"\w+", rest)
    if len(left) > _MAX_REST_WORDS or _NEGATED.search(rest):
        return None
    confidence = _PRAISE_AND_THANKS if praise and thanks else _PRAISE_ALONE if praise else _THANKS_ALONE
    if left:
        confidence -= 0.1
    rule = "praise.and_thanks" if praise and thanks else "praise" if praise else "thanks"
    return _Hit(SuggestionKind.SATISFIED, confidence, first.start(), first.end(), rule)


def _first(text: str, patterns: Sequence[re.Pattern[str]]) -> re.Match[str] | None:
    found = [match for pattern in patterns if (match := pattern.search(text))]
    return min(found, key=lambda match: match.start(), default=None)
