"""Moves between two systems, trivial systems, and what a replay says to a release."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.audit.baselines import word_overlap
from scoring.audit.gate import ReplayPolicy, combined, replay_reasons
from scoring.audit.moves import Outcome, bands_of, compare, precision
from scoring.audit.summary import Trend, quantile
from scoring.evals.gate import Decision, GateDecision
from scoring.evals.gate import Outcome as Says
from scoring.types import Band

BANDS = st.sampled_from(["green", "amber", "red", "unknown"])


def outcomes(*bands: str | None, score: float = 0.5, sha: str = "a") -> list[Outcome]:
    return [Outcome(b, score, (f"{b}_cut",), {"config_sha256": sha}, None if b else "timeout") for b in bands]


def test_moves_scores_reasons_and_hashes() -> None:
    before = outcomes("green", "green", "red", None, score=0.5)
    after = outcomes("green", "red", "red", "green", score=0.7, sha="b")
    found = compare(before, after, ["c1", "c2", "c3", "c4"])
    assert (found["requests"], found["not_compared"]) == (3, 1)
    assert found["moved"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert [(m["from"], m["to"], m["requests"]) for m in found["moves"]] == [
        ("green", "green", 1),
        ("green", "red", 1),
        ("red", "red", 1),
    ]
    assert found["score_difference"]["value"] == pytest.approx(0.2)
    assert found["reasons"] == [{"code": "green_cut", "came": 0, "went": 1}, {"code": "red_cut", "came": 1, "went": 0}]
    assert found["hashes"]["config_sha256"] == {"before": ["a"], "after": ["b"], "changed": 3}
    assert bands_of(before) == {"error:timeout": 1, "green": 2, "red": 1}


def test_requests_on_one_context_widen_the_interval() -> None:
    before = outcomes(*["green"] * 40)
    after = outcomes(*["green"] * 20, *["red"] * 20)
    alone = compare(before, after, [str(number) for number in range(40)])["moved"]
    together = compare(before, after, [str(number // 10) for number in range(40)])["moved"]
    assert together["low"] < alone["low"] < 0.5 < alone["high"] < together["high"]


def test_precision_needs_labels() -> None:
    decided = outcomes("green", "green", "red", "amber")
    assert precision(decided, [None] * 4) is None
    found = precision(decided, [True, False, False, None])
    assert found is not None
    assert (found["green"]["value"], found["red"]["value"], found["labelled"]) == (0.5, 1.0, 3)


@given(st.lists(st.tuples(BANDS, BANDS), min_size=1, max_size=60))
def test_moves_add_up(pairs: list[tuple[str, str]]) -> None:
    names = [str(number) for number in range(len(pairs))]
    found = compare(outcomes(*[a for a, _ in pairs]), outcomes(*[b for _, b in pairs]), names)
    assert sum(move["requests"] for move in found["moves"]) == len(pairs)
    moved = sum(move["requests"] for move in found["moves"] if move["from"] != move["to"])
    assert found["moved"]["value"] == pytest.approx(moved / len(pairs), abs=1e-4)
    assert found["moved"]["low"] <= found["moved"]["value"] <= found["moved"]["high"]


@pytest.mark.parametrize(
    ("response", "band"),
    [
        pytest.param("The bridge opened in May 1932.", Band.GREEN, id="all-words"),
        pytest.param("The bridge was painted by aliens.", Band.AMBER, id="half"),
        pytest.param("Zebras sleep standing.", Band.RED, id="none"),
        pytest.param("??", Band.UNKNOWN, id="no-word"),
    ],
)
def test_word_overlap(response: str, band: Band) -> None:
    assert word_overlap(response, ["The bridge was opened in May 1932."])[0] is band


def comparison(moved: tuple[float, float, float], requests: int = 400, **fields: Any) -> dict[str, Any]:
    share = dict(zip(("value", "low", "high"), moved, strict=True)) | {"n": requests}
    return {"requests": requests, "not_compared": 0, "moved": share, "moves": [], **fields}


@pytest.mark.parametrize(
    ("found", "policy", "decision"),
    [
        pytest.param(comparison((0.02, 0.01, 0.05)), ReplayPolicy(), Decision.GO, id="moves-little"),
        pytest.param(comparison((0.2, 0.15, 0.3)), ReplayPolicy(), Decision.NO_GO, id="moves-much"),
        pytest.param(comparison((0.09, 0.06, 0.13)), ReplayPolicy(), Decision.INCONCLUSIVE, id="between"),
        pytest.param(comparison((0.0, 0.0, 0.1), 20), ReplayPolicy(), Decision.INCONCLUSIVE, id="too-few"),
        pytest.param(comparison((0.0, 0.0, 0.01), not_compared=1), ReplayPolicy(), Decision.NO_GO, id="errors"),
        pytest.param(
            comparison((0.0, 0.0, 0.01)), ReplayPolicy(least_green_precision=0.9), Decision.INCONCLUSIVE, id="no-labels"
        ),
    ],
)
def test_what_a_replay_says(found: dict[str, Any], policy: ReplayPolicy, decision: Decision) -> None:
    go = GateDecision(Decision.GO, ())
    assert combined(go, replay_reasons(found, None, policy)).decision is decision
    no_go = GateDecision(Decision.NO_GO, ())
    assert combined(no_go, replay_reasons(found, None, policy)).decision is Decision.NO_GO


def test_a_move_from_green_to_red_has_a_bound_of_its_own() -> None:
    share = {"value": 0.05, "low": 0.03, "high": 0.08, "n": 400}
    moves = [{"from": "green", "to": "red", "requests": 20, "share": share}]
    reasons = replay_reasons(comparison((0.05, 0.03, 0.08), moves=moves), None, ReplayPolicy())
    assert (reasons[-1].rule, reasons[-1].outcome) == ("replay green to red", Says.FAIL)


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 1.0]))
def test_latencies_are_known_to_their_step(values: list[float], share: float) -> None:
    steps: dict[int, int] = {}
    for value in values:
        step = int(math.log(value) * 40.0)
        steps[step] = steps.get(step, 0) + 1
    exact = sorted(values)[math.ceil(share * len(values)) - 1]
    assert quantile(steps, share) == pytest.approx(exact, rel=0.05, abs=0.01)


def test_a_trend_has_a_bounded_number_of_slots_whatever_the_order() -> None:
    hours = [f"2026-11-{day:02}T{hour:02}" for day in range(1, 29) for hour in range(24)]
    times = [f"{hour}:{minute}:00.000Z" for hour in hours for minute in ("00", "30")]
    one, other = Trend(), Trend()
    for time in times:
        one.add(time, "green")
    for time in reversed(times):
        other.add(time, "green")
    assert one.rows() == other.rows()
    assert (one.unit, len(one.rows())) == ("day", 28)
    assert sum(row["bands"]["green"] for row in one.rows()) == len(times)
