"""Conversations: the list with its filters, the timeline of one, any call of it with everything that was kept."""

from __future__ import annotations

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.api.errors import NotFoundError
from serving.pages import addresses
from serving.pages.format import query
from serving.pages.labels import CAUSES, WORDS
from serving.pages.reading import TURNS_A_PAGE, PageReader
from serving.pages.web import ROOT, Web, redirect
from serving.traces.content import last_text
from serving.traces.reading import TraceReader
from serving.traces.span import span_id_of, trace_id_of
from serving.traces.views import decode_cursor

ROWS_A_PAGE: Final = 30
RAW_CHARACTERS: Final = 100_000
"""Of a raw body on the page; the file that the page links to has all of it."""
RAW_PARTS: Final = {
    "input": "Raw request",
    "output": "Raw response",
    "retrieval": "Retrieval",
    "attributes": "Other attributes",
    "resource": "Resource",
    "events": "Events",
}

Text = Annotated[str, Query(max_length=1024)]


def conversations_router(web: Web, traces: TraceReader, pages: PageReader) -> APIRouter:
    """Pages of what was said."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)
    _add_list(router, web, traces, pages)
    _add_timeline(router, web, pages)
    _add_call(router, web, traces, pages)
    return router


def _add_list(router: APIRouter, web: Web, traces: TraceReader, pages: PageReader) -> None:
    @router.get("")
    async def listed(request: Request, cursor: Text = "") -> Response:
        """Latest first; without any conversation at all, how to send the first."""
        visitor = web.visitor(request)
        filters = addresses.filters_in(request.query_params)
        if len(filters) + bool(cursor) != len(request.query_params):
            return redirect(request, ROOT + query({**filters, "cursor": cursor}))
        tenant = visitor.principal.tenant
        found = await traces.list(tenant, addresses.wanted(filters), ROWS_A_PAGE, decode_cursor(cursor))
        if not found["conversations"] and not filters and not cursor:
            return web.page(
                request, visitor, "first.html", {"server": _address_of(request), "title": "First conversation"}
            )
        context = {
            "title": "Conversations",
            "rows": found["conversations"],
            "next_cursor": found["next_cursor"],
            "search_cut": "search_cut" in found,
            "filters": filters,
            "chips": list(addresses.chips(filters)),
            "cursor": cursor,
            "choices": addresses.CHOICES,
            "words": addresses.WORDS,
            "numbers": addresses.NUMBERS,
            "times": addresses.TIMES,
        }
        return web.page(request, visitor, "conversations.html", context)

    @router.get("/start")
    async def start(request: Request) -> Response:
        """How conversations come in, also once there are some."""
        visitor = web.visitor(request)
        return web.page(request, visitor, "first.html", {"server": _address_of(request), "title": "Send conversations"})


def _add_timeline(router: APIRouter, web: Web, pages: PageReader) -> None:
    @router.get("/conversation")
    async def timeline(
        request: Request,
        name: Annotated[str, Query(alias="id", min_length=1, max_length=256)],
        turn: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> Response:
        """Its turns, twenty a page, from the page that has ``turn``."""
        visitor = web.visitor(request)
        filters = addresses.filters_in(request.query_params)
        offset = (turn - 1) // TURNS_A_PAGE * TURNS_A_PAGE
        found = await pages.timeline(visitor.principal.tenant, name, offset, addresses.wanted(filters))
        context = {
            "title": f"Conversation {name}",
            "conversation": found.view,
            "timeline": found,
            "filters": filters,
            "turns_a_page": TURNS_A_PAGE,
            "words": WORDS,
            "causes": CAUSES,
        }
        return web.page(request, visitor, "conversation.html", context)


def _add_call(router: APIRouter, web: Web, traces: TraceReader, pages: PageReader) -> None:
    @router.get("/call")
    async def call(request: Request, span: Text, trace: Text = "") -> Response:
        """One call: what it was asked, what it answered, and why that model."""
        visitor = web.visitor(request)
        found = await _read_call(traces, visitor.principal.tenant, span, trace)
        turn = await pages.turn(visitor.principal.tenant, found["trace_id"])
        answered = last_text(found.get("output"), ("assistant",))
        raw = {name: _raw(found.get(name)) for name in RAW_PARTS if found.get(name)}
        context = {
            "title": f"Call {found.get('name') or found['kind']}",
            "call": found,
            "conversation_id": turn.conversation_id,
            "turn": turn,
            "is_answer": answered == "".join(piece.text for piece in turn.answer),
            "asked": last_text(found.get("input"), ("user",)),
            "answered": answered,
            "raw": raw,
            "raw_titles": RAW_PARTS,
            "filters": addresses.filters_in(request.query_params),
        }
        return web.page(request, visitor, "call.html", context)

    @router.get("/call.json")
    async def raw(request: Request, span: Text, part: Text, trace: Text = "") -> Response:
        """A raw body whole, as a file."""
        visitor = web.visitor(request)
        found = await _read_call(traces, visitor.principal.tenant, span, trace)
        if part not in RAW_PARTS or part not in found:
            raise NotFoundError(f"this call has no {part[:32]!r}")
        headers = {
            "content-disposition": f'attachment; filename="{found["span_id"]}-{part}.json"',
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        }
        return Response(
            orjson.dumps(found[part], option=orjson.OPT_INDENT_2), headers=headers, media_type="application/json"
        )


async def _read_call(traces: TraceReader, tenant: str, span: str, trace: str) -> dict[str, Any]:
    return await traces.call(tenant, span_id_of(span), trace_id_of(trace) if trace else None)


def _raw(value: Any) -> tuple[str, int]:
    """A body as it stands on the page, and how many characters of it do not."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return text[:RAW_CHARACTERS], max(0, len(text) - RAW_CHARACTERS)


def _address_of(request: Request) -> str:
    """This server as the browser reaches it."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{'https' if scheme == 'https' else 'http'}://{request.headers.get('host', '127.0.0.1:8000')}"
