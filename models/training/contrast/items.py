"""What a contrast is: a passage, claims that it supports, and claims that it does not, made of the same words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from models.training.contrast.words import Cast

Span = tuple[int, int]

NO_MARKS = str.maketrans("", "", "[]")
"""For ``translate``: takes the brackets away."""

_MARK = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Contrast:
    """``facts``: sentences that decide, in their order. ``true``: supported claims. ``false``: claims with the wrong characters
    in brackets ("Oslo lies [south] of Bergen."). ``label``: of the false ones. ``question``
    and the answers to it belong together.
    """

    facts: tuple[str, ...]
    true: tuple[str, ...]
    false: tuple[str, ...]
    label: str = "contradiction"
    question: str | None = None
    right_answer: str | None = None
    wrong_answer: str | None = None


Maker = Callable[[Cast], Contrast]


def unmarked(text: str) -> tuple[str, tuple[Span, ...]]:
    """The text without its brackets, and the characters that stood in them.

    >>> unmarked("Oslo lies [south] of Bergen.")
    ('Oslo lies south of Bergen.', ((10, 15),))
    """
    plain, spans, end = "", [], 0
    for match in _MARK.finditer(text):
        plain += text[end : match.start()]
        spans.append((len(plain), len(plain) + len(match.group(1))))
        plain += match.group(1)
        end = match.end()
    return plain + text[end:], tuple(spans)


def sentence(text: str) -> str:
    """With a capital first letter and a full stop; brackets are no letters.

    >>> sentence("[the vote] came first")
    '[The vote] came first.'
    """
    place = next((i for i, c in enumerate(text) if c.isalnum()), 0)
    if not text[:place].rstrip('["('):
        text = text[:place] + text[place : place + 1].upper() + text[place + 1 :]
    return text if text.endswith((".", "!", "?", '."')) else text + "."
