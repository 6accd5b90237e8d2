"""A (premise, claim) pair as a cross-encoder reads it: ids, and types that say which words the other side also has.

The four token types are a small model's shortcut to the first question a reader asks: is this word there at all? A
claim word whose pieces stand as one word in the premise gets its own type, and so does a premise word that the claim
repeats. Pure functions on ids; no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.tokenization import TokenizedText, Tokenizer
from models.weights import ModelLoadError, read_json

PREMISE, CLAIM, PREMISE_SHARED, CLAIM_SHARED = 0, 1, 2, 3
TYPE_COUNT = 4


@dataclass(frozen=True, eq=False)
class PairInput:
    """One sequence ``[CLS] premise [SEP] claim [SEP]``.

    ``ids`` and ``types``: (tokens,) int32 and int8. ``claim_start``: position of the claim's first token; the claim ends one
    before the last token. ``claim_spans``: (claim tokens, 2) int32 characters of the claim.
    """

    ids: NDArray[np.int32]
    types: NDArray[np.int8]
    claim_start: int
    claim_spans: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)


class PairBuilder:
    """Turns tokenised texts into :class:`PairInput` for one WordPiece tokenizer."""

    def __init__(self, tokenizer: Tokenizer, continuing: NDArray[np.bool_]) -> None:
        """``continuing``: (vocabulary,) True for pieces that carry a word on ("##ing")."""
        first, last = tokenizer.token_id("[CLS]"), tokenizer.token_id("[SEP]")
        if first is None or last is None:
            raise ModelLoadError("the verifier's tokenizer lacks [CLS] or [SEP]; it is not BERT's.")
        self._first, self._last = first, last
        self._tokenizer = tokenizer
        self._continuing = continuing

    @classmethod
    def from_folder(cls, folder: Path) -> PairBuilder:
        """Read ``folder/tokenizer.json``; :class:`ModelLoadError` when it is not a WordPiece tokenizer."""
        tokenizer = Tokenizer.from_folder(folder)
        return cls(tokenizer, continuing_pieces(folder, tokenizer.vocabulary_size))

    def tokenize(self, text: str) -> TokenizedText:
        """The tokens of one side."""
        return self._tokenizer.encode(text)

    def build(self, premise: TokenizedText, claim: TokenizedText) -> PairInput:
        """The sequence of a pair; nothing is cut off, so the caller sees to the length."""
        ids = np.concatenate([[self._first], premise.ids, [self._last], claim.ids, [self._last]])
        types = pair_types(premise.ids, claim.ids, self._continuing)
        return PairInput(ids.astype(np.int32), types, len(premise) + 2, claim.char_spans)


def continuing_pieces(folder: Path, size: int) -> NDArray[np.bool_]:
    """(size,) True for the ids of pieces that carry a word on ("##ing"), from ``folder/tokenizer.json``.

    :class:`ModelLoadError` when that is not a WordPiece tokenizer.
    """
    model = read_json(folder, "tokenizer.json").get("model")
    if not isinstance(model, dict) or model.get("type") != "WordPiece":
        raise ModelLoadError(f"{folder / 'tokenizer.json'} is not a WordPiece tokenizer, the verifier needs one.")
    prefix = model["continuing_subword_prefix"]
    continuing = np.zeros(size, dtype=np.bool_)
    continuing[[number for piece, number in model["vocab"].items() if piece.startswith(prefix)]] = True
    return continuing


def pair_types(
    premise_ids: NDArray[np.int64], claim_ids: NDArray[np.int64], continuing: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """(premise + claim + 3,) types of ``[CLS] premise [SEP] claim [SEP]``."""
    premise_words, claim_words = _words(premise_ids, continuing), _words(claim_ids, continuing)
    shared = set(premise_words).intersection(claim_words)
    types = [
        PREMISE,
        *_types(premise_words, shared, PREMISE, PREMISE_SHARED),
        PREMISE,
        *_types(claim_words, shared, CLAIM, CLAIM_SHARED),
        CLAIM,
    ]
    return np.asarray(types, dtype=np.int8)


def _words(ids: NDArray[np.int64], continuing: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """The pieces of each word, one word after another."""
    if not len(ids):
        return []
    starts = np.flatnonzero(~continuing[ids]).tolist()
    if not starts or starts[0]:
        starts.insert(0, 0)
    pieces = ids.tolist()
    return [tuple(pieces[a:b]) for a, b in zip(starts, [*starts[1:], len(pieces)], strict=True)]


def _types(words: Sequence[tuple[int, ...]], shared: set[tuple[int, ...]], plain: int, marked: int) -> list[int]:
    types: list[int] = []
    for word in words:
        types.extend([marked if word in shared else plain] * len(word))
    return types
