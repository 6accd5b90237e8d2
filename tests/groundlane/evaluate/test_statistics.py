"""Intervals of rates and AUROC: against scipy and scikit-learn, and by how often they hold the truth."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from groundlane.evaluate.statistics import auroc, rate, t_quantile, wilson
from scoring.evals.statistics import wilson as wilson_of_suites


@pytest.mark.parametrize("freedom", [1, 2, 5, 19, 20, 21, 40, 1000])
def test_quantiles_of_t(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-3)


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (1, 5), (7, 40), (40, 40)])
def test_independent_answers_get_wilsons_interval(hits: int, n: int) -> None:
    found = rate([place < hits for place in range(n)], range(n))
    expected = wilson_of_suites(hits, n)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.n, found.contexts) == (n, n)


def test_no_answers_have_no_rate() -> None:
    assert rate([], []) is None


def test_answers_that_are_alike_within_a_context_count_as_one() -> None:
    hits = [context % 2 == 0 for context in range(30) for _ in range(10)]
    clustered = rate(hits, [context for context in range(30) for _ in range(10)])
    single = rate([context % 2 == 0 for context in range(30)], range(30))
    assert clustered is not None
    assert single is not None
    assert clustered.high - clustered.low >= single.high - single.low


def test_intervals_hold_the_truth_where_contexts_differ() -> None:
    """25 contexts of six answers whose rates differ: 95% in 400 draws within what chance allows; the plain one fails."""
    dice = random.Random(1)
    held = plain = 0
    for _ in range(400):
        shares = [dice.betavariate(1, 3) for _ in range(25)]
        hits = [dice.random() < share for share in shares for _ in range(6)]
        found = rate(hits, [context for context in range(25) for _ in range(6)])
        assert found is not None
        held += found.low <= 0.25 <= found.high
        low, high = wilson(found.value, 150)
        plain += low <= 0.25 <= high
    assert held / 400 >= 0.92
    assert plain / 400 < 0.9


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans(), st.integers(0, 6)), min_size=1, max_size=40
    )
)
def test_auroc_is_the_one_everybody_computes(rows: list[tuple[float, bool, int]]) -> None:
    scores, positive, contexts = zip(*rows, strict=True)
    found = auroc(scores, positive, contexts)
    if len(set(positive)) < 2:
        assert found is None
        return
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(positive, scores))
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_delong_variance_of_a_worked_example() -> None:
    """Placements by hand: positives .8, .6, .4 over negatives .5, .3 give 1, 1, .5 and 2/3, 1; AUROC 5/6."""
    found = auroc([0.8, 0.6, 0.4, 0.5, 0.3], [True, True, True, False, False], range(5))
    assert found is not None
    assert found.value == pytest.approx(5 / 6)
    variance = ((1 / 6) ** 2 * 2 + (1 / 3) ** 2) / 2 / 3 + ((1 / 6) ** 2 * 2) / 1 / 2
    half = 1.959964 * variance**0.5 / (5 / 6 * 1 / 6)
    low = 1 / (1 + 2.718281828 ** -(1.6094379 - half))
    assert found.low == pytest.approx(low, abs=1e-4)
