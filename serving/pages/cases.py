"""Eval cases by status: read, sharpened, moved along their life; the ACTIVE ones become a suite."""

from __future__ import annotations

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.api.errors import ConflictError, ValidationFailedError
from serving.evals.case_service import CaseService
from serving.evals.cases import TRACKS, CaseStatus
from serving.evals.life_cycle import STEPS
from serving.pages.format import query
from serving.pages.web import ROOT, Web, redirect

_ROWS: Final = 50
_STATUSES: Final = {
    "DRAFT": "Drafts",
    "CURATED": "Curated",
    "ACTIVE": "Active",
    "ARCHIVED": "Archived",
}
_NEEDS: Final = {
    CaseStatus.CURATED: "needs an expectation or a reference answer, and a grader that can fail",
    CaseStatus.ACTIVE: "its graders have to pass a good answer and fail the recorded failure; both are tried now",
    CaseStatus.ARCHIVED: "no suite takes it any more",
}
_GRADERS_HINT: Final = 'Such as [{"kind": "contains", "text": "six months"}]'


def cases_router(web: Web, cases: CaseService) -> APIRouter:
    """Pages of cases."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)

    @router.get("/cases")
    async def listed(
        request: Request,
        status: Annotated[str, Query(max_length=16)] = "DRAFT",
        after: Annotated[str, Query(max_length=128)] = "",
    ) -> Response:
        """One status at a time, by task id."""
        visitor = web.visitor(request)
        if status not in _STATUSES:
            raise ValidationFailedError(f"status: {status!r} is none of {', '.join(_STATUSES)}")
        tenant = visitor.principal.tenant
        found = await cases.list_cases(tenant, status, None, after, _ROWS)
        suites = await cases.list_suites(tenant, 20) if status == CaseStatus.ACTIVE else {"suites": []}
        context = {
            "title": "Cases",
            "statuses": _STATUSES,
            "status": status,
            "rows": found["cases"],
            "next": found["next_cursor"],
            "suites": suites["suites"],
            "question": _question,
        }
        return web.page(request, visitor, "cases.html", context)

    @router.get("/case")
    async def one(request: Request, name: Annotated[str, Query(alias="id", min_length=1, max_length=128)]) -> Response:
        """A case with all it holds, and where it may go from here."""
        visitor = web.visitor(request)
        found = await cases.get_case(visitor.principal.tenant, name)
        case = found["case"]
        onward = [(after, _NEEDS[after]) for before, after in STEPS if before == case["status"]]
        context = {
            "title": f"Case {name}",
            "case": case,
            "revisions": found["revisions"],
            "onward": onward,
            "tracks": TRACKS,
            "graders": orjson.dumps(case.get("graders", []), option=orjson.OPT_INDENT_2).decode(),
            "hint": _GRADERS_HINT,
            "question": _question(case),
        }
        return web.page(request, visitor, "case.html", context)

    @router.post("/case/change")
    async def change(request: Request) -> Response:
        """Keep a new revision; it is a DRAFT again. Refused where somebody else changed the case meanwhile."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        tenant, name = visitor.principal.tenant, form.get("id", "")
        case = (await cases.get_case(tenant, name))["case"]
        if case["revision"] != form.get("revision"):
            raise ConflictError(f"case {name} was changed by somebody else", "Load it again and repeat your change.")
        await cases.put_cases(tenant, [_changed(case, form)])
        return redirect(request, f"{ROOT}/case{query({'id': name})}")

    @router.post("/case/move")
    async def move(request: Request) -> Response:
        """One step of its life, after a dry run where the step needs one."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        status = form.get("status", "")
        if status not in {after.value for _, after in STEPS}:
            raise ValidationFailedError(f"status: {status[:16]!r} is no step of a case")
        name = form.get("id", "")
        await cases.move(visitor.principal.tenant, name, CaseStatus(status), form.get("good_answer") or None)
        return redirect(request, f"{ROOT}/case{query({'id': name})}")

    @router.post("/suites")
    async def suite(request: Request) -> Response:
        """A suite of all ACTIVE cases."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        await cases.put_suite(visitor.principal.tenant, form.get("name", "").strip() or "suite", None, None)
        return redirect(request, f"{ROOT}/cases?status=ACTIVE")

    return router


def _question(case: dict[str, Any]) -> str:
    """The last thing the user says in a case."""
    for message in reversed(case.get("input_messages", [])):
        if message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else orjson.dumps(content).decode()
    return ""


def _changed(case: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
    """The case with the fields of the form. Raises ValidationFailedError for graders that are no JSON."""
    content = {name: value for name, value in case.items() if name not in ("status", "revision")}
    try:
        graders = orjson.loads(form.get("graders") or "[]")
    except orjson.JSONDecodeError as error:
        raise ValidationFailedError(f"graders: no JSON: {error}", _GRADERS_HINT) from None
    severity = form.get("severity", "")
    return {
        **content,
        "expected_behavior": form.get("expected_behavior", "").strip(),
        "reference_answer": form.get("reference_answer", "").strip() or None,
        "graders": graders,
        "critical": form.get("critical") == "on",
        "severity": int(severity) if severity.isdigit() else 3,
        "track": form.get("track") or "smoke",
    }
