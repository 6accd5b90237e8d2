"""The services of evaluation on one store, as the gateway holds them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from serving.config.evals import EvalSettings
from serving.evals.case_service import CaseService
from serving.evals.graders.types import Services
from serving.evals.plans import Rules
from serving.evals.release_service import ReleaseService
from serving.evals.run_service import RunService
from serving.evals.targets.egress import EgressPolicy
from serving.evals.trends import TrendService
from serving.jobs.jobs import JobService
from serving.lanes.dispatch import ConfiguredEncoders
from serving.store.store import Store
from serving.traces.ingest import TraceIngest

ScoreJob = Callable[[str, dict[str, Any], str], Awaitable[dict[str, Any]]]
_GRADING_TENANT = "evals"
"""Whose chunks a grader may name: nobody's. Its requests carry all their texts."""


@dataclass(frozen=True)
class Evals:
    """Cases, runs, releases and trends."""

    cases: CaseService
    runs: RunService
    releases: ReleaseService
    trends: TrendService


def build_evals(
    store: Store,
    jobs: JobService,
    score_job: ScoreJob,
    encoder: ConfiguredEncoders,
    settings: EvalSettings,
    ingest: TraceIngest,
) -> Evals:
    """The services; graders score below interactive traffic, as jobs do."""

    async def score(lane: str, request: dict[str, Any]) -> dict[str, Any]:
        return await score_job(lane, request, _GRADING_TENANT)

    async def embed(texts: list[str]) -> Sequence[Sequence[float]]:
        vectors = await encoder.embed(texts, "document")
        return [[float(value) for value in row] for row in vectors]

    async def keep_calls(tenant: str, calls: Sequence[Mapping[str, Any]]) -> None:
        await ingest.plain(tenant, orjson.dumps(calls), None)

    services = Services(score, embed)
    cases = CaseService(store, services)
    rules = Rules(EgressPolicy(settings.egress_hosts, settings.egress_private_hosts), settings.key_variables)
    runs = RunService(store, cases, jobs, services, rules, settings.confirm_above_usd, keep_calls)
    return Evals(cases, runs, ReleaseService(store, runs), TrendService(store, cases))
