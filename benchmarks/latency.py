"""Latency of a server beside the same work in process: ``python -m benchmarks.latency [--url URL] [--json OUT]``.

One request at a time, all texts new and then on a context seen before, in turns with the lane in this process, so that the
cost of serving is a ratio. Then closed loop at concurrency 8 and 32, the lane's throughput in this process, which bounds the
server's, and open loop (Poisson arrivals) at stated shares of the measured capacity. Without ``--url`` it starts a server of
its own and ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import httpx

from benchmarks.loops import Send, closed_loop, one_at_a_time, open_loop
from benchmarks.provenance import provenance
from benchmarks.requests import rag_request
from benchmarks.server import running_server
from serving.api.schemas import RagRequest
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane

Make = Callable[[int], dict[str, Any]]
_RAG = "/api/v1/trace/rag"
_SEEN_CONTEXT = 0


def seen_before(number: int) -> dict[str, Any]:
    """A request on one and the same context, with a new answer."""
    return rag_request(_SEEN_CONTEXT, answer_seed=number)


async def beside_in_process(url: str, arguments: argparse.Namespace, numbers: count[int]) -> dict[str, Any]:
    """The server and the lane in this process, in turns; then eight at a time in this process."""
    lane = local_rag_lane(load_config(arguments.config))
    async with httpx.AsyncClient(base_url=url, timeout=120.0) as client:

        def served(make: Make) -> Send:
            async def send(number: int) -> int:
                return (await client.post(_RAG, json=make(number))).status_code

            return send

        def here(make: Make) -> Send:
            async def send(number: int) -> int:
                request = RagRequest.model_validate(make(number))
                await lane.score(request.lane_input(str(number), "benchmark", 600.0))
                return 200

            return send

        cases = {"c1": rag_request, "c1_seen": seen_before}
        sends = {(place, name): place(make) for name, make in cases.items() for place in (served, here)}
        await one_at_a_time(sends, 5, numbers)
        found = await one_at_a_time(sends, arguments.requests, numbers)
        inside = {name: found[here, name] for name in cases}
        inside["c8"] = await closed_loop(here(rag_request), 8, arguments.requests, numbers)
    lane.close()
    return {"in_process": inside, **{name: found[served, name] for name in cases}}


async def phases(client: httpx.AsyncClient, numbers: count[int], total: int = 20) -> dict[str, float]:
    """Median milliseconds by phase, from verbose answers at concurrency one."""
    seen: dict[str, list[float]] = {}
    for _ in range(total):
        answer = await client.post(_RAG, json=rag_request(next(numbers)) | {"verbose": True})
        for name, value in answer.json()["diagnostics"]["phases_ms"].items():
            seen.setdefault(name, []).append(value)
    return {name: round(statistics.median(values), 3) for name, values in seen.items()}


async def measure(
    url: str, arguments: argparse.Namespace, numbers: count[int], concurrencies: Sequence[int] = (1, 8, 32)
) -> dict[str, Any]:
    """What a server does under load, and where the time of one request goes."""
    limits = httpx.Limits(max_connections=512, max_keepalive_connections=512)
    async with httpx.AsyncClient(base_url=url, timeout=120.0, limits=limits) as client:

        async def send(number: int) -> int:
            return (await client.post(_RAG, json=rag_request(number))).status_code

        await closed_loop(send, 2, 10, numbers)
        found: dict[str, Any] = {"phases_ms": await phases(client, numbers)}
        for concurrency in concurrencies:
            found[f"c{concurrency}"] = await closed_loop(send, concurrency, arguments.requests, numbers)
        capacity = found["c8"]["requests_per_s"]
        for share in (0.5, 0.9):
            found[f"open_{share}"] = await open_loop(send, capacity * share, arguments.open_s, numbers)
        return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--url", help="a running server; without it one is started")
    parser.add_argument("--config", type=Path, help="configuration of the started server and of the in-process lane")
    parser.add_argument("--requests", type=int, default=200, help="requests per concurrency")
    parser.add_argument("--open-s", type=float, default=10.0, help="seconds of each open loop")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    numbers = count(1)
    server = nullcontext((arguments.url, None)) if arguments.url else running_server(arguments.config)
    with server as (url, start_s):
        result = asyncio.run(beside_in_process(url, arguments, numbers))
        result = asyncio.run(measure(url, arguments, numbers, (8, 32))) | result
    result["start_to_ready_s"] = None if start_s is None else round(start_s, 1)
    for name in ("c1", "c1_seen"):
        served, inside = result[name]["p50_ms"], result["in_process"][name]["p50_ms"]
        result[f"{name}_overhead"] = {"ratio": round(served / inside, 3), "ms": round(served - inside, 2)}
    result["c8_over_bound"] = round(result["c8"]["requests_per_s"] / result["in_process"]["c8"]["requests_per_s"], 3)
    text = json.dumps(result | provenance(), indent=1)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
