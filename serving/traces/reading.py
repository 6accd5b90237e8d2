"""Conversations as they are read and deleted, by the API and by the pages."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from serving.store.score_records import GROUNDEDNESS, SERVER, find_score
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import (
    ConversationFilter,
    Cursor,
    Page,
    bodies_of,
    delete_conversation,
    list_conversations,
    read_call,
    read_calls,
    read_conversation,
    read_turns,
)
from serving.store.values import decode_json
from serving.traces.views import call_view, conversation_view, encode_cursor, turn_view, whole_call_view

MAX_PAGE: Final = 200
MAX_TURNS: Final = 500
"""Turns of a conversation in one answer; ``offset`` leads on."""
MAX_CALLS: Final = 40_000


class TraceReader:
    """Every call names its tenant; what another tenant keeps does not exist (NotFoundError)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, tenant: str, wanted: ConversationFilter, limit: int, after: Cursor | None) -> Page:
        """Rows of a list of conversations, latest first."""
        return await self._store.tenant(tenant).read(partial(_page, wanted, limit, after))

    async def list(self, tenant: str, wanted: ConversationFilter, limit: int, after: Cursor | None) -> dict[str, Any]:
        """A page of conversations; ``next_cursor`` is None on the last."""
        page = await self.page(tenant, wanted, limit, after)
        return {
            "conversations": [conversation_view(row) for row in page.rows],
            "next_cursor": encode_cursor(page.after),
            **({"search_cut": True} if page.search_cut else {}),
        }

    async def conversation(self, tenant: str, conversation_id: str, offset: int = 0) -> dict[str, Any]:
        """The whole timeline: turns in order, each with its calls, without what was said in full."""
        return await self._store.tenant(tenant).read(partial(_conversation, conversation_id, offset))

    async def call(self, tenant: str, span_id: str, trace_id: str | None = None) -> dict[str, Any]:
        """One call with everything that was kept of it."""
        return await self._store.tenant(tenant).read(partial(_call, span_id, trace_id))

    async def delete(self, tenant: str, conversation_id: str) -> dict[str, int]:
        """Delete a conversation at once; how many rows of each kind went."""
        gone = await self._store.tenant(tenant).write(partial(_delete, conversation_id))
        return dict(gone)


def _page(wanted: ConversationFilter, limit: int, after: Cursor | None, connection: TenantConnection) -> Page:
    return list_conversations(connection, wanted, limit, after)


def _conversation(conversation_id: str, offset: int, connection: TenantConnection) -> dict[str, Any]:
    row = read_conversation(connection, conversation_id)
    turns = read_turns(connection, conversation_id, MAX_TURNS, offset)
    calls: dict[str, list[dict[str, Any]]] = {}
    for call in read_calls(connection, [turn["trace_id"] for turn in turns], MAX_CALLS):
        calls.setdefault(call["trace_id"], []).append(call_view(call))
    view = conversation_view(row)
    view["timeline"] = [turn_view(turn, calls.get(turn["trace_id"], ())) for turn in turns]
    if offset + len(turns) < row["turns"]:
        view["next_offset"] = offset + len(turns)
    return view


def _call(span_id: str, trace_id: str | None, connection: TenantConnection) -> dict[str, Any]:
    row = read_call(connection, span_id, trace_id)
    key = {
        "target_kind": "span",
        "target_id": f"{row['trace_id']}/{row['span_id']}",
        "name": GROUNDEDNESS,
        "source": SERVER,
    }
    score = find_score(connection, key)
    evaluation = None if score is None or score["detail"] is None else decode_json(score["detail"])
    return whole_call_view(row, bodies_of(connection, [row]), evaluation)


def _delete(conversation_id: str, connection: TenantConnection) -> Any:
    return delete_conversation(connection, conversation_id)
