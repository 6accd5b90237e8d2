"""Runs, comparisons and releases over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from serving.api.schemas import Strict, parse_body
from serving.evals.judging import calibration
from serving.evals.policy import policy_of
from serving.evals.release_service import ReleaseService
from serving.evals.run_service import RunService
from serving.evals.run_types import RunDraft
from serving.evals.trends import TrendService
from serving.http.routes.answers import json_answer
from serving.http.routes.principal import CurrentTenant

RunId = Annotated[str, Path(pattern=r"^run_[0-9a-f]{32}$")]
Alias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Limit = Annotated[int, Query(ge=1, le=200)]
_NAME = r"^[^\x00-\x1f\x7f]{1,128}$"
TrendLimit = Annotated[int, Query(ge=1, le=100)]
_RUN = r"^run_[0-9a-f]{32}$"
_HASH = r"^[0-9a-f]{64}$"


class StartRun(Strict):
    """Body of ``POST /runs`` and ``POST /runs:estimate``."""

    suite: str = Field(pattern=_HASH, description="The suite's hash.")
    target: dict[str, Any] = Field(description="kind openai, http or recorded, and its settings.")
    config: str | None = Field(None, pattern=_HASH, description="The version under test.")
    judge: dict[str, Any] | None = Field(None, description="An OpenAI-compatible endpoint for rubric graders.")
    sample: float = Field(1.0, gt=0, le=1, description="Share of the cases, the same ones every time.")
    repeats: int = Field(1, ge=1, le=100, description="How often each case is asked.")
    budget_usd: float | None = Field(None, gt=0, description="The run stops once its calls cost this much.")
    concurrency: int = Field(4, ge=1, le=32, description="Calls in flight of one request of the run's job.")
    session_tag: str | None = Field(None, pattern=_NAME, description="Instead of the automatic tags.")
    experiment_name: str | None = Field(None, pattern=_NAME, description="A name for its trend.")
    confirm: bool = Field(False, description="Needed above evals.confirm_above_usd.")

    def draft(self) -> RunDraft:
        """As the service takes it."""
        values = self.model_dump(exclude={"suite", "config"})
        return RunDraft(suite_hash=self.suite, config_hash=self.config, **values)


class ResumeRun(Strict):
    """Body of ``POST /runs/{id}:resume``."""

    budget_usd: float | None = Field(None, gt=0, description="A new budget, over all of the run.")


class AskRun(Strict):
    """Body of ``POST /runs/{id}/ask``."""

    question: str = Field(min_length=1, max_length=500, description="Such as: why do so many fail?")


class CalibrateJudge(Strict):
    """Body of ``POST /judges:calibrate``."""

    human: list[bool] = Field(min_length=1, max_length=100_000, description="Human thumbs, up is true.")
    judge: list[bool] = Field(min_length=1, max_length=100_000, description="The judge on the same items, in order.")
    judged_rest: list[bool] = Field(
        default_factory=list, max_length=1_000_000, description="The judge on items without a label."
    )


class CompareRuns(Strict):
    """Body of ``POST /runs:compare``."""

    baseline: str = Field(pattern=_RUN, description="The run of what is released.")
    candidate: str = Field(pattern=_RUN, description="The run of what may be.")
    policy: dict[str, Any] = Field(default_factory=dict, description="A gate's policy as docs/evals.md has it.")


def build_router(runs: RunService, releases: ReleaseService, trends: TrendService) -> APIRouter:
    """Routes of runs and of what rests on them."""
    router = APIRouter(prefix="/api/v1", tags=["evals"])
    _add_starting(router, runs)
    _add_reading(router, runs)
    _add_steering(router, runs)
    _add_trends(router, trends)
    _add_releases(router, releases)
    return router


def _add_starting(router: APIRouter, runs: RunService) -> None:
    @router.post("/runs:estimate", summary="What a run will cost", operation_id="estimate_run")
    async def estimate(request: Request, tenant: CurrentTenant) -> Response:
        """Calls, tokens, cost, and the smallest difference it can show. Nothing is called."""
        body = parse_body(StartRun, await request.body())
        return json_answer({"estimate": await runs.estimate(tenant, body.draft())})

    @router.post("/runs", summary="Start a run", operation_id="start_run", status_code=202)
    async def start(request: Request, tenant: CurrentTenant) -> Response:
        """Queued durably as a job; 409 where its estimate wants a confirmation."""
        body = parse_body(StartRun, await request.body())
        return json_answer(await runs.start(tenant, body.draft()), 202)

    @router.post("/runs:compare", summary="Compare two runs", operation_id="compare_runs")
    async def compare(request: Request, tenant: CurrentTenant) -> Response:
        """Every measure with its interval, and the policy's decision."""
        body = parse_body(CompareRuns, await request.body())
        document, _ = await runs.compare(tenant, body.baseline, body.candidate, policy_of(body.policy))
        return json_answer({"comparison": document})


def _add_reading(router: APIRouter, runs: RunService) -> None:
    @router.get("/runs", summary="List runs", operation_id="list_runs")
    async def listed(tenant: CurrentTenant, limit: Limit = 50) -> Response:
        """The latest ones."""
        return json_answer(await runs.list(tenant, limit))

    @router.get("/runs/{run_id}", summary="One run", operation_id="get_run")
    async def get(run_id: RunId, tenant: CurrentTenant) -> Response:
        """How far it is, what it cost, how many pass."""
        return json_answer(await runs.get(tenant, run_id))

    @router.get("/runs/{run_id}/results", summary="A run's results", operation_id="list_run_results")
    async def results(
        run_id: RunId, tenant: CurrentTenant, cursor: Annotated[str, Query(max_length=160)] = "", limit: Limit = 50
    ) -> Response:
        """Answers and grades by task and repeat."""
        return json_answer(await runs.results(tenant, run_id, cursor, limit))

    @router.post("/judges:calibrate", summary="A judge beside people", operation_id="calibrate_judge")
    async def calibrate(request: Request, tenant: CurrentTenant) -> Response:
        """Agreement, kappa, sensitivity and specificity with intervals; the rate that labels and judgements give together."""
        body = await asyncio.to_thread(parse_body, CalibrateJudge, await request.body())
        return json_answer(await asyncio.to_thread(calibration, body.human, body.judge, body.judged_rest))

    @router.get("/runs/{run_id}/events", summary="Watch a run", operation_id="watch_run")
    async def watch(run_id: RunId, tenant: CurrentTenant) -> Response:
        """Server-sent events until the run rests."""
        return StreamingResponse(await runs.watch(tenant, run_id), media_type="text/event-stream")

    @router.post("/runs/{run_id}/ask", summary="Ask about a run", operation_id="ask_run")
    async def ask(run_id: RunId, request: Request, tenant: CurrentTenant) -> Response:
        """Answered from the run's data by rules; each fact says where it stands."""
        body = parse_body(AskRun, await request.body())
        return json_answer(await runs.ask(tenant, run_id, body.question))


def _add_steering(router: APIRouter, runs: RunService) -> None:
    @router.post("/runs/{run_id}:pause", summary="Pause a run", operation_id="pause_run")
    async def pause(run_id: RunId, tenant: CurrentTenant) -> Response:
        """No more calls begin; those under way are kept."""
        return json_answer(await runs.pause(tenant, run_id))

    @router.post("/runs/{run_id}:resume", summary="Resume a run", operation_id="resume_run")
    async def resume(run_id: RunId, request: Request, tenant: CurrentTenant) -> Response:
        """Only what has no answer is asked again."""
        raw = await request.body()
        body = parse_body(ResumeRun, raw or b"{}")
        return json_answer(await runs.resume(tenant, run_id, body.budget_usd))

    @router.post("/runs/{run_id}:cancel", summary="Cancel a run", operation_id="cancel_run")
    async def cancel(run_id: RunId, tenant: CurrentTenant) -> Response:
        """Results so far stay readable."""
        return json_answer(await runs.cancel(tenant, run_id))


def _add_trends(router: APIRouter, trends: TrendService) -> None:
    @router.get("/experiments", summary="Names of experiments", operation_id="list_experiments")
    async def experiments(tenant: CurrentTenant, limit: Limit = 50) -> Response:
        """That of the latest run first, with how many runs each has."""
        return json_answer(await trends.experiments(tenant, limit))

    @router.get("/experiments:trend", summary="An experiment over time", operation_id="read_trend")
    async def trend(
        tenant: CurrentTenant,
        name: Annotated[str, Query(pattern=_NAME, description="An experiment_name.")],
        limit: TrendLimit = 30,
    ) -> Response:
        """Its latest runs, oldest first, each with its pass rate and the interval."""
        return json_answer(await trends.trend(tenant, name, limit))


def _add_releases(router: APIRouter, releases: ReleaseService) -> None:
    @router.post("/releases/{alias}:promote", summary="Promote a release", operation_id="promote_release")
    async def promote(alias: Alias, request: Request, tenant: CurrentTenant) -> Response:
        """Only past a GO for exactly these runs; 409 with the reasons otherwise."""
        body = parse_body(CompareRuns, await request.body())
        found = await releases.promote(tenant, alias, body.baseline, body.candidate, body.policy)
        return json_answer({"release": found})

    @router.post("/releases/{alias}:rollback", summary="Roll a release back", operation_id="rollback_release")
    async def rollback(alias: Alias, tenant: CurrentTenant) -> Response:
        """To what it pointed at before."""
        return json_answer({"release": await releases.rollback(tenant, alias)})

    @router.get("/releases/{alias}", summary="One release", operation_id="get_release")
    async def get(alias: Alias, tenant: CurrentTenant) -> Response:
        """What it points at, and every decision record."""
        return json_answer({"release": await releases.get(tenant, alias)})
