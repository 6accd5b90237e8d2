"""How the server behaves under load: ``python -m benchmarks.load [--seconds S] [--soak MINUTES] [--json OUT]``.

Open loop (Poisson arrivals that wait for nobody) at shares of the measured capacity: latency of what was accepted,
goodput, what was refused and how soon. Then rag requests alone and beside a flood of code requests, and the other way round.
Then, if asked for, a soak with the memory of every process. Each request's texts are new. It starts a server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import httpx
import numpy as np
import psutil

from benchmarks.loops import closed_loop
from benchmarks.provenance import provenance
from benchmarks.requests import code_request, rag_request
from benchmarks.server import running_server
from benchmarks.soak import Sample, growth, sample

SHARES = (0.5, 0.9, 1.2, 3.0)
_RAG, _CODE = "/api/v1/trace/rag", "/api/v1/trace/code"
_FLOOD_CALLERS = 16
_SHARE_BESIDE_FLOOD = 0.25
_SAMPLE_S = 10.0
_GOOD, _REFUSED = 200, 503
Send = Callable[[int], Awaitable[int]]


@dataclass
class Outcome:
    """What became of the requests of one phase: (status, seconds from intended arrival to answer)."""

    answers: list[tuple[int, float]] = field(default_factory=list)
    elapsed_s: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Latency of accepted requests with an interval of p95, goodput, statuses, how soon a refusal came."""
        good = np.array([seconds * 1000.0 for status, seconds in self.answers if status == _GOOD])
        refused = [seconds * 1000.0 for status, seconds in self.answers if status == _REFUSED]
        found: dict[str, Any] = {
            "n": len(self.answers),
            "statuses": {str(status): n for status, n in sorted(Counter(s for s, _ in self.answers).items())},
            "goodput_per_s": round(len(good) / self.elapsed_s, 2),
        }
        if len(good):
            drawn = np.random.default_rng(7).choice(good, (1000, len(good)))
            found["p50_ms"] = round(float(np.median(good)), 1)
            for percent in (95, 99):
                low, high = np.percentile(np.percentile(drawn, percent, axis=1), [2.5, 97.5])
                values = {"": np.percentile(good, percent), "_low": low, "_high": high}
                found |= {f"p{percent}{name}_ms": round(float(value), 1) for name, value in values.items()}
        if refused:
            found["refusal_p50_ms"] = round(float(np.median(refused)), 1)
        return found


class Load:
    """Sends requests of both lanes to one server."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._numbers = count(1)

    async def rag(self, number: int) -> int:
        """The status of rag request ``number``."""
        return (await self._client.post(_RAG, json=rag_request(number))).status_code

    async def code(self, number: int) -> int:
        """The status of code request ``number``."""
        return (await self._client.post(_CODE, json=code_request(number))).status_code

    async def capacity(self, send: Send, total: int) -> float:
        """Requests a second with eight callers."""
        await closed_loop(send, 8, total // 2, self._numbers)
        found = await closed_loop(send, 8, total, self._numbers)
        rate: float = found["requests_per_s"]
        return rate

    async def open_loop(self, send: Send, rate_per_s: float, seconds: float) -> Outcome:
        """Poisson arrivals for ``seconds``; goodput counts until the last answer, the backlog's time included."""
        generator = random.Random(3)
        outcome = Outcome()
        tasks: set[asyncio.Task[None]] = set()
        started = arrival = time.perf_counter()

        async def one(intended: float) -> None:
            status = await send(next(self._numbers))
            outcome.answers.append((status, time.perf_counter() - intended))

        while arrival - started < seconds:
            arrival += generator.expovariate(rate_per_s)
            await asyncio.sleep(max(0.0, arrival - time.perf_counter()))
            tasks.add(asyncio.create_task(one(arrival)))
        await asyncio.gather(*tasks)
        outcome.elapsed_s = time.perf_counter() - started
        return outcome

    async def flood(self, send: Send, until: asyncio.Event) -> Outcome:
        """Callers of one lane that send without a pause; a refused one waits as it is told to."""
        outcome = Outcome()
        started = time.perf_counter()

        async def caller() -> None:
            while not until.is_set():
                begun = time.perf_counter()
                status = await send(next(self._numbers))
                outcome.answers.append((status, time.perf_counter() - begun))
                if status == _REFUSED:
                    await asyncio.sleep(1.0)

        await asyncio.gather(*(caller() for _ in range(_FLOOD_CALLERS)))
        outcome.elapsed_s = time.perf_counter() - started
        return outcome

    async def mixed(self, send: Send, other: Send, capacity: float, seconds: float) -> dict[str, Any]:
        """Requests of one lane at a quarter of its capacity alone, then the same beside a flood of the other's."""
        rate = capacity * _SHARE_BESIDE_FLOOD
        alone = await self.open_loop(send, rate, seconds)
        stop = asyncio.Event()
        flood = asyncio.create_task(self.flood(other, stop))
        await asyncio.sleep(2.0)
        beside = await self.open_loop(send, rate, seconds)
        stop.set()
        found = {"alone": alone.summary(), "beside_flood": beside.summary(), "flood": (await flood).summary()}
        return {"offered_per_s": round(rate, 2), **found, "p95_ratio": p95_ratio(beside, alone)}

    async def soak(self, server: psutil.Process, seconds: float) -> dict[str, Any]:
        """Three rag callers and one of code for ``seconds``; the memory of every process, sampled meanwhile."""
        samples: list[Sample] = []
        until_s = time.perf_counter() + seconds
        statuses: Counter[str] = Counter()

        async def rag_caller() -> None:
            while time.perf_counter() < until_s:
                statuses[f"rag {await self.rag(next(self._numbers))}"] += 1

        async def code_caller() -> None:
            while time.perf_counter() < until_s:
                statuses[f"code {await self.code(next(self._numbers))}"] += 1

        async def sampler() -> None:
            while time.perf_counter() < until_s:
                samples.append(await asyncio.to_thread(sample, server, time.perf_counter()))
                await asyncio.sleep(_SAMPLE_S)

        await asyncio.gather(sampler(), code_caller(), *(rag_caller() for _ in range(3)))
        return {"seconds": seconds, "statuses": dict(statuses), **growth(samples)}


def p95_ratio(beside: Outcome, alone: Outcome) -> dict[str, float]:
    """95th percentile of accepted requests beside the flood over that without it; 95% interval, both resampled."""
    generator = np.random.default_rng(7)

    def drawn(outcome: Outcome) -> Any:
        good = np.array([seconds for status, seconds in outcome.answers if status == _GOOD])
        resampled = np.percentile(generator.choice(good, (1000, len(good))), 95, axis=1)
        return np.concatenate([[np.percentile(good, 95)], resampled])

    ratios = drawn(beside) / drawn(alone)
    low, high = np.percentile(ratios[1:], [2.5, 97.5])
    return {name: round(float(value), 2) for name, value in {"value": ratios[0], "low": low, "high": high}.items()}


async def measure(url: str, server: psutil.Process, arguments: argparse.Namespace, found: dict[str, Any]) -> None:
    """Every phase that was asked for, into ``found``: what was measured before a failure is kept."""
    limits = httpx.Limits(max_connections=1024, max_keepalive_connections=1024)
    async with httpx.AsyncClient(base_url=url, timeout=120.0, limits=limits) as client:
        load = Load(client)
        capacity = await load.capacity(load.rag, arguments.capacity_requests)
        found["capacity_per_s"] = capacity
        if arguments.seconds:
            shares = {
                f"{share:g}": await load.open_loop(load.rag, capacity * share, arguments.seconds) for share in SHARES
            }
            found["open_loop"] = {share: outcome.summary() for share, outcome in shares.items()}
            best = max(one["goodput_per_s"] for one in found["open_loop"].values())
            found["goodput_at_3_over_best"] = round(found["open_loop"]["3"]["goodput_per_s"] / best, 3)
        if arguments.flood_s:
            found["code_capacity_per_s"] = await load.capacity(load.code, arguments.capacity_requests)
            found["rag_beside_code"] = await load.mixed(load.rag, load.code, capacity, arguments.flood_s)
            found["code_beside_rag"] = await load.mixed(
                load.code, load.rag, found["code_capacity_per_s"], arguments.flood_s
            )
        if arguments.soak:
            found["soak"] = await load.soak(server, arguments.soak * 60.0)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--config", type=Path, help="configuration of the server")
    parser.add_argument("--seconds", type=float, default=120.0, help="of each open loop; 0 leaves them out")
    parser.add_argument(
        "--flood-s",
        type=float,
        default=60.0,
        help="of each lane with and without a flood of the other; 0: none",
    )
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="length of the soak; 0: none")
    parser.add_argument("--capacity-requests", type=int, default=120, help="requests that measure the capacity")
    parser.add_argument("--json", type=Path, help="write the result here; phases it holds already are kept")
    arguments = parser.parse_args()
    held = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.exists() else {}
    found: dict[str, Any] = {}
    try:
        with running_server(arguments.config) as (url, _):
            asyncio.run(measure(url, psutil.Process().children()[0], arguments, found))
    finally:
        text = json.dumps({**held, **found, **provenance()}, indent=1)
        if arguments.json:
            arguments.json.write_text(text + "\n", encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
