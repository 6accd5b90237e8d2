"""Everything goes wrong at once, then every acknowledged write is looked up: ``python -m benchmarks.chaos --minutes 4``.

On SQLite and on PostgreSQL in turn: the real edge, routes, services, runner and database with a fake lane, under

- kills (SIGKILL) of the server, of the job runner, of both at once;
- PostgreSQL: a backend killed, the whole server crashed and started again, a failover (it takes no changes for two seconds);
- SQLite: a full disk. Stand-in: the server's process may not extend any file for a second (RLIMIT_FSIZE), so that the write
  fails as on a full disk;
- slow clients: bodies of a byte a second, and readers that never read what they asked for;
- overload: bursts of another tenant, forty requests at once against four permits.

Faults come at random moments of a seeded generator, kinds in turn. A run that loses a write, keeps one twice or answers 500 ends
with an AssertionError and writes no figures.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import resource
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.kills import KINDS_OF_WRITES, Launcher, Ledger, account, load, progress
from benchmarks.postgres import PostgresCluster, postgres_cluster
from benchmarks.provenance import provenance, save_figures
from serving.auth.keys import KeyFile
from serving.store.admin import upgrade

_BURST = 40
_SLOW_CLIENTS = 8
_RECOVERY_S = 90.0
_PAUSE_S = 0.7
_PACE_S = 10.0
Fault = Callable[[], Awaitable[None]]


class Chaos:
    """One storm on one database."""

    def __init__(self, url: str, folder: Path, cluster: PostgresCluster | None, seed: int) -> None:
        keys = KeyFile(folder / "keys.json")
        self._headers = [{"authorization": f"Bearer {keys.create(tenant, 'chaos')[1]}"} for tenant in ("one", "two")]
        self._url = url
        self._launcher = Launcher(url, GROUNDLANE_CHAOS_KEYS=str(keys.path))
        self._cluster = cluster
        self._chance = random.Random(seed)
        self._ledger = Ledger()
        self._faults: Counter[str] = Counter()
        self._bursts: Counter[str] = Counter()
        self._slow: Counter[str] = Counter()

    async def run(self, minutes: float) -> dict[str, Any]:
        """The figures of a storm of so many minutes that lost nothing."""
        duration_s = minutes * 60.0
        try:
            for kind in ("guarded", "runner"):
                self._launcher.start(kind)
            writers = asyncio.create_task(
                load(self._launcher, self._ledger, duration_s + 10 * _RECOVERY_S, self._headers[0])
            )
            others = [asyncio.create_task(self._slow_client(number)) for number in range(_SLOW_CLIENTS)]
            others.append(asyncio.create_task(self._overload()))
            storm = asyncio.create_task(self._storm(duration_s))
            await asyncio.wait({writers, storm, *others}, return_when=asyncio.FIRST_COMPLETED)
            for task in (writers, *others):
                if task.done():
                    storm.cancel()
                    task.result()
            await storm
            for task in (writers, *others):
                task.cancel()
            await asyncio.gather(writers, *others, return_exceptions=True)
        finally:
            await asyncio.to_thread(self._launcher.close)
        await account(self._ledger, self._url)
        return {
            "minutes": minutes,
            "faults": dict(self._faults),
            "acknowledged": dict(self._ledger.acknowledged),
            "repeated_after_a_lost_answer": self._ledger.repeated,
            "lost": 0,
            "kept_twice": 0,
            "overload_statuses": dict(self._bursts),
            "slow_clients": dict(self._slow),
        }

    async def _storm(self, duration_s: float) -> None:
        """Faults until the time is up, each after one more write of a kind in turn, where one comes in time; then every kind of
        write has to move on, undisturbed.
        """
        faults, waited_for = self._kinds(), itertools.cycle(KINDS_OF_WRITES)
        until_s = time.monotonic() + duration_s
        while time.monotonic() < until_s:
            for name in self._chance.sample(sorted(faults), len(faults)):
                await progress(self._ledger, next(waited_for), _PACE_S)
                await asyncio.sleep(self._chance.uniform(0.0, 2 * _PAUSE_S))
                await faults[name]()
                self._faults[name] += 1
        moved = await asyncio.gather(*(progress(self._ledger, kind, _RECOVERY_S) for kind in KINDS_OF_WRITES))
        assert all(moved), f"after the last fault: {dict(zip(KINDS_OF_WRITES, moved, strict=True))}"

    def _kinds(self) -> Mapping[str, Fault]:
        kills: dict[str, Fault] = {
            "server killed": lambda: self._kill("guarded"),
            "runner killed": lambda: self._kill("runner"),
            "both killed": lambda: self._kill("guarded", "runner"),
        }
        if self._cluster is None:
            return {**kills, "disk full (RLIMIT_FSIZE)": self._full_disk}
        return {
            **kills,
            "PostgreSQL backend killed": self._backend,
            "PostgreSQL crashed and started": self._crash,
            "PostgreSQL read-only (failover)": self._failover,
        }

    async def _kill(self, *kinds: str) -> None:
        await asyncio.to_thread(self._launcher.kill, list(kinds))
        for kind in kinds:
            await asyncio.to_thread(self._launcher.start, kind)

    async def _full_disk(self) -> None:
        """No file of the server may grow past a few bytes for a second."""
        process, forever = self._launcher.alive["guarded"], resource.RLIM_INFINITY
        resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, forever))
        await asyncio.sleep(1.0)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (forever, forever))

    async def _backend(self) -> None:
        assert self._cluster is not None
        await asyncio.to_thread(self._cluster.kill_a_backend)

    async def _crash(self) -> None:
        assert self._cluster is not None
        await asyncio.to_thread(self._cluster.stop)
        await asyncio.sleep(self._chance.uniform(0.0, 1.0))
        await asyncio.to_thread(self._cluster.start)

    async def _failover(self) -> None:
        await asyncio.to_thread(self._alter, "SET default_transaction_read_only = on")
        await asyncio.sleep(2.0)
        await asyncio.to_thread(self._alter, "RESET default_transaction_read_only")

    def _alter(self, change: str) -> None:
        """``ALTER SYSTEM``, once the server answers: it may just start again after a crash."""
        assert self._cluster is not None
        until_s = time.monotonic() + _RECOVERY_S
        while True:
            try:
                url, options = self._cluster.url(), "-c default_transaction_read_only=off"
                with psycopg.connect(url, autocommit=True, options=options) as connection:
                    connection.execute(f"ALTER SYSTEM {change}".encode())
                    connection.execute("SELECT pg_reload_conf()")
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until_s, "PostgreSQL does not come back"
                time.sleep(0.1)

    async def _overload(self) -> None:
        """Bursts of another tenant; whatever is no 2xx has to be a refusal that says when to come back."""
        limits = httpx.Limits(max_connections=_BURST)
        address = f"http://127.0.0.1:{self._launcher.port}/api/v1"
        async with httpx.AsyncClient(base_url=address, headers=self._headers[1], timeout=30.0, limits=limits) as client:
            while True:
                calls = (client.post("/trace/sessions", json={"kind": "code"}) for _ in range(_BURST))
                for answer in await asyncio.gather(*calls, return_exceptions=True):
                    if isinstance(answer, httpx.Response):
                        self._bursts[str(answer.status_code)] += 1
                        assert answer.status_code in {201, 503, 504}, answer.text
                    else:
                        assert isinstance(answer, httpx.TransportError), answer
                        self._bursts["connection lost"] += 1
                await asyncio.sleep(2.0)

    async def _slow_client(self, number: int) -> None:
        """Half of them send a body byte by byte, the other half read nothing of what they asked for."""
        sends = number % 2 == 0
        key = self._headers[1]["authorization"]
        asked = "POST /api/v1/trace/sessions" if sends else "GET /api/v1/jobs?limit=100"
        head = f"{asked} HTTP/1.1\r\nhost: x\r\nauthorization: {key}\r\n"
        head += "content-type: application/json\r\ncontent-length: 2000\r\n\r\n" if sends else "\r\n"
        while True:
            with suppress(OSError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._launcher.port)
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                writer.write(head.encode())
                if sends:
                    answer = asyncio.ensure_future(reader.readline())
                    for _ in range(10):
                        writer.write(b" ")
                        done, _ = await asyncio.wait({answer}, timeout=1.0)
                        if done:
                            break
                    answer.cancel()
                    line = answer.result() if answer.done() and not answer.cancelled() else b""
                    self._slow[f"slow body: {line.split()[1].decode() if line else 'connection lost'}"] += 1
                else:
                    await asyncio.sleep(8.0)
                    self._slow["reader that never reads: held 8 s"] += 1
                writer.close()
            await asyncio.sleep(0.2)


async def _on_sqlite(minutes: float, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="groundlane-chaos-") as name:
        url = f"sqlite:///{Path(name) / 'store.db'}"
        upgrade(url)
        return await Chaos(url, Path(name), None, seed).run(minutes)


async def _on_postgresql(minutes: float, seed: int) -> dict[str, Any]:
    with postgres_cluster() as cluster, tempfile.TemporaryDirectory(prefix="groundlane-chaos-") as name:
        url = cluster.url(cluster.create_database())
        upgrade(url)
        return await Chaos(url, Path(name), cluster, seed).run(minutes)


def main() -> None:
    """Run both storms, print the figures, and write them where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for both databases together")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    half = options.minutes / 2
    figures = {"provenance": provenance(), "seed": options.seed}
    figures["sqlite"] = asyncio.run(_on_sqlite(half, options.seed))
    figures["postgresql"] = asyncio.run(_on_postgresql(half, options.seed))
    print(json.dumps(figures, indent=2))
    save_figures(figures, options.json)


if __name__ == "__main__":
    main()
