"""Answers and examples of the routes for operators, for the OpenAPI document."""

from __future__ import annotations

from serving.http.openapi_state import RouteDoc

_HASH = "24224006e22a00591de538c9a4521dab56d7b30a99d0ad75a14e826fe1ab40db"
_STATUS = {
    "version": "0.1.0",
    "uptime_s": 3600.0,
    "config_source": "defaults",
    "config_sha256": _HASH,
    "encoders": [{"name": "minilm", "default": True, "sha256": _HASH}],
    "verifier": {"sha256": _HASH},
    "calibrations": ["rag-2026-11-21", "rag-verified-2026-11-27"],
    "audit": {"enabled": True, "retention_days": 90, "review_texts": "off", "shadow_share": 0.0},
}
_COUNTERS = {
    "requests": {"rag/200": 120.0},
    "bands": {"rag/green": 80.0, "rag/amber": 30.0, "rag/red": 10.0},
    "errors": {},
    "in_flight": {"rag": 1},
    "audit": {"audit": {"written": 120, "dropped": 0, "failed": 0}},
}

AUDIT_ROUTES: dict[str, RouteDoc] = {
    "get_status": RouteDoc({"success": True, "status": _STATUS}),
    "get_counters": RouteDoc({"success": True, "counters": _COUNTERS}),
}
