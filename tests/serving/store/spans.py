"""Spans for the tests of traces, as an exporter would send them."""

from __future__ import annotations

import hashlib
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

START_NS = 1_790_000_000_000_000_000


def trace_id(name: Any) -> bytes:
    return hashlib.sha256(f"trace {name}".encode()).digest()[:16]


def span_id(trace: Any, name: Any) -> bytes:
    return hashlib.sha256(f"span {trace} {name}".encode()).digest()[:8]


def span(
    trace: Any, name: Any, parent: Any = None, at_ms: int = 0, lasts_ms: int = 100, **attributes: Any
) -> dict[str, Any]:
    """One span; attributes with ``__`` for the dots."""
    return {
        "trace": trace,
        "name": str(name),
        "parent": parent,
        "start": START_NS + at_ms * 1_000_000,
        "end": START_NS + (at_ms + lasts_ms) * 1_000_000,
        "attributes": {key.replace("__", "."): value for key, value in attributes.items()},
    }


def _fill(value: Any, given: Any) -> None:
    if isinstance(given, bool):
        value.bool_value = given
    elif isinstance(given, int):
        value.int_value = given
    elif isinstance(given, float):
        value.double_value = given
    elif isinstance(given, list):
        for entry in given:
            _fill(value.array_value.values.add(), entry)
    elif isinstance(given, dict):
        for key, entry in given.items():
            pair = value.kvlist_value.values.add()
            pair.key = key
            _fill(pair.value, entry)
    else:
        value.string_value = str(given)


def otlp(spans: list[dict[str, Any]], service: str = "shop") -> bytes:
    """The protobuf request of these spans."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    pair = group.resource.attributes.add()
    pair.key, pair.value.string_value = "service.name", service
    scope = group.scope_spans.add()
    for given in spans:
        one = scope.spans.add()
        one.trace_id, one.span_id = trace_id(given["trace"]), span_id(given["trace"], given["name"])
        if given["parent"] is not None:
            one.parent_span_id = span_id(given["trace"], given["parent"])
        one.name, one.start_time_unix_nano, one.end_time_unix_nano = given["name"], given["start"], given["end"]
        if given.get("error"):
            one.status.code, one.status.message = 2, given["error"]
        for key, value in given["attributes"].items():
            attribute = one.attributes.add()
            attribute.key = key
            _fill(attribute.value, value)
    return bytes(request.SerializeToString())


PROTOBUF = {"content-type": "application/x-protobuf"}


def rag_turn(trace: Any, conversation: str | None, question: str, answer: str, at_ms: int = 0) -> list[dict[str, Any]]:
    """A turn as an application sends it: children first, the root, which alone knows the conversation, last."""
    root = {"gen_ai.conversation.id": conversation} if conversation else {}
    spans = [
        span(
            trace,
            "retrieve",
            "root",
            at_ms + 1,
            20,
            openinference__span__kind="RETRIEVER",
            input__value=question,
            retrieval__documents__0__document__id="bridge.md",
            retrieval__documents__0__document__content="The Lindau Bridge opened on 4 May 1932.",
            retrieval__documents__0__document__score=0.9,
        ),
        span(
            trace,
            "classify",
            "root",
            at_ms + 30,
            40,
            gen_ai__operation__name="chat",
            gen_ai__request__model="small-1",
            gen_ai__input__messages=f'[{{"role": "user", "parts": [{{"type": "text", "content": "classify: {question}"}}]}}]',
            gen_ai__output__messages='[{"role": "assistant", "parts": [{"type": "text", "content": "bridges"}]}]',
            gen_ai__usage__input_tokens=10,
            gen_ai__usage__output_tokens=1,
        ),
        span(
            trace,
            "answer",
            "root",
            at_ms + 80,
            200,
            gen_ai__operation__name="chat",
            gen_ai__request__model="large-1",
            gen_ai__response__model="large-1-2026",
            gen_ai__provider__name="openai",
            gen_ai__input__messages=f'[{{"role": "user", "parts": [{{"type": "text", "content": "{question}"}}]}}]',
            gen_ai__output__messages=f'[{{"role": "assistant", "parts": [{{"type": "text", "content": "{answer}"}}]}}]',
            gen_ai__usage__input_tokens=100,
            gen_ai__usage__output_tokens=20,
            gen_ai__usage__cost=0.002,
            groundlane__config__hash="c0ffee",
        ),
    ]
    whole = span(
        trace, "root", None, at_ms, 300, input__value=question, output__value=answer, openinference__span__kind="CHAIN"
    )
    whole["attributes"] |= root
    return [*spans, whole]
