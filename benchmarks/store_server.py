"""A server of sessions, chunks and jobs with a fake lane: for tests over HTTP, for kill tests and for load.

Run as a script it is a launcher: it imports everything once and forks a server or a runner for each line it reads, so
that a process that was killed is replaced within milliseconds. Lines in: ``server PORT URL``, ``runner - URL``; out: the
process id. Not for production: whoever calls names its tenant as the bearer token. A ``guarded`` server has the real one's edge
instead, with the keys of the file that ``GROUNDLANE_CHAOS_KEYS`` names, four permits and a short patience with slow bodies.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from serving.api.errors import ApiError, ValidationFailedError, envelope, error_headers
from serving.chunks.chunks import ChunkService
from serving.config.load import load_config
from serving.config.traces import TraceSettings
from serving.evals.case_service import CaseService
from serving.evals.graders.types import Services as GraderServices
from serving.http.edge import Edge
from serving.http.gateway import build_guards
from serving.http.limits import build_admission
from serving.http.observability import Metrics, configure_logging
from serving.http.routes import chunks, evals, jobs, reviews, scores, sessions, traces
from serving.jobs.jobs import JobService
from serving.jobs.runner import JobRunner, RunnerSettings
from serving.lanes.fake import FakeChunkEncoder, FakeLane, count_words
from serving.ray.front import Front
from serving.reviews.assembly import Reviews, build_reviews
from serving.reviews.settling import Lanes
from serving.sessions.sessions import SessionService
from serving.store.store import Store
from serving.traces.ingest import TraceIngest
from serving.traces.reading import TraceReader

BODY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Caller:
    """Who calls, as the gateway's principal."""

    tenant: str


@dataclass
class Services:
    """What stands behind the routes."""

    store: Store
    lane: FakeLane
    encoder: FakeChunkEncoder
    sessions: SessionService
    chunks: ChunkService
    jobs: JobService
    ingest: TraceIngest
    reader: TraceReader
    cases: CaseService
    reviews: Reviews


def build_services(
    store: Store, lane: FakeLane | None = None, traces_settings: TraceSettings | None = None
) -> Services:
    """The services on a store, with a fake lane and a fake encoder."""
    lane, encoder = lane or FakeLane(), FakeChunkEncoder()
    session_service = SessionService(store, lane.score, count_words)
    settings = traces_settings or TraceSettings()
    cases = CaseService(store, GraderServices())
    return Services(
        store,
        lane,
        encoder,
        session_service,
        ChunkService(store, encoder),
        JobService(store),
        TraceIngest(store, settings, BODY_BYTES),
        TraceReader(store),
        cases,
        build_reviews(store, settings, cases, Lanes(lane.score, lambda _: None)),
    )


def build_app(services: Services, named_by_token: bool = True) -> FastAPI:
    """The routes, with errors in the API's envelope. ``named_by_token`` False: the edge around it says who calls."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await services.sessions.shut_down()

    app = FastAPI(lifespan=lifespan)
    for router in (
        sessions.build_router(services.sessions),
        chunks.build_router(services.chunks),
        jobs.build_router(services.jobs),
        traces.build_router(services.ingest, services.reader),
        scores.build_router(services.reviews),
        reviews.build_router(services.reviews),
        evals.build_router(services.cases),
    ):
        app.include_router(router)

    @app.middleware("http")
    async def authenticate(request: Request, call_next: Any) -> Response:
        tenant = request.headers.get("authorization", "").removeprefix("Bearer ")
        if tenant and named_by_token:
            request.state.principal = Caller(tenant)
        answer: Response = await call_next(request)
        return answer

    def render(_: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError):
            error = ValidationFailedError(str(error.errors()[0]["msg"]))
        assert isinstance(error, ApiError)
        return Response(orjson.dumps(envelope(error, "test")), error.status, error_headers(error))

    app.add_exception_handler(ApiError, render)
    app.add_exception_handler(RequestValidationError, render)
    return app


def serve(port: int, url: str) -> None:
    """Serve until killed."""
    app = build_app(build_services(Store.open(url)))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, timeout_keep_alive=30)


def serve_guarded(port: int, url: str) -> None:
    """As :func:`serve`, behind the real server's edge and front."""
    configure_logging("critical")
    limits = {"body_deadline_s": 3.0, "requests_per_minute": 10_000_000, "burst": 1_000_000, "permits": {"store": 4}}
    keys = Path(os.environ["GROUNDLANE_CHAOS_KEYS"])
    config = load_config(None, {"limits": limits, "auth": {"required": True, "keys_file": str(keys)}}, environment={})
    guards = build_guards(config, build_admission(config.limits, time.monotonic))
    app = build_app(build_services(Store.open(url)), named_by_token=False)
    edge = Front(Edge(app, guards, Metrics("chaos")))
    uvicorn.run(edge, host="127.0.0.1", port=port, log_level="error", access_log=False, timeout_keep_alive=30)


def run_jobs(url: str) -> None:
    """Work through jobs until killed. Leases are short, so that a killed runner's work is soon another's."""
    settings = RunnerSettings(concurrency=4, lease_ahead=16, lease_s=1.0, poll_s=0.1, max_attempts=1_000)
    runner = JobRunner(Store.open(url), FakeLane(delay_s=0.005).score, settings)
    asyncio.run(runner.run())


def launch() -> None:
    """Fork a process for each line of standard input; end, with all of them, at its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children = []
    for line in sys.stdin:
        kind, port, url = line.split()
        child = os.fork()
        if child == 0:
            os.close(0)
            if kind == "runner":
                run_jobs(url)
            else:
                {"server": serve, "guarded": serve_guarded}[kind](int(port), url)
            os._exit(0)
        children.append(child)
        print(child, flush=True)
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    launch()
