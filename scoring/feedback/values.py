"""A statement that gives another number for what the answer stated: "The contract says 250" after "It is 500"."""

from __future__ import annotations

import re
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


def contradicts_value(question: str, answer: str, statement: str) -> bool:
    """Whether ``statement`` shares a content word with the question and has numbers of which the answer has none."""
    stated, given = set(_NUMBER.findall(statement)), set(_NUMBER.findall(answer))
    if not stated or not given or stated & given or _COMMANDS.match(statement) or _OWN_CASE.search(statement):
        return False
    words = {word for word in content_words(statement) if not word.isdigit()}
    return bool(words & content_words(f"{question} {answer}")) or bool(_SETS_RIGHT.search(statement))


_SETS_RIGHT: Final = re.compile(
    r"\b(?:says|i get|i have|we (?:have|counted|measured)|according to|it(?:'s| is| was)"
    r"|though)\b|\b(?:laut|ich habe|bei mir|es sind|es ist)\b",
    re.IGNORECASE,
)
