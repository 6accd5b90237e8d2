"""Bad answers in clusters: same cause, same failing document or kind of claim, near questions."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.pages.format import query
from serving.pages.labels import CAUSES
from serving.pages.reading import TURNS_A_PAGE, PageReader
from serving.pages.web import ROOT, Web, redirect
from serving.reviews.assembly import Reviews

_LIKE: Final = re.compile(r"questions like [0-9a-f]{32}: .*")
"""``questions like 4bf92f3577b34da6a3ce929d0e0e4736: bridg ope``: an id and stems of words say nothing to a reader."""
_MEMBERS: Final = 10
_UNDECIDED: Final = 30


def causes_router(web: Web, pages: PageReader, reviews: Reviews) -> APIRouter:
    """Where to mend first."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)

    @router.get("/causes")
    async def listed(request: Request, project: Annotated[str, Query(max_length=256)] = "") -> Response:
        """The largest cluster first, and what waits for a person's word on its cause."""
        visitor = web.visitor(request)
        tenant = visitor.principal.tenant
        found = await reviews.causes.clusters(tenant, project or None)
        waiting = await reviews.causes.list(tenant, _UNDECIDED, done=False, project=project or None)
        context = {
            "title": "Bad answers",
            "clusters": [
                {**one, "shared": _LIKE.sub("near questions", one["shared"] or "")} for one in found["clusters"]
            ],
            "cut": found.get("clustered"),
            "waiting": waiting["triages"],
            "more": waiting["next_cursor"],
            "causes": CAUSES,
            "project": project,
            "members": _MEMBERS,
        }
        return web.page(request, visitor, "causes.html", context)

    @router.get("/turn")
    async def turn(request: Request, trace: Annotated[str, Query(min_length=1, max_length=128)]) -> Response:
        """A turn by its trace: leads to its place in the conversation."""
        visitor = web.visitor(request)
        found = await pages.turn(visitor.principal.tenant, trace)
        number = found.number if found.number > TURNS_A_PAGE else ""
        address = f"{ROOT}/conversation{query({'id': found.conversation_id, 'turn': number})}#turn-{found.number}"
        return redirect(request, address)

    return router
