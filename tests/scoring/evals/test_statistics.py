"""Statistics: statsmodels as oracle, coverage of intervals and size of tests by simulation with fixed seeds, laws."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa as oracle_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from scoring.evals.statistics import (
    PairedCounts,
    benjamini_hochberg,
    cases_needed,
    cluster_t,
    exact_mcnemar,
    hit_at_k,
    holm,
    judge_agreement,
    judged_rate,
    ndcg_at_k,
    newcombe_paired,
    paired_e_value,
    recall_at_k,
    reciprocal_rank,
    sign_flip,
    smallest_visible_effect,
    weighted_rate,
    wilson,
)

_COUNTS = st.integers(0, 40)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_statsmodels(pair):
    hits, n = pair
    low, high = proportion_confint(hits, n, method="wilson")
    ours = wilson(hits, n)
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-12)


@given(_COUNTS, _COUNTS)
def test_mcnemar_is_that_of_statsmodels(gained, lost):
    expected = mcnemar([[7, lost], [gained, 5]], exact=True).pvalue
    assert exact_mcnemar(PairedCounts(7, gained, lost, 5)).p_value == pytest.approx(min(1.0, expected))


def test_cluster_t_is_ols_with_clustered_errors():
    generator = np.random.default_rng(3)
    clusters = generator.integers(0, 15, 200)
    values = generator.normal(0.1, 1, 200) + generator.normal(0, 0.5, 15)[clusters]
    fitted = sm.OLS(values, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}, use_t=True
    )
    ours = cluster_t(values, [str(c) for c in clusters])
    groups = len(set(clusters.tolist()))
    error = float(fitted.bse[0]) * np.sqrt(groups / (groups - 1))
    half = (ours.estimate.high - ours.estimate.low) / 2
    assert ours.estimate.value == pytest.approx(float(fitted.params[0]))
    assert half == pytest.approx(error * t.ppf(0.975, groups - 1))


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_corrections_are_those_of_statsmodels(size):
    values = np.random.default_rng(size).random(size) ** 3
    values[: size // 3] = values[-1]
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])
    assert benjamini_hochberg(values) == pytest.approx(multipletests(values, method="fdr_bh")[1])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=80))
def test_kappa_is_that_of_statsmodels(pairs):
    human, judge = [a for a, _ in pairs], [b for _, b in pairs]
    table = [[sum(a == x and b == y for a, b in pairs) for y in (True, False)] for x in (True, False)]
    ours = judge_agreement(human, judge)
    if ours.kappa is None:
        assert human == judge
        return
    with np.errstate(invalid="ignore", divide="ignore"):  # its own z value, where one rater said the same of all
        oracle = oracle_kappa(np.array(table))
    assert ours.kappa.value == pytest.approx(oracle.kappa, abs=1e-9)
    if len(set(human)) == len(set(judge)) == 2:  # else the oracle has no interval
        assert ours.kappa.low == pytest.approx(max(-1.0, oracle.kappa_low), abs=1e-9)
    assert ours.agreement.n == len(pairs)


def test_sensitivity_and_specificity_are_missing_without_their_cases():
    all_good = judge_agreement([True, True], [True, False])
    assert all_good.specificity is None
    assert all_good.sensitivity.value == 0.5


@pytest.mark.parametrize(("n", "shift"), [(20, 0.0), (20, 0.15), (50, 0.1), (200, 0.05)])
def test_coverage_of_newcombes_paired_interval(n, shift):
    generator = np.random.default_rng(n)
    covered, rounds = 0, 1500
    gain, loss = 0.10 + shift, 0.10
    for _ in range(rounds):
        counts = generator.multinomial(n, [0.5, gain, loss, 0.5 - gain - loss])
        found = newcombe_paired(PairedCounts(*(int(c) for c in counts)))
        covered += found.low <= gain - loss <= found.high
    assert covered / rounds >= 0.94


def test_newcombes_published_example():
    """Newcombe 1998, table II, example 1: 36, 12, 2, 0 of 50; method 10 gives .0569 to .3404 for +.20."""
    found = newcombe_paired(PairedCounts(36, 12, 2, 0))
    assert (found.value, found.low, found.high) == pytest.approx((0.20, 0.0569, 0.3404), abs=5e-5)


@given(_COUNTS, _COUNTS, _COUNTS, _COUNTS)
def test_laws_of_newcombes_interval(both, gained, lost, neither):
    if both + gained + lost + neither == 0:
        return
    found = newcombe_paired(PairedCounts(both, gained, lost, neither))
    turned = newcombe_paired(PairedCounts(both, lost, gained, neither))
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_size_of_the_tests_under_the_null():
    generator = np.random.default_rng(5)
    rounds = 400
    rejected = {"mcnemar": 0, "cluster_t": 0, "sign_flip": 0}
    for _ in range(rounds):
        gained, lost = (int(c) for c in generator.multinomial(60, [0.1, 0.1, 0.8])[:2])
        rejected["mcnemar"] += exact_mcnemar(PairedCounts(48, gained, lost, 0)).p_value < 0.05
        clusters = np.repeat(np.arange(12), 5)
        values = generator.normal(0, 1, 60) + generator.normal(0, 1, 12)[clusters]
        names = [str(c) for c in clusters]
        rejected["cluster_t"] += cluster_t(values, names).p_value < 0.05
        rejected["sign_flip"] += sign_flip(values, names).p_value < 0.05
    assert rejected["mcnemar"] / rounds <= 0.05
    assert rejected["cluster_t"] / rounds == pytest.approx(0.05, abs=0.03)
    assert rejected["sign_flip"] / rounds == pytest.approx(0.05, abs=0.03)


def test_sign_flips_drawn_agree_with_those_counted():
    generator = np.random.default_rng(9)
    values = generator.normal(0.4, 1, 14)
    names = [str(i) for i in range(14)]
    counted = sign_flip(values, names).p_value
    padded = sign_flip(np.concatenate([values, [1e-9]]), [*names, "14"]).p_value
    assert padded == pytest.approx(counted, abs=0.02)
    assert sign_flip([0.0, 0.0], ["a", "b"]).p_value == 1.0


def test_cluster_t_says_why_it_does_not_apply():
    assert cluster_t([1.0, 2.0], ["a", "a"]).p_value is None
    assert "sign-flip" in cluster_t([1.0, 1.0], ["a", "b"]).reason
    with pytest.raises(ValueError, match="finite"):
        cluster_t([float("nan")], ["a"])
    with pytest.raises(ValueError, match="clusters"):
        cluster_t([1.0], ["a", "b"])


@pytest.mark.parametrize(("effect", "cases"), [(0.03, 865), (0.05, 307), (0.10, 71)])
def test_cases_needed_and_the_effect_they_show(effect, cases):
    assert cases_needed(effect, 0.1) == cases
    assert smallest_visible_effect(cases, 0.1) == pytest.approx(effect, abs=5e-4)


def test_too_few_cases_see_nothing():
    assert smallest_visible_effect(5, 0.1) == 1.0
    with pytest.raises(ValueError, match="discordant"):
        cases_needed(0.2, 0.1)


def _judged(generator, labels, many=2000, sensitivity=0.9, specificity=0.7, rate=0.6):
    truth = generator.random(labels + many) < rate
    judge = np.where(
        truth, generator.random(labels + many) < sensitivity, generator.random(labels + many) >= specificity
    )
    return truth[:labels].astype(float), judge[:labels].astype(float), judge[labels:].astype(float)


def test_prediction_powered_rates_cover_the_truth_and_are_narrower():
    generator = np.random.default_rng(11)
    covered = alone_covered = judge_covered = 0
    widths, alone_widths = [], []
    rounds = 400
    for _ in range(rounds):
        human, beside, rest = _judged(generator, 100)
        found = judged_rate(human, beside, rest)
        covered += found.estimate.low <= 0.6 <= found.estimate.high
        alone = wilson(int(human.sum()), 100)
        alone_covered += alone.low <= 0.6 <= alone.high
        judge = wilson(int(rest.sum()), len(rest))
        judge_covered += judge.low <= 0.6 <= judge.high
        widths.append(found.estimate.high - found.estimate.low)
        alone_widths.append(alone.high - alone.low)
        assert found.method == "ppi++"
    assert covered / rounds >= 0.92
    assert judge_covered / rounds <= 0.2
    assert np.mean(widths) < 0.95 * np.mean(alone_widths)


def test_few_labels_stand_alone():
    human, beside, rest = _judged(np.random.default_rng(1), 99)
    found = judged_rate(human, beside, rest)
    assert (found.method, found.trust) == ("labels alone", 0.0)
    assert found.estimate == wilson(int(human.sum()), 99)


def test_a_rate_from_a_queue_ordered_by_risk_is_unbiased():
    generator = np.random.default_rng(2)
    found = []
    for _ in range(300):
        bad = generator.random(1000) < 0.2
        probability = np.where(bad, 0.4, 0.05)
        drawn = generator.random(1000) < probability
        found.append(weighted_rate(bad[drawn].astype(float), probability[drawn]).value)
    assert np.mean(found) == pytest.approx(0.2, abs=0.01)
    with pytest.raises(ValueError, match="probability"):
        weighted_rate([0.0, 1.0], [0.5, 0.0])


def test_retrieval_metrics_by_hand():
    results = ["a", "b", "b", "c", "d"]
    assert hit_at_k(results, {"c"}, 2) == 0.0
    assert hit_at_k(results, {"c"}, 3) == 1.0
    assert recall_at_k(results, {"a", "d", "x"}, 4) == pytest.approx(2 / 3)
    assert reciprocal_rank(results, {"c", "d"}) == pytest.approx(1 / 3)
    assert reciprocal_rank([], {"c"}) == 0.0
    assert ndcg_at_k(["x", "a"], {"a"}, 2) == pytest.approx(1 / np.log2(3))
    assert ndcg_at_k(["a", "b"], {"a": 3.0, "b": 1.0}, 2) == 1.0
    with pytest.raises(ValueError, match="relevant"):
        hit_at_k(results, set(), 3)


@given(
    st.lists(st.sampled_from("abcdef"), max_size=8), st.sets(st.sampled_from("abcdef"), min_size=1), st.integers(1, 6)
)
def test_laws_of_retrieval_metrics(results, relevant, k):
    assert recall_at_k(results, relevant, k) <= recall_at_k(results, relevant, k + 1)
    assert hit_at_k(results, relevant, k) >= recall_at_k(results, relevant, k)
    assert 0.0 <= ndcg_at_k(results, relevant, k) <= 1.0 + 1e-12


def test_e_value_rarely_reaches_its_bound_under_the_null_and_does_with_an_effect():
    generator = np.random.default_rng(4)

    def ever(share, rounds=100, pairs=120):
        wins = (generator.random((rounds, pairs)) < share).cumsum(axis=1)
        return (
            sum(any(paired_e_value(int(w), i + 1 - int(w)) >= 20 for i, w in enumerate(row)) for row in wins) / rounds
        )

    assert ever(0.5) <= 0.05
    assert ever(0.75) >= 0.95
    assert paired_e_value(0, 0) == 1.0
