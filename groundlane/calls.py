"""Every call of the API as a value: method, path, body and how its answer is read. No I/O."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import httpx

from groundlane.errors import GroundlaneError, UnexpectedAnswerError, error_from
from groundlane.fields import ChunkFields, EventFields, SessionKind
from groundlane.results import (
    Chunk,
    CodeScore,
    Job,
    JobPage,
    Json,
    KeptEvent,
    Repair,
    Rollup,
    Score,
    SessionContext,
    SessionView,
    Source,
    Turn,
    read,
    reader,
)

T = TypeVar("T")
BASE: Final = "/api/v1"
SESSIONS: Final = f"{BASE}/trace/sessions"
CHUNKS: Final = f"{BASE}/trace/chunks"
JOBS: Final = f"{BASE}/jobs"


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. ``repeatable``: sending it twice has the effect of sending it once."""

    method: str
    path: str
    read: Callable[[object], T]
    body: object = None
    params: Mapping[str, str | int] | None = None
    repeatable: bool = True

    def content(self) -> bytes | None:
        """The body's JSON. Raises ValueError for NaN and infinities, TypeError for what JSON does not know."""
        return None if self.body is None else json.dumps(self.body, allow_nan=False).encode()

    def answer(self, response: httpx.Response) -> T:
        """The typed answer of a success. Raises UnexpectedAnswerError if it is none of this API."""
        try:
            document = response.json() if response.content else {}
        except ValueError:
            raise UnexpectedAnswerError(f"{self.method} {self.path}: the answer is not JSON") from None
        return self.read(document)


def failure(response: httpx.Response) -> GroundlaneError | None:
    """The exception of an answer, None for a success."""
    return None if response.is_success else error_from(response)


def rag(fields: Mapping[str, Any]) -> Call[Score]:
    """Score a response against its context."""
    return Call("POST", f"{BASE}/trace/rag", reader(Score), dict(fields))


def code(fields: Mapping[str, Any]) -> Call[CodeScore]:
    """Score generated code."""
    return Call("POST", f"{BASE}/trace/code", reader(CodeScore), dict(fields))


def rollup(turns: Iterable[Score | Json], options: Mapping[str, Any]) -> Call[Rollup]:
    """Sum up turns: answers of this client, or their JSON."""
    lines = [turn.raw if isinstance(turn, Score) else turn for turn in turns]
    return Call("POST", f"{BASE}/trace/rollup", reader(Rollup), {"turns": lines, **_given(options)})


def put_chunks(chunks: Sequence[ChunkFields]) -> Call[Json]:
    """Store chunks."""
    return Call("PUT", CHUNKS, _object, list(chunks))


def get_chunk(chunk_id: str | int) -> Call[Chunk]:
    """Read a chunk."""
    return Call("GET", f"{CHUNKS}/{_part(chunk_id)}", reader(Chunk))


def delete_chunk(chunk_id: str | int) -> Call[None]:
    """Delete a chunk."""
    return Call("DELETE", f"{CHUNKS}/{_part(chunk_id)}", _nothing)


def submit_job(lane: str, requests: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Call[Job]:
    """Queue requests. Repeatable: without an idempotency key of the caller's, the call gets one of its own."""
    body = {"lane": lane, "requests": list(requests), "idempotency_key": uuid.uuid4().hex}
    return Call("POST", JOBS, reader(Job), body | _given(options))


def get_job(job_id: str) -> Call[Job]:
    """Read a job."""
    return Call("GET", f"{JOBS}/{_part(job_id)}", reader(Job))


def list_jobs(status: str | None, limit: int, offset: int) -> Call[JobPage]:
    """List jobs."""
    return Call("GET", JOBS, reader(JobPage), params=_given({"status": status, "limit": limit, "offset": offset}))


def cancel_job(job_id: str) -> Call[Json]:
    """Cancel a job."""
    return Call("DELETE", f"{JOBS}/{_part(job_id)}", _object)


def job_results(job_id: str, after: int) -> Call[None]:
    """A page of a job's results, of requests after place ``after``."""
    return Call("GET", f"{JOBS}/{_part(job_id)}/results", _nothing, params={"after": after})


def job_events(job_id: str) -> Call[None]:
    """Stream a job's progress."""
    return Call("GET", f"{JOBS}/{_part(job_id)}/events", _nothing)


def create_session(kind: SessionKind, options: Mapping[str, Any]) -> Call[SessionView]:
    """Open a session. Not repeatable: a second delivery would be a second session."""
    return Call("POST", SESSIONS, _session, {"kind": kind, **_given(options)}, repeatable=False)


def get_session(session_id: str) -> Call[SessionView]:
    """Read a session."""
    return Call("GET", f"{SESSIONS}/{_part(session_id)}", _session)


def append_events(session_id: str, events: Sequence[EventFields]) -> Call[tuple[KeptEvent, ...]]:
    """Append events. An event without an idempotency key gets one, so that a retry cannot keep it twice."""
    keyed = [{"idempotency_key": uuid.uuid4().hex, **event} for event in events]
    return Call("POST", f"{SESSIONS}/{_part(session_id)}/events", _kept_events, {"events": keyed})


def score_turn(session_id: str, lane: str, fields: Mapping[str, Any], options: Mapping[str, bool]) -> Call[Turn]:
    """Score a turn. A request without a request_id gets one, so that a retry cannot count it twice."""
    request = {"request_id": uuid.uuid4().hex, **fields}
    body = {"lane": lane, "trace_request": request, **{name: True for name, wanted in options.items() if wanted}}
    return Call("POST", f"{SESSIONS}/{_part(session_id)}/score", reader(Turn), body)


def session_context(session_id: str, max_tokens: int | None) -> Call[SessionContext]:
    """Read the hot context."""
    params = _given({"max_tokens": max_tokens})
    return Call("GET", f"{SESSIONS}/{_part(session_id)}/context", reader(SessionContext), params=params)


def session_source(session_id: str, source_id: str) -> Call[Source]:
    """Read an original."""
    return Call("GET", f"{SESSIONS}/{_part(session_id)}/sources/{_part(source_id)}", reader(Source))


def repair(session_id: str, missing_terms: Sequence[str], options: Mapping[str, Any]) -> Call[Repair]:
    """Find excerpts."""
    body = {"missing_terms": list(missing_terms), **_given(options)}
    return Call("POST", f"{SESSIONS}/{_part(session_id)}/repair", reader(Repair), body)


def session_rollup(session_id: str, options: Mapping[str, Any]) -> Call[Rollup]:
    """Sum up the stored turns."""
    return Call("POST", f"{SESSIONS}/{_part(session_id)}/rollup", reader(Rollup), _given(options))


def close_session(session_id: str) -> Call[SessionView]:
    """Close a session."""
    return Call("DELETE", f"{SESSIONS}/{_part(session_id)}", _session)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _part(value: str | int) -> str:
    return quote(str(value), safe="")


def _object(document: object) -> Json:
    if not isinstance(document, dict):
        raise UnexpectedAnswerError(f"the server sent {type(document).__name__}, not a JSON object")
    return document


def _session(document: object) -> SessionView:
    return read(SessionView, _object(document).get("session"))


def _nothing(_: object) -> None:
    return None


def _kept_events(document: object) -> tuple[KeptEvent, ...]:
    return tuple(read(KeptEvent, event) for event in _object(document).get("events", ()))
