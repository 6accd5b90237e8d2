"""Memory of an encoder, by how many operations oneDNN keeps prepared: ``python -m benchmarks.encoder_memory [--json OUT]``.

Four callers send contexts of ever new lengths to an encoder of its own process, without a server. For each capacity of the
two caches (docs/performance.md): resident memory at the end, vectors of the contexts included, and how long it took. In turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.provenance import provenance, save_figures

CAPACITIES = (1024, 256, 64, 8)
_CALLERS = 4


async def held_after(requests: int) -> dict[str, float]:
    """Serve the requests in this process."""
    import psutil

    from benchmarks.requests import rag_request
    from serving.api.lane_types import AlignRequest
    from serving.config.load import load_config
    from serving.lanes.factory import alignment_service

    service = alignment_service(load_config(environment={}))
    numbers = count()

    async def caller() -> None:
        while (number := next(numbers)) < requests:
            asked = rag_request(number, chunks=4 + number % 12, sentences=1 + number % 9)
            units = tuple(unit["text"] for unit in asked["support_units"])
            await service.align(AlignRequest("t", asked["response_text"], units, ((0, 50),), asked["query_text"], 256))

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    seconds = time.perf_counter() - started
    resident = psutil.Process().memory_info().rss / 2**20
    service.close()
    return {"resident_mib": round(resident), "seconds": round(seconds, 1)}


def measured(capacity: int, requests: int) -> dict[str, Any]:
    """The same in a process whose caches are so large."""
    from models.device import OPERATION_CACHES, available_cores, thread_environment

    environment = os.environ | thread_environment(available_cores()) | dict.fromkeys(OPERATION_CACHES, str(capacity))
    command = [sys.executable, "-m", "benchmarks.encoder_memory", "--requests", str(requests), "--inside"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=600)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoder_memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=160, help="requests of each run")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each capacity")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(asyncio.run(held_after(arguments.requests))))
        return
    runs: dict[int, list[Any]] = {capacity: [] for capacity in CAPACITIES}
    for _ in range(arguments.rounds):
        for capacity in CAPACITIES:
            runs[capacity].append(measured(capacity, arguments.requests))
    figures = {"requests": arguments.requests, "by_capacity": runs, **provenance()}
    save_figures(figures, arguments.json)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
