"""Runs while they go and after: progress, results, questions about them; two of them compared, and what the gate says."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from scoring.evals.gate import Policy
from scoring.evals.statistics import wilson
from serving.api.errors import ValidationFailedError
from serving.auth.browser import Visitor
from serving.evals.observer import QUICK_QUESTIONS
from serving.evals.run_service import RunService
from serving.pages.format import query
from serving.pages.plots import WIDTH, axis_of, difference_plot, share_plot
from serving.pages.web import ROOT, Web, is_fragment, redirect
from serving.traces.span import RUN_PROJECT

_ROWS: Final = 50
_UNITS: Final = {"cost_usd": "US$", "latency_ms": "ms"}
RunId = Annotated[str, Query(alias="id", pattern=r"^run_[0-9a-f]{32}$")]


def runs_router(web: Web, runs: RunService) -> APIRouter:
    """Pages of runs."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)
    _add_reading(router, web, runs)
    _add_steering(router, web, runs)
    _add_comparison(router, web, runs)
    return router


def _add_reading(router: APIRouter, web: Web, runs: RunService) -> None:
    @router.get("/runs")
    async def listed(request: Request) -> Response:
        """The latest runs; two of them can be compared."""
        visitor = web.visitor(request)
        found = await runs.list(visitor.principal.tenant, _ROWS)
        return web.page(request, visitor, "runs.html", {"title": "Runs", "runs": found["runs"]})

    @router.get("/run")
    async def one(request: Request, run_id: RunId, after: Annotated[str, Query(max_length=160)] = "") -> Response:
        """How far it is, its results, questions."""
        visitor = web.visitor(request)
        tenant = visitor.principal.tenant
        results = await runs.results(tenant, run_id, after, _ROWS)
        context = {
            **await _progress(runs, tenant, run_id),
            "title": "Run",
            "results": results["results"],
            "next": results["next_cursor"],
            "after": after,
            "questions": QUICK_QUESTIONS,
            "answer": None,
        }
        return web.page(request, visitor, "run.html", context)

    @router.get("/run/progress")
    async def progress(request: Request, run_id: RunId) -> Response:
        """The part of the page that changes while the run goes; the page asks for it every second until it rests."""
        visitor = web.visitor(request)
        context = {**await _progress(runs, visitor.principal.tenant, run_id), "fragment": True}
        return web.page(request, visitor, "_progress.html", context)

    @router.post("/run/ask")
    async def ask(request: Request) -> Response:
        """A question in words, answered from the run's data."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        question = (form.get("quick") or form.get("question", "")).strip()
        if not 0 < len(question) <= 500:
            raise ValidationFailedError("Ask in 1 to 500 characters")
        tenant, run_id = visitor.principal.tenant, form.get("id", "")
        found = await runs.ask(tenant, run_id, question)
        answer = {**found, "question": question, "facts": [_linked(fact) for fact in found["facts"]]}
        if is_fragment(request):
            return web.page(request, visitor, "_answer.html", {"answer": answer})
        results = await runs.results(tenant, run_id, "", _ROWS)
        context = {
            **await _progress(runs, tenant, run_id),
            "title": "Run",
            "results": results["results"],
            "next": results["next_cursor"],
            "after": "",
            "questions": QUICK_QUESTIONS,
            "answer": answer,
        }
        return web.page(request, visitor, "run.html", context)


def _add_steering(router: APIRouter, web: Web, runs: RunService) -> None:
    @router.post("/run/steer")
    async def steer(request: Request) -> Response:
        """Pause, resume, cancel."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        run_id = form.get("id", "")
        await _steer(runs, visitor, run_id, form.get("action", ""))
        return redirect(request, f"{ROOT}/run{query({'id': run_id})}")


async def _steer(runs: RunService, visitor: Visitor, run_id: str, action: str) -> None:
    tenant = visitor.principal.tenant
    if action == "pause":
        await runs.pause(tenant, run_id)
    elif action == "resume":
        await runs.resume(tenant, run_id, None)
    elif action == "cancel":
        await runs.cancel(tenant, run_id)
    else:
        raise ValidationFailedError("action: is pause, resume or cancel")


def _add_comparison(router: APIRouter, web: Web, runs: RunService) -> None:
    @router.get("/comparison")
    async def compare(
        request: Request,
        baseline: Annotated[str, Query(max_length=64)] = "",
        candidate: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        """Two runs of one suite, every measure with its interval, and the decision of the default policy."""
        visitor = web.visitor(request)
        if not baseline or not candidate or baseline == candidate:
            raise ValidationFailedError("Choose two different runs", "One as the baseline, one as the candidate.")
        tenant = visitor.principal.tenant
        document, _ = await runs.compare(tenant, baseline, candidate, Policy())
        context = {
            "title": f"{document['decision']}: comparison",
            "found": document,
            "measures": _plotted(document["measures"]),
            "baseline": (await runs.get(tenant, baseline))["run"],
            "candidate": (await runs.get(tenant, candidate))["run"],
            "width": WIDTH,
            "units": _UNITS,
        }
        return web.page(request, visitor, "comparison.html", context)


async def _progress(runs: RunService, tenant: str, run_id: str) -> dict[str, Any]:
    run = (await runs.get(tenant, run_id))["run"]
    done, passed = run["progress"]["done"], run["progress"]["passed"]
    rate = wilson(passed, done) if done else None
    plot = None if rate is None else share_plot(rate.low, rate.value, rate.high)
    return {"run": run, "rate": rate, "plot": plot, "width": WIDTH, "project": RUN_PROJECT}


def _plotted(measures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each measure with its plot. Shares have one axis, so that they can be compared by eye; others have their own."""
    shares = [one for one in measures if one["name"] not in _UNITS]
    common = axis_of([one["difference"][end] for one in shares for end in ("low", "value", "high")])
    found = []
    for one in measures:
        ends = one["difference"]
        half = axis_of(list(ends.values())) if one["name"] in _UNITS else common
        plot = None if not one["n"] else difference_plot(ends["low"], ends["value"], ends["high"], half)
        found.append({**one, "plot": plot, "is_share": one["name"] not in _UNITS})
    return found


def _linked(fact: dict[str, Any]) -> dict[str, Any]:
    """A fact with the page where its figure stands: ``/api/v1/cases/a`` → ``/review/case?id=a``."""
    parts = str(fact["link"]).removeprefix("/api/v1/").split("/", 2)
    if parts[0] == "cases":
        return {**fact, "page": f"{ROOT}/case{query({'id': '/'.join(parts[1:])})}"}
    return {**fact, "page": f"{ROOT}/run{query({'id': parts[1]})}{'#results' if len(parts) > 2 else ''}"}
