"""All pages together, and how their errors look."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.api.errors import ApiError
from serving.audit.recent import RecentDecisions
from serving.auth.browser import BrowserSessions
from serving.evals.assembly import Evals
from serving.pages.assets import assets_router, load_assets
from serving.pages.audit import audit_router
from serving.pages.cases import cases_router
from serving.pages.causes import causes_router
from serving.pages.conversations import conversations_router
from serving.pages.format import query
from serving.pages.labels import labels_router
from serving.pages.queue import queue_router
from serving.pages.reading import PageReader
from serving.pages.run_start import run_start_router
from serving.pages.runs import runs_router
from serving.pages.selections import selections_router
from serving.pages.sign_in import sign_in_router
from serving.pages.trends import trends_router
from serving.pages.web import ROOT, Web, is_fragment, needs_sign_in, redirect
from serving.reviews.assembly import Reviews
from serving.traces.reading import TraceReader


@dataclass(frozen=True)
class PageServices:
    """What pages read and write through."""

    sessions: BrowserSessions
    traces: TraceReader
    pages: PageReader
    reviews: Reviews
    evals: Evals


def is_page(path: str) -> bool:
    """Whether a path is one of these pages."""
    return path == ROOT or path.startswith(f"{ROOT}/")


class Pages:
    """The routes at ``/review``."""

    def __init__(self, services: PageServices, decisions: RecentDecisions | None = None) -> None:
        self._web = Web.load(services.sessions, load_assets())
        self.router = APIRouter()
        for part in (
            assets_router(self._web.assets),
            sign_in_router(self._web),
            conversations_router(self._web, services.traces, services.pages),
            labels_router(self._web, services.pages, services.reviews),
            queue_router(self._web, services.pages, services.reviews),
            causes_router(self._web, services.pages, services.reviews),
            selections_router(self._web, services.reviews),
            cases_router(self._web, services.evals.cases),
            run_start_router(self._web, services.evals.runs, services.evals.cases),
            runs_router(self._web, services.evals.runs),
            trends_router(self._web, services.evals.trends),
        ):
            self.router.include_router(part)
        if decisions is not None:
            self.router.include_router(audit_router(self._web, decisions))

    def render_error(self, request: Request, error: ApiError, request_id: str) -> Response:
        """An error as a page; where a key is missing, the sign-in, which leads back."""
        if needs_sign_in(error):
            address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            to = address if request.method == "GET" else ROOT
            return redirect(request, f"{ROOT}/sign-in{query({'to': to})}")
        if is_fragment(request):
            return self._web.plain("_problem.html", {"error": error}, error.status)
        return self._web.plain("error.html", {"error": error, "request_id": request_id}, error.status)
