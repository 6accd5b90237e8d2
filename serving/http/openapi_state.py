"""Bodies and examples of the routes of sessions, chunks and jobs, for the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from serving.api.responses import EXAMPLES
from serving.http.routes.chunks import PutChunks
from serving.http.routes.jobs import SubmitJob
from serving.http.routes.sessions import AppendEvents, CreateSession, Repair, Rollup, ScoreTurn


@dataclass(frozen=True)
class RouteDoc:
    """What the document says of one route. ``media``: content type of the answer."""

    answer: Any
    body: type[BaseModel] | None = None
    body_example: Any = None
    status: str = "200"
    media: str = "application/json"
    statuses: tuple[int, ...] = field(default=(400, 401, 403, 404, 408, 409, 413, 429, 500, 503, 504))


_SESSION = {
    "session_id": "ses_025139fb366e064e66ba540f44cf11ca",
    "kind": "code",
    "status": "open",
    "metadata": {},
    "retention": "30d",
    "privacy_mode": False,
    "events": 1,
    "turns": 0,
    "created_at": "2026-11-21T05:47:57.193Z",
    "updated_at": "2026-11-21T05:47:57.193Z",
    "expires_at": "2026-12-21T05:47:57.193Z",
    "next_session_state": {"version": 1},
}
_SOURCE = "50767d73c9b17cdaec922d8e7400fe1739f8a2731d5c5d0cd557f8d0b6641df4"
_HOT_CONTEXT = {"text": "decision: use Cart.add_item [1]", "tokens": 9, "budget_tokens": 2000, "lines": []}
_MEMORY = {"hot": 1, "warm": 0, "cold": 0}
_PACKET = {
    "excerpts": [
        {
            "source_id": _SOURCE,
            "char_start": 0,
            "char_end": 17,
            "text": "use Cart.add_item",
            "terms": ["add_item"],
            "tokens": 6,
        }
    ],
    "vector_search": {"status": "not_needed", "windows": 0},
    "found": ["add_item"],
    "not_found": [],
    "tokens": 6,
}
_JOB = {
    "success": True,
    "job_id": "job_8878f18fb2fb8993b32a53a482d3ae4d",
    "status": "COMPLETED",
    "lane": "rag",
    "tag": "batch-rag-20261121T054756Z",
    "progress": {"done": 1, "failed": 0, "total": 1},
    "created_at": "2026-11-21T05:47:56.829Z",
    "completed_at": "2026-11-21T05:47:56.919Z",
}
_TURN_REQUEST = {"response_text": "Use Cart.add_item.", "raw_context": "# file: shop.py\nclass Cart: ..."}

STATE_ROUTES: dict[str, RouteDoc] = {
    "create_session": RouteDoc({"success": True, "session": _SESSION}, CreateSession, {"kind": "code"}, "201"),
    "get_session": RouteDoc({"success": True, "session": _SESSION}),
    "close_session": RouteDoc({"success": True, "session": {**_SESSION, "status": "closed"}}),
    "append_events": RouteDoc(
        {
            "success": True,
            "session_id": _SESSION["session_id"],
            "events": [{"sequence": 1, "source_id": _SOURCE, "duplicate": False}],
        },
        AppendEvents,
        {"event": {"event_type": "decision", "content": "Use Cart.add_item.", "idempotency_key": "turn-1"}},
    ),
    "score_turn": RouteDoc(
        {
            "success": True,
            "session": _SESSION,
            "turn": 1,
            "trace_response": EXAMPLES["trace_code"],
            "hot_context": _HOT_CONTEXT,
            "memory": _MEMORY,
        },
        ScoreTurn,
        {"lane": "code", "trace_request": _TURN_REQUEST, "force_original_on_trigger": True},
    ),
    "session_context": RouteDoc(
        {
            "success": True,
            "session_id": _SESSION["session_id"],
            "hot_context": _HOT_CONTEXT,
            "memory": _MEMORY,
        }
    ),
    "session_source": RouteDoc({"success": True, "source_id": _SOURCE, "text": "Use Cart.add_item."}),
    "session_repair": RouteDoc(
        {"success": True, "session_id": _SESSION["session_id"], "repair_packet": _PACKET},
        Repair,
        {"missing_terms": ["add_item"], "reason": "the answer names it, the hot context does not"},
    ),
    "session_rollup": RouteDoc(EXAMPLES["trace_rollup"], Rollup, {"heatmap_format": "none"}),
    "put_chunks": RouteDoc(
        {
            "success": True,
            "model": "all-MiniLM-L6-v2",
            "chunks": [{"chunk_id": "a", "tokens": 10, "encoded": True}],
        },
        PutChunks,
        [{"chunk_id": "a", "text": "The Lindau Bridge opened in 1932.", "source_id": "bridges.md"}],
    ),
    "get_chunk": RouteDoc({"success": True, "chunk_id": "a", "text": "The Lindau Bridge opened in 1932."}),
    "delete_chunk": RouteDoc({"success": True, "chunk_id": "a", "deleted": True}),
    "submit_job": RouteDoc(
        {
            "success": True,
            "job_id": _JOB["job_id"],
            "status": "QUEUED",
            "poll_url": f"/api/v1/jobs/{_JOB['job_id']}",
            "retention": "7d",
        },
        SubmitJob,
        {"lane": "rag", "requests": [_TURN_REQUEST], "experiment_name": "nightly"},
        "202",
    ),
    "list_jobs": RouteDoc({"success": True, "jobs": [_JOB], "total": 1, "limit": 100, "offset": 0}),
    "get_job": RouteDoc(_JOB),
    "cancel_job": RouteDoc({"success": True, "message": "cancelled"}),
    "job_results": RouteDoc(
        '{"index": 0, "status": "done", "result": {"success": true, "score": 0.93, "band": "green"}}\n',
        media="application/x-ndjson",
    ),
    "job_events": RouteDoc("event: progress\ndata: {}\n\n", media="text/event-stream"),
}
