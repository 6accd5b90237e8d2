"""From a call as it was sent to a call in our terms, by the tables of :mod:`serving.traces.tables`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from serving.traces import tables
from serving.traces.content import Found, decoded, documents, first, first_found, messages
from serving.traces.span import RawSpan, Retrieval, Span

_EVENT_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
"""Older GenAI conventions put each message into an event of the span."""
_MAX_TOKENS: Final = 2**53


def to_span(raw: RawSpan) -> Span:
    """The call in our terms; what no table names is kept in ``rest``."""
    attributes = raw.attributes
    used: set[str] = set()
    retrieval = _retrieval(attributes, used)
    kind = _kind(attributes, retrieval)
    tokens = _tokens(attributes)
    return Span(
        trace_id=raw.trace_id,
        span_id=raw.span_id,
        parent_id=raw.parent_id,
        kind=kind,
        started_us=raw.started_us,
        ended_us=raw.ended_us,
        error=raw.error,
        names=_names(raw),
        tags=_tags(attributes),
        conversation_id=_text(first(attributes, tables.CONVERSATION)),
        project=_text(first(attributes, tables.PROJECT)) or _text(first(raw.resource, tables.PROJECT)),
        input=_input(raw, used),
        output=_output(raw, used),
        retrieval=retrieval,
        tokens=tokens,
        charge_usd=_cost(attributes),
        rest=_rest(raw, used),
    )


def _kind(attributes: Mapping[str, Any], retrieval: Retrieval | None) -> str:
    for name, meanings in tables.KIND:
        found = meanings.get(str(attributes.get(name, "")).lower())
        if found is not None:
            return found
    if retrieval is not None:
        return "retriever"
    return "llm" if first(attributes, ("gen_ai.request.model", "llm.model_name")) is not None else "chain"


def _names(raw: RawSpan) -> dict[str, str]:
    found = {"name": raw.name}
    for field, names in tables.NAMED.items():
        value = _text(first(raw.attributes, names))
        if value is not None:
            found[field] = value
    provider = found.get("provider")
    if provider and "." not in found.get("surface", "."):
        found["surface"] = f"{provider}.{found['surface']}"
    return found


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or value is None or isinstance(value, (list, dict)):
        return None
    return str(value).strip() or None


def _tags(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    value = decoded(first(attributes, tables.TAGS))
    if isinstance(value, str):
        value = value.split(",")
    return tuple(str(tag).strip() for tag in value if str(tag).strip()) if isinstance(value, list) else ()


def _input(raw: RawSpan, used: set[str]) -> Any:
    attributes = raw.attributes
    system = _take(first_found(attributes, tables.SYSTEM), used)
    found: Any = _take(messages(attributes, tables.INPUT_MESSAGES), used) or _of_events(raw)
    if found is None:
        value = _take(first_found(attributes, tables.INPUT_TEXT), used)
        if isinstance(value, (dict, list)) or value is None or system is None:
            return value if system is None else {"system": system, "value": value}
        found = [{"role": "user", "content": value}]
    return {"messages": found} if system is None else {"system": system, "messages": found}


def _output(raw: RawSpan, used: set[str]) -> Any:
    found = _take(messages(raw.attributes, tables.OUTPUT_MESSAGES), used)
    if found is not None:
        return {"messages": [_assistant(message) for message in found]}
    choices = [event["attributes"] for event in raw.events if event["name"] == "gen_ai.choice"]
    if choices:
        return {"messages": [_choice(choice) for choice in choices]}
    return _take(first_found(raw.attributes, tables.OUTPUT_TEXT), used)


def _take(found: Found | None, used: set[str]) -> Any:
    """The value, its name noted, so that it is kept once; another telling of the same (a raw request) stays in the rest."""
    if found is None:
        return None
    used.add(found[0])
    return found[1]


def _assistant(message: Any) -> Any:
    """An output message says no role only where there is no other than the model."""
    return {"role": "assistant", **message} if isinstance(message, dict) and not message.get("role") else message


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = decoded(choice.get("message"))
    if isinstance(message, dict):
        return {"role": "assistant", **message}
    return {"role": "assistant", "content": choice.get("content", message)}


def _of_events(raw: RawSpan) -> list[dict[str, Any]] | None:
    found = [
        {"role": _EVENT_ROLES[event["name"]], **event["attributes"]}
        for event in raw.events
        if event["name"] in _EVENT_ROLES
    ]
    return found or None


def _retrieval(attributes: Mapping[str, Any], used: set[str]) -> Retrieval | None:
    results = _take(documents(attributes, tables.DOCUMENTS), used) or ()
    query = first(attributes, tables.QUERY)
    if not results and query is None and str(attributes.get("openinference.span.kind", "")).upper() != "RETRIEVER":
        return None
    if query is None:
        query = first(attributes, ("input.value",))
    return Retrieval(
        query=query if isinstance(query, str) else None,
        top_k=_count(first(attributes, tables.TOP_K)),
        threshold=_amount(first(attributes, tables.THRESHOLD)),
        results=results,
    )


def _tokens(attributes: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    for name, value in attributes.items():
        prefix = next((prefix for prefix in tables.TOKEN_PREFIXES if name.startswith(prefix)), None)
        count = _count(value) if prefix and "cost" not in name else None
        if prefix and count is not None:
            found[name.removeprefix(prefix)] = count
    for kind, names in (("input", tables.INPUT_TOKENS), ("output", tables.OUTPUT_TOKENS)):
        count = _count(first(attributes, names))
        if count is not None:
            found[kind] = count
    return found


def _count(value: Any) -> int | None:
    amount = _amount(value)
    return int(amount) if amount is not None and 0 <= amount < _MAX_TOKENS else None


def _amount(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _cost(attributes: Mapping[str, Any]) -> float | None:
    amount = _amount(first(attributes, tables.COST))
    if amount is None:
        details = decoded(attributes.get("langfuse.observation.cost_details"))
        amount = _amount(details.get("total")) if isinstance(details, dict) else None
    return amount if amount is None or amount >= 0 else None


def _rest(raw: RawSpan, used: set[str]) -> dict[str, Any]:
    """Everything that was not taken as input, output or documents, under its own name."""
    prefixes = tuple(f"{name}." for name in used)
    kept = {
        name: value
        for name, value in raw.attributes.items()
        if name not in used and not (name.startswith(prefixes) and _numbered(name, prefixes))
    }
    rest: dict[str, Any] = {"attributes": kept}
    if raw.resource:
        rest["resource"] = dict(raw.resource)
    events = [event for event in raw.events if event["name"] not in _EVENT_ROLES and event["name"] != "gen_ai.choice"]
    if events:
        rest["events"] = events
    return rest


def _numbered(name: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a number stands behind the prefix: ``llm.input_messages.0.message.role``."""
    return any(name.startswith(prefix) and name[len(prefix) :][:1].isdigit() for prefix in prefixes)
