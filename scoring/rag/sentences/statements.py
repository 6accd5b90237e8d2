"""A short answer together with its question as one statement: "Who objected?" and "Anna." say "Anna objected"."""

from __future__ import annotations

import re
from dataclasses import replace

from scoring.rag.sentences.words import Kind, Sentence, Word, read_sentence

MOST_ANSWER_WORDS = 6
OUTSIDE = 1_000_000_000
_POLAR = re.compile(
    r"\s*(?:is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|had|ist|sind|war|waren|kann|können|darf|"
    r"dürfen|muss|müssen|hat|haben|wird|werden|gibt)\b",
    re.IGNORECASE,
)
_YES = re.compile(r"\s*(?:yes|yep|yeah|correct|right|true|ja|genau|stimmt|richtig)\s*[.!]*\s*", re.IGNORECASE)
_NO = re.compile(r"\s*(?:no|nope|incorrect|false|nein)\s*[.!]*\s*", re.IGNORECASE)
_WHO = re.compile(r"\s*(?:who|which (?:\w+ ){1,2}?(?=\w+ed\b)|wer)\s+", re.IGNORECASE)


def as_statement(answer: str, start: int, question: str | None, names: frozenset[str]) -> Sentence | None:
    """What ``answer`` says as an answer to ``question``; None when it is a statement of its own, or the question is another kind.

    Words of the question stand at places past any text (:data:`OUTSIDE`): what is wrong is then all of the answer.
    """
    if not question or not question.strip() or len(answer.split()) > MOST_ANSWER_WORDS:
        return None
    asked = question.strip().rstrip("?？ ")
    if _POLAR.match(asked) and (_YES.fullmatch(answer) or _NO.fullmatch(answer)):
        said = read_sentence(asked, 0, names)
        words = [_outside(word) for word in said.words]
        if _NO.fullmatch(answer) and words:
            words = [replace(word, negated=not word.negated) for word in words]
            words = [Word("not", (OUTSIDE - 1, OUTSIDE - 1), Kind.NEGATION, words[0].segment), *words]
        return _sentence(asked, start, answer, words)
    who = _WHO.match(asked)
    short = read_sentence(answer, start, names)
    if who and short.content and all(word.kind is Kind.NAME for word in short.content):
        rest = read_sentence(asked[who.end() :], 0, names)
        moved = [_outside(word) for word in rest.words]
        return _sentence(f"{answer} {asked[who.end() :]}", start, answer, [*short.words, *moved])
    return None


def _outside(word: Word) -> Word:
    return replace(word, span=(OUTSIDE + word.span[0], OUTSIDE + word.span[1]))


def _sentence(text: str, start: int, answer: str, words: list[Word]) -> Sentence:
    content = tuple(word for word in words if word.kind not in (Kind.FUNCTION, Kind.NEGATION))
    cues = frozenset(word.text.lower() for word in words)
    return Sentence(text, (start, start + len(answer)), tuple(words), content, cues)
