"""(premise, claim) pairs to padded batches: long premises and long claims become windows, nothing is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.batching import plan_batches, plan_windows
from models.tokenization import PairTemplate, TokenizedText, Tokenizer


@dataclass(frozen=True)
class PairWindow:
    """One row of pair ``pair``: tokens ``claim[0]:claim[1]`` of its claim, ``premise[0]:premise[1]`` of its premise."""

    pair: int
    claim: tuple[int, int]
    premise: tuple[int, int]

    def __len__(self) -> int:
        return self.claim[1] - self.claim[0] + self.premise[1] - self.premise[0]


@dataclass(frozen=True)
class PairBatch:
    """One forward pass. ``ids``, ``types``: (rows, padded tokens); ``lengths``, ``claim_starts``: (rows,)."""

    windows: tuple[PairWindow, ...]
    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    lengths: NDArray[np.int64]
    claim_starts: NDArray[np.int64]

    def halves(self) -> tuple[PairBatch, PairBatch] | None:
        """Two batches of half the rows, as wide as this one; None for a single row."""
        middle = len(self.windows) // 2
        return (self._rows(slice(middle)), self._rows(slice(middle, None))) if middle else None

    def _rows(self, rows: slice) -> PairBatch:
        return PairBatch(
            self.windows[rows], self.ids[rows], self.types[rows], self.lengths[rows], self.claim_starts[rows]
        )


@dataclass(frozen=True)
class PreparedPairs:
    """What ``forward`` and ``finish`` need."""

    claims: tuple[TokenizedText, ...]
    batches: tuple[PairBatch, ...]


def prepare_pairs(
    tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]], max_tokens: int, token_budget: int
) -> PreparedPairs:
    """Tokenise and batch. A claim gets at most half of a row's room, the premise the rest; both in windows if longer.

    ``max_tokens``: tokens of one row, special ones included. A claim without tokens has no row.
    """
    template = tokenizer.pair_template
    room = max_tokens - template.size
    if room < 2:
        raise ValueError(f"{max_tokens} tokens leave no room for a pair beside {template.size} special ones")
    known = {text: tokenizer.encode(text) for text in {text for pair in pairs for text in pair}}
    premises = [known[premise] for premise, _ in pairs]
    claims = [known[claim] for _, claim in pairs]
    windows = [
        window
        for index, (premise, claim) in enumerate(zip(premises, claims, strict=True))
        for window in _pair_windows(index, premise, claim, room)
    ]
    lengths = [len(window) + template.size for window in windows]
    batches = tuple(
        _assemble([windows[index] for index in batch], premises, claims, template)
        for batch in plan_batches(lengths, token_budget)
    )
    return PreparedPairs(tuple(claims), batches)


def _pair_windows(pair: int, premise: TokenizedText, claim: TokenizedText, room: int) -> list[PairWindow]:
    windows = []
    for claim_part in plan_windows(len(claim), room // 2, claim.cut_ranks):
        premise_room = room - (claim_part[1] - claim_part[0])
        premise_parts = plan_windows(len(premise), premise_room, premise.cut_ranks) or [(0, 0)]
        windows += [PairWindow(pair, claim_part, premise_part) for premise_part in premise_parts]
    return windows


def _assemble(
    windows: Sequence[PairWindow],
    premises: Sequence[TokenizedText],
    claims: Sequence[TokenizedText],
    template: PairTemplate,
) -> PairBatch:
    lengths = np.array([len(window) + template.size for window in windows], dtype=np.int64)
    ids = np.zeros((len(windows), int(lengths.max())), dtype=np.int64)
    types = np.zeros_like(ids)
    claim_starts = np.zeros(len(windows), dtype=np.int64)
    for row, window in enumerate(windows):
        premise = premises[window.pair].ids[slice(*window.premise)]
        claim = claims[window.pair].ids[slice(*window.claim)]
        ids[row, : lengths[row]] = [*template.before, *premise, *template.between, *claim, *template.after]
        types[row, : lengths[row]] = [
            *template.types_before,
            *[template.type_first] * len(premise),
            *template.types_between,
            *[template.type_second] * len(claim),
            *template.types_after,
        ]
        claim_starts[row] = len(template.before) + len(premise) + len(template.between)
    return PairBatch(tuple(windows), ids, types, lengths, claim_starts)
