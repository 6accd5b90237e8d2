"""A statement that gives another number for what the answer stated: "The contract says 250" after "It is 500"."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

from scoring.feedback.repeats import content_words

_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_COMMANDS: Final = re.compile(
    r"^\W*(?:(?:and|now|please|und|jetzt|bitte)\b[, ]*)*(?:make|give|use|set|change|add"
    r"|try|take|rerun|let|mach\w*|gib|nimm|setze?|ändere?)\b",
    re.IGNORECASE,
)
_OWN_CASE: Final = re.compile(
    r"\bmy (?:order|customer|account|ticket|case|phone) (?:number|id)\b" r"|\bmeine? \w*nummer\b", re.IGNORECASE
)
"""A number that the user brings, not one that he sets right: "My order number is 4711"."""


class Stated:
    """What a question and its answer state: numbers and content words, read once for all sentences held against them."""

    def __init__(self, question: str, answer: str) -> None:
        self._texts = (question, answer)

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return frozenset(_NUMBER.findall(self._texts[1]))

    @cached_property
    def _words(self) -> frozenset[str]:
        return content_words(" ".join(self._texts))

    def contradicted_by(self, statement: str) -> bool:
        """Whether ``statement`` shares a content word with question and answer and has numbers of which the answer has none."""
        given = frozenset(_NUMBER.findall(statement))
        if not given or not self._numbers or given & self._numbers:
            return False
        if _COMMANDS.match(statement) or _OWN_CASE.search(statement):
            return False
        words = {word for word in content_words(statement) if not word.isdigit()}
        return bool(words & self._words) or bool(_SETS_RIGHT.search(statement))


_SETS_RIGHT: Final = re.compile(
    r"\b(?:says|i get|i have|we (?:have|counted|measured)|according to|it(?:'s| is| was)"
    r"|though)\b|\b(?:laut|ich habe|bei mir|es sind|es ist)\b",
    re.IGNORECASE,
)
