"""The synchronous client.

Made from ``asynchronous.py`` by ``python -m tests.groundlane.sync_client``: change that one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, Unpack

import httpx

from groundlane import calls
from groundlane.address import server_url
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
from groundlane.sync_stream import AnswerStream

T = TypeVar("T")


class Groundlane:
    """A client of one server; safe to share between threads. Close it, or use it in a ``with`` block."""

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout_s: float = 60.0,
        retry: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.connection = Connection(api_key, server_url(base_url), timeout_s, retry or RetryPolicy())
        self._http = httpx.Client(
            base_url=self.connection.base_url, headers=self.connection.headers(), transport=transport
        )
        self.pause: Callable[[float], None] = time.sleep
        self.jobs = Jobs(self)
        self.chunks = Chunks(self)
        self.sessions = Sessions(self)

    def rag(self, **fields: Unpack[RagFields]) -> Score:
        """Is this answer grounded in its context?"""
        return self.send(calls.rag(fields))

    def rag_stream(self, **fields: Unpack[RagStreamFields]) -> AnswerStream:
        """An answer that is judged while it is written; for ``with``."""
        return AnswerStream(self.connection, fields, self.pause)

    def code(self, **fields: Unpack[CodeFields]) -> CodeScore:
        """Does this code call what exists?"""
        return self.send(calls.code(fields))

    def rollup(
        self, turns: Iterable[Score | Json], *, session_id: str | None = None, heatmap_format: str | None = None
    ) -> Rollup:
        """Where is this session heading? ``turns``: scores of this client, or their JSON."""
        return self.send(calls.rollup(turns, {"session_id": session_id, "heatmap_format": heatmap_format}))

    def send(self, call: calls.Call[T]) -> T:
        """Send a call, again where the retry policy allows it. Raises a GroundlaneError."""
        attempts = Attempts(self.connection.retry)
        content = call.content()
        while True:
            timeout_s = attempts.begin(self.connection.timeout_s)
            try:
                response = self._http.request(
                    call.method, call.path, content=content, params=call.params, timeout=timeout_s
                )
            except httpx.TransportError as error:
                self.pause(attempts.wait_after_failure(error, call.repeatable))
                continue
            failure = calls.failure(response)
            if failure is None:
                return call.answer(response)
            self.pause(attempts.wait_after_answer(failure))

    @contextmanager
    def lines(self, call: calls.Call[None]) -> Iterator[Iterator[str]]:
        """The lines of a streamed answer; opening it is retried, a stream that breaks off is not."""
        attempts = Attempts(self.connection.retry)
        while True:
            timeout_s = attempts.begin(self.connection.timeout_s)
            request = self._http.build_request(call.method, call.path, timeout=timeout_s)
            try:
                response = self._http.send(request, stream=True)
                if not response.is_success:
                    response.read()
            except httpx.TransportError as error:
                self.pause(attempts.wait_after_failure(error, call.repeatable))
                continue
            failure = calls.failure(response)
            if failure is not None:
                self.pause(attempts.wait_after_answer(failure))
                continue
            try:
                yield _unbroken(response)
            finally:
                response.close()
            return

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Groundlane:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _unbroken(response: httpx.Response) -> Iterator[str]:
    splitter = LineSplitter()
    try:
        for piece in response.iter_bytes():
            for line in splitter.feed(piece):
                yield line
    except httpx.TransportError as error:
        raise ConnectionFailedError(f"the stream broke off: {type(error).__name__}: {error}") from error
    for line in splitter.end():
        yield line


class Jobs:
    """Background jobs."""

    def __init__(self, client: Groundlane) -> None:
        self._client = client

    def submit(
        self,
        lane: Lane,
        requests: Sequence[Mapping[str, Any]],
        **options: Unpack[JobFields],
    ) -> Job:
        """Queue up to 10,000 requests of a lane, once, however often the call is sent again."""
        return self._client.send(calls.submit_job(lane, requests, options))

    def get(self, job_id: str) -> Job:
        """The job as it stands."""
        return self._client.send(calls.get_job(job_id))

    def wait(self, job_id: str, *, timeout_s: float = 600.0, poll_s: float = 1.0) -> Job:
        """The finished job, whatever its outcome; DeadlineError if it goes on after ``timeout_s``."""
        ends_s = time.monotonic() + timeout_s
        while not (job := self.get(job_id)).finished:
            if time.monotonic() + poll_s > ends_s:
                raise DeadlineError(f"job {job_id} is {job.status} after {timeout_s:g} s; it goes on")
            self._client.pause(poll_s)
        return job

    def list(self, *, status: str | None = None, limit: int = 100, offset: int = 0) -> JobPage:
        """A page of the jobs, latest first."""
        return self._client.send(calls.list_jobs(status, limit, offset))

    def cancel(self, job_id: str) -> Json:
        """Cancel a job; requests that are done stay done."""
        return self._client.send(calls.cancel_job(job_id))

    def results(self, job_id: str) -> Iterator[JobRow]:
        """The outcomes so far, one by one, page after page."""
        after: int | None = -1
        while after is not None:
            call, after = calls.job_results(job_id, after), None
            with self._client.lines(call) as lines:
                for line in lines:
                    if (following := next_page(line)) is not None:
                        after = following
                    elif (row := parse_row(line)) is not None:
                        yield row

    def events(self, job_id: str) -> Iterator[JobEvent]:
        """The job's progress as it happens."""
        parser = EventParser()
        with self._client.lines(calls.job_events(job_id)) as lines:
            for line in lines:
                if (event := parser.feed(line)) is not None:
                    yield event


class Chunks:
    """Stored chunks: their vectors are kept, so scoring by ``chunk_ids`` does not encode them again."""

    def __init__(self, client: Groundlane) -> None:
        self._client = client

    def put(self, chunks: Sequence[ChunkFields]) -> Json:
        """Store chunks, replacing those of the same ids."""
        return self._client.send(calls.put_chunks(chunks))

    def get(self, chunk_id: str | int) -> Chunk:
        """A chunk."""
        return self._client.send(calls.get_chunk(chunk_id))

    def delete(self, chunk_id: str | int) -> None:
        """Delete a chunk."""
        self._client.send(calls.delete_chunk(chunk_id))


class Sessions:
    """Sessions of long-running agents."""

    def __init__(self, client: Groundlane) -> None:
        self._client = client

    def create(
        self,
        kind: SessionKind,
        *,
        metadata: Mapping[str, Any] | None = None,
        retention: str | None = None,
        privacy_mode: bool | None = None,
    ) -> Session:
        """Open a session. ``retention``: how long it is kept, such as ``30d``, ``keep`` or ``close``."""
        options = {"metadata": metadata, "retention": retention, "privacy_mode": privacy_mode}
        view = self._client.send(calls.create_session(kind, options))
        return Session(self._client, view.session_id)

    def open(self, session_id: str) -> Session:
        """A session that was created before; NotFoundError if there is none."""
        view = self._client.send(calls.get_session(session_id))
        return Session(self._client, view.session_id)


class Session:
    """One session."""

    def __init__(self, client: Groundlane, session_id: str) -> None:
        self._client = client
        self.session_id = session_id

    def get(self) -> SessionView:
        """The session as it stands."""
        return self._client.send(calls.get_session(self.session_id))

    def event(
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
        return (self.events([event]))[0]

    def events(self, events: Sequence[EventFields]) -> tuple[KeptEvent, ...]:
        """Append events in order, all or none."""
        return self._client.send(calls.append_events(self.session_id, events))

    def rag(
        self,
        *,
        force_original_on_trigger: bool = False,
        use_hot_context: bool = False,
        **fields: Unpack[RagFields],
    ) -> Turn:
        """Score an answer as the session's next turn."""
        options = {"force_original_on_trigger": force_original_on_trigger, "use_hot_context": use_hot_context}
        return self._client.send(calls.score_turn(self.session_id, "rag", fields, options))

    def code(
        self,
        *,
        force_original_on_trigger: bool = False,
        use_hot_context: bool = False,
        **fields: Unpack[CodeFields],
    ) -> Turn:
        """Score generated code as the session's next turn."""
        options = {"force_original_on_trigger": force_original_on_trigger, "use_hot_context": use_hot_context}
        return self._client.send(calls.score_turn(self.session_id, "code", fields, options))

    def context(self, *, max_tokens: int | None = None) -> SessionContext:
        """The hot context, within ``max_tokens``; None: as the server is configured."""
        return self._client.send(calls.session_context(self.session_id, max_tokens))

    def source(self, source_id: str) -> Source:
        """The redacted original behind a pointer."""
        return self._client.send(calls.session_source(self.session_id, source_id))

    def repair(
        self,
        missing_terms: Sequence[str],
        reason: str | None = None,
        *,
        max_excerpts: int | None = None,
        max_tokens: int | None = None,
    ) -> Repair:
        """Exact excerpts of the session's originals for terms that the context lacks."""
        options = {"reason": reason, "max_excerpts": max_excerpts, "max_tokens": max_tokens}
        return self._client.send(calls.repair(self.session_id, missing_terms, options))

    def rollup(self, *, heatmap_format: Literal["none", "data", "html"] | None = None) -> Rollup:
        """The scoreboard of the session's turns."""
        return self._client.send(calls.session_rollup(self.session_id, {"heatmap_format": heatmap_format}))

    def close(self) -> SessionView:
        """Close the session by its retention."""
        return self._client.send(calls.close_session(self.session_id))
