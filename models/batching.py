"""Plans for windows and batches: which tokens go together. Pure functions on lengths; nothing is ever cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEFAULT_TOKEN_BUDGET = 4096
"""Padded tokens in one batch. Above this a batch takes longer per token on a CPU, not shorter (docs/models.md)."""

_LOOK_BACK_SHARE = 0.25


@dataclass(frozen=True)
class BatchLimits:
    """``token_budget``: padded tokens of one forward pass. ``window_tokens``: tokens of one window of a text, special
    tokens not counted; None is what the model can hold."""

    token_budget: int = DEFAULT_TOKEN_BUDGET
    window_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.token_budget < 1:
            raise ValueError(f"token_budget must be at least 1, not {self.token_budget}")
        if self.window_tokens is not None and self.window_tokens < 1:
            raise ValueError(f"window_tokens must be at least 1, not {self.window_tokens}")


@dataclass(frozen=True)
class Window:
    """Tokens ``start:end`` of item ``item``."""

    item: int
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


def plan_windows(
    token_count: int, window_tokens: int, cut_ranks: NDArray[np.int8] | None = None
) -> list[tuple[int, int]]:
    """Half-open token ranges that cover ``0:token_count`` without gap or overlap, each at most ``window_tokens`` long.

    ``cut_ranks``: (token_count,) how good a place it is to cut just before the token. Within the last quarter of a full
    window the latest place of the highest rank is taken. No tokens, no windows.
    """
    if window_tokens < 1:
        raise ValueError(f"window_tokens must be at least 1, not {window_tokens}")
    if cut_ranks is not None and len(cut_ranks) != token_count:
        raise ValueError(f"{len(cut_ranks)} cut ranks for {token_count} tokens")
    ranges = []
    start = 0
    while start < token_count:
        end = min(start + window_tokens, token_count)
        if end < token_count and cut_ranks is not None:
            earliest = max(start + 1, end - int(window_tokens * _LOOK_BACK_SHARE))
            candidates = cut_ranks[earliest : end + 1]
            end -= int(np.argmax(candidates[::-1]))
        ranges.append((start, end))
        start = end
    return ranges


def plan_batches(lengths: Sequence[int], token_budget: int = DEFAULT_TOKEN_BUDGET) -> list[list[int]]:
    """Indices of ``lengths`` grouped so that a group's longest length times its size is at most ``token_budget``.

    Groups go from long to short, so that padding is small; each index occurs once. One item above the budget is
    a group of its own.
    """
    if token_budget < 1:
        raise ValueError(f"token_budget must be at least 1, not {token_budget}")
    batches: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * longest <= token_budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = lengths[index]
    return batches


def padded_tokens(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> int:
    """Tokens that are computed for a plan, padding included."""
    return sum(max(lengths[index] for index in batch) * len(batch) for batch in batches)
