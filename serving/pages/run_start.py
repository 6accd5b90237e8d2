"""A run begun from a page: the form, its estimate, and the start of exactly what was estimated."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.api.errors import ApiError, ConflictError, ValidationFailedError
from serving.auth.browser import Visitor
from serving.evals.case_service import CaseService
from serving.evals.run_service import RunService
from serving.pages.format import query
from serving.pages.run_form import FIELDS, KINDS, draft_of, filled, form_of
from serving.pages.web import ROOT, Web, redirect

_SUITES: Final = 200


def run_start_router(web: Web, runs: RunService, cases: CaseService) -> APIRouter:
    """The pages that begin a run."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)

    async def shown(
        request: Request, visitor: Visitor, values: dict[str, str], error: ApiError | None = None, estimate: Any = None
    ) -> Response:
        suites = (await cases.list_suites(visitor.principal.tenant, _SUITES))["suites"]
        context = {
            "title": "New run",
            "values": values,
            "suites": suites,
            "kinds": KINDS,
            "error": error,
            "estimate": estimate,
            "allowed": runs.allowed(),
        }
        return web.page(request, visitor, "run_new.html", context, 200 if error is None else error.status)

    @router.get("/runs/new")
    async def new(
        request: Request,
        suite: Annotated[str, Query(max_length=64)] = "",
        like: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        """An empty form, or that of a run like another."""
        visitor = web.visitor(request)
        if not like:
            return await shown(request, visitor, filled({"suite": suite}))
        before = await runs.record(visitor.principal.tenant, like)
        return await shown(request, visitor, {**form_of(before.plan), "suite": before.suite_hash})

    @router.post("/runs/estimate")
    async def estimate(request: Request) -> Response:
        """The form again with calls, tokens, cost and what so many cases can show. Nothing is called."""
        visitor = web.visitor(request)
        values = filled(await web.form(request, visitor))
        try:
            found = await runs.estimate(visitor.principal.tenant, draft_of(values))
        except ApiError as error:
            return await shown(request, visitor, values, error)
        return await shown(request, visitor, values, None, found)

    @router.post("/runs/start")
    async def start(request: Request) -> Response:
        """Queue what was estimated; above the operator's sum it takes the tick at the estimate."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        values = {name: form[name] for name in FIELDS if name in form}
        if len(values) < len(FIELDS):
            raise ValidationFailedError("The form is not whole", f"Begin at {ROOT}/runs/new.")
        try:
            begun = await runs.start(visitor.principal.tenant, draft_of(values, form.get("confirm") == "on"))
        except ConflictError as error:
            found = await runs.estimate(visitor.principal.tenant, draft_of(values))
            return await shown(request, visitor, values, error, found)
        return redirect(request, f"{ROOT}/run{query({'id': begun['run']['run_id']})}")

    return router
