"""Figures of evaluation: ``python -m benchmarks.evals --json FILE [--graded N]``.

Coverage of intervals and size of tests by simulation with fixed seeds, beside the percentile bootstrap as the usual baseline;
time of a comparison of 1,000 cases and 12 measures; with ``--graded``, recorded answers graded by groundedness, answers a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import clopper_pearson
from benchmarks.provenance import provenance, save_figures
from scoring.evals.comparison import Measure, PairedValue, Tier, compare_measures
from scoring.evals.statistics import (
    PairedCounts,
    cluster_t,
    exact_mcnemar,
    judged_rate,
    newcombe_paired,
    sign_flip,
    wilson,
)

_SHIFTS = (0.0, 0.05, 0.1)
_SIZES = (20, 50, 100, 200)


def coverage_of_newcombe(n: int, shift: float, rounds: int) -> dict[str, Any]:
    """How often the paired interval, and the bootstrap's, hold the true difference at 10% discordant losses."""
    generator = np.random.default_rng([n, round(shift * 100)])
    ours = bootstrap = 0
    for _ in range(rounds):
        both, gained, lost, neither = (int(c) for c in generator.multinomial(n, [0.5, 0.1 + shift, 0.1, 0.3 - shift]))
        found = newcombe_paired(PairedCounts(both, gained, lost, neither))
        ours += found.low <= shift <= found.high
        values = np.repeat([1.0, -1.0, 0.0], [gained, lost, both + neither])
        means = values[generator.integers(0, n, (400, n))].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        bootstrap += low <= shift <= high
    return {"n": n, "shift": shift, "newcombe": _rate(ours, rounds), "percentile_bootstrap": _rate(bootstrap, rounds)}


def sizes_of_tests(n: int, rounds: int) -> dict[str, Any]:
    """How often each test rejects at .05 when nothing differs; clusters of five for t and sign flips."""
    generator = np.random.default_rng(n)
    rejected = {"exact_mcnemar": 0, "cluster_t": 0, "sign_flip": 0}
    names = [str(i // 5) for i in range(n)]
    for _ in range(rounds):
        gained, lost = (int(c) for c in generator.multinomial(n, [0.1, 0.1, 0.8])[:2])
        counts = PairedCounts(n - gained - lost, gained, lost, 0)
        rejected["exact_mcnemar"] += (exact_mcnemar(counts).p_value or 1.0) < 0.05
        values = generator.normal(0, 1, n) + np.repeat(generator.normal(0, 1, -(-n // 5)), 5)[:n]
        rejected["cluster_t"] += (cluster_t(values, names).p_value or 1.0) < 0.05
        rejected["sign_flip"] += (sign_flip(values, names).p_value or 1.0) < 0.05
    return {"n": n, **{name: _rate(count, rounds) for name, count in rejected.items()}}


def coverage_of_judged_rates(labels: int, rounds: int) -> dict[str, Any]:
    """Labels, 2,000 judgements of a judge with sensitivity .90 and specificity .70, a true rate of .60."""
    generator = np.random.default_rng(labels)
    covered = alone = judge = 0
    widths: list[float] = []
    for _ in range(rounds):
        truth = generator.random(labels + 2000) < 0.6
        said = np.where(truth, generator.random(len(truth)) < 0.9, generator.random(len(truth)) < 0.3)
        human = truth[:labels].astype(float)
        found = judged_rate(human, said[:labels].astype(float), said[labels:].astype(float)).estimate
        by_hand = wilson(int(human.sum()), labels)
        by_judge = wilson(int(said[labels:].sum()), 2000)
        covered += found.low <= 0.6 <= found.high
        alone += by_hand.low <= 0.6 <= by_hand.high
        judge += by_judge.low <= 0.6 <= by_judge.high
        widths.append((found.high - found.low) / (by_hand.high - by_hand.low))
    return {
        "labels": labels,
        "judged_rate": _rate(covered, rounds),
        "labels_alone": _rate(alone, rounds),
        "judge_alone": _rate(judge, rounds),
        "width_beside_labels_alone": round(float(np.mean(widths)), 3),
    }


def comparison_s(rounds: int = 5) -> dict[str, Any]:
    """Seconds of one comparison of 1,000 cases and 12 measures, half of them in clusters of two."""
    generator = np.random.default_rng(1)
    measured = []
    for number in range(12):
        values = generator.random((1000, 2))
        values = (values < 0.8).astype(float) if number < 8 else values
        rows = [PairedValue(f"c{i}", f"k{i // 2}" if number % 2 else f"c{i}", a, b) for i, (a, b) in enumerate(values)]
        measured.append((Measure(f"m{number}", Tier.ADVISORY, number < 8), rows))
    seconds, processor = [], []
    for _ in range(rounds):
        started, worked = time.perf_counter(), time.process_time()
        compare_measures(measured)
        seconds.append(time.perf_counter() - started)
        processor.append(time.process_time() - worked)
    return {
        "n": rounds,
        "median": round(float(np.median(seconds)), 3),
        "max": round(max(seconds), 3),
        "median_processor_time": round(float(np.median(processor)), 3),
    }


async def graded_per_s(count: int) -> dict[str, Any]:
    """Recorded answers graded by groundedness in this process, eight at a time, models loaded before."""
    from serving.config.load import read_config
    from serving.evals.answers import Answer
    from serving.evals.cases import read_case
    from serving.evals.local_lanes import LocalLanes
    from serving.evals.runs import NoAnswerStore, Unit, UnitResult, run_unit, run_units, units_of
    from serving.evals.targets.recorded import RecordedTarget

    snippet = "Payments that arrive after day {0} are charged a late fee of {1} euros. The fee is waived once a year on request."
    cases = [
        read_case(
            {
                "task_id": f"c{i}",
                "input_messages": "What does late payment cost?",
                "graders": ["groundedness"],
                "relevant_docs": [{"document_id": "fees", "snippet": snippet.format(i % 28 + 1, 20 + i)}],
            }
        )
        for i in range(count)
    ]
    target = RecordedTarget({(f"c{i}", 0): Answer(f"Late payment costs {20 + i + i % 2} euros.") for i in range(count)})
    lanes = LocalLanes(read_config(None, {}))
    services = lanes.services()

    async def work(unit: Unit) -> UnitResult:
        return await run_unit(unit, target, NoAnswerStore(), services)

    await run_units(units_of(cases[:8], 1), work, 8)
    started = time.perf_counter()
    results = await run_units(units_of(cases, 1), work, 8)
    seconds = time.perf_counter() - started
    await asyncio.to_thread(lanes.close)
    right = sum(result.passed == (i % 2 == 0) for i, result in enumerate(results))
    return {"n": count, "answers_per_s": round(count / seconds, 2), "right": right}


def _rate(hits: int, n: int) -> dict[str, float]:
    low, high = clopper_pearson(hits, n)
    return {"value": round(hits / n, 4), "low": round(low, 4), "high": round(high, 4)}


def main() -> None:
    """Simulate, time, and where asked grade."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--rounds", type=int, default=2000, help="simulations of each setting")
    parser.add_argument("--graded", type=int, default=0, help="answers to grade by groundedness")
    options = parser.parse_args()
    rounds = options.rounds
    figures: dict[str, Any] = {
        "provenance": provenance(),
        "rounds": rounds,
        "paired_interval": [coverage_of_newcombe(n, shift, rounds) for n in _SIZES for shift in _SHIFTS],
        "tests_under_the_null": [sizes_of_tests(n, min(rounds, 1000)) for n in (50, 100)],
        "judged_rate": [coverage_of_judged_rates(labels, rounds) for labels in (100, 200)],
        "comparison_1000_cases_12_measures_s": comparison_s(),
    }
    if options.graded:
        figures["graded_by_groundedness"] = asyncio.run(graded_per_s(options.graded))
    save_figures(figures, options.json)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
