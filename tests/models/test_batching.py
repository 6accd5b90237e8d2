from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batching import BatchLimits, padded_tokens, plan_batches, plan_windows


@given(st.integers(0, 300), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_windows_cover_every_token_once(token_count: int, window_tokens: int, seed: int) -> None:
    ranks = np.random.default_rng(seed).integers(0, 3, token_count).astype(np.int8)
    windows = plan_windows(token_count, window_tokens, ranks)
    assert [token for start, end in windows for token in range(start, end)] == list(range(token_count))
    assert all(0 < end - start <= window_tokens for start, end in windows)


@pytest.mark.parametrize(
    ("ranks", "first_end"),
    [
        pytest.param([0] * 20, 8, id="nothing better: full window"),
        pytest.param([0] * 7 + [1] + [0] * 12, 7, id="white space within the last quarter"),
        pytest.param([0] * 6 + [2, 1, 1] + [0] * 11, 6, id="sentence end beats white space"),
        pytest.param([0] * 4 + [2] + [0] * 15, 8, id="sentence end too far back"),
    ],
)
def test_a_window_ends_at_the_best_place(ranks: list[int], first_end: int) -> None:
    assert plan_windows(20, 8, np.array(ranks, dtype=np.int8))[0] == (0, first_end)


@given(st.lists(st.integers(1, 100), max_size=60), st.integers(1, 500))
def test_batches_hold_each_item_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[index] for index in batch) * len(batch) <= budget
    assert padded_tokens(lengths, batches) >= sum(lengths)


def test_sorting_by_length_saves_padding() -> None:
    lengths = [10, 1000] * 8
    assert padded_tokens(lengths, plan_batches(lengths, 4000)) == sum(lengths)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: plan_windows(3, 0), id="window of nothing"),
        pytest.param(lambda: plan_windows(3, 2, np.zeros(2, dtype=np.int8)), id="ranks of another text"),
        pytest.param(lambda: plan_batches([1], 0), id="budget of nothing"),
        pytest.param(lambda: BatchLimits(token_budget=0), id="limits without budget"),
        pytest.param(lambda: BatchLimits(window_tokens=0), id="limits without window"),
    ],
)
def test_impossible_plans_are_refused(call) -> None:
    with pytest.raises(ValueError):
        call()
