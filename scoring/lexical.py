"""Which words, and which neighbouring pairs of words, of the response occur in the context.

Dense similarity is high between an invented name and a real one; exact words tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from parsers.values.markup import decode_references, has_references

_UNPARTED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNPARTED}]|[^\W{_UNPARTED}]+(?:['’][^\W{_UNPARTED}]+)?")
"""A word; of Chinese and Japanese, which part no words, a character, so that neighbouring pairs are what is compared."""
_SUFFIXES = ("'s", "’s", "ies", "es", "ed", "ing", "ly", "en", "s", "e", "n", "y", "d")
_MIN_STEM_CHARACTERS = 3


def stem(word: str) -> str:
    """A crude common stem of English and German inflections: the lower-cased word less one known ending."""
    lowered = word.lower()
    for suffix in _SUFFIXES:
        if lowered.endswith(suffix) and len(lowered) - len(suffix) >= _MIN_STEM_CHARACTERS:
            return lowered[: -len(suffix)]
    return lowered


@dataclass(frozen=True)
class ContextWords:
    """Stems of a context and pairs of stems that stand next to each other."""

    stems: frozenset[str]
    pairs: frozenset[tuple[str, str]]


def context_words(texts: Iterable[str]) -> ContextWords:
    """The vocabulary of the premises."""
    stems: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    cache: dict[str, str] = {}
    for text in texts:
        text = decode_references(text).text if has_references(text) else text
        sequence = [cache.setdefault(word, stem(word)) for word in _WORD.findall(text)]
        stems.update(sequence)
        pairs.update(pairwise(sequence))
    return ContextWords(frozenset(stems), frozenset(pairs))


@dataclass(frozen=True, eq=False)
class LexicalMatch:
    """Per response token, 1.0 or 0.0. ``word``: its word occurs in the context; ``pair``: so does a pair it is in."""

    word: NDArray[np.float32]
    pair: NDArray[np.float32]


def match_words(text: str, token_spans: NDArray[np.int32], context: ContextWords) -> LexicalMatch:
    """Look up the word of every token. ``token_spans``: (tokens, 2) characters of ``text``."""
    words = list(_WORD.finditer(text))
    if not words or not len(token_spans):
        zeros = np.zeros(len(token_spans), np.float32)
        return LexicalMatch(zeros, zeros)
    stems = [stem(match.group()) for match in words]
    found = np.fromiter((s in context.stems for s in stems), np.float32, len(stems))
    linked = np.fromiter((pair in context.pairs for pair in pairwise(stems)), bool, len(stems) - 1)
    paired = np.zeros(len(stems), np.float32)
    paired[:-1][linked] = 1.0
    paired[1:][linked] = 1.0
    starts = np.fromiter((match.start() for match in words), np.int64, len(words))
    ends = np.fromiter((match.end() for match in words), np.int64, len(words))
    owner = np.searchsorted(starts, token_spans[:, 0], side="right") - 1
    inside = (owner >= 0) & (token_spans[:, 0] < ends[np.maximum(owner, 0)])
    owner = np.maximum(owner, 0)
    return LexicalMatch(np.where(inside, found[owner], 0.0), np.where(inside, paired[owner], 0.0))
