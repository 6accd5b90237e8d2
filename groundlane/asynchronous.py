"""The asynchronous client.

:mod:`groundlane.sync` is made from this file; ``python -m tests.groundlane.sync_client`` writes it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar, Unpack

import httpx

from groundlane import calls
from groundlane.address import server_url
from groundlane.async_stream import AsyncAnswerStream
from groundlane.connection import Connection
from groundlane.errors import ConnectionFailedError, DeadlineError
from groundlane.fields import (
    ChunkFields,
    CodeFields,
    EventFields,
    JobFields,
    Lane,
    RagFields,
    RagStreamFields,
    SessionKind,
)
from groundlane.results import (
    Chunk,
    CodeScore,
    Job,
    JobEvent,
    JobPage,
    JobRow,
    Json,
    KeptEvent,
    Repair,
    Rollup,
    Score,
    SessionContext,
    SessionView,
    Source,
    Turn,
)
from groundlane.retries import Attempts, RetryPolicy
from groundlane.streams import EventParser, LineSplitter, next_page, parse_row

T = TypeVar("T")


class AsyncGroundlane:
    """A client of one server; for one event loop. Close it, or use it in an ``async with`` block."""

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout_s: float = 60.0,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.connection = Connection(api_key, server_url(base_url), timeout_s, retry or RetryPolicy())
        self._http = httpx.AsyncClient(
            base_url=self.connection.base_url, headers=self.connection.headers(), transport=transport
        )
        self.pause: Callable[[float], Awaitable[None]] = asyncio.sleep
        self.jobs = AsyncJobs(self)
        self.chunks = AsyncChunks(self)
        self.sessions = AsyncSessions(self)

    async def rag(self, **fields: Unpack[RagFields]) -> Score:
        """Is this answer grounded in its context?"""
        return await self.send(calls.rag(fields))

    def rag_stream(self, **fields: Unpack[RagStreamFields]) -> AsyncAnswerStream:
        """An answer that is judged while it is written; for ``async with``."""
        return AsyncAnswerStream(self.connection, fields, self.pause)

    async def code(self, **fields: Unpack[CodeFields]) -> CodeScore:
        """Does this code call what exists?"""
        return await self.send(calls.code(fields))

    async def rollup(
        self, turns: Iterable[Score | Json], *, session_id: str | None = None, heatmap_format: str | None = None
    ) -> Rollup:
        """Where is this session heading? ``turns``: scores of this client, or their JSON."""
        return await self.send(calls.rollup(turns, {"session_id": session_id, "heatmap_format": heatmap_format}))

    async def send(self, call: calls.Call[T]) -> T:
        """Send a call, again where the retry policy allows it. Raises a GroundlaneError."""
        attempts = Attempts(self.connection.retry)
        content = call.content()
        while True:
            timeout_s = attempts.begin(self.connection.timeout_s)
            try:
                response = await self._http.request(
                    call.method, call.path, content=content, params=call.params, timeout=timeout_s
                )
            except httpx.TransportError as error:
                await self.pause(attempts.wait_after_failure(error, call.repeatable))
                continue
            failure = calls.failure(response)
            if failure is None:
                return call.answer(response)
            await self.pause(attempts.wait_after_answer(failure))

    @asynccontextmanager
    async def lines(self, call: calls.Call[None]) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of a streamed answer; opening it is retried, a stream that breaks off is not."""
        attempts = Attempts(self.connection.retry)
        while True:
            timeout_s = attempts.begin(self.connection.timeout_s)
            request = self._http.build_request(call.method, call.path, timeout=timeout_s)
            try:
                response = await self._http.send(request, stream=True)
                if not response.is_success:
                    await response.aread()
            except httpx.TransportError as error:
                await self.pause(attempts.wait_after_failure(error, call.repeatable))
                continue
            failure = calls.failure(response)
            if failure is not None:
                await self.pause(attempts.wait_after_answer(failure))
                continue
            try:
                yield _unbroken(response)
            finally:
                await response.aclose()
            return

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncGroundlane:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _unbroken(response: httpx.Response) -> AsyncIterator[str]:
    splitter = LineSplitter()
    try:
        async for piece in response.aiter_bytes():
            for line in splitter.feed(piece):
                yield line
    except httpx.TransportError as error:
        raise ConnectionFailedError(f"the stream broke off: {type(error).__name__}: {error}") from error
    for line in splitter.end():
        yield line


class AsyncJobs:
    """Background jobs."""

    def __init__(self, client: AsyncGroundlane) -> None:
        self._client = client

    async def submit(
        self,
        lane: Lane,
        requests: Sequence[Mapping[str, Any]],
        **options: Unpack[JobFields],
    ) -> Job:
        """Queue up to 10,000 requests of a lane, once, however often the call is sent again."""
        return await self._client.send(calls.submit_job(lane, requests, options))

    async def get(self, job_id: str) -> Job:
        """The job as it stands."""
        return await self._client.send(calls.get_job(job_id))

    async def wait(self, job_id: str, *, timeout_s: float = 600.0, poll_s: float = 1.0) -> Job:
        """The finished job, whatever its outcome; DeadlineError if it goes on after ``timeout_s``."""
        ends_s = time.monotonic() + timeout_s
        while not (job := await self.get(job_id)).finished:
            if time.monotonic() + poll_s > ends_s:
                raise DeadlineError(f"job {job_id} is {job.status} after {timeout_s:g} s; it goes on")
            await self._client.pause(poll_s)
        return job

    async def list(self, *, status: str | None = None, limit: int = 100, offset: int = 0) -> JobPage:
        """A page of the jobs, latest first."""
        return await self._client.send(calls.list_jobs(status, limit, offset))

    async def cancel(self, job_id: str) -> Json:
        """Cancel a job; requests that are done stay done."""
        return await self._client.send(calls.cancel_job(job_id))

    async def results(self, job_id: str) -> AsyncIterator[JobRow]:
        """The outcomes so far, one by one, page after page."""
        after: int | None = -1
        while after is not None:
            call, after = calls.job_results(job_id, after), None
            async with self._client.lines(call) as lines:
                async for line in lines:
                    if (following := next_page(line)) is not None:
                        after = following
                    elif (row := parse_row(line)) is not None:
                        yield row

    async def events(self, job_id: str) -> AsyncIterator[JobEvent]:
        """The job's progress as it happens."""
        parser = EventParser()
        async with self._client.lines(calls.job_events(job_id)) as lines:
            async for line in lines:
                if (event := parser.feed(line)) is not None:
                    yield event


class AsyncChunks:
    """Stored chunks: their vectors are kept, so scoring by ``chunk_ids`` does not encode them again."""

    def __init__(self, client: AsyncGroundlane) -> None:
        self._client = client

    async def put(self, chunks: Sequence[ChunkFields]) -> Json:
        """Store chunks, replacing those of the same ids."""
        return await self._client.send(calls.put_chunks(chunks))

    async def get(self, chunk_id: str | int) -> Chunk:
        """A chunk."""
        return await self._client.send(calls.get_chunk(chunk_id))

    async def delete(self, chunk_id: str | int) -> None:
        """Delete a chunk."""
        await self._client.send(calls.delete_chunk(chunk_id))


class AsyncSessions:
    """Sessions of long-running agents."""

    def __init__(self, client: AsyncGroundlane) -> None:
        self._client = client

    async def create(
        self,
        kind: SessionKind,
        *,
        metadata: Mapping[str, Any] | None = None,
        retention: str | None = None,
        privacy_mode: bool | None = None,
    ) -> AsyncSession:
        """Open a session. ``retention``: how long it is kept, such as ``30d``, ``keep`` or ``close``."""
        options = {"metadata": metadata, "retention": retention, "privacy_mode": privacy_mode}
        view = await self._client.send(calls.create_session(kind, options))
        return AsyncSession(self._client, view.session_id)

    async def open(self, session_id: str) -> AsyncSession:
        """A session that was created before; NotFoundError if there is none."""
        view = await self._client.send(calls.get_session(session_id))
        return AsyncSession(self._client, view.session_id)


class AsyncSession:
    """One session."""

    def __init__(self, client: AsyncGroundlane, session_id: str) -> None:
        self._client = client
        self.session_id = session_id

    async def get(self) -> SessionView:
        """The session as it stands."""
        return await self._client.send(calls.get_session(self.session_id))

    async def event(
        self,
        event_type: str,
        content: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> KeptEvent:
        """Append an event; it is on disk when this returns."""
        event: EventFields = {"event_type": event_type, "content": content}
        if metadata is not None:
            event["metadata"] = metadata
        if idempotency_key is not None:
            event["idempotency_key"] = idempotency_key
        return (await self.events([event]))[0]

    async def events(self, events: Sequence[EventFields]) -> tuple[KeptEvent, ...]:
        """Append events in order, all or none."""
        return await self._client.send(calls.append_events(self.session_id, events))

    async def rag(
        self,
        *,
        force_original_on_trigger: bool = False,
        use_hot_context: bool = False,
        **fields: Unpack[RagFields],
    ) -> Turn:
        """Score an answer as the session's next turn."""
        options = {"force_original_on_trigger": force_original_on_trigger, "use_hot_context": use_hot_context}
        return await self._client.send(calls.score_turn(self.session_id, "rag", fields, options))

    async def code(
        self,
        *,
        force_original_on_trigger: bool = False,
        use_hot_context: bool = False,
        **fields: Unpack[CodeFields],
    ) -> Turn:
        """Score generated code as the session's next turn."""
        options = {"force_original_on_trigger": force_original_on_trigger, "use_hot_context": use_hot_context}
        return await self._client.send(calls.score_turn(self.session_id, "code", fields, options))

    async def context(self, *, max_tokens: int | None = None) -> SessionContext:
        """The hot context, within ``max_tokens``; None: as the server is configured."""
        return await self._client.send(calls.session_context(self.session_id, max_tokens))

    async def source(self, source_id: str) -> Source:
        """The redacted original behind a pointer."""
        return await self._client.send(calls.session_source(self.session_id, source_id))

    async def repair(
        self,
        missing_terms: Sequence[str],
        reason: str | None = None,
        *,
        max_excerpts: int | None = None,
        max_tokens: int | None = None,
    ) -> Repair:
        """Exact excerpts of the session's originals for terms that the context lacks."""
        options = {"reason": reason, "max_excerpts": max_excerpts, "max_tokens": max_tokens}
        return await self._client.send(calls.repair(self.session_id, missing_terms, options))

    async def rollup(self, *, heatmap_format: Literal["none", "data", "html"] | None = None) -> Rollup:
        """The scoreboard of the session's turns."""
        return await self._client.send(calls.session_rollup(self.session_id, {"heatmap_format": heatmap_format}))

    async def close(self) -> SessionView:
        """Close the session by its retention."""
        return await self._client.send(calls.close_session(self.session_id))
