"""Both clients against the real routes of sessions, chunks and jobs, on SQLite, over HTTP.

The lane behind them is ``serving.lanes.fake.FakeLane``, whose answers say ``version: fake-lane``; the same clients meet the
real lanes in ``tests/serve/test_own_client.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from benchmarks.store_server import build_app, build_services
from groundlane import (
    AsyncGroundlane,
    ConflictError,
    DeadlineError,
    Groundlane,
    NotFoundError,
    UnauthorizedError,
    ValidationFailedError,
)
from serving.jobs.runner import JobRunner, RunnerSettings
from serving.store import admin
from serving.store.store import Store
from tests.serving.http_server import running

FIELDS: dict[str, Any] = {"response_text": "The port is 8443.", "raw_context": "The port is 8443 in production."}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a job runner beside it, in threads of this process."""
    database = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    admin.upgrade(database)
    store = Store.open(database)
    services = build_services(store)
    app = build_app(services)
    app.router.lifespan_context = _with_runner(app, JobRunner(store, services.lane.score, RunnerSettings(poll_s=0.05)))
    with running(app) as address:
        yield address
    store.close()


def _with_runner(app: FastAPI, runner: JobRunner) -> Any:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope: Any) -> Any:
        async with inner(scope):
            task = asyncio.create_task(runner.run())
            yield
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return lifespan


@pytest.fixture
def client(url: str) -> Iterator[Groundlane]:
    """A client of tenant ``one``."""
    with Groundlane("one", url) as opened:
        yield opened


def test_session_keeps_events_turns_and_context(client: Groundlane) -> None:
    session = client.sessions.create(kind="code", metadata={"repository": "shop"}, retention="30d")
    kept = session.event("decision", "We decided to serve on port 8443.", idempotency_key="k1")
    again = session.event("decision", "We decided to serve on port 8443.", idempotency_key="k1")
    assert (kept.duplicate, again.duplicate, again.sequence) == (False, True, kept.sequence)
    assert session.source(kept.source_id).text == "We decided to serve on port 8443."

    turn = session.rag(**FIELDS)
    assert turn.trace_response.raw["version"] == "fake-lane"
    assert (turn.session.turns, turn.turn) == (1, 1)
    assert session.code(**FIELDS, use_hot_context=True).session.turns == 2

    context = session.context(max_tokens=200)
    assert "8443" in context.hot_context.text
    assert context.hot_context.tokens <= context.hot_context.budget_tokens == 200
    packet = session.repair(["8443"], "the port is missing", max_tokens=100).repair_packet
    assert packet.found == ("8443",)
    assert "8443" in packet.excerpts[0]["text"]
    assert session.rollup().turns_processed == 2

    reopened = client.sessions.open(session.session_id)
    assert reopened.get().metadata == {"repository": "shop"}
    assert reopened.close().status == "closed"
    with pytest.raises(ConflictError):
        session.event("note", "too late")


def test_request_id_makes_a_turn_idempotent(client: Groundlane) -> None:
    session = client.sessions.create("rag", retention="close")
    first = session.rag(**FIELDS, request_id="turn-1")
    second = session.rag(**FIELDS, request_id="turn-1")
    assert (first.turn, second.turn, second.session.turns) == (1, 1, 1)
    assert session.close().status == "deleted"
    with pytest.raises(NotFoundError):
        session.get()


def test_chunks_are_stored_read_and_deleted(client: Groundlane) -> None:
    stored = client.chunks.put([{"chunk_id": "a b c", "text": "First.", "source_id": "notes"}])
    assert [chunk["chunk_id"] for chunk in stored["chunks"]] == ["a b c"]
    client.chunks.put([{"chunk_id": 7, "text": "Seven."}])
    chunk = client.chunks.get(7)
    assert (chunk.chunk_id, chunk.text) == ("7", "Seven.")
    client.chunks.delete(7)
    with pytest.raises(NotFoundError):
        client.chunks.get(7)


def test_job_is_submitted_waited_for_and_read(client: Groundlane) -> None:
    job = client.jobs.submit("rag", [FIELDS] * 5, experiment_name="nightly")
    events = list(client.jobs.events(job.job_id))
    assert events[-1].event == "end"
    done = client.jobs.wait(job.job_id, timeout_s=30, poll_s=0.05)
    assert (done.status, done.tag) == ("COMPLETED", "nightly")
    assert done.progress is not None
    assert (done.progress.done, done.progress.total) == (5, 5)
    rows = list(client.jobs.results(job.job_id))
    assert [row.index for row in rows] == [0, 1, 2, 3, 4]
    assert all(row.result is not None and row.result["version"] == "fake-lane" for row in rows)
    assert job.job_id in [each.job_id for each in client.jobs.list(status="COMPLETED").jobs]
    assert client.jobs.cancel(job.job_id)["status"] == "COMPLETED"


def test_waiting_ends(client: Groundlane) -> None:
    job = client.jobs.submit("rag", [FIELDS] * 500)
    with pytest.raises(DeadlineError, match="it goes on"):
        client.jobs.wait(job.job_id, timeout_s=0.0, poll_s=0.01)
    assert client.jobs.cancel(job.job_id)["status"] == "CANCELLED"


def test_errors_are_typed(client: Groundlane, url: str) -> None:
    with pytest.raises(NotFoundError, match="job_unknown"):
        client.jobs.get("job_unknown")
    with pytest.raises(ValidationFailedError, match="kind"):
        client.sessions.create(kind="poem")  # type: ignore[arg-type]
    session = client.sessions.create("rag")
    with Groundlane("two", url) as other, pytest.raises(NotFoundError):
        other.sessions.open(session.session_id)
    with Groundlane(None, url) as nobody, pytest.raises(UnauthorizedError):
        nobody.sessions.open(session.session_id)


async def test_asynchronous_client(url: str) -> None:
    async with AsyncGroundlane("three", url) as client:
        session = await client.sessions.create("general")
        await asyncio.gather(*(session.event("note", f"Note {number}.") for number in range(5)))
        turns = await asyncio.gather(*(session.rag(**FIELDS) for _ in range(4)))
        assert sorted(turn.turn or 0 for turn in turns) == [1, 2, 3, 4]
        assert (await session.get()).events == 5
        assert (await session.context()).hot_context.budget_tokens > 0
        assert (await session.rollup()).turns_processed == 4

        job = await client.jobs.submit("rag", [FIELDS] * 3)
        assert (await client.jobs.wait(job.job_id, timeout_s=30, poll_s=0.05)).finished
        assert [row.index async for row in client.jobs.results(job.job_id)] == [0, 1, 2]
        assert [event.event async for event in client.jobs.events(job.job_id)] == ["end"]
        await client.chunks.put([{"chunk_id": "x", "text": "Text."}])
        assert (await client.chunks.get("x")).text == "Text."
        await session.close()
