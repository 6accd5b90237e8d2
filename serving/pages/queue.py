"""The queue: what waits, the item a reviewer holds, and from one label to the next item in one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.auth.browser import Visitor
from serving.pages.format import query
from serving.pages.labels import CAUSES, WORDS, TraceId, new_label, undo_label
from serving.pages.reading import PageReader
from serving.pages.web import ROOT, Web, is_fragment, redirect
from serving.reviews.assembly import Reviews

QUEUE: Final = f"{ROOT}/queue"
_SHOWN: Final = 20


CHANCE: Final = "chance"


@dataclass(frozen=True)
class _Place:
    """An item, None at the end; the turn labelled before it, for an undo; and the order in which items are taken."""

    trace_id: str | None
    last: str = ""
    order: str = ""

    @property
    def address(self) -> str:
        """Its page."""
        values = {"trace": self.trace_id, "last": self.last, "order": self.order}
        return QUEUE if self.trace_id is None else f"{QUEUE}/item{query(values)}"


def queue_router(web: Web, pages: PageReader, reviews: Reviews) -> APIRouter:
    """Pages of the queue. Taking an item is a post, so that no link and no reload takes one."""
    router = APIRouter(prefix=QUEUE, include_in_schema=False)

    async def show(request: Request, visitor: Visitor, place: _Place, said: str = "") -> Response:
        """The item, or that there is none."""
        if not is_fragment(request):
            return redirect(request, place.address)
        context = await _context(pages, visitor, place, said)
        answer = web.page(request, visitor, "_queue_item.html", context)
        answer.headers["hx-push-url"] = place.address
        return answer

    async def take(visitor: Visitor, order: str, last: str = "") -> _Place:
        found = await reviews.queue.next(visitor.principal.tenant, visitor.name, by_chance=order == CHANCE)
        name = None if found["item"] is None else str(found["item"]["trace_id"])
        return _Place(name, last, order)

    @router.get("")
    async def listed(request: Request) -> Response:
        """What waits, riskiest first, and the rate of good answers that reviews tell."""
        visitor = web.visitor(request)
        tenant = visitor.principal.tenant
        found = await reviews.queue.list(tenant, _SHOWN)
        estimate = await reviews.queue.estimate(tenant)
        context = {"title": "Queue", "items": found["items"], "more": found["next_cursor"], "estimate": estimate}
        return web.page(request, visitor, "queue.html", context)

    @router.post("/next")
    async def following(request: Request) -> Response:
        """Take the next item, or go on with the one that is held."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        return redirect(request, (await take(visitor, _order(form))).address)

    @router.get("/item")
    async def item(request: Request, trace: str, last: str = "", order: str = "") -> Response:
        """The item as a page."""
        visitor = web.visitor(request)
        context = await _context(pages, visitor, _Place(trace, last, order), "")
        return web.page(request, visitor, "queue_item.html", {"title": "Review", **context})

    @router.post("/item/{trace_id}/label")
    async def label(request: Request, trace_id: TraceId) -> Response:
        """Label the item; the answer is the next one."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        given = new_label(form, visitor)
        await reviews.scores.label_turn(visitor.principal.tenant, trace_id, given)
        said = f"Labelled {WORDS[given.thumb]}{': ' + given.reason if given.reason else ''}. Here is the next one."
        return await show(request, visitor, await take(visitor, _order(form), trace_id), said)

    @router.post("/item/{trace_id}/skip")
    async def skip(request: Request, trace_id: TraceId) -> Response:
        """Give the item back and leave the queue; whoever comes next may take it."""
        visitor = web.visitor(request)
        await web.form(request, visitor)
        await reviews.queue.release(visitor.principal.tenant, trace_id, visitor.name)
        return redirect(request, QUEUE)

    @router.post("/item/{trace_id}/undo")
    async def undo(request: Request, trace_id: TraceId) -> Response:
        """Take back the last label and show that item again."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        held = form.get("holding", "")
        if held and held != trace_id:
            await reviews.queue.release(visitor.principal.tenant, held, visitor.name)
        await undo_label(pages, reviews, visitor, trace_id)
        await reviews.queue.hold(visitor.principal.tenant, trace_id, visitor.name)
        return await show(request, visitor, _Place(trace_id, "", _order(form)), "The label was taken back.")

    return router


def _order(form: dict[str, str]) -> str:
    return CHANCE if form.get("order") == CHANCE else ""


async def _context(pages: PageReader, visitor: Visitor, place: _Place, said: str) -> dict[str, Any]:
    name = place.trace_id
    item = None if name is None else await pages.queue_item(visitor.principal.tenant, name)
    order = CHANCE if place.order == CHANCE else ""
    return {"said": said, "last": place.last, "item": item, "order": order, "words": WORDS, "causes": CAUSES}
