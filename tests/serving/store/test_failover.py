"""A PostgreSQL that takes no changes for a while (a failover): callers are told to come back, and jobs go on afterwards."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress

import psycopg
import pytest
from sqlalchemy.exc import DataError, InternalError, OperationalError, ProgrammingError

from serving.api.errors import OverloadedError
from serving.http.supervision import Supervisor
from serving.jobs.runner import JobRunner, RunnerSettings
from serving.store.failures import LostRaceError, ReadOnlyStoreError, translated

pytestmark = pytest.mark.store


class _RefusalError(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate


@contextmanager
def read_only(url: str):
    """As a standby answers: every change fails with SQLSTATE 25006, also on connections that are open."""
    with psycopg.connect(url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        try:
            connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            connection.execute("SELECT pg_reload_conf()")
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(InternalError("", {}, _RefusalError("25006")), ReadOnlyStoreError, id="read-only"),
        pytest.param(InternalError("", {}, _RefusalError("XX000")), OverloadedError, id="internal"),
        pytest.param(OperationalError("", {}, _RefusalError("57P01")), OverloadedError, id="shut-down"),
        pytest.param(OperationalError("", {}, _RefusalError("40001")), LostRaceError, id="serialization"),
        pytest.param(OperationalError("", {}, _RefusalError(None)), OverloadedError, id="away"),
        pytest.param(DataError("", {}, _RefusalError("22003")), DataError, id="our-data"),
        pytest.param(ProgrammingError("", {}, _RefusalError("42601")), ProgrammingError, id="our-statement"),
    ],
)
def test_what_the_driver_says_is_said_in_the_words_of_the_api(error, expected):
    with pytest.raises(expected), translated():
        raise error


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_writes_answer_503_and_jobs_go_on_after_a_failover(client, services, store, database_url):
    async def score(lane, request, tenant):
        return {"scored": request["response_text"]}

    settings = RunnerSettings(poll_s=0.02, lease_s=0.3)
    runner = JobRunner(store, score, settings)
    supervisor = Supervisor(first_wait_s=0.05)
    task = supervisor.start(supervisor.watch("jobs"), runner.run)
    try:
        session = (await client.post("/trace/sessions", json={"kind": "code"})).json()["session"]["session_id"]
        job = {"lane": "rag", "requests": [{"response_text": "a", "raw_context": "b"}] * 20}
        event = {"event": {"event_type": "user_message", "content": "hello"}}
        with read_only(database_url):
            for _ in range(100):
                answer = await client.post(f"/trace/sessions/{session}/events", json=event)
                if answer.status_code == 503:
                    break
                await asyncio.sleep(0.05)
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) >= 1
            await asyncio.sleep(0.2)
        for _ in range(100):
            answer = await client.post("/jobs", json=job)
            if answer.status_code == 202:
                break
            await asyncio.sleep(0.05)
        for _ in range(400):
            view = (await client.get(f"/jobs/{answer.json()['job_id']}")).json()
            if view["status"] == "COMPLETED":
                break
            await asyncio.sleep(0.05)
        assert view["progress"] == {"done": 20, "failed": 0, "total": 20}
        assert supervisor.down() == []
    finally:
        await runner.stop()
        with suppress(asyncio.CancelledError):
            await task
