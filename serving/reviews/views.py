"""Scores, suggestions, causes and the queue as the API gives them. Keys whose value is None are left out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from scoring.feedback import reason_of
from serving.api.errors import ValidationFailedError
from serving.api.times import timestamp
from serving.store.trace_totals import Row
from serving.store.values import decode_json
from serving.traces.views import compact


def score_view(row: Row) -> dict[str, Any]:
    """A score; ``value`` is what its data type says, ``unknown`` included."""
    detail = decode_json(row["detail"]) if row["detail"] is not None else {}
    target_id = row["target_id"].partition("/")[2] if row["target_kind"] == "span" else row["target_id"]
    return compact(
        {
            "target": compact({"kind": row["target_kind"], "id": target_id, "trace_id": row["trace_id"]}),
            "name": row["name"],
            "data_type": row["data_type"],
            "value": _value(row, detail),
            "reason": row["reason"],
            "explanation": None if row["explanation"] is None else row["explanation"].decode(),
            "annotator_kind": row["annotator_kind"],
            "author": row["author"],
            "evaluator_version": row["evaluator_version"],
            "inclusion_probability": row["inclusion_probability"],
            "detail": (detail or None) if row["data_type"] != "TEXT" else None,
            "revision": row["revision"],
            "created_at": timestamp(row["created_ms"]),
            "updated_at": timestamp(row["updated_ms"]),
        }
    )


def revision_view(content: Mapping[str, Any]) -> dict[str, Any]:
    """One state that a score had; ``removed`` where an undo left none."""
    return compact(
        {
            "revision": content["revision"],
            "value": None if content["removed"] else _value(content, content["detail"] or {}),
            "reason": None if content["removed"] else content["reason"],
            "explanation": None if content["removed"] else content["explanation"],
            "author": content["author"],
            "removed": content["removed"] or None,
            "created_at": timestamp(content["created_ms"]),
        }
    )


def _value(row: Mapping[str, Any], detail: Mapping[str, Any]) -> Any:
    if row["label"] == "unknown" or row["data_type"] == "CATEGORICAL":
        return row["label"]
    if row["data_type"] == "TEXT":
        return detail.get("text")
    return bool(row["value"]) if row["data_type"] == "BOOLEAN" else row["value"]


def suggestion_view(row: Row) -> dict[str, Any]:
    """A suggestion: what it says, how sure, and which characters of which turn are the evidence."""
    return compact(
        {
            "trace_id": row["trace_id"],
            "rule": row["rule"],
            "thumb": row["thumb"],
            "kind": row["evidence"].get("kind"),
            "confidence": row["confidence"],
            "evidence": {name: value for name, value in row["evidence"].items() if name != "kind"},
            "rule_version": row["rule_version"],
            "state": row["state"],
            "created_at": timestamp(row["created_ms"]),
            **_turn(row),
        }
    )


def triage_view(row: Row) -> dict[str, Any]:
    """A negative's cause: the server's proposal with its reason, and a person's decision where there is one."""
    return compact(
        {
            "trace_id": row["trace_id"],
            "proposal": row["proposal"],
            "cause": row["cause"],
            "triage_by": row["triage_by"],
            "triage_completed": row["cause"] is not None,
            "completed_at": None if row["completed_ms"] is None else timestamp(row["completed_ms"]),
            "created_at": timestamp(row["created_ms"]),
            **_turn(row),
        }
    )


def item_view(row: Row, now_ms: int) -> dict[str, Any]:
    """An item of the queue; the lock is shown while it holds."""
    held = row["locked_by"] is not None and (row["lock_expires_ms"] or 0) > now_ms
    return compact(
        {
            "trace_id": row["trace_id"],
            "conversation_id": row["conversation_id"],
            "project": row["project"],
            "answer_span_id": row["answer_span_id"],
            "question": row["question"].decode("utf-8", "replace"),
            "answer": row["answer"].decode("utf-8", "replace"),
            "band": row["band"],
            "score": row["score"],
            "risk": row["review_risk"],
            "why": reason_of(row["review_risk"]),
            "inclusion_probability": row["review_probability"],
            "locked_by": row["locked_by"] if held else None,
            "lock_expires_at": timestamp(row["lock_expires_ms"]) if held else None,
            "started_at": timestamp(row["started_ms"]),
        }
    )


def selection_view(row: Row, *, with_traces: bool = False) -> dict[str, Any]:
    """A stored selection."""
    return compact(
        {
            "selection_id": row["selection_id"],
            "name": row["name"],
            "filters": row["filters"],
            "traces": len(row["trace_ids"]),
            "trace_ids": row["trace_ids"] if with_traces else None,
            "author": row["author"],
            "created_at": timestamp(row["created_ms"]),
        }
    )


def next_page(
    name: str, found: Sequence[Row], limit: int, place: Sequence[str], view: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    """A page of ``limit`` of the rows found, and where the next begins; ``found`` has one more where there is a next."""
    page = found[:limit]
    after = [page[-1][column] for column in place] if len(found) > limit else None
    return {name: [view(row) for row in page], "next_cursor": encode_place(after)}


def encode_place(after: Sequence[Any] | None) -> str | None:
    """The next page's address."""
    return None if after is None else base64.urlsafe_b64encode(orjson.dumps(list(after))).decode().rstrip("=")


def decode_place(text: str | None, kinds: Sequence[type]) -> list[Any] | None:
    """Where a page begins: values of these types. Raises ValidationFailedError for what no page gave out."""
    if not text:
        return None
    fault = ValidationFailedError("cursor: is none that this server gave out; begin without one")
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        raise fault from None
    if not isinstance(values, list) or len(values) != len(kinds):
        raise fault
    for value, kind in zip(values, kinds, strict=True):
        if type(value) is not kind:
            raise fault
        if (isinstance(value, int) and not 0 <= value < 2**53) or (isinstance(value, str) and not value.isprintable()):
            raise fault
    return values


def _turn(row: Row) -> dict[str, Any]:
    """The turn's preview, where a list brought it along."""
    if "question" not in row:
        return {}
    return {
        "conversation_id": row["conversation_id"],
        "project": row["project"],
        "question": row["question"].decode("utf-8", "replace"),
        "answer": row["answer"].decode("utf-8", "replace"),
        "answer_span_id": row["answer_span_id"],
        "label": row["turn_label"],
    }
