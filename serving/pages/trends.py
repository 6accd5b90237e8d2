"""An experiment over time: every run's pass rate with its interval."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import Response

from serving.evals.figures_svg import TrendPoint, trend_svg
from serving.evals.trends import TrendService
from serving.pages.web import ROOT, Web

_POINTS: Final = 30
Name = Annotated[str, Query(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]


def trends_router(web: Web, trends: TrendService) -> APIRouter:
    """The page, and its plot as a file."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)

    @router.get("/trend")
    async def trend(request: Request, name: Name) -> Response:
        """The latest runs of the name, oldest first."""
        visitor = web.visitor(request)
        found = await trends.trend(visitor.principal.tenant, name, _POINTS)
        context = {
            "title": f"{name} over time",
            "name": name,
            "points": found["points"],
            "plot": Markup(plot_of(found)),  # noqa: S704 - figures_svg escapes every text
        }
        return web.page(request, visitor, "trend.html", context)

    @router.get("/trend.svg")
    async def drawing(request: Request, name: Name) -> Response:
        """The plot alone, for a report."""
        visitor = web.visitor(request)
        found = await trends.trend(visitor.principal.tenant, name, _POINTS)
        headers = {"content-disposition": 'attachment; filename="trend.svg"', "x-content-type-options": "nosniff"}
        return Response(plot_of(found), media_type="image/svg+xml", headers=headers)

    return router


def plot_of(found: dict[str, Any]) -> str:
    """The drawing of a trend; a run without a result yet has no place in it."""
    points = [
        TrendPoint(
            label=_day(one["created_at"]),
            value=one["passed"]["value"],
            low=one["passed"]["low"],
            high=one["passed"]["high"],
            fresh=one["suite_changed"],
        )
        for one in found["points"]
        if one["passed"] is not None
    ]
    return trend_svg(points, f"Pass rate of {found['experiment_name']}, run by run")


def _day(text: str) -> str:
    at = datetime.fromisoformat(text)
    return f"{at.day} {at:%b}"
