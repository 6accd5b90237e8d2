"""OTLP over HTTP: protobuf and JSON into :class:`RawSpan`; a span that breaks the protocol is counted, not guessed at.

The protocol: https://opentelemetry.io/docs/specs/otlp/ . In JSON ids are hex, 64-bit integers are texts, names are
lowerCamelCase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from serving.api.errors import ValidationFailedError
from serving.traces.span import RawSpan, ordered_times

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_STATUS_ERROR: Final = 2
_MAX_DEPTH: Final = 32
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8


@dataclass(frozen=True)
class Decoded:
    """The spans of a request, how many were refused, and why the first was."""

    spans: tuple[RawSpan, ...]
    rejected: int = 0
    reason: str = ""


class _RefusedError(Exception):
    """A span without what identifies it."""


def decode_protobuf(body: bytes, now_us: int) -> Decoded:
    """The spans of a protobuf request. Raises ValidationFailedError for a body that is none."""
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError:
        raise ValidationFailedError("the body is no OTLP ExportTraceServiceRequest in protobuf") from None
    return _collect(_protobuf_spans(request), lambda resource, span: _from_protobuf(resource, span, now_us))


def decode_json(body: bytes, now_us: int) -> Decoded:
    """The spans of a JSON request. Raises ValidationFailedError for a body that is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValidationFailedError(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValidationFailedError("the body is no OTLP ExportTraceServiceRequest: send {'resourceSpans': [...]}")
    return _collect(_json_spans(document), lambda resource, span: _from_json(resource, span, now_us))


def encode_answer(media_type: str, rejected: int, reason: str) -> bytes:
    """The answer to an accepted request; ``partial_success`` only where something was refused."""
    if media_type == PROTOBUF:
        answer = ExportTraceServiceResponse()
        if rejected:
            answer.partial_success.rejected_spans = rejected
            answer.partial_success.error_message = reason
        return bytes(answer.SerializeToString())
    partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": reason}} if rejected else {}
    return orjson.dumps(partial)


def _collect(
    found: Iterable[tuple[Mapping[str, Any], Any]], read: Callable[[Mapping[str, Any], Any], RawSpan]
) -> Decoded:
    spans, rejected, reason = [], 0, ""
    for resource, span in found:
        try:
            spans.append(read(resource, span))
        except _RefusedError as error:
            rejected += 1
            reason = reason or str(error)
    return Decoded(tuple(spans), rejected, reason)


def _protobuf_spans(request: ExportTraceServiceRequest) -> Iterator[tuple[dict[str, Any], Any]]:
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            ours = {**resource, "otel.scope.name": scope.scope.name} if scope.scope.name else resource
            for span in scope.spans:
                yield ours, span


def _from_protobuf(resource: Mapping[str, Any], span: Any, now_us: int) -> RawSpan:
    started_us, ended_us = ordered_times(span.start_time_unix_nano // 1000, span.end_time_unix_nano // 1000, now_us)
    events = tuple(
        {"name": event.name, "time_us": event.time_unix_nano // 1000, "attributes": _attributes(event.attributes)}
        for event in span.events
    )
    return RawSpan(
        trace_id=_id(bytes(span.trace_id), _TRACE_BYTES, "trace_id"),
        span_id=_id(bytes(span.span_id), _SPAN_BYTES, "span_id"),
        parent_id=bytes(span.parent_span_id).hex() if any(span.parent_span_id) else None,
        name=span.name,
        started_us=started_us,
        ended_us=ended_us,
        error=_error(span.status.code, span.status.message, events),
        attributes=_attributes(span.attributes),
        events=events,
        resource=resource,
    )


def _id(value: bytes, length: int, name: str) -> str:
    if len(value) != length or not any(value):
        raise _RefusedError(f"{name} has {len(value)} bytes or is zero; it needs {length} bytes")
    return value.hex()


def _error(code: int, message: str, events: tuple[Mapping[str, Any], ...]) -> str | None:
    """What went wrong: the status, or what the exception said where the status says no more than that there was one."""
    if code != _STATUS_ERROR:
        return None
    raised = [str(event["attributes"].get("exception.message", "")) for event in events if event["name"] == "exception"]
    return message or next(filter(None, raised), "error")


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any, depth: int = 0) -> Any:
    kind = value.WhichOneof("value")
    if kind is None or depth > _MAX_DEPTH:
        return None
    found = getattr(value, kind)
    if kind == "array_value":
        return [_value(entry, depth + 1) for entry in found.values]
    if kind == "kvlist_value":
        return {entry.key: _value(entry.value, depth + 1) for entry in found.values}
    return found.hex() if kind == "bytes_value" else found


def _json_spans(document: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    for group in _list(document, "resourceSpans", "resource_spans"):
        resource = _json_attributes(_dict(_dict(group).get("resource")).get("attributes"))
        for scope in _list(group, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            name = _dict(_dict(scope).get("scope")).get("name")
            ours = {**resource, "otel.scope.name": name} if name else resource
            for span in _list(scope, "spans"):
                yield ours, span


def _from_json(resource: Mapping[str, Any], span: Any, now_us: int) -> RawSpan:
    given = _dict(span)
    started_us, ended_us = ordered_times(
        _integer(_first(given, "startTimeUnixNano", "start_time_unix_nano")) // 1000,
        _integer(_first(given, "endTimeUnixNano", "end_time_unix_nano")) // 1000,
        now_us,
    )
    events = tuple(
        {
            "name": str(_dict(event).get("name", "")),
            "time_us": _integer(_first(_dict(event), "timeUnixNano", "time_unix_nano")) // 1000,
            "attributes": _json_attributes(_dict(event).get("attributes")),
        }
        for event in _list(given, "events")
    )
    status = _dict(given.get("status"))
    parent = str(_first(given, "parentSpanId", "parent_span_id") or "")
    return RawSpan(
        trace_id=_id(_hex(_first(given, "traceId", "trace_id")), _TRACE_BYTES, "traceId"),
        span_id=_id(_hex(_first(given, "spanId", "span_id")), _SPAN_BYTES, "spanId"),
        parent_id=parent.lower() if parent.strip("0") else None,
        name=str(given.get("name", "")),
        started_us=started_us,
        ended_us=ended_us,
        error=_error(_status_code(status.get("code")), str(status.get("message", "")), events),
        attributes=_json_attributes(given.get("attributes")),
        events=events,
        resource=resource,
    )


def _status_code(code: Any) -> int:
    """A number, or the name that some exporters write: ``STATUS_CODE_ERROR``."""
    return _STATUS_ERROR if code in ("STATUS_CODE_ERROR", "ERROR") else _integer(code)


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(str(value or ""))
    except ValueError:
        return b""


def _integer(value: Any) -> int:
    try:
        return max(0, int(value or 0))
    except (TypeError, ValueError, OverflowError):
        return 0


def _first(mapping: Mapping[str, Any], *names: str) -> Any:
    return next((mapping[name] for name in names if name in mapping), None)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any, *names: str) -> list[Any]:
    found = _first(_dict(value), *names)
    return found if isinstance(found, list) else []


def _json_attributes(pairs: Any) -> dict[str, Any]:
    if not isinstance(pairs, list):
        return {}
    return {
        str(pair["key"]): _json_value(pair.get("value")) for pair in pairs if isinstance(pair, dict) and "key" in pair
    }


_JSON_VALUES: Final[Mapping[str, Callable[[Any, int], Any]]] = {
    "stringValue": lambda value, _: str(value),
    "boolValue": lambda value, _: value if isinstance(value, bool) else str(value).lower() == "true",
    "intValue": lambda value, _: _small(int(value)),
    "doubleValue": lambda value, _: float(value),
    "bytesValue": lambda value, _: str(value),
    "arrayValue": lambda value, depth: [_json_value(entry, depth + 1) for entry in _list(value, "values")],
    "kvlistValue": lambda value, depth: {
        str(entry["key"]): _json_value(entry.get("value"), depth + 1)
        for entry in _list(value, "values")
        if isinstance(entry, dict) and "key" in entry
    },
}


def _small(value: int) -> int | str:
    """An integer that the protocol allows (64 bits), a larger one as text: JSON of ours could not hold it."""
    return value if -(2**63) <= value < 2**63 else str(value)


def _json_value(value: Any, depth: int = 0) -> Any:
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    for name, read in _JSON_VALUES.items():
        if name in value:
            try:
                return read(value[name], depth)
            except (TypeError, ValueError, OverflowError):
                return str(value[name])
    return None
