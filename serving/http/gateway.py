"""The HTTP application: routes, error envelopes and guards around the lanes. Knows no Ray: lanes are injected."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from models.registry import load_tokenizer
from serving.api.errors import (
    ApiError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    ValidationFailedError,
    envelope,
    error_headers,
)
from serving.audit.assembly import audit_folder
from serving.audit.recent import RecentDecisions
from serving.audit.shadow import CandidateLane
from serving.auth.browser import BrowserSessions
from serving.auth.keys import Authenticator, KeyFile
from serving.config.load import Config
from serving.http.bodies import BodyLimits
from serving.http.docs_page import install_docs
from serving.http.edge import Edge, Exchange, Guards
from serving.http.limits import Admission, RateLimiter, build_admission
from serving.http.observability import Metrics, configure_logging
from serving.http.openapi import allowed_methods, install_openapi
from serving.http.routes.chunks import build_router as chunks_router
from serving.http.routes.evals import build_router as evals_router
from serving.http.routes.health import health_router
from serving.http.routes.jobs import build_router as jobs_router
from serving.http.routes.lanes import check_limits, lanes_router
from serving.http.routes.reviews import build_router as reviews_router
from serving.http.routes.runs import build_router as runs_router
from serving.http.routes.scores import build_router as scores_router
from serving.http.routes.sessions import build_router as sessions_router
from serving.http.routes.status import StatusReport, status_router
from serving.http.routes.stream import stream_router
from serving.http.routes.traces import build_router as traces_router
from serving.http.state import State, open_state
from serving.lanes.dispatch import ConfiguredEncoders, Dispatcher, Lanes, RemoteEncoder
from serving.lanes.factory import encoder_spec
from serving.pages.reading import PageReader
from serving.pages.router import Pages, PageServices, is_page

TITLE = "Groundlane"


def create_app(
    config: Config,
    lanes: Lanes,
    encoders: Mapping[str, RemoteEncoder] | None = None,
    *,
    behind_serve: bool = False,
    replica: str = "0",
    candidate: CandidateLane | None = None,
) -> FastAPI:
    """The application for one gateway, whose metrics are labelled ``replica``.

    ``encoders``: by configured name; they open the store, and with it sessions, chunks and jobs. Without them the
    application has the lanes alone. ``behind_serve``: Ray Serve's bare proxy stands before it and names requests.
    ``candidate``: the lane that ``audit.shadow`` asks for.
    """
    configure_logging(config.observability.log_level)
    release = version("groundlane")
    metrics = Metrics(release, replica)
    admission = build_admission(config.limits, time.monotonic)
    metrics.track(admission)
    state = None if encoders is None else _open_state(config, lanes, encoders, replica, candidate)
    if state is not None:
        metrics.watch(state.supervisor.watched)
    app = FastAPI(
        title=TITLE,
        version=release,
        description="Scores RAG answers and generated code. Errors share one envelope; see each route's responses.",
        docs_url=None,
        redoc_url=None,
        lifespan=None if state is None else lambda _: state.background(),
    )
    dispatcher = Dispatcher(lanes, None, config.limits.deadline_s) if state is None else state.dispatcher
    app.include_router(lanes_router(dispatcher, config.limits, config.prices, state.jobs if state else None))
    app.include_router(stream_router(dispatcher, config.limits, config.prices))
    supervisor = state.supervisor if state else None
    app.state.admission = admission
    checks = [admission.require_open, *([state.store.check] if state else [])]
    app.include_router(health_router(lanes, metrics, config.observability.metrics, supervisor, checks))
    status = StatusReport(config, metrics, admission, state.audit if state else None)
    app.include_router(status_router(status, release))
    if state is not None:
        metrics.track_audit(state.audit.counts)
        check = partial(check_limits, limits=config.limits)
        app.include_router(sessions_router(state.sessions, check))
        app.include_router(chunks_router(state.chunks))
        app.include_router(jobs_router(state.jobs, check))
        app.include_router(traces_router(state.ingest, state.reader))
        app.include_router(scores_router(state.reviews))
        app.include_router(reviews_router(state.reviews))
        app.include_router(evals_router(state.evals.cases))
        app.include_router(runs_router(state.evals.runs, state.evals.releases, state.evals.trends))
    guards = build_guards(config, admission)
    log_folder = audit_folder(config) if config.audit.enabled else None
    pages = None
    if state is not None:
        pages = Pages(_page_services(config, state, guards.authenticator), RecentDecisions(log_folder))
    if pages is not None:
        app.include_router(pages.router)
    install_openapi(app)
    install_docs(app)
    _handle_errors(app, pages)
    app.add_middleware(Edge, guards=guards, metrics=metrics, proxy_names_requests=behind_serve)
    return app


def _open_state(
    config: Config,
    lanes: Lanes,
    encoders: Mapping[str, RemoteEncoder],
    replica: str,
    candidate: CandidateLane | None,
) -> State:
    tokenizer = load_tokenizer(encoder_spec(config.encoder()))
    return open_state(
        config,
        lanes,
        ConfiguredEncoders(encoders, config.default_encoder_name),
        tokenizer.count,
        replica,
        candidate,
    )


def _page_services(config: Config, state: State, authenticator: Authenticator) -> PageServices:
    pages = PageReader(state.store, config.traces)
    return PageServices(BrowserSessions(authenticator), state.reader, pages, state.reviews, state.evals)


def build_guards(config: Config, admission: Admission) -> Guards:
    """What every call has to pass, as configured."""
    return Guards(
        authenticator=Authenticator(KeyFile(config.keys_path), config.auth.required),
        limiter=RateLimiter(
            config.limits.requests_per_minute,
            config.limits.burst,
            time.monotonic,
            share=1.0 / config.server.gateway.max_replicas,
        ),
        admission=admission,
        body=BodyLimits(config.limits.body_bytes, config.limits.body_deadline_s, config.limits.body_bytes_per_s),
        tenant_share=config.limits.tenant_share,
        allowed_hosts=config.server.allowed_hosts,
        store_s=config.limits.deadline_s,
    )


def _handle_errors(app: FastAPI, pages: Pages | None) -> None:
    """Every error that a route raises goes through one function; Starlette's own become ours first."""

    def render(request: Request, error: Exception) -> Response:
        exchange: Exchange = request.state.exchange
        api_error = _as_api_error(error)
        exchange.error_code = api_error.code
        if pages is not None and is_page(request.url.path):
            return pages.render_error(request, api_error, exchange.request_id)
        body = orjson.dumps(envelope(api_error, exchange.request_id))
        headers = error_headers(api_error)
        if isinstance(api_error, MethodNotAllowedError):
            headers["allow"] = ", ".join(allowed_methods(app, request.url.path))
        return Response(body, api_error.status, headers)

    for kind in (ApiError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, render)


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestValidationError):
        fault = error.errors()[0]
        return ValidationFailedError(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}")
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NotFoundError("no such route", "The routes are listed at /docs.")
    if isinstance(error, HTTPException) and error.status_code == 405:
        return MethodNotAllowedError("the route exists, but not with this method")
    if isinstance(error, HTTPException) and error.status_code < 500:
        return ValidationFailedError(str(error.detail))
    return InternalError("unexpected error")
