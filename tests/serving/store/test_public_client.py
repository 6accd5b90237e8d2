"""The jobs resource of the client on PyPI, unchanged, against a real server."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import uvicorn
from latence import AsyncLatence, Latence
from latence._exceptions import JobError

from benchmarks.store_server import build_app, build_services
from serving.api.errors import ValidationFailedError
from serving.jobs.jobs import JobDraft
from serving.jobs.runner import JobRunner, RunnerSettings
from serving.store.store import Store

pytestmark = pytest.mark.store
REQUEST = {"response_text": "alpha beta", "raw_context": "alpha"}


class Running:
    """A server and a runner on a thread of their own, with calls into their event loop."""

    def __init__(self, url: str) -> None:
        self.services = build_services(Store.open(url))
        self.runner = JobRunner(self.services.store, self.services.lane.score, RunnerSettings(poll_s=0.02))
        config = uvicorn.Config(build_app(self.services), host="127.0.0.1", port=0, log_level="critical")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        working = asyncio.create_task(self.runner.run())
        await self.server.serve()
        await self.runner.stop()
        await working

    def submit(self, count: int, *, batch: bool) -> str:
        draft = JobDraft("rag", [REQUEST] * count, batch=batch)
        return asyncio.run_coroutine_threadsafe(self.services.jobs.submit("one", draft), self.loop).result(10)["job_id"]

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.services.store.close()


@pytest.fixture
def running(database_url):
    server = Running(database_url)
    yield server
    server.close()


def test_wait_get_list_and_cancel(running):
    with Latence(api_key="one", base_url=f"http://127.0.0.1:{running.port}") as client:
        single = client.jobs.wait(running.submit(1, batch=False), poll_interval=0.02, timeout=20)
        assert (single.status, single.output["score"], single.output["version"]) == ("COMPLETED", 0.5, "fake-lane")
        batch = client.jobs.wait(running.submit(3, batch=True), poll_interval=0.02, timeout=20)
        assert batch.output["done"] == 3
        assert client.jobs.retrieve(single.job_id)["band"] == "amber"
        page = client.jobs.list(status="COMPLETED", limit=1)
        assert (page.total, page.limit, [job.job_id for job in page.jobs]) == (2, 1, [batch.job_id])
        assert len(list(client.jobs.list_iter(page_size=1))) == 2
        late = client.jobs.cancel(batch.job_id)
        assert (late.success, bool(late.warning)) == (True, True)
        running.services.lane.delay_s = 30
        job_id = running.submit(1, batch=False)
        assert "cancelled" in client.jobs.cancel(job_id).message
        assert client.jobs.get(job_id).status == "CANCELLED"
        with pytest.raises(JobError, match="cancelled"):
            client.jobs.wait(job_id, poll_interval=0.02)


def test_a_failed_job_carries_its_error(running):
    running.services.lane.failures = [ValidationFailedError("primary_metric: wrong")]
    with Latence(api_key="one", base_url=f"http://127.0.0.1:{running.port}") as client:
        with pytest.raises(JobError, match="primary_metric: wrong") as caught:
            client.jobs.wait(running.submit(1, batch=False), poll_interval=0.02, timeout=20)
        assert caught.value.error_code == "validation_error"


def test_the_asynchronous_client_too(running):
    async def calls():
        async with AsyncLatence(api_key="one", base_url=f"http://127.0.0.1:{running.port}") as client:
            done = await client.jobs.wait(job_id, poll_interval=0.02, timeout=20)
            return done, await client.jobs.list()

    job_id = running.submit(1, batch=False)
    done, page = asyncio.run(calls())
    assert (done.status, page.total) == ("COMPLETED", 1)
