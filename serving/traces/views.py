"""Conversations, turns and calls as the API gives them. Keys whose value is None are left out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from serving.api.errors import ValidationFailedError
from serving.api.times import timestamp
from serving.store.trace_reads import Cursor
from serving.store.trace_schema import BODY_ROLES, NAMED
from serving.traces.bodies import decode_body

_LISTED: Final = {"model": "models", "route": "routes", "tag": "tags", "task": "task_hints", "segment": "segments"}
"""Facets that a conversation shows as lists."""


def compact(view: Mapping[str, Any]) -> dict[str, Any]:
    """The view without its None values."""
    return {key: value for key, value in view.items() if value is not None}


def facet_values(facets: str, name: str) -> list[str]:
    """The values that a conversation or turn has of one facet."""
    start = f"{name}="
    return [line.removeprefix(start) for line in facets.split("\n") if line.startswith(start)]


def _totals(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "spans": row["spans"],
        "errors": row["errors"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "charge_usd": round(row["charge_usd"], 9),
        "latency_ms": row["latency_ms"],
        "started_at": timestamp(row["started_ms"]),
        "ended_at": timestamp(row["ended_ms"]),
        "question": row["question"].decode("utf-8", "replace"),
        "answer": row["answer"].decode("utf-8", "replace"),
        "band": row["band"],
        "score": row["score"],
        "label": row["label"],
        **{plural: facet_values(row["facets"], name) or None for name, plural in _LISTED.items()},
    }


def conversation_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """A conversation as a list shows it; ``question`` is the first, ``answer`` the last, both cut to a preview."""
    return compact(
        {
            "conversation_id": row["conversation_id"],
            "project": row["project"],
            "turns": row["turns"],
            **_totals(row),
            "expires_at": timestamp(row["expires_ms"]),
        }
    )


def turn_view(row: Mapping[str, Any], calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A turn with its calls."""
    return compact(
        {
            "trace_id": row["trace_id"],
            "request_id": row["request_id"],
            "project": row["project"],
            **_totals(row),
            "answer_span_id": row["answer_span_id"],
            "score_state": row["score_state"],
            "score_reason": row["score_reason"],
            "calls": list(calls),
        }
    )


def call_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """A call as a timeline shows it, without what was said."""
    named = {name: row[name] for name in NAMED}
    return compact(
        {
            "span_id": row["span_id"],
            "trace_id": row["trace_id"],
            "parent_id": row["parent_id"],
            "kind": row["kind"],
            **named,
            "tags": orjson.loads(row["tags"]) if row["tags"] else None,
            "status": row["status"],
            "error": row["error"],
            "tokens": orjson.loads(row["tokens"]) if row["tokens"] else None,
            "charge_usd": row["charge_usd"],
            "latency_ms": round((row["ended_us"] - row["started_us"]) / 1000.0, 3),
            "started_at": timestamp(row["started_us"] // 1000),
            "started_us": row["started_us"],
            "hit_count": row["hit_count"],
            "score": row["score"],
            "band": row["band"],
        }
    )


def whole_call_view(
    row: Mapping[str, Any], bodies: Mapping[str, bytes], evaluation: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A call with what went in, what came out, what was retrieved, and every other attribute, as they were sent.

    ``evaluation``: what the server's own score says of it, claim by claim.
    """
    found = {
        role: decode_body(bodies[row[f"{role}_digest"]])
        for role in BODY_ROLES
        if row[f"{role}_digest"] is not None and row[f"{role}_digest"] in bodies
    }
    rest = found.get("rest") or {}
    return compact(
        {
            **call_view(row),
            "input": found.get("input"),
            "output": found.get("output"),
            "retrieval": found.get("documents"),
            "attributes": rest.get("attributes"),
            "resource": rest.get("resource"),
            "events": rest.get("events"),
            "evaluation": evaluation,
        }
    )


def encode_cursor(after: Cursor | None) -> str | None:
    """The next page's address."""
    return None if after is None else base64.urlsafe_b64encode(orjson.dumps(after)).decode().rstrip("=")


def decode_cursor(text: str | None) -> Cursor | None:
    """Where a page begins. Raises ValidationFailedError for what no page gave out."""
    if not text:
        return None
    try:
        ended_ms, name = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, orjson.JSONDecodeError, TypeError, ValueError):
        raise ValidationFailedError("cursor: is none that this server gave out; begin without one") from None
    if not isinstance(ended_ms, int) or not isinstance(name, str) or not 0 <= ended_ms < 2**53:
        raise ValidationFailedError("cursor: is none that this server gave out; begin without one")
    return ended_ms, name
