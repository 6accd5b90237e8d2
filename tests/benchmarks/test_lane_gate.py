"""The lanes gate themselves: what the released scorer told apart, the lanes of this commit tell apart too."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.lane_gate import SUITE, ask, judge, released
from scoring.evals.gate import Decision
from serving.config.load import load_config
from serving.evals.graders.types import Services
from serving.evals.local_lanes import LocalLanes
from serving.evals.suites import read_suite

SUITE_NOW = read_suite(SUITE)


def _decided(services):
    return judge(SUITE_NOW, released(), asyncio.run(ask(SUITE_NOW, services)))


def test_the_lanes_of_this_commit_are_a_go():
    lanes = LocalLanes(load_config(environment={}))
    try:
        comparison, decision = _decided(lanes.services())
    finally:
        lanes.close()
    assert decision.decision is Decision.GO, comparison.regressed


@pytest.mark.parametrize(
    ("band", "verdict"), [("green", "real"), ("red", "phantom")], ids=["praises_all", "blames_all"]
)
def test_a_scorer_that_tells_nothing_apart_is_a_no_go_by_name(band, verdict):
    async def always(lane, request):
        return {"score": 0.5, "band": band, "claims": [], "code_lane": {"verdict": verdict, "symbols": []}}

    comparison, decision = _decided(Services(always))
    assert decision.decision is Decision.NO_GO
    assert {"rag-unit", "rag-negation", "code-wrong-import"} <= set(comparison.regressed)


def test_every_case_of_the_suite_was_recorded():
    assert {one.task_id for one in released()} == {case.task_id for case in SUITE_NOW.cases}
