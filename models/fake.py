"""Fakes that ship with the package, for tests of what uses a model. They judge nothing: never use one to score.

Deterministic on every machine: a word's vector is drawn from a generator seeded with the word's hash, so equal words
match with cosine 1 and different ones with about 0.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from models.types import ModelInfo, NliScores, TextRole, TokenVectors, Windows
from models.words import content_characters

_WORD = re.compile(r"\w+|[^\w\s]")
_NEGATIONS = frozenset("not no never nicht kein keine nie".split())


class FakeEncoder:
    """Implements :class:`models.types.Encoder` with one hash-based vector per word; context has no influence."""

    def __init__(self, dim: int = 32) -> None:
        self._dim = dim

    @property
    def info(self) -> ModelInfo:
        """Named ``fake-encoder``, so that no result can pass for a real one."""
        return ModelInfo("fake-encoder", "fake", "float32", "cpu")

    @property
    def dim(self) -> int:
        """Values of one token vector."""
        return self._dim

    @property
    def symmetric(self) -> bool:
        """The role changes nothing."""
        return True

    def encode(
        self, texts: Sequence[str], role: TextRole = "document", window_tokens: Windows = None
    ) -> list[TokenVectors]:
        """One token per word or punctuation mark. Windows change nothing: a vector depends on its word alone."""
        for window in [window_tokens] if window_tokens is None or isinstance(window_tokens, int) else window_tokens:
            if window is not None and window < 1:
                raise ValueError(f"window_tokens must be at least 1, not {window}")
        return [self._encode_one(text) for text in texts]

    def _encode_one(self, text: str) -> TokenVectors:
        matches = list(_WORD.finditer(text))
        spans = np.array([match.span() for match in matches], dtype=np.int32).reshape(-1, 2)
        content = content_characters(text)
        vectors = np.zeros((len(matches), self._dim), dtype=np.float32)
        for row, match in zip(vectors, matches, strict=True):
            row[:] = _word_vector(match.group().lower(), self._dim)
        is_content = np.array([content[start:end].any() for start, end in spans], dtype=np.bool_)
        return TokenVectors(torch.from_numpy(vectors), spans, is_content)


class FakeVerifier:
    """Implements :class:`models.types.Verifier`: entailed is the share of the claim's content words in the premise.

    A negation on one side only turns what would be entailed into contradicted.
    """

    @property
    def info(self) -> ModelInfo:
        """Named ``fake-verifier``, so that no result can pass for a real one."""
        return ModelInfo("fake-verifier", "fake", "float32", "cpu")

    def verify(self, pairs: Sequence[tuple[str, str]]) -> list[NliScores]:
        """One verdict per (premise, claim) pair; the three probabilities sum to 1."""
        return [_judge(_words(premise), _words(claim)) for premise, claim in pairs]


def _judge(premise: set[str], claim: set[str]) -> NliScores:
    facts = claim - _NEGATIONS
    shared = len(facts & premise) / len(facts) if facts else 0.0
    if bool(claim & _NEGATIONS) != bool(premise & _NEGATIONS):
        return NliScores(entail=0.0, neutral=1.0 - shared, contradict=shared)
    return NliScores(entail=shared, neutral=1.0 - shared, contradict=0.0)


def _words(text: str) -> set[str]:
    content = content_characters(text)
    return {match.group().lower() for match in _WORD.finditer(text) if content[match.start() : match.end()].any()} | {
        word for word in (match.group().lower() for match in _WORD.finditer(text)) if word in _NEGATIONS
    }


@lru_cache(maxsize=65536)
def _word_vector(word: str, dim: int) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())
    vector = np.random.default_rng(seed).standard_normal(dim)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
