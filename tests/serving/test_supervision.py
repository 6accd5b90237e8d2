"""Background work that ends with an error is begun again, and everybody can see it."""

from __future__ import annotations

import asyncio

import pytest

from serving.api.errors import OverloadedError
from serving.http.observability import Metrics
from serving.http.routes.health import Readiness
from serving.http.supervision import Supervisor


class ReadyLanes:
    async def ready(self) -> None:
        return None


class Fragile:
    """Ends with an error as often as it is told to, then runs until it is told to stop."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.runs = 0
        self.running = asyncio.Event()
        self.stop = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        if self.runs <= self.failures:
            raise ZeroDivisionError
        self.running.set()
        await self.stop.wait()


async def test_work_is_begun_again_until_it_holds() -> None:
    supervisor, work = Supervisor(first_wait_s=0.001), Fragile(3)
    watched = supervisor.watch("jobs")
    task = supervisor.start(watched, work.run)
    await asyncio.wait_for(work.running.wait(), 10)
    assert (work.runs, watched.restarts, watched.up, supervisor.down()) == (4, 3, True, [])
    work.stop.set()
    await asyncio.wait_for(task, 10)
    assert watched.up is False


async def test_a_cancelled_supervisor_cancels_its_work() -> None:
    supervisor, ended = Supervisor(), asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = supervisor.start(supervisor.watch("retention"), endless)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 10)


async def test_readiness_and_metrics_say_that_work_is_down() -> None:
    supervisor, work, metrics = Supervisor(first_wait_s=60.0), Fragile(1), Metrics("0", "0")
    watched = supervisor.watch("jobs")
    metrics.watch(supervisor.watched)
    readiness = Readiness(ReadyLanes(), supervisor)  # type: ignore[arg-type]
    await readiness.check()
    task = supervisor.start(watched, work.run)
    while watched.restarts == 0:
        await asyncio.sleep(0.001)
    with pytest.raises(OverloadedError, match="jobs"):
        await readiness.check()
    text = metrics.render()[0].decode()
    assert 'groundlane_background_up{replica="0",work="jobs"} 0.0' in text
    assert 'groundlane_background_restarts{replica="0",work="jobs"} 1.0' in text
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
