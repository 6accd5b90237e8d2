"""Whether a question was asked again. "The same for another thing" is not: it swaps a word for a new one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from scoring.lexical import stem

_WORD: Final = re.compile(r"[\w-]+")
_FUNCTION_WORDS: Final = frozenset(
    "a an the of for to in on at by with and or but so is are was were be do does did can could may might will would should"
    " i you we they he she it me my your our their this that these those what which who whom when where why how much many"
    " please ok okay tell ask asked again if whether not there's here there as than then just also am have has had get got"
    " more most any some from about into one other words let rephrase say said mean meant question s what's"
    " der die das den dem des ein eine einen einem einer und oder aber so ist sind war waren sein ich du sie wir ihr er es"
    " mich mir mein meine meinen dein deine zu in im am an auf für von mit bei was welche welcher welches wer wen wem wann"
    " wo warum wie viel viele bitte kann können darf soll wird werden hat haben habe nicht auch noch nochmal einmal mal"
    " anders gefragt frage war um als dann wenn ob denn doch".split()
)
_ADDS_NOTHING: Final = 0.5
"""Share of the first question's content words that a repetition must take up again when it adds none of its own."""
_ASKS_THE_SAME: Final = 0.86
"""Cosine from which two questions with hardly a word in common ask the same. Questions that swap one thing for another ("tax
rate for books", "tax rate for food") are above it too, so words decide first."""


@dataclass(frozen=True)
class RepeatEvidence:
    """Where the repetition stands in the turn, and by which rule."""

    start: int
    end: int
    confidence: float
    rule: str


def content_words(text: str) -> frozenset[str]:
    """Stems of the words that carry the question, function words of English and German left out."""
    return frozenset(stem(word) for word in _WORD.findall(text.lower()) if word not in _FUNCTION_WORDS)


def repeated(question: str, follow_up: str, similarity: float | None) -> RepeatEvidence | None:
    """The evidence that ``follow_up`` asks ``question`` again, or None."""
    before, after = content_words(question), content_words(follow_up)
    if not before or not after or len(after) < 2:
        return None
    span = (len(follow_up) - len(follow_up.lstrip()), len(follow_up.rstrip()))
    shared = len(before & after)
    if after <= before and shared / len(before) >= _ADDS_NOTHING and (shared >= 2):
        return RepeatEvidence(*span, 0.8, "repeat.same_words")
    swapped = bool(after - before) and bool(before - after) and shared / len(before | after) >= 1 / 3
    if similarity is not None and similarity >= _ASKS_THE_SAME and not swapped:
        return RepeatEvidence(*span, 0.7, "repeat.similar")
    return None
