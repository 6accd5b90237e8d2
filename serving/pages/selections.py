"""From a filtered list to an eval set: the selection is stored, and each of its turns becomes a DRAFT case."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.pages import addresses
from serving.pages.web import ROOT, Web
from serving.reviews.assembly import Reviews


def selections_router(web: Web, reviews: Reviews) -> APIRouter:
    """The list's primary action."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)

    @router.post("/selections")
    async def create(request: Request) -> Response:
        """Store what the filters find now, and draft its cases."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        tenant = visitor.principal.tenant
        filters = addresses.filters_in(form)
        name = form.get("name", "").strip() or "Eval set"
        kept = await reviews.selections.create(tenant, name, addresses.wanted(filters), filters, author=visitor.name)
        made = await reviews.selections.create_cases(tenant, kept["selection_id"])
        context = {
            "title": f"Eval set {name}",
            "selection": kept,
            "made": made,
            "filters": filters,
            "chips": list(addresses.chips(filters)),
        }
        return web.page(request, visitor, "selection.html", context)

    return router
