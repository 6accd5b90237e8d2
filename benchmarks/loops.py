"""Closed and open loops over anything that answers, and the summary of what they saw. Needs no HTTP client."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from itertools import count
from typing import Any, TypeVar

import numpy as np

Send = Callable[[int], Awaitable[int]]
"""Sends request number n; its HTTP status, or 200 in process."""
Key = TypeVar("Key", bound=Hashable)


def summary(seconds: Sequence[float], statuses: Sequence[int], elapsed_s: float) -> dict[str, Any]:
    """Percentiles of the successful calls, throughput, errors."""
    good = [s * 1000.0 for s, status in zip(seconds, statuses, strict=True) if status == 200]
    if not good:
        raise SystemExit(f"no request succeeded; statuses {sorted(set(statuses))}")
    p50, p95, p99 = np.percentile(good, [50, 95, 99])
    return {
        "n": len(statuses),
        "errors": len(statuses) - len(good),
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "p99_ms": round(float(p99), 2),
        "requests_per_s": round(len(good) / elapsed_s, 2),
    }


async def closed_loop(send: Send, concurrency: int, total: int, numbers: count[int]) -> dict[str, Any]:
    """``concurrency`` callers that each send their next request as soon as the last is answered."""
    seconds: list[float] = []
    statuses: list[int] = []
    left = iter(range(total))

    async def caller() -> None:
        for _ in left:
            begun = time.perf_counter()
            statuses.append(await send(next(numbers)))
            seconds.append(time.perf_counter() - begun)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(concurrency)))
    return summary(seconds, statuses, time.perf_counter() - started)


async def open_loop(send: Send, rate_per_s: float, duration_s: float, numbers: count[int]) -> dict[str, Any]:
    """Poisson arrivals that do not wait for answers; latency counts from the intended arrival."""
    generator = random.Random(3)
    seconds: list[float] = []
    statuses: list[int] = []
    tasks: list[asyncio.Task[None]] = []
    started = time.perf_counter()
    arrival = started

    async def one(intended: float) -> None:
        status = await send(next(numbers))
        seconds.append(time.perf_counter() - intended)
        statuses.append(status)

    while arrival - started < duration_s:
        arrival += generator.expovariate(rate_per_s)
        await asyncio.sleep(max(0.0, arrival - time.perf_counter()))
        tasks.append(asyncio.create_task(one(arrival)))
    await asyncio.gather(*tasks)
    return {"offered_per_s": round(rate_per_s, 2)} | summary(seconds, statuses, time.perf_counter() - started)


async def one_at_a_time(sends: Mapping[Key, Send], total: int, numbers: count[int]) -> dict[Key, dict[str, Any]]:
    """Latency at concurrency one, by name; one request of each in turn, so that a busy moment meets all of them."""
    seconds: dict[Key, list[float]] = {name: [] for name in sends}
    statuses: dict[Key, list[int]] = {name: [] for name in sends}
    for _ in range(total):
        for name, send in sends.items():
            begun = time.perf_counter()
            statuses[name].append(await send(next(numbers)))
            seconds[name].append(time.perf_counter() - begun)
    return {name: summary(seconds[name], statuses[name], sum(seconds[name])) for name in sends}
