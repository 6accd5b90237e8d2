"""Bodies and examples of the routes of reviews, for the OpenAPI document."""

from __future__ import annotations

from serving.http.openapi_state import RouteDoc
from serving.http.routes.reviews import CreateSelection, DecideCause, DecideSuggestion, HoldItem, TakeNext
from serving.http.routes.scores import PutFeedback, PutLabel, PutReasons, PutScore

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_SPAN = "00f067aa0ba902b7"
_TIME = "2026-11-27T09:05:00.000Z"
_SAID = {"author": "mara", "revision": 1, "created_at": _TIME, "updated_at": _TIME}
_SCORE = {
    "target": {"kind": "span", "id": _SPAN, "trace_id": _TRACE},
    "name": "tone",
    "data_type": "NUMERIC",
    "value": 0.8,
    "annotator_kind": "HUMAN",
    **_SAID,
}
_LABEL = {**_SCORE, "name": "thumb", "data_type": "CATEGORICAL", "value": "down", "reason": "wrong"}
_TURN = {
    "conversation_id": "chat-7",
    "project": "shop",
    "question": "When did the bridge open?",
    "answer": "It opened in 1933.",
    "answer_span_id": _SPAN,
}
_SUGGESTION = {
    "trace_id": _TRACE,
    "rule": "en.correction.wrong",
    "thumb": "down",
    "kind": "correction",
    "confidence": 0.9,
    "evidence": {
        "trace_id": "aaaa3f3577b34da6a3ce929d0e0e4736",
        "char_start": 0,
        "char_end": 12,
        "text": "That's wrong",
    },
    "rule_version": "2026-11-27.1",
    "state": "open",
    "created_at": _TIME,
    **_TURN,
}
_TRIAGE = {
    "trace_id": _TRACE,
    "proposal": {
        "cause": "HALLUCINATION",
        "reason": "1 claim(s) contradict the retrieved documents",
        "confidence": 0.8,
        "rule": "contradicted",
    },
    "cause": "HALLUCINATION",
    "triage_by": "mara",
    "triage_completed": True,
    "completed_at": _TIME,
    "created_at": _TIME,
}
_ITEM = {
    "trace_id": _TRACE,
    **_TURN,
    "risk": 0.9,
    "why": "the answer's band is red",
    "inclusion_probability": 1.0,
    "locked_by": "mara",
    "lock_expires_at": _TIME,
    "started_at": _TIME,
}
_SELECTION = {
    "selection_id": "sel_0f9a",
    "name": "wrong answers of November",
    "filters": {"label": "down"},
    "traces": 1,
    "trace_ids": [_TRACE],
    "author": "mara",
    "created_at": _TIME,
}
_CASE = {"task_id": f"trace-{_TRACE}", "revision": "9f2feb0f1ef425b2", "status": "DRAFT"}
_RATE = {"name": "thumb up", "value": 0.92, "low": 0.86, "high": 0.98, "confidence": 0.95, "n": 60}
_REASONS = {"project": "shop", "reasons": ["satisfied", "wrong"], "own": True}
_LABEL_BODY = {"thumb": "down", "reason": "wrong", "author": "mara"}
_SCORE_BODY = {
    "target": {"kind": "span", "id": _SPAN},
    "name": "tone",
    "data_type": "NUMERIC",
    "value": 0.8,
    "annotator_kind": "HUMAN",
    "author": "mara",
}

REVIEW_ROUTES: dict[str, RouteDoc] = {
    "put_score": RouteDoc({"success": True, "score": _SCORE}, PutScore, _SCORE_BODY),
    "list_scores": RouteDoc({"success": True, "scores": [_SCORE], "next_cursor": None}),
    "sum_scores": RouteDoc(
        {"success": True, "summary": [{"name": "tone", "data_type": "NUMERIC", "n": 3, "unknown": 1, "mean": 0.75}]}
    ),
    "put_label": RouteDoc({"success": True, "label": _LABEL}, PutLabel, _LABEL_BODY),
    "get_label_history": RouteDoc(
        {"success": True, "history": [{"revision": 1, "value": "down", "reason": "wrong", "created_at": _TIME}]}
    ),
    "undo_label": RouteDoc({"success": True, "label": None}),
    "put_feedback": RouteDoc(
        {"success": True, "feedback": {**_LABEL, "name": "feedback"}},
        PutFeedback,
        {"thumb": "down", "request_id": "req-1", "user": "user-42"},
    ),
    "get_reasons": RouteDoc({"success": True, **_REASONS}),
    "put_reasons": RouteDoc({"success": True, **_REASONS}, PutReasons, {"reasons": ["satisfied", "wrong"]}),
    "get_reviews": RouteDoc(
        {
            "success": True,
            "reviews": {"trace_id": _TRACE, "label": "down", "scores": [_LABEL], "suggestions": [], "triage": _TRIAGE},
        }
    ),
    "list_suggestions": RouteDoc({"success": True, "suggestions": [_SUGGESTION], "next_cursor": None}),
    "decide_suggestion": RouteDoc(
        {"success": True, "suggestion": {**_SUGGESTION, "state": "accepted"}, "label": _LABEL},
        DecideSuggestion,
        {"decision": "accept", "author": "mara"},
    ),
    "list_triages": RouteDoc({"success": True, "triages": [{**_TRIAGE, **_TURN}], "next_cursor": None}),
    "decide_cause": RouteDoc(
        {"success": True, "triage": _TRIAGE}, DecideCause, {"cause": "HALLUCINATION", "author": "mara"}
    ),
    "list_clusters": RouteDoc(
        {
            "success": True,
            "clusters": [
                {
                    "key": "5f1f0c5a2b1c9d3e",
                    "cause": "HALLUCINATION",
                    "shared": "document bridge.md",
                    "size": 1,
                    "trace_ids": [_TRACE],
                }
            ],
        }
    ),
    "list_queue": RouteDoc({"success": True, "items": [_ITEM], "next_cursor": None}),
    "take_next": RouteDoc({"success": True, "item": _ITEM}, TakeNext, {"author": "mara", "order": "risk"}),
    "hold_item": RouteDoc(
        {"success": True, "trace_id": _TRACE, "locked_by": "mara", "lock_s": 600.0}, HoldItem, {"author": "mara"}
    ),
    "release_item": RouteDoc({"success": True, "trace_id": _TRACE, "released": True}, HoldItem, {"author": "mara"}),
    "estimate_rate": RouteDoc(
        {"success": True, "rate": _RATE, "reviewed": 60, "unknown": 2, "waiting": 40, "steps": []}
    ),
    "create_selection": RouteDoc(
        {"success": True, "selection": _SELECTION},
        CreateSelection,
        {"name": "wrong answers of November", "filters": {"label": "down"}},
    ),
    "list_selections": RouteDoc({"success": True, "selections": [_SELECTION], "next_cursor": None}),
    "get_selection": RouteDoc({"success": True, "selection": _SELECTION}),
    "delete_selection": RouteDoc({"success": True, "deleted": {"selections": 1}}),
    "create_cases": RouteDoc({"success": True, "selection_id": "sel_0f9a", "cases": [_CASE], "skipped": []}),
}
