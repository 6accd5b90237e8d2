"""Sessions as the API gives them: JSON values from records. Keys whose value is None are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.memory.repair import Excerpt
from scoring.memory.types import HotContext
from serving.api.times import timestamp
from serving.sessions.memory import Repaired
from serving.store.session_records import SessionRecord
from serving.store.turn_records import KeptTurn


def session_view(record: SessionRecord) -> dict[str, Any]:
    """The session as the API gives it."""
    view = {
        "session_id": record.session_id,
        "kind": record.kind,
        "status": "open" if record.closed_ms is None else "closed",
        "metadata": record.metadata,
        "retention": record.retention,
        "privacy_mode": record.privacy_mode,
        "events": record.events,
        "turns": record.turns,
        "created_at": timestamp(record.created_ms),
        "updated_at": timestamp(record.updated_ms),
        "expires_at": None if record.expires_ms is None else timestamp(record.expires_ms),
        "closed_at": None if record.closed_ms is None else timestamp(record.closed_ms),
        "session_signals": record.state.get("signals"),
        "next_session_state": record.state["state"],
    }
    return {key: value for key, value in view.items() if value is not None}


def redactions_view(counts: Mapping[str, int]) -> dict[str, Any]:
    """What was redacted, by kind; nothing when nothing was."""
    return {"redactions": dict(counts)} if counts else {}


def with_state(stored: Mapping[str, Any], state: Mapping[str, Any], signals: Mapping[str, Any]) -> dict[str, Any]:
    """A turn's answer with the session's state after it, in the fields of a caller-carried state."""
    answer = {**stored["trace_response"], "session_signals": signals, "next_session_state": state}
    return {**stored, "trace_response": answer}


def headline(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The decision of an answer, to set two of them side by side."""
    return {key: answer[key] for key in ("score", "band", "reason") if answer.get(key) is not None}


def turn_view(kept: KeptTurn) -> dict[str, Any]:
    """The answer of a scored turn, and what its trigger led to."""
    repair = kept.answer["repair"]
    view: dict[str, Any] = {"trace_response": kept.answer["trace_response"]}
    if repair is not None:
        view["trigger"] = {key: value for key, value in repair.items() if key != "repair_packet"}
        if "repair_packet" in repair:
            view["repair_packet"] = repair["repair_packet"]
    return view


def packet_json(repaired: Repaired) -> dict[str, Any]:
    """The packet as the API gives it: offsets are characters of the source's redacted text."""
    packet, vectors = repaired.packet, repaired.vectors
    return {
        "excerpts": [_excerpt_json(excerpt) for excerpt in packet.excerpts],
        "vector_search": {"status": vectors.status, "windows": vectors.windows}
        | ({"reason": vectors.reason} if vectors.reason else {}),
        "found": list(packet.found),
        "not_found": list(packet.not_found),
        "tokens": packet.tokens,
    }


def _excerpt_json(excerpt: Excerpt) -> dict[str, Any]:
    view: dict[str, Any] = {
        "source_id": excerpt.source_id,
        "char_start": excerpt.start,
        "char_end": excerpt.end,
        "text": excerpt.text,
        "terms": list(excerpt.terms),
        "tokens": excerpt.tokens,
    }
    if excerpt.similarity is not None:
        view |= {"nearest": list(excerpt.nearest), "similarity": round(excerpt.similarity, 4)}
    return view


def hot_context_json(hot: HotContext, budget_tokens: int) -> dict[str, Any]:
    """The hot context as the API gives it; every line says where it came from."""
    return {
        "text": hot.text,
        "tokens": hot.tokens,
        "budget_tokens": budget_tokens,
        "lines": [
            {
                "text": line.text,
                "kind": line.kind.value,
                "source_id": line.source_id,
                "char_start": line.start,
                "char_end": line.end,
                "event": line.event,
            }
            for line in hot.lines
        ],
    }
