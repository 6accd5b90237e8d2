"""The lanes pass their own gate: ``python -m benchmarks.lane_gate`` says GO or NO-GO; ``--record`` after a release.

The cases of ``examples/evals/lanes`` are asked of the lanes as they are: a case passes when its graders, on these lanes, pass
its known-good answer and fail its recorded failure. What the released scorer said of each is kept in ``released.json`` beside
them; a case that it told apart and that the lanes tell apart no longer is a NO-GO. Exit codes are those of ``groundlane gate``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from scoring.evals.comparison import Tier
from scoring.evals.gate import GateDecision, Policy
from serving.audit.change_gate import identity, suite_results
from serving.config.load import load_config
from serving.evals.answers import Answer
from serving.evals.comparing import Comparison, by_task, compare_runs, gate
from serving.evals.graders.types import Services
from serving.evals.local_lanes import LocalLanes
from serving.evals.runs import UnitResult
from serving.evals.suites import Suite, read_suite

ROOT = Path(__file__).parent.parent
SUITE: Final = ROOT / "examples/evals/lanes/cases.jsonl"
RELEASED: Final = ROOT / "examples/evals/lanes/released.json"
POLICY: Final = Policy(margins=dict.fromkeys(Tier), max_regressions={"passed": 0})
"""No case may get worse. A suite this small decides no margin."""


def released(path: Path = RELEASED) -> list[UnitResult]:
    """What the released scorer made of each case."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return [
        UnitResult(one["task_id"], 0, Answer(one["task_id"]), (), one["tells_apart"], one["reason"])
        for one in document["cases"]
    ]


def judge(suite: Suite, before: Sequence[UnitResult], now: Sequence[UnitResult]) -> tuple[Comparison, GateDecision]:
    """The lanes as they are beside the released ones. A case that is new since the release has nothing to be compared with."""
    known = {one.task_id for one in before}
    cases = [case for case in suite.cases if case.task_id in known]
    comparison = compare_runs(cases, by_task(before), by_task([one for one in now if one.task_id in known]), POLICY)
    return comparison, gate(comparison, POLICY)


async def ask(suite: Suite, services: Services) -> list[UnitResult]:
    """Which cases these lanes tell apart."""
    return await suite_results(suite.cases, services)


def main() -> None:
    """Gate, or record what is released."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--record", action="store_true", help="keep what the lanes say now as the released scorer's word"
    )
    options = parser.parse_args()
    config, suite = load_config(environment={}), read_suite(SUITE)
    lanes = LocalLanes(config)
    try:
        now = asyncio.run(ask(suite, lanes.services()))
    finally:
        lanes.close()
    if options.record:
        rows = [{"task_id": one.task_id, "tells_apart": one.passed, "reason": one.reason} for one in now]
        document: dict[str, Any] = {
            "release": version("groundlane"),
            "suite_hash": suite.suite_hash,
            **identity(config),
        }
        RELEASED.write_text(json.dumps({**document, "cases": rows}, indent=1) + "\n", encoding="utf-8")
        return
    comparison, decision = judge(suite, released(), now)
    sys.stdout.write(f"{decision.decision}: {comparison.sentence}\n")
    sys.stdout.writelines(f"- {one.rule}: {one.text} {' '.join(one.cases)}\n" for one in decision.reasons)
    raise SystemExit(decision.decision.exit_code)


if __name__ == "__main__":
    main()
