"""What durable state costs: ``python -m benchmarks.store [--quick] [--json OUT]``.

Appends are timed against the bare commit of as large a row by the database's own driver, alternating in the same run, for
a disk's mood changes from minute to minute. Lane answers come from the labelled fake lane: no figure here is about scores.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.postgres import postgres_cluster
from benchmarks.provenance import provenance, save_figures
from benchmarks.store_server import Services, build_services
from benchmarks.turns import spread
from serving.jobs.jobs import JobDraft
from serving.jobs.runner import JobRunner, RunnerSettings
from serving.sessions.sessions import EventDraft, SessionDraft, TurnDraft
from serving.store.admin import upgrade
from serving.store.store import Store

ROW_BYTES = 2_048
AIM_APPEND_OVER_COMMIT = 2.0
_SAMPLE = 40
_TABLE = "CREATE TABLE bare (id INTEGER PRIMARY KEY, content {kind} NOT NULL)"


def text_of(number: int, size: int = ROW_BYTES) -> str:
    """An event's text: words that say something, and differ from event to event."""
    words = random.Random(number)
    parts = [f"Tool call {number} returned order_{words.randrange(10**6)} with status {words.randrange(100)}."]
    while sum(map(len, parts)) + len(parts) < size:
        parts.append(f"item_{words.randrange(10**6)} cost {words.randrange(1000)} and was sent")
    return " ".join(parts)[:size]


class BareCommit:
    """One row, one commit, by the driver alone, with the store's own durability."""

    def __init__(self, url: str, folder: Path) -> None:
        self._sqlite = url.startswith("sqlite")
        if self._sqlite:
            self._connection: Any = sqlite3.connect(folder / "bare.db", isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                self._connection.execute(f"PRAGMA {pragma}")
        else:
            self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(_TABLE.format(kind="BLOB" if self._sqlite else "BYTEA"))
        self._number = 0

    def __call__(self) -> float:
        """Milliseconds of one commit."""
        self._number += 1
        mark = "?" if self._sqlite else "%s"
        values = (self._number, text_of(self._number).encode())
        started = time.perf_counter()
        self._connection.execute("BEGIN")
        self._connection.execute(f"INSERT INTO bare VALUES ({mark}, {mark})", values)  # noqa: S608
        self._connection.execute("COMMIT")
        return (time.perf_counter() - started) * 1e3

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


async def timed(call: Awaitable[Any]) -> float:
    """Milliseconds until the call is answered."""
    started = time.perf_counter()
    await call
    return (time.perf_counter() - started) * 1e3


async def new_session(services: Services) -> str:
    """A fresh session's id."""
    return str((await services.sessions.create("bench", SessionDraft("general", {})))["session_id"])


async def appends(services: Services, bare: BareCommit, count: int) -> dict[str, Any]:
    """One caller, append and bare commit in turn: in sessions of 50 events, then in one that folds its memory meanwhile.

    Then 32 callers at once in that one session.
    """
    short, commits, long = [], [], []
    session = ""
    for number in range(count):
        session = session if number % 50 else await new_session(services)
        event = EventDraft("tool_result", text_of(number), None, f"k{number}")
        short.append(await timed(services.sessions.append("bench", session, [event])))
        commits.append(bare())
    session = await new_session(services)
    for number in range(count):
        event = EventDraft("tool_result", text_of(number), None, f"k{number}")
        long.append(await timed(services.sessions.append("bench", session, [event])))
    await services.sessions.context("bench", session)
    together: list[float] = []

    async def caller(worker: int) -> None:
        for number in range(count // 16):
            event = EventDraft("tool_result", text_of(worker * 10_000 + number))
            together.append(await timed(services.sessions.append("bench", session, [event])))

    started = time.perf_counter()
    await asyncio.gather(*map(caller, range(32)))
    elapsed_s = time.perf_counter() - started
    await services.sessions.context("bench", session)
    return {
        "append": spread(short),
        "bare_commit": spread(commits),
        "append_over_commit_p50": round(statistics.median(short) / statistics.median(commits), 2),
        "append_over_commit_p99": round(spread(short)["p99_ms"] / spread(commits)["p99_ms"], 2),
        "append_while_memory_is_folded": spread(long),
        "append_32_callers": spread(together) | {"events_per_s": round(len(together) / elapsed_s, 1)},
    }


def size_on_disk(url: str) -> int:
    """Bytes of the database: the SQLite file with its log, or what PostgreSQL says."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


async def fill(services: Services, sessions: int, events: int, times: list[float]) -> list[str]:
    """``sessions`` new sessions of ``events`` events each, 32 callers, an event a call; the folds run beside them."""
    made: list[str] = []
    waiting = list(range(sessions))

    async def caller() -> None:
        while waiting:
            number = waiting.pop()
            session = await new_session(services)
            for event in range(events):
                draft = EventDraft("tool_result", text_of(number * events + event, 400))
                times.append(await timed(services.sessions.append("bench", session, [draft])))
            made.append(session)

    await asyncio.gather(*(caller() for _ in range(32)))
    return made


async def context_costs(services: Services, sessions: Sequence[str]) -> dict[str, Any]:
    """Context of each of these sessions: the first, which folds all its events, and one after an event more."""
    first, later = [], []
    for number, session in enumerate(sessions):
        first.append(await timed(services.sessions.context("bench", session)))
        event = EventDraft("tool_result", text_of(10**8 + number, 400))
        await services.sessions.append("bench", session, [event])
        later.append(await timed(services.sessions.context("bench", session)))
    return {"first": spread(first), "after_an_event": spread(later)}


async def many_sessions(services: Services, url: str, sessions: int, events: int) -> dict[str, Any]:
    """Appends to many sessions, the room they take, and what a session's context costs among few sessions and among many."""
    few = await fill(services, _SAMPLE, events, [])
    among_few = await context_costs(services, few)
    times: list[float] = []
    before = size_on_disk(url)
    started = time.perf_counter()
    made = await fill(services, sessions, events, times)
    elapsed_s = time.perf_counter() - started
    added = size_on_disk(url) - before
    sample = random.Random(7).sample(made, _SAMPLE)
    return {"sessions": sessions, "events_each": events, "append": spread(times)} | {
        "seconds": round(elapsed_s, 1),
        "events_per_s": round(len(times) / elapsed_s, 1),
        "added_mb": round(added / 1e6, 1),
        "bytes_per_event": round(added / len(times)),
        "text_bytes_per_event": 400,
        "context_among_few": among_few,
        "context_among_all": await context_costs(services, sample),
    }


async def growth(services: Services, lengths: tuple[int, ...]) -> dict[str, Any]:
    """Context, score and repair of a session as it grows: one event between two calls, as in use."""
    session = await new_session(services)
    figures: dict[str, Any] = {}
    length = 0
    for target in lengths:
        while length < target:
            part = [EventDraft("tool_result", text_of(n, 400)) for n in range(length, min(target, length + 200))]
            await services.sessions.append("bench", session, part)
            length += len(part)
        await services.sessions.context("bench", session)
        figures[str(target)] = await costs(services, session, target)
    return figures


async def costs(services: Services, session: str, seed: int) -> dict[str, Any]:
    """Times of each call on a session, warmed up."""
    request = {"response_text": f"order_{seed} was sent", "raw_context": "order was sent"}
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "context": partial(services.sessions.context, "bench", session),
        "score": lambda: services.sessions.score("bench", session, TurnDraft("rag", dict(request))),
    }
    out: dict[str, Any] = {}
    for name, call in calls.items():
        times, processor = [], []
        for number in range(50):
            event = EventDraft("tool_result", text_of(seed * 1_000 + number, 400))
            await services.sessions.append("bench", session, [event])
            used = time.process_time()
            times.append(await timed(call()))
            processor.append((time.process_time() - used) * 1e3)
        out[name] = spread(times) | {"cpu_p50_ms": round(statistics.median(processor), 3)}
    return out


async def job_throughput(services: Services, count: int) -> dict[str, Any]:
    """Requests a second through the queue with a lane that answers at once: what the queue itself costs."""
    draft = JobDraft("rag", [{"response_text": f"alpha {n}", "raw_context": "alpha"} for n in range(count)], batch=True)
    started = time.perf_counter()
    job_id = (await services.jobs.submit("bench", draft))["job_id"]
    submitted_s = time.perf_counter() - started
    runner = JobRunner(services.store, services.lane.score, RunnerSettings(concurrency=16, lease_ahead=128))
    task = asyncio.create_task(runner.run())
    started = time.perf_counter()
    while (await services.jobs.get("bench", job_id))["status"] != "COMPLETED":
        await asyncio.sleep(0.05)
    elapsed_s = time.perf_counter() - started
    await runner.stop()
    await task
    return {"requests": count, "submit_s": round(submitted_s, 2), "requests_per_s": round(count / elapsed_s, 1)}


async def measure(url: str, folder: Path, quick: bool) -> dict[str, Any]:
    """All figures of one database."""
    store = Store.open(url)
    services = build_services(store)
    bare = BareCommit(url, folder)
    try:
        return {
            "appends": await appends(services, bare, 100 if quick else 800),
            "many_sessions": await many_sessions(services, url, 50 if quick else 1_000, 50),
            "growth": await growth(services, (100, 1_000) if quick else (100, 1_000, 10_000)),
            "jobs": await job_throughput(services, 500 if quick else 10_000),
        }
    finally:
        bare.close()
        await services.sessions.shut_down()
        store.close()


def show(name: str, figures: dict[str, Any]) -> None:
    """The figures of one database in a few lines."""
    appended, many = figures["appends"], figures["many_sessions"]
    print(f"{name}: append {appended['append']}")
    print(f"{name}: bare commit {appended['bare_commit']}; ratio {appended['append_over_commit_p50']}")
    print(f"{name}: while memory is folded {appended['append_while_memory_is_folded']}")
    print(f"{name}: 32 callers {appended['append_32_callers']}")
    print(f"{name}: {many['sessions']} x {many['events_each']}: {many['seconds']} s, {many['append']}")
    print(f"{name}: {many['added_mb']} MB, {many['bytes_per_event']} bytes an event of {many['text_bytes_per_event']}")
    for among in ("context_among_few", "context_among_all"):
        print(f"{name}: {among}: {many[among]}")
    for length, row in figures["growth"].items():
        print(f"{name}: {length} events: " + ", ".join(f"{call} {row[call]}" for call in row))
    print(f"{name}: jobs {figures['jobs']}")


def main() -> None:
    """Run on SQLite, then on a PostgreSQL server of its own; print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows: checks that it runs")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"provenance": provenance(), "aim_append_over_commit_p50": AIM_APPEND_OVER_COMMIT}
    with tempfile.TemporaryDirectory(prefix="groundlane-store-") as name, postgres_cluster() as cluster:
        folder = Path(name)
        urls = {"sqlite": f"sqlite:///{folder / 'store.db'}", "postgresql": cluster.url(cluster.create_database())}
        for kind, url in urls.items():
            upgrade(url)
            figures[kind] = asyncio.run(measure(url, folder, arguments.quick))
            show(kind, figures[kind])
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
