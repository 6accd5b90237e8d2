"""Comparison of two runs and the gate's decision."""

from __future__ import annotations

import time

import numpy as np
import pytest

from scoring.evals.comparison import Measure, PairedValue, Tier, compare_measure, compare_measures
from scoring.evals.gate import Decision, Facts, Outcome, Policy, decide
from scoring.evals.refusals import is_refusal

PASSED = Measure("passed", Tier.SUPPORTING)
CRITICAL = Measure("critical passed", Tier.CRITICAL)
COST = Measure("cost_usd", Tier.ADVISORY, binary=False, higher_is_better=False)


def _values(*pairs, cluster=None):
    return [PairedValue(f"c{i}", cluster or f"c{i}", *pair) for i, pair in enumerate(pairs)]


def test_single_outcomes_are_compared_by_newcombe_and_mcnemar():
    found = compare_measure(PASSED, _values((1, 1), (0, 1), (1, 0), (0, 1)))
    assert (found.test, found.n, found.baseline, found.candidate) == ("exact McNemar", 4, 0.5, 0.75)
    assert found.improved == ("c1", "c3")
    assert found.regressed == ("c2",)
    assert found.difference.low < 0.25 < found.difference.high


def test_repeats_and_clusters_are_compared_by_cluster():
    clustered = [PairedValue(f"c{i}", f"k{i // 3}", 0.0, float(i % 3 == 0)) for i in range(12)]
    assert compare_measure(PASSED, clustered).test == "sign flip"
    assert compare_measure(PASSED, _values((0.5, 1.0), (0.0, 0.5), (1, 1))).test == "sign flip"


def test_a_missing_answer_counts_as_failed_and_a_missing_number_is_left_out():
    found = compare_measure(PASSED, _values((1, None), (1, 1), (None, 1)))
    assert (found.n, found.candidate, found.only_baseline) == (2, 0.5, ("c0",))
    assert compare_measure(COST, _values((1.0, None), (1.0, 2.0), (2.0, 3.0))).n == 2
    assert compare_measure(PASSED, _values((None, 1))) is None


def test_less_is_better_for_cost():
    found = compare_measure(COST, _values((2.0, 1.0), (3.0, 1.0), (2.0, 2.5)))
    assert found.difference.value == pytest.approx(5 / 6)
    assert found.improved == ("c1", "c0")
    assert found.regressed == ("c2",)


def test_blocking_measures_are_corrected_by_holm_and_the_rest_by_benjamini_hochberg():
    ten_worse = _values(*[(1, 0)] * 10)
    advisory = [Measure(f"a{i}", Tier.ADVISORY) for i in range(3)]
    found = compare_measures([(PASSED, ten_worse), (CRITICAL, ten_worse), *((one, ten_worse) for one in advisory)])
    p_value = 2 * 0.5**10
    assert [one.p_adjusted for one in found] == pytest.approx([2 * p_value] * 2 + [p_value] * 3)


def test_a_thousand_cases_and_twelve_measures_take_less_than_a_second_of_work():
    generator = np.random.default_rng(1)
    measured = []
    for number in range(12):
        binary = number < 8
        values = generator.random((1000, 2))
        values = (values < 0.8).astype(float) if binary else values
        rows = [PairedValue(f"c{i}", f"k{i // 2}" if number % 2 else f"c{i}", a, b) for i, (a, b) in enumerate(values)]
        measured.append((Measure(f"m{number}", Tier.ADVISORY, binary), rows))
    started = time.process_time()
    assert len(compare_measures(measured)) == 12
    print(f"{time.process_time() - started:.2f} s of processor time")


def _facts(*pairs, **fields):
    return Facts(comparisons=compare_measures([(PASSED, _values(*pairs))]), **fields)


@pytest.mark.parametrize(
    ("policy", "facts", "decision", "rule"),
    [
        pytest.param(Policy(), _facts(*[(1, 1)] * 400), Decision.GO, None, id="alike"),
        pytest.param(Policy(), _facts(*[(1, 1)] * 20), Decision.INCONCLUSIVE, "margin passed", id="too_few_cases"),
        pytest.param(Policy(), _facts(*[(1, 0)] * 60, *[(1, 1)] * 340), Decision.NO_GO, "margin passed", id="worse"),
        pytest.param(
            Policy(), _facts(*[(1, 1)] * 400, missing=("x",)), Decision.NO_GO, "complete", id="missing_never_passes"
        ),
        pytest.param(Policy(), _facts(*[(1, 1)] * 400, failed=("x",)), Decision.NO_GO, "complete", id="failed_call"),
        pytest.param(Policy(), Facts(comparisons=()), Decision.INCONCLUSIVE, "complete", id="nothing_measured"),
        pytest.param(
            Policy(floors={"passed": 0.9}),
            _facts(*[(1, 1)] * 350, *[(0, 0)] * 50),
            Decision.NO_GO,
            "floor passed",
            id="floor",
        ),
        pytest.param(
            Policy(floors={"absent": 0.9}),
            _facts(*[(1, 1)] * 400),
            Decision.INCONCLUSIVE,
            "floor absent",
            id="unmeasured_floor",
        ),
        pytest.param(
            Policy(max_regressions={"passed": 0}, margins={}),
            _facts((1, 0), *[(1, 1)] * 9),
            Decision.NO_GO,
            "regressions passed",
            id="one_regression",
        ),
        pytest.param(
            Policy(least_fix_rate=0.5),
            _facts(*[(1, 1)] * 400, fixed=1, past_failures=4),
            Decision.NO_GO,
            "fix rate",
            id="fixes",
        ),
        pytest.param(
            Policy(most_cost_ratio=1.1), _facts(*[(1, 1)] * 400, cost_ratio=1.3), Decision.NO_GO, "cost", id="cost"
        ),
        pytest.param(
            Policy(most_latency_ratio=1.1), _facts(*[(1, 1)] * 400), Decision.INCONCLUSIVE, "latency", id="no_latency"
        ),
    ],
)
def test_decisions(policy, facts, decision, rule):
    found = decide(policy, facts)
    assert found.decision is decision
    blocking = [reason.rule for reason in found.reasons if reason.outcome is not Outcome.PASS]
    assert blocking == ([] if rule is None else [rule])
    assert found.reasons[0].rule == (rule or found.reasons[0].rule)


def test_exit_codes():
    assert [one.exit_code for one in (Decision.GO, Decision.NO_GO, Decision.INCONCLUSIVE)] == [0, 1, 2]


def test_a_critical_measure_with_no_margin_fails_when_more_is_lost_than_gained():
    policy = Policy(margins={Tier.CRITICAL: 0.0})
    lost = Facts(comparisons=compare_measures([(CRITICAL, _values((1, 0), (1, 1)))]))
    same = Facts(comparisons=compare_measures([(CRITICAL, _values((1, 1), (0, 1)))]))
    assert decide(policy, lost).decision is Decision.NO_GO
    assert decide(policy, same).decision is Decision.GO


@pytest.mark.parametrize(
    ("answer", "refuses"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot provide medical advice.", True),
        ("The documents do not mention the supplier.", True),
        ("Dazu enthält der Kontext keine Angaben. Die Unterlagen enthalten dazu nichts.", True),
        ("Das kann ich leider nicht beantworten.", True),
        ("You can return it within 30 days.", False),
        ("Do not mix the two chemicals.", False),
        ("The fee cannot be refunded.", False),
        ("", False),
    ],
)
def test_refusals(answer, refuses):
    assert is_refusal(answer) is refuses
