"""What was asked and answered in a turn, in full, and what was retrieved for it: read from its calls' bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import bodies_of, read_call, read_calls
from serving.store.trace_totals import Row
from serving.traces.bodies import decode_body
from serving.traces.content import last_text, role_of, text_of

MAX_CALLS: Final = 2_000
"""Of a turn, the calls looked at: the first ones, and always the one that answered."""
_TALKING: Final = ("llm", "agent", "chain")
_RETRIEVING: Final = ("retriever", "reranker")


@dataclass(frozen=True)
class TurnContents:
    """``messages``: role and text of what the answering model was given; none where a chain or an agent answered.

    ``documents``: as retrieved, best first.
    """

    question: str = ""
    answer: str = ""
    answer_span_id: str | None = None
    messages: tuple[Mapping[str, str], ...] = ()
    documents: tuple[Mapping[str, Any], ...] = ()
    retrievals: int = 0
    task_hint: str | None = None
    request_id: str | None = None
    models: tuple[str, ...] = field(default=())


def read_contents(connection: TenantConnection, turn: Row) -> TurnContents:
    """The turn's contents; empty texts where nothing was said, or nothing of it is kept."""
    calls = read_calls(connection, [turn["trace_id"]], MAX_CALLS)
    talking = [call for call in calls if call["kind"] in _TALKING]
    retrieving = [call for call in calls if call["documents_digest"] is not None]
    asked = sorted(talking, key=_asks)[:8]
    answering = _answering(connection, turn, talking)
    needed = [*asked, *retrieving, *([answering] if answering else [])]
    contents = bodies_of(connection, needed, ("input", "output", "documents"))
    answer = "" if answering is None else last_text(_body(answering, "output", contents), ("assistant",))
    return TurnContents(
        question=next(filter(None, (last_text(_body(call, "input", contents), ("user",)) for call in asked)), ""),
        answer=answer,
        answer_span_id=turn["answer_span_id"],
        messages=_messages(answering, contents),
        documents=_documents(retrieving, contents),
        retrievals=sum(call["kind"] in _RETRIEVING for call in calls),
        task_hint=next((call["task_hint"] for call in calls if call["task_hint"]), None),
        request_id=turn["request_id"],
        models=tuple(sorted({call["requested_model"] for call in calls if call["requested_model"]})),
    )


def _answering(connection: TenantConnection, turn: Row, talking: Sequence[Row]) -> Row | None:
    name = turn["answer_span_id"]
    if name is None:
        return None
    found = next((call for call in talking if call["span_id"] == name), None)
    return found or read_call(connection, name, turn["trace_id"])


def _asks(call: Mapping[str, Any]) -> tuple[int, int]:
    """In the order in which :mod:`serving.traces.prepare` ranks questions: the root, then models, then chains."""
    rank = 0 if call["parent_id"] is None else 1 if call["kind"] == "llm" else 2
    return rank, call["started_us"]


def _messages(call: Row | None, contents: Mapping[str, bytes]) -> tuple[Mapping[str, str], ...]:
    if call is None or call["kind"] != "llm":
        return ()
    body = _body(call, "input", contents)
    listed = body.get("messages") if isinstance(body, Mapping) else body
    system = text_of(body.get("system")) if isinstance(body, Mapping) else ""
    if not isinstance(listed, list):
        return ()
    if len(listed) == 1 and isinstance(listed[0], list):
        listed = listed[0]
    found: list[Mapping[str, str]] = [{"role": "system", "content": system}] if system else []
    for message in listed:
        if isinstance(message, Mapping) and (text := text_of(message)):
            found.append({"role": role_of(message), "content": text})
    return tuple(found)


def _documents(calls: Iterable[Row], contents: Mapping[str, bytes]) -> tuple[Mapping[str, Any], ...]:
    """What the last reranker kept; without one, what the retrievers found, each document once."""
    calls = list(calls)
    rerankers = [call for call in calls if call["kind"] == "reranker"][-1:]
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for call in rerankers or calls:
        record = _body(call, "documents", contents) or {}
        for document in record.get("results", ()) if isinstance(record, Mapping) else ():
            if isinstance(document, Mapping) and str(document.get("content") or "").strip():
                found.setdefault((str(document.get("document_id")), str(document["content"])), document)
    return tuple(found.values())


def _body(call: Mapping[str, Any], role: str, contents: Mapping[str, bytes]) -> Any:
    content = contents.get(call[f"{role}_digest"] or "")
    return None if content is None else decode_body(content)
