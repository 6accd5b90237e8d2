"""Load on a store, kills of what serves it, and the account of every acknowledged write: for kill tests and for chaos.

The processes are those of :mod:`benchmarks.store_server`: real routes, services, runner and database, and a fake lane.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

from benchmarks.store_server import build_services
from serving.jobs.runner import JobRunner, RunnerSettings
from serving.store.schema import events, turns
from serving.store.store import Store

ROOT = Path(__file__).parents[1]
HEADERS = {"authorization": "Bearer one"}
KINDS_OF_WRITES = ("event", "turn", "chunk", "job", "result")
PACE_S = 5.0
"""How long a kill waits for progress at most: a storm also has to pass where there is none for a while."""
RECOVERY_S = 60.0


class Launcher:
    """Forks servers and runners, and kills them. ``alive`` maps each kind to its process; ``variables`` are theirs."""

    def __init__(self, url: str, **variables: str) -> None:
        self.url = url
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "benchmarks.store_server"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        )
        self.alive: dict[str, int] = {}

    def start(self, kind: str) -> None:
        """Begin a process of a kind that :mod:`benchmarks.store_server` knows."""
        self.process.stdin.write(f"{kind} {self.port} {self.url}\n")
        self.process.stdin.flush()
        self.alive[kind] = int(self.process.stdout.readline())

    def kill(self, kinds: list[str]) -> None:
        """Returns when the processes are gone, and the server's port with them. One that ended by itself is an error."""
        killed = [self.alive.pop(kind) for kind in kinds]
        for process in killed:
            os.kill(process, signal.SIGKILL)
        for process in killed:
            while _exists(process):
                time.sleep(0.001)

    def close(self) -> None:
        """End the launcher, and with it all that it began."""
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class Ledger:
    """What the server acknowledged, and so must never lose."""

    def __init__(self) -> None:
        self.session = ""
        self.events: dict[str, str] = {}
        self.turns: dict[str, int] = {}
        self.chunks: dict[str, str] = {}
        self.jobs: dict[str, int] = {}
        self.results: dict[tuple[str, int], bytes] = {}
        self.acknowledged = dict.fromkeys(KINDS_OF_WRITES, 0)
        self.repeated = 0


async def persist(send, deadline_s: float) -> httpx.Response | None:
    """Repeat a call until it is acknowledged, as a client does whose server was killed; None when time is up."""
    while time.monotonic() < deadline_s:
        try:
            answer = await send()
        except httpx.TransportError:
            await asyncio.sleep(0.02)
            continue
        if answer.status_code not in (503, 504):
            assert answer.status_code < 300, answer.text
            return answer
        await asyncio.sleep(0.02)
    return None


async def write_events(client, ledger, worker, deadline_s):
    """Events with idempotency keys, one after the other."""
    number = 0
    while time.monotonic() < deadline_s:
        key, content = f"w{worker}-{number}", f"event {number} of worker {worker}"
        body = {"event": {"event_type": "note", "content": content, "idempotency_key": key}}
        answer = await persist(lambda body=body: client.post(f"{ledger.session}/events", json=body), deadline_s)
        if answer is not None:
            kept = answer.json()["events"][0]
            ledger.events[key] = kept["source_id"]
            ledger.repeated += kept["duplicate"]
            ledger.acknowledged["event"] += 1
            number += 1


async def write_turns(client, ledger, deadline_s):
    """Scored turns."""
    number = 0
    while time.monotonic() < deadline_s:
        request = {"response_text": f"turn {number}", "raw_context": "turn", "request_id": f"t{number}"}
        body = {"lane": "rag", "trace_request": request}
        answer = await persist(lambda body=body: client.post(f"{ledger.session}/score", json=body), deadline_s)
        if answer is not None:
            ledger.turns[f"t{number}"] = answer.json()["turn"]
            ledger.acknowledged["turn"] += 1
            number += 1
            await asyncio.sleep(0.05)


async def write_chunks(client, ledger, deadline_s):
    """Forty chunks, written again and again."""
    number = 0
    while time.monotonic() < deadline_s:
        name, text = f"c{number % 40}", f"chunk text {number}"
        body = [{"chunk_id": name, "text": text}]
        answer = await persist(lambda body=body: client.put("/trace/chunks", json=body), deadline_s)
        if answer is not None:
            ledger.chunks[name] = text
            ledger.acknowledged["chunk"] += 1
            number += 1


async def write_jobs(client, ledger, deadline_s):
    """Jobs of five rows."""
    while time.monotonic() < deadline_s:
        requests = [{"response_text": f"alpha w{n}", "raw_context": "alpha", "request_id": f"q{n}"} for n in range(5)]
        body = {"lane": "rag", "requests": requests}
        answer = await persist(lambda body=body: client.post("/jobs", json=body), deadline_s)
        if answer is not None:
            ledger.jobs[answer.json()["job_id"]] = 5
            ledger.acknowledged["job"] += 1
        await asyncio.sleep(0.15)


async def read_results(client, ledger, deadline_s):
    """A result that was once readable stays, unchanged."""
    while time.monotonic() < deadline_s:
        for job_id in list(ledger.jobs)[-5:]:
            answer = await persist(lambda job_id=job_id: client.get(f"/jobs/{job_id}/results"), deadline_s)
            for line in answer.content.splitlines() if answer else ():
                index = int(line.split(b",", 1)[0].removeprefix(b'{"index":'))
                ledger.acknowledged["result"] += (job_id, index) not in ledger.results
                assert ledger.results.setdefault((job_id, index), line) == line
        await asyncio.sleep(0.1)


async def load(launcher, ledger, duration_s, headers=HEADERS):
    """All writers at once until the time is up; the session is opened first."""
    deadline_s = time.monotonic() + duration_s
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{launcher.port}/api/v1", headers=headers, timeout=10.0
    ) as client:
        opened = await persist(lambda: client.post("/trace/sessions", json={"kind": "rag"}), deadline_s)
        ledger.session = f"/trace/sessions/{opened.json()['session']['session_id']}"
        await asyncio.gather(
            *(write_events(client, ledger, worker, deadline_s) for worker in range(4)),
            write_turns(client, ledger, deadline_s),
            write_chunks(client, ledger, deadline_s),
            write_jobs(client, ledger, deadline_s),
            read_results(client, ledger, deadline_s),
        )


async def kill_in_a_loop(launcher, ledger, kills, other=None):
    """Kill the server, the runner, or both at once, at a random moment after the load has moved on again.

    Each kill waits for one kind of write, in turn, so that every kind meets kills however fast or slow the machine is.
    ``other`` kills something else in its turn. In the end every kind must move on once more, undisturbed.
    """
    chance = random.Random(11)
    killed: Counter[str] = Counter()
    for kind_of_write in itertools.cycle(KINDS_OF_WRITES):
        if sum(killed.values()) >= kills:
            break
        await progress(ledger, kind_of_write, PACE_S)
        await asyncio.sleep(chance.uniform(0.0, 0.3))
        choice = chance.choice(["server", "runner", "both"] + (["other"] if other else []))
        if choice == "other":
            killed["other"] += await asyncio.to_thread(other)
            continue
        kinds = ["server", "runner"] if choice == "both" else [choice]
        await asyncio.to_thread(launcher.kill, kinds)
        killed.update(kinds)
        for kind in kinds:
            await asyncio.to_thread(launcher.start, kind)
    moved = await asyncio.gather(*(progress(ledger, kind, RECOVERY_S) for kind in KINDS_OF_WRITES))
    assert all(moved), f"after the last kill: {dict(zip(KINDS_OF_WRITES, moved, strict=True))}"
    return killed


async def progress(ledger, kind_of_write, wait_s):
    """Wait until one more write of a kind is acknowledged; False if none was in time."""
    before, deadline_s = ledger.acknowledged[kind_of_write], time.monotonic() + wait_s
    while ledger.acknowledged[kind_of_write] == before:
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(0.01)
    return True


async def storm(launcher, kills, duration_limit_s, other=None):
    """Load and kills side by side; the ledger and the number of kills."""
    ledger = Ledger()
    for kind in ("server", "runner"):
        launcher.start(kind)
    loading = asyncio.create_task(load(launcher, ledger, duration_limit_s))
    killing = asyncio.create_task(kill_in_a_loop(launcher, ledger, kills, other))
    await asyncio.wait({loading, killing}, return_when=asyncio.FIRST_COMPLETED)
    if killing.done():
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        return ledger, killing.result()
    killing.cancel()
    await loading
    raise AssertionError(f"the load ended before {kills} kills")


async def account(ledger, url):
    """Finish the jobs with fresh services and look everything up. AssertionError: something is lost, or there twice."""
    store = Store.open(url)
    services = build_services(store)
    session_id = ledger.session.rsplit("/", 1)[1]
    view = await services.sessions.inspect("one", session_id)
    rows = await store.tenant("one").read(lambda c: c.rows(events.select().order_by(events.c.sequence)))
    kept = Counter(row.source_id for row in rows if row.turn is None)
    assert set(ledger.events.values()) <= set(kept)
    assert set(kept.values()) == {1}, "an event was kept twice"
    assert view["events"] == sum(kept.values())
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    numbers = [row.turn for row in await store.tenant("one").read(lambda c: c.rows(turns.select()))]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert set(ledger.turns.values()) <= set(numbers)
    assert view["turns"] == len(numbers) == view["next_session_state"]["turns"]
    for name, text in ledger.chunks.items():
        found = (await services.chunks.get("one", name))["text"]
        assert int(found.rsplit(" ", 1)[1]) >= int(text.rsplit(" ", 1)[1])
    await finish_jobs(services, ledger)
    await services.sessions.shut_down()
    store.close()


async def finish_jobs(services, ledger):
    """Run what is left of the jobs; each row is done once, and what was readable is unchanged."""
    settings = RunnerSettings(concurrency=8, lease_ahead=64, lease_s=1.0, poll_s=0.05, max_attempts=1_000)
    runner = JobRunner(services.store, services.lane.score, settings)
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(120):
        for job_id, total in ledger.jobs.items():
            while (job := await services.jobs.get("one", job_id))["status"] in ("QUEUED", "IN_PROGRESS"):
                await asyncio.sleep(0.05)
            assert job["progress"] == {"done": total, "failed": 0, "total": total}
            lines = await results_of(services, job_id)
            assert len(lines) == total
            for index, line in enumerate(lines):
                assert ledger.results.get((job_id, index), line) == line
    await runner.stop()
    await task


async def results_of(services, job_id):
    """The lines of every page of a job's results."""
    lines, after = [], -1
    while after is not None:
        page = (await services.jobs.results("one", job_id, after)).splitlines()
        after = json.loads(page[-1]).get("next_after") if page else None
        lines += page if after is None else page[:-1]
    return lines
