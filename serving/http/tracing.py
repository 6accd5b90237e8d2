"""W3C Trace Context (https://www.w3.org/TR/trace-context/): continue the caller's trace, or start one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?")
_MAX_TRACESTATE_CHARACTERS = 512
_TRACESTATE = re.compile(r"[\x20-\x7e]*=[\x20-\x7e]*")

RandomHex = Callable[[int], str]


@dataclass(frozen=True)
class TraceContext:
    """This server's span in a trace. Ids are lower-case hex: 32 digits of trace, 16 of span."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    flags: str = "00"
    tracestate: str | None = None

    @classmethod
    def from_headers(
        cls, traceparent: str | None, tracestate: str | None = None, random_hex: RandomHex = secrets.token_hex
    ) -> Self:
        """Continue a valid ``traceparent`` with a new span; an absent or invalid one starts a trace of its own."""
        parsed = _parse(traceparent)
        if parsed is None:
            return cls(_non_zero(random_hex, 16), _non_zero(random_hex, 8), None)
        trace_id, parent_span_id, flags = parsed
        return cls(trace_id, _non_zero(random_hex, 8), parent_span_id, flags, _valid_tracestate(tracestate))

    @property
    def traceparent(self) -> str:
        """The header to pass on, with this server's span as the parent."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def headers(self) -> dict[str, str]:
        """What to send with onward calls."""
        headers = {"traceparent": self.traceparent}
        if self.tracestate is not None:
            headers["tracestate"] = self.tracestate
        return headers


def _parse(header: str | None) -> tuple[str, str, str] | None:
    match = _TRACEPARENT.fullmatch(header.strip()) if header is not None else None
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest is not None):
        return None
    if set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    sampled = int(flags, 16) & 1
    return trace_id, span_id, f"{sampled:02x}"


def _valid_tracestate(header: str | None) -> str | None:
    """The caller's ``tracestate`` if it is printable, of bounded length and a list of pairs; else it is dropped."""
    if header is None or len(header) > _MAX_TRACESTATE_CHARACTERS or not _TRACESTATE.fullmatch(header):
        return None
    return header


def _non_zero(random_hex: RandomHex, count: int) -> str:
    value = random_hex(count)
    while set(value) == {"0"}:
        value = random_hex(count)
    return value
