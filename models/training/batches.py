"""Which examples go together in one forward pass: a token budget, groups whole, lengths alike. Pure and seeded."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.training.examples import Example, grouped
from models.verifier_input import PairBuilder, PairInput

_POOL_BATCHES = 40


@dataclass(frozen=True, eq=False)
class TrainingPair:
    """A tokenised example. ``token_labels``: (claim tokens,) 1 supported, 0 unsupported; None where not labelled."""

    pair: PairInput
    label: int
    token_labels: NDArray[np.float32] | None
    weight: float


@dataclass(frozen=True, eq=False)
class TrainingGroup:
    """Pairs that must be in one batch. ``label``: of the group as a whole, None for a single labelled pair."""

    pairs: tuple[TrainingPair, ...]
    label: int | None

    @property
    def longest(self) -> int:
        """Tokens of the longest pair."""
        return max(len(item.pair) for item in self.pairs)


def tokenize_examples(
    examples: Sequence[Example], builder: PairBuilder, max_tokens: int
) -> tuple[list[TrainingGroup], int]:
    """Groups, and how many were left out because one of their pairs is longer than ``max_tokens``."""
    groups: list[TrainingGroup] = []
    left_out = 0
    for members in grouped(examples):
        pairs = tuple(_tokenize(example, builder) for example in members)
        if any(len(item.pair) > max_tokens for item in pairs):
            left_out += 1
            continue
        groups.append(TrainingGroup(pairs, members[0].group_label))
    return groups, left_out


def _tokenize(example: Example, builder: PairBuilder) -> TrainingPair:
    pair = builder.build(builder.tokenize(example.premise), builder.tokenize(example.claim))
    labels = None if example.unsupported is None else token_labels(pair.claim_spans, example.unsupported)
    return TrainingPair(pair, example.label, labels, example.weight)


def token_labels(spans: NDArray[np.int32], unsupported: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """(tokens,) 0 for a token that shares a character with an unsupported span, else 1."""
    labels = np.ones(len(spans), dtype=np.float32)
    for start, end in unsupported:
        labels[(spans[:, 0] < end) & (spans[:, 1] > start)] = 0.0
    return labels


def plan_epoch(groups: Sequence[TrainingGroup], token_budget: int, seed: str) -> list[list[int]]:
    """Batches of group numbers: each group once, padded tokens within the budget (a larger group stands alone).

    Groups are shuffled, sorted by length within pools, cut into batches, and the batches shuffled again.
    """
    draw = random.Random(seed)  # noqa: S311
    order = list(range(len(groups)))
    draw.shuffle(order)
    sizes = [len(group.pairs) for group in groups]
    lengths = [group.longest for group in groups]
    mean_tokens = sum(a * b for a, b in zip(sizes, lengths, strict=True)) / max(1, len(groups))
    pool = max(1, int(_POOL_BATCHES * token_budget / max(1.0, mean_tokens)))
    batches: list[list[int]] = []
    for begin in range(0, len(order), pool):
        longest = rows = 0
        current: list[int] = []
        for number in sorted(order[begin : begin + pool], key=lambda n: (-lengths[n], n)):
            width = max(longest, lengths[number])
            if current and (rows + sizes[number]) * width > token_budget:
                batches.append(current)
                current, rows, width = [], 0, lengths[number]
            current.append(number)
            rows += sizes[number]
            longest = width
        if current:
            batches.append(current)
    draw.shuffle(batches)
    return batches
