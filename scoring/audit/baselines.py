"""Trivial systems that a candidate has to be better than: always green, always red, and words shared with the passages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from scoring.lexical import stem
from scoring.types import Band

_WORD: Final = re.compile(r"\w+")
_LEAST_CHARACTERS: Final = 3
OVERLAP_GREEN: Final = 0.8
"""Share of the response's words of three letters and more, by their stems, that the passages hold; set by hand, not fitted."""
OVERLAP_RED: Final = 0.5

Baseline = Callable[[str, Sequence[str]], tuple[Band, float | None]]
"""(band, score) of a response and its passages."""


def always_green(_response: str, _passages: Sequence[str]) -> tuple[Band, float | None]:
    """Whatever is said, it is grounded."""
    return Band.GREEN, 1.0


def always_red(_response: str, _passages: Sequence[str]) -> tuple[Band, float | None]:
    """Whatever is said, it is not."""
    return Band.RED, 0.0


def word_overlap(response: str, passages: Sequence[str]) -> tuple[Band, float | None]:
    """Green from .8, red under .5; unknown without a word to look for. "It opened in 1933" on "opened in 1932": 1 of 2."""
    said = _stems(response)
    if not said:
        return Band.UNKNOWN, None
    held = {word for passage in passages for word in _stems(passage)}
    share = len(said & held) / len(said)
    band = Band.GREEN if share >= OVERLAP_GREEN else Band.RED if share < OVERLAP_RED else Band.AMBER
    return band, round(share, 4)


BASELINES: Final[Mapping[str, Baseline]] = {
    "always_green": always_green,
    "always_red": always_red,
    "word_overlap": word_overlap,
}


def _stems(text: str) -> set[str]:
    return {stem(word) for word in _WORD.findall(text) if len(word) >= _LEAST_CHARACTERS}
