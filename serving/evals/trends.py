"""Trends: the pass rate of one experiment's runs over time, each with an interval that respects repeats and clusters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from scoring.evals.statistics import Estimate, cluster_t, wilson
from serving.api.errors import NotFoundError
from serving.api.times import timestamp
from serving.evals.case_service import CaseService
from serving.evals.cases import Case
from serving.evals.run_types import run_view
from serving.store import eval_records as records
from serving.store.eval_records import RunFigures
from serving.store.store import Store
from serving.store.tenancy import TenantConnection


@dataclass(frozen=True)
class Outcome:
    """One result of a run: which case, and whether it passed."""

    task_id: str
    passed: bool


def pass_rate(outcomes: Sequence[Outcome], cases: Mapping[str, Case]) -> Estimate | None:
    """The share of cases that pass: Wilson's interval where each was asked once and stands alone, else cluster-robust t.

    Repeats of a case are averaged first. None without a result. One cluster bounds nothing: then 0 to 1.
    """
    if not outcomes:
        return None
    by_case: dict[str, list[bool]] = {}
    for one in outcomes:
        by_case.setdefault(one.task_id, []).append(one.passed)
    clusters = [cases[name].cluster if name in cases else name for name in by_case]
    if len(outcomes) == len(by_case) and len(set(clusters)) == len(clusters):
        return wilson(sum(one.passed for one in outcomes), len(outcomes))
    means = [fmean(passed) for passed in by_case.values()]
    estimate = cluster_t(means, clusters).estimate
    if estimate is None or estimate.low == estimate.high:  # one cluster, or all alike: nothing that t could bound
        value, n = fmean(means), len(set(clusters))
        alone = wilson(round(value * n), n) if value in (0.0, 1.0) else None
        low, high = (0.0, 1.0) if alone is None or n == 1 else (alone.low, alone.high)
        return Estimate(value, low, high, len(means))
    return Estimate(estimate.value, max(0.0, estimate.low), min(1.0, estimate.high), len(means), estimate.confidence)


def point(
    run: Mapping[str, Any], figures: RunFigures, rate: Estimate | None, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """One run of a trend as JSON values. ``suite_changed``: its rate cannot be set beside the one before."""
    kept = ("run_id", "created_at", "status", "suite_hash", "target_hash", "config_hash", "total")
    view: dict[str, Any] = {name: run[name] for name in kept if name in run}
    view["passed"] = (
        None if rate is None else {"value": rate.value, "low": rate.low, "high": rate.high, "cases": rate.n}
    )
    view |= {
        "done": figures.done,
        "failed": figures.failed,
        "spent_usd": round(figures.spent_usd, 9),
        "mean_latency_ms": figures.mean_latency_ms,
        "suite_changed": before is not None and before["suite_hash"] != run["suite_hash"],
    }
    return view


class TrendService:
    """Every call names its tenant."""

    def __init__(self, store: Store, cases: CaseService) -> None:
        self._store = store
        self._cases = cases

    async def experiments(self, tenant: str, limit: int) -> dict[str, Any]:
        """Names of experiments and how many runs each has, that of the latest run first."""
        rows = await self._store.tenant(tenant).read(lambda c: records.list_experiments(c, limit))
        named = [{"name": row["name"], "runs": row["runs"], "latest_at": timestamp(row["latest_ms"])} for row in rows]
        return {"experiments": named}

    async def trend(self, tenant: str, name: str, limit: int) -> dict[str, Any]:
        """The latest runs of an experiment, oldest first. Raises NotFoundError for a name that no run has."""
        ours = self._store.tenant(tenant)
        runs = await ours.read(lambda c: records.runs_of_experiment(c, name, limit))
        if not runs:
            raise NotFoundError(f"no run is called {name!r}")
        suites: dict[str, dict[str, Case]] = {}
        points: list[dict[str, Any]] = []
        for run in reversed(runs):
            if run.suite_hash not in suites:
                suite = await self._cases.suite(tenant, run.suite_hash)
                suites[run.suite_hash] = {case.task_id: case for case in suite.cases}
            outcomes, figures = await ours.read(partial(_measured, run.run_id))
            rate = await asyncio.to_thread(pass_rate, outcomes, suites[run.suite_hash])
            points.append(point(run_view(run, None), figures, rate, points[-1] if points else None))
        return {"experiment_name": name, "points": points}


def _measured(run_id: str, connection: TenantConnection) -> tuple[list[Outcome], RunFigures]:
    outcomes = [Outcome(task, passed) for task, passed in records.read_outcomes(connection, run_id)]
    return outcomes, records.run_figures(connection, run_id)
