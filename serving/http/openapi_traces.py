"""Answers and examples of the routes of traces, for the OpenAPI document."""

from __future__ import annotations

from serving.http.openapi_state import RouteDoc

_CALL = {
    "span_id": "00f067aa0ba902b7",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "kind": "llm",
    "name": "chat",
    "requested_model": "gpt-4o",
    "status": "ok",
    "latency_ms": 812.4,
    "started_at": "2026-11-27T09:00:00.120Z",
}
_CONVERSATION = {
    "conversation_id": "chat-7",
    "project": "shop",
    "turns": 1,
    "spans": 4,
    "errors": 0,
    "input_tokens": 110,
    "output_tokens": 21,
    "charge_usd": 0.002,
    "latency_ms": 940,
    "started_at": "2026-11-27T09:00:00.000Z",
    "ended_at": "2026-11-27T09:00:00.940Z",
    "question": "When did the bridge open?",
    "answer": "It opened on 4 May 1932.",
    "models": ["gpt-4o"],
    "expires_at": "2027-02-25T09:00:01.000Z",
}
_TURN = {
    "trace_id": _CALL["trace_id"],
    "question": _CONVERSATION["question"],
    "answer": _CONVERSATION["answer"],
    "score_state": "waiting",
    "calls": [_CALL],
}

TRACE_ROUTES: dict[str, RouteDoc] = {
    "export_traces": RouteDoc("", media="application/x-protobuf"),
    "export_traces_langfuse": RouteDoc("", media="application/x-protobuf"),
    "post_traces": RouteDoc({"success": True, "accepted": 1, "duplicates": 0}),
    "list_conversations": RouteDoc({"success": True, "conversations": [_CONVERSATION], "next_cursor": None}),
    "get_conversation": RouteDoc({"success": True, "conversation": {**_CONVERSATION, "timeline": [_TURN]}}),
    "delete_conversation": RouteDoc({"success": True, "deleted": {"conversations": 1, "traces": 1, "spans": 4}}),
    "get_span": RouteDoc(
        {
            "success": True,
            "span": {
                **_CALL,
                "input": {"messages": [{"role": "user", "content": "When did the bridge open?"}]},
                "output": {"messages": [{"role": "assistant", "content": "It opened on 4 May 1932."}]},
            },
        }
    ),
}
