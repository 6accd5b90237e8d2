"""What was said in a call: messages and documents out of attributes, and the plain text of either.

A message stays as it was sent, but for the wrapping: ``{"role", "content" | "parts", "tool_calls", …}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

Attributes = Mapping[str, Any]

_TEXT_KEYS: Final = (
    "content",
    "text",
    "answer",
    "output",
    "result",
    "response",
    "completion",
    "question",
    "query",
    "input",
)
"""Where an object that is no message keeps its text, in this order: ``{"answer": "…"}``, ``{"query": "…"}``."""
_MAX_NUMBER: Final = 100_000
_MAX_DEPTH: Final = 16


def first(attributes: Attributes, names: Sequence[str]) -> Any:
    """The value of the first of the names that has one that is not empty."""
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return value
    return None


def decoded(value: Any) -> Any:
    """A text that is JSON of an object or a list as its value; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def numbered(attributes: Attributes, prefix: str) -> list[Any]:
    """A list from numbered attributes: ``p.0.message.role``, ``p.0.message.content`` → ``[{"message": {"role": …}}]``."""
    start = f"{prefix}."
    root: dict[str, Any] = {}
    for name, value in attributes.items():
        if not name.startswith(start):
            continue
        steps = name[len(start) :].split(".")
        if not steps[0].isdigit():
            continue
        place = root
        for step in steps[:-1]:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place[steps[-1]] = value
    listed = _lists(root)
    return listed if isinstance(listed, list) else []


Found = tuple[str, Any]
"""The name an attribute was found under, so that it is not kept twice, and its value."""


def first_found(attributes: Attributes, names: Sequence[str]) -> Found | None:
    """As :func:`first`, with the name, and JSON read."""
    return next(((name, decoded(attributes[name])) for name in names if attributes.get(name) not in (None, "")), None)


def messages(attributes: Attributes, names: Sequence[str]) -> Found | None:
    """The messages under the first of the names that has any; None if none has."""
    for name in names:
        value = decoded(attributes.get(name))
        if isinstance(value, Mapping):
            value = value.get("messages", [value])
        if isinstance(value, str) and value:
            value = [{"role": "user", "content": value}]
        if not value:
            value = [_unwrapped(entry) for entry in numbered(attributes, name)]
        if isinstance(value, list) and value:
            return name, value
    return None


def documents(attributes: Attributes, names: Sequence[str]) -> Found | None:
    """Retrieved documents in their order, under the first of the names that has any."""
    for name in names:
        value = decoded(attributes.get(name)) or numbered(attributes, name)
        if isinstance(value, list) and value:
            return name, tuple(document_of(entry, rank) for rank, entry in enumerate(value, 1))
    return None


def document_of(entry: Any, rank: int) -> dict[str, Any]:
    """One document under our names, whatever the sender calls them; its other fields go to ``metadata``."""
    given = decoded(entry)
    inner = given.get("document", given) if isinstance(given, Mapping) else {"content": str(given)}
    if not isinstance(inner, Mapping):
        inner = {"content": str(inner)}
    metadata = decoded(inner.get("metadata"))
    content = next((inner[key] for key in ("content", "text", "page_content", "snippet") if inner.get(key)), "")
    name = next(
        (inner[key] for key in ("document_id", "id", "doc_id", "source_id") if inner.get(key) is not None), None
    )
    if name is None and isinstance(metadata, Mapping):
        name = next((metadata[key] for key in ("id", "source", "document_id") if metadata.get(key)), None)
    return {
        "document_id": str(name) if name is not None else str(rank),
        "content": content if isinstance(content, str) else text_of(content) or str(content),
        "score": _number(next((inner[key] for key in ("score", "relevance_score") if key in inner), None)),
        "rank": rank,
        "metadata": dict(metadata)
        if isinstance(metadata, Mapping)
        else ({} if metadata is None else {"value": metadata}),
    }


def text_of(value: Any, depth: int = 0) -> str:
    """The plain text of a message, of its parts, of a JSON object's usual fields; empty where there is none."""
    if isinstance(value, str):
        return value
    if depth > _MAX_DEPTH:
        return ""
    if isinstance(value, list):
        return "\n".join(filter(None, (text_of(part, depth + 1) for part in value)))
    if not isinstance(value, Mapping):
        return ""
    if value.get("type") in ("tool_call", "tool_use", "tool_call_response", "tool_result", "image_url", "reasoning"):
        return ""
    for key in ("content", "parts", "contents", "text", "message_content"):
        if value.get(key):
            return text_of(value[key], depth + 1)
    for key in _TEXT_KEYS:
        if isinstance(value.get(key), str):
            return str(value[key])
    return ""


def last_text(value: Any, roles: tuple[str, ...]) -> str:
    """The text that matters of an input or output: of the last message of one of the roles, or the value's own."""
    found = value.get("messages") if isinstance(value, Mapping) and "messages" in value else value
    if isinstance(found, list):
        for message in reversed(found):
            if isinstance(message, list):
                return last_text(message, roles)
            if isinstance(message, Mapping) and role_of(message) in roles and (text := text_of(message)):
                return text
        return "" if any(isinstance(message, Mapping) and "role" in message for message in found) else text_of(found)
    if isinstance(found, Mapping):
        for key in _TEXT_KEYS:
            if found.get(key) and (text := text_of(found[key])):
                return text
        return ""
    return text_of(found)


def role_of(message: Mapping[str, Any]) -> str:
    """The role of a message under its usual names: LangChain says ``human`` and ``ai`` under ``type``."""
    role = str(message.get("role") or message.get("type") or "").lower()
    return {"human": "user", "ai": "assistant", "model": "assistant"}.get(role, role)


def _unwrapped(entry: Any) -> Any:
    """``{"message": {…}}`` without its wrapping, tool calls and contents likewise."""
    if not isinstance(entry, dict):
        return entry
    message = entry.get("message", entry)
    if not isinstance(message, dict):
        return message
    out = dict(message)
    if isinstance(out.get("tool_calls"), list):
        out["tool_calls"] = [
            call.get("tool_call", call) if isinstance(call, dict) else call for call in out["tool_calls"]
        ]
    return out


def _lists(value: Any) -> Any:
    """Objects whose keys are all numbers as lists in the order of those."""
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() and int(key) < _MAX_NUMBER for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(entry) for key, entry in value.items()}


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
