"""Calls as plain JSON: our own field names, and the bodies that LiteLLM's generic callback posts.

A body is a call, a list of calls, ``{"spans": [...]}`` with what they share beside it, or ``{"traces": [...]}`` of such.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeGuard

from serving.api.errors import ValidationFailedError
from serving.store.trace_schema import NAMED
from serving.traces.content import document_of, text_of
from serving.traces.span import KINDS, Retrieval, Span, ordered_times, span_id_of, trace_id_of

_MAX_NESTING: Final = 4
_KNOWN: Final = frozenset(
    {
        *NAMED,
        "trace_id",
        "span_id",
        "parent_id",
        "conversation_id",
        "kind",
        "started_at",
        "ended_at",
        "latency_ms",
        "status",
        "error",
        "tags",
        "input",
        "input_messages",
        "question",
        "output",
        "output_messages",
        "answer",
        "tokens",
        "charge_usd",
        "retrieval",
        "documents",
        "model",
        "spans",
    }
)
_LITELLM: Final = ("call_type", "startTime", "response")
"""An object with all of these is LiteLLM's ``StandardLoggingPayload``."""
_ID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LITELLM_KINDS: Final = (("embedding", "embedding"), ("rerank", "reranker"), ("moderation", "guardrail"))


def read_plain(document: Any, now_us: int) -> list[Span]:
    """The calls of a body. Raises ValidationFailedError naming what is wrong."""
    return [
        _litellm(given, now_us) if all(name in given for name in _LITELLM) else _ours(given, f"[{index}]", now_us)
        for index, given in enumerate(_calls(document, {}, 0))
    ]


def _calls(document: Any, shared: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    if depth > _MAX_NESTING:
        raise ValidationFailedError("traces: lists of calls are nested too deep")
    if isinstance(document, list):
        for entry in document:
            yield from _calls(entry, shared, depth + 1)
    elif not isinstance(document, Mapping):
        raise ValidationFailedError(f"traces: a call is an object, not {type(document).__name__}")
    elif isinstance(document.get("traces"), list):
        yield from _calls(document["traces"], shared, depth + 1)
    elif isinstance(document.get("spans"), list):
        of_trace = {**shared, **{name: value for name, value in document.items() if name != "spans"}}
        of_trace.setdefault("trace_id", secrets.token_hex(16))
        for entry in document["spans"]:
            yield from _calls(entry, of_trace, depth + 1)
    else:
        yield {**shared, **document}


def _ours(given: Mapping[str, Any], where: str, now_us: int) -> Span:
    started_us = _time_us(given.get("started_at"), f"{where}.started_at")
    ended_us = _time_us(given.get("ended_at"), f"{where}.ended_at")
    latency_us = round(float(given["latency_ms"]) * 1000) if _is_number(given.get("latency_ms")) else 0
    if started_us and not ended_us:
        ended_us = started_us + latency_us
    if not started_us:
        started_us = (ended_us or now_us) - latency_us
    started_us, ended_us = ordered_times(started_us, ended_us or now_us, now_us)
    trace = given.get("trace_id")
    trace_id = trace_id_of(str(trace)) if trace else secrets.token_hex(16)
    span = given.get("span_id")
    parent = given.get("parent_id")
    tokens = given.get("tokens")
    retrieval = _retrieval(given)
    return Span(
        trace_id=trace_id,
        span_id=span_id_of(str(span)) if span else secrets.token_hex(8),
        parent_id=span_id_of(str(parent)) if parent else None,
        kind=_kind(given, where, retrieval),
        started_us=started_us,
        ended_us=ended_us,
        error=_error(given),
        names=_names(given),
        tags=tuple(map(str, given["tags"])) if isinstance(given.get("tags"), list) else (),
        conversation_id=str(given["conversation_id"]) if given.get("conversation_id") else None,
        project=str(given["project"]) if given.get("project") else None,
        input=_messages(given, "input_messages", "input", "question"),
        output=_messages(given, "output_messages", "output", "answer"),
        retrieval=retrieval,
        tokens={str(k): int(v) for k, v in tokens.items() if _is_number(v)} if isinstance(tokens, Mapping) else {},
        charge_usd=float(given["charge_usd"]) if _is_number(given.get("charge_usd")) else None,
        rest={"attributes": {name: value for name, value in given.items() if name not in _KNOWN}},
    )


def _kind(given: Mapping[str, Any], where: str, retrieval: Retrieval | None) -> str:
    kind = given.get("kind")
    if kind is None:
        return (
            "retriever"
            if retrieval is not None and not _messages(given, "output_messages", "output", "answer")
            else "llm"
        )
    if kind not in KINDS:
        raise ValidationFailedError(f"{where}.kind: {str(kind)[:32]!r} is none of {', '.join(KINDS)}")
    return str(kind)


def _names(given: Mapping[str, Any]) -> dict[str, str]:
    found = {name: str(given[name]) for name in NAMED if given.get(name) is not None}
    if given.get("model"):
        found.setdefault("requested_model", str(given["model"]))
    if "requested_model" in found:
        found.setdefault("selected_model", found["requested_model"])
    return found


def _error(given: Mapping[str, Any]) -> str | None:
    if given.get("error"):
        return str(given["error"])
    return "error" if given.get("status") == "error" else None


def _messages(given: Mapping[str, Any], structured: str, *plain: str) -> Any:
    if isinstance(given.get(structured), list):
        return {"messages": given[structured]}
    return next((given[name] for name in plain if given.get(name) is not None), None)


def _retrieval(given: Mapping[str, Any]) -> Retrieval | None:
    record = given.get("retrieval")
    if isinstance(record, Mapping):
        results = record.get("results") or record.get("documents") or []
    else:
        record, results = {}, given.get("documents")
    if not isinstance(results, list):
        return None
    return Retrieval(
        query=text_of(record.get("query")) or None,
        top_k=int(record["top_k"]) if _is_number(record.get("top_k")) else None,
        threshold=float(record["threshold"]) if _is_number(record.get("threshold")) else None,
        results=tuple(document_of(entry, rank) for rank, entry in enumerate(results, 1)),
    )


def _litellm(given: Mapping[str, Any], now_us: int) -> Span:
    """LiteLLM's ``StandardLoggingPayload``: https://docs.litellm.ai/docs/proxy/logging_spec ."""
    metadata = given.get("metadata") if isinstance(given.get("metadata"), Mapping) else {}
    assert isinstance(metadata, Mapping)
    asked = metadata.get("requester_metadata")
    ours = {**(asked if isinstance(asked, Mapping) else {}), **metadata}
    started_us, ended_us = ordered_times(
        _time_us(given.get("startTime"), "startTime"), _time_us(given.get("endTime"), "endTime"), now_us
    )
    call_id = str(given.get("id") or secrets.token_hex(8))
    failed = given.get("status") == "failure"
    kind = next((kind for word, kind in _LITELLM_KINDS if word in str(given["call_type"])), "llm")
    names = {
        "name": str(given["call_type"]),
        "surface": f"litellm.{given['call_type']}",
        "requested_model": str(given.get("model_group") or given.get("model") or ""),
        "selected_model": str(given.get("model") or ""),
        "provider": str(given.get("custom_llm_provider") or ""),
        "route_id": str(given.get("model_id") or ""),
        "request_id": call_id,
    }
    names |= {name: str(ours[name]) for name in NAMED if isinstance(ours.get(name), (str, int))}
    trace, session = _litellm_trace(given, call_id)
    conversation = next((ours[key] for key in ("session_id", "conversation_id") if ours.get(key)), session)
    tags = given.get("request_tags")
    tokens = {"input": given.get("prompt_tokens", 0), "output": given.get("completion_tokens", 0)}
    messages = given.get("messages")
    return Span(
        trace_id=trace_id_of(trace),
        span_id=span_id_of(call_id),
        parent_id=None,
        kind=kind,
        started_us=started_us,
        ended_us=ended_us,
        error=str(given.get("error_str") or "failure") if failed else None,
        names={name: value for name, value in names.items() if value},
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
        conversation_id=str(conversation) if conversation else None,
        project=str(ours["project"]) if ours.get("project") else None,
        input={"messages": messages} if isinstance(messages, list) else messages,
        output=_litellm_output(given.get("response")),
        tokens={name: int(value) for name, value in tokens.items() if _is_number(value)},
        charge_usd=float(given["response_cost"]) if _is_number(given.get("response_cost")) else None,
        rest={"attributes": {name: value for name, value in given.items() if name not in ("messages", "response")}},
    )


def _litellm_trace(given: Mapping[str, Any], call_id: str) -> tuple[str, str | None]:
    """The turn of a LiteLLM call, and the conversation that it names.

    LiteLLM writes the session's name into ``trace_id``, where the caller gave one; else a UUID of the request, which its
    retries and fallbacks share. So a name that is no UUID is a conversation, of which each call is a turn of its own.
    """
    named = str(given.get("trace_id") or call_id)
    if _ID.fullmatch(named.lower()) or named == call_id:
        return named, None
    return f"{named}/{call_id}", named


def _litellm_output(response: Any) -> Any:
    choices = response.get("choices") if isinstance(response, Mapping) else None
    if isinstance(choices, list):
        return {"messages": [choice.get("message", choice) for choice in choices if isinstance(choice, Mapping)]}
    return response


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**53


def _time_us(value: Any, where: str) -> int:
    """Microseconds since 1970: of ISO 8601 text (UTC where it names no zone), or of seconds or milliseconds as a number.

    A number past 1e11 is milliseconds: as seconds it would lie after the year 5138.
    """
    if value is None or value == "":
        return 0
    if _is_number(value):
        return round(value * (1_000 if value > 1e11 else 1_000_000))
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValidationFailedError(f"{where}: {str(value)[:40]!r} is no time; send ISO 8601 or a number") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)
