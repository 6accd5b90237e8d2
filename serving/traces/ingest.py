"""Calls in: decoded, redacted and kept, acknowledged when they are on the disk; refused before memory grows."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import orjson

from serving.api.errors import OverloadedError, PayloadTooLargeError, ValidationFailedError
from serving.config.traces import TraceSettings
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_records import Arrival, Inserted, NewSpan, insert_spans
from serving.store.values import parse_duration_ms
from serving.traces.mapping import to_span
from serving.traces.otlp import JSON, PROTOBUF, Decoded, decode_json, decode_protobuf
from serving.traces.plain import read_plain
from serving.traces.prepare import Preparer
from serving.traces.span import Span

T = TypeVar("T")

_GROUP: Final = 4_096
"""Calls in one transaction: a body of more is kept in several, so that other writers wait for none of them long."""
_CALLS_A_TURN: Final = 8
_LET_IN_S: Final = 5e-5
"""As in :mod:`serving.jobs.jobs`: a thread that computes sleeps for a moment now and then, and lets the event loop in."""
_INFLATE: Final = {"gzip": 31, "deflate": 47}
"""Content encodings and zlib's window bits for them; 47 finds out whether there is a header."""


@dataclass(frozen=True)
class Accepted:
    """What became of a request's calls: new, kept before, refused and why."""

    new: int
    duplicates: int
    rejected: int = 0
    reason: str = ""


class TraceIngest:
    """Every call names its tenant. One thread prepares, so that however much comes, requests for scores keep a core.

    ``arrived`` is called with the tenant after new calls are kept.
    """

    def __init__(
        self, store: Store, settings: TraceSettings, body_bytes: int, arrived: Callable[[], None] | None = None
    ) -> None:
        self._store = store
        self._settings = settings
        self._body_bytes = body_bytes
        self._preparer = Preparer(settings)
        self._held_bytes = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="traces")
        self._arrived = arrived

    def close(self) -> None:
        """Finish what is being prepared."""
        self._thread.shutdown(wait=True)

    async def otlp(self, tenant: str, body: bytes, media_type: str, encoding: str | None) -> Accepted:
        """Keep the spans of an OTLP request. A span that breaks the protocol is refused, the others are kept."""
        decode = {PROTOBUF: decode_protobuf, JSON: decode_json}.get(media_type)
        if decode is None:
            raise ValidationFailedError(f"content-type {media_type[:64]!r} is neither {PROTOBUF} nor {JSON}")

        def prepare(plain: bytes) -> tuple[list[NewSpan], int, str]:
            decoded = decode(plain, self._now_us())
            return self._rows_of(decoded, to_span)

        return await self._take(tenant, body, encoding, prepare)

    async def plain(self, tenant: str, body: bytes, encoding: str | None) -> Accepted:
        """Keep the calls of a JSON body: ours, or LiteLLM's. One that is wrong refuses the whole body."""

        def prepare(plain: bytes) -> tuple[list[NewSpan], int, str]:
            try:
                document = orjson.loads(plain)
            except orjson.JSONDecodeError as error:
                raise ValidationFailedError(f"the body is no JSON: {error}") from None
            rows, rejected, reason = self._rows(read_plain(document, self._now_us()))
            if rejected:
                raise ValidationFailedError(reason)
            return rows, 0, ""

        return await self._take(tenant, body, encoding, prepare)

    def _rows_of(self, decoded: Decoded, read: Callable[[Any], Span]) -> tuple[list[NewSpan], int, str]:
        rows, rejected, reason = self._rows(read(raw) for raw in decoded.spans)
        return rows, decoded.rejected + rejected, decoded.reason or reason

    def _rows(self, spans: Iterator[Span] | Sequence[Span]) -> tuple[list[NewSpan], int, str]:
        rows: list[NewSpan] = []
        rejected, reason = 0, ""
        for index, span in enumerate(spans):
            if index % _CALLS_A_TURN == _CALLS_A_TURN - 1:
                time.sleep(_LET_IN_S)
            try:
                rows.append(self._preparer.prepare(span))
            except (ValueError, TypeError) as error:
                rejected += 1
                reason = reason or f"span {span.span_id}: {error}"
        return rows, rejected, reason

    async def _take(
        self,
        tenant: str,
        body: bytes,
        encoding: str | None,
        prepare: Callable[[bytes], tuple[list[NewSpan], int, str]],
    ) -> Accepted:
        with self._holding(len(body)):
            plain = await self._on_thread(partial(inflate, body, encoding, self._body_bytes))
        del body
        with self._holding(len(plain)):
            rows, rejected, reason = await self._on_thread(partial(prepare, plain))
            kept = await self._keep(tenant, rows)
        if kept.new and self._arrived is not None:
            self._arrived()
        return Accepted(kept.new, kept.duplicates, rejected, reason)

    async def _keep(self, tenant: str, rows: Sequence[NewSpan]) -> Inserted:
        new = duplicates = 0
        for start in range(0, len(rows), _GROUP):
            arrival = self._arrival(rows[start : start + _GROUP])
            work = partial(_insert, rows[start : start + _GROUP], arrival)
            kept = await self._store.tenant(tenant).write(work)
            new, duplicates = new + kept.new, duplicates + kept.duplicates
        return Inserted(new, duplicates)

    def _arrival(self, rows: Sequence[NewSpan]) -> Arrival:
        now_ms = self._store.now_ms()
        ends = {
            project: now_ms + parse_duration_ms(self._settings.of(project).retention)
            for project in {row.project for row in rows}
        }
        return Arrival(now_ms, now_ms + round(self._settings.settle_s * 1000), ends)

    def _now_us(self) -> int:
        return self._store.now_ms() * 1000

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    @contextmanager
    def _holding(self, size: int) -> Iterator[None]:
        """Around what keeps ``size`` bytes in memory. Raises OverloadedError when there are too many."""
        if self._held_bytes and self._held_bytes + size > self._settings.in_flight_bytes:
            raise OverloadedError(
                f"traces being worked on hold {self._held_bytes} of {self._settings.in_flight_bytes} bytes",
                retry_after_s=1.0,
            )
        self._held_bytes += size
        try:
            yield
        finally:
            self._held_bytes -= size


def inflate(body: bytes, encoding: str | None, limit_bytes: int) -> bytes:
    """The body without its compression. Raises PayloadTooLargeError as soon as it grows past the limit, before it is whole."""
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        return body
    if name not in _INFLATE:
        raise ValidationFailedError(f"content-encoding {name[:32]!r} is not known; send gzip, deflate or none")
    out = bytearray()
    rest = body
    try:
        while rest:
            stream = zlib.decompressobj(_INFLATE[name])
            out += stream.decompress(rest, limit_bytes + 1 - len(out))
            if len(out) > limit_bytes:
                raise PayloadTooLargeError(f"the decompressed body is longer than limits.body_bytes, {limit_bytes}")
            if not stream.eof:
                raise ValidationFailedError(f"the {name} body ends early")
            rest = stream.unused_data
    except zlib.error as error:
        raise ValidationFailedError(f"the body is no {name}: {error}") from None
    return bytes(out)


def _insert(rows: Sequence[NewSpan], arrival: Arrival, connection: TenantConnection) -> Inserted:
    return insert_spans(connection, rows, arrival)


def accepted_view(accepted: Accepted) -> Mapping[str, Any]:
    """The answer to calls in plain JSON."""
    return {"accepted": accepted.new, "duplicates": accepted.duplicates}
