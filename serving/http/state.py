"""What a gateway keeps: the store and the services on it, and the work in its background."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from serving.audit.assembly import Audit, open_audit
from serving.audit.shadow import CandidateLane
from serving.chunks.chunks import ChunkService
from serving.config.load import Config
from serving.evals.assembly import Evals, build_evals
from serving.http.routes.lanes import check_limits
from serving.http.supervision import Supervisor
from serving.jobs.jobs import JobService
from serving.jobs.runner import JobRunner
from serving.lanes.dispatch import ConfiguredEncoders, Dispatcher, Lanes
from serving.lanes.traffic import Traffic
from serving.reviews.assembly import Reviews, build_reviews
from serving.reviews.settling import Lanes as ScoringLanes
from serving.sessions.drafts import SessionSettings
from serving.sessions.repair_search import VectorSearch
from serving.sessions.sessions import SessionService
from serving.store.store import Store
from serving.store.sweeper import Sweeper
from serving.traces.ingest import TraceIngest
from serving.traces.reading import TraceReader


@dataclass(frozen=True)
class State:
    """Services of one gateway. The job runner works here because here interactive traffic can be seen."""

    store: Store
    dispatcher: Dispatcher
    chunks: ChunkService
    sessions: SessionService
    jobs: JobService
    runner: JobRunner
    sweeper: Sweeper
    ingest: TraceIngest
    reader: TraceReader
    evals: Evals
    audit: Audit
    reviews: Reviews
    supervisor: Supervisor

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        """Run jobs, retention and what follows a turn while the gateway serves; leases are given back at the end."""
        runner, sweeper, settler = self.supervisor.watched
        jobs = self.supervisor.start(runner, self.runner.run)
        endless = [
            self.supervisor.start(sweeper, self.sweeper.run),
            self.supervisor.start(settler, self.reviews.settler.run),
        ]
        async with self.audit.background():
            try:
                yield
            finally:
                await self.runner.stop()
                await jobs
                for task in endless:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
                await self.sessions.shut_down()
                await self.evals.runs.close()
                self.ingest.close()
                self.store.close()


def open_state(
    config: Config,
    lanes: Lanes,
    encoder: ConfiguredEncoders,
    count_tokens: Callable[[str], int],
    replica: str = "0",
    candidate: CandidateLane | None = None,
) -> State:
    """Open the store of the configuration and put the services on it. Raises ConfigError for a foreign schema.

    ``replica``: names this gateway's files of the audit log. ``candidate``: the lane of ``audit.shadow``.
    """
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = Store.open(config.store_url)
    chunks = ChunkService(store, encoder)
    traffic = Traffic(time.monotonic)
    audit = open_audit(config, replica, store.now_ms, traffic, candidate)
    dispatcher = Dispatcher(lanes, chunks, config.limits.deadline_s, traffic, audit)
    sessions = SessionSettings(config.store.hot_context_tokens, config.store.session_retention)
    search = VectorSearch(encoder.embed)

    async def work(lane: str, request: dict[str, Any], tenant: str) -> dict[str, Any]:
        """A job's request: a run's calls, or a lane's score."""
        if lane == "eval":
            return await evals.runs.work(tenant, request)
        return await dispatcher.score_job(lane, request, tenant)

    runner = JobRunner(store, work, traffic=traffic)
    jobs = JobService(store, config.store.job_retention, wake=runner.wake)
    ingest = TraceIngest(store, config.traces, config.limits.body_bytes)
    evals = build_evals(store, jobs, dispatcher.score_job, encoder, config.evals, ingest)
    return State(
        store=store,
        dispatcher=dispatcher,
        chunks=chunks,
        sessions=SessionService(store, dispatcher.score_json, count_tokens, sessions, search),
        jobs=jobs,
        runner=runner,
        sweeper=Sweeper(store),
        ingest=ingest,
        reader=TraceReader(store),
        evals=evals,
        supervisor=_supervisor(),
        audit=audit,
        reviews=build_reviews(
            store,
            config.traces,
            evals.cases,
            ScoringLanes(dispatcher.score_job, partial(check_limits, limits=config.limits)),
            partial(encoder.embed, role="document"),
            traffic,
        ),
    )


def _supervisor() -> Supervisor:
    """Of the jobs, of retention, and of what follows a turn of a conversation, in this order."""
    supervisor = Supervisor()
    for name in ("jobs", "retention", "settling"):
        supervisor.watch(name)
    return supervisor
