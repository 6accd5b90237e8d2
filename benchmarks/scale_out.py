"""Throughput with 1, 2 and 4 replicas of each model: ``python -m benchmarks.scale_out [--json OUT]``.

Twice. The real server, as many encoder as verifier replicas, of one thread each: what the machine's cores allow. And the same
graph with encoder replicas that are occupied for 80 ms by each request instead of computing: what the serving path allows when
the models run elsewhere; 12.5 requests/s for each replica if it cost nothing. Each request's texts are new, so no cache helps.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from benchmarks.overhead import closed, percentiles, running_apps
from benchmarks.provenance import provenance
from benchmarks.requests import rag_request
from benchmarks.server import running_server
from models.registry import SHIPPED_VERIFIER

REPLICAS = (1, 2, 4)
_CALLERS = 16
_HOLD_S = 0.08
_WARM_UP = 12
_RAG = "/api/v1/trace/rag"


def bodies(numbers: Iterator[int]) -> Iterator[bytes]:
    """Requests whose texts are all new."""
    return (json.dumps(rag_request(number)).encode() for number in numbers)


def throughput(port: int, path: str, total: int, requests: Iterator[bytes]) -> dict[str, Any]:
    """Requests a second and latency of ``_CALLERS`` callers, after a warm-up."""
    prepared = iter([next(requests) for _ in range(_WARM_UP + total)])  # a list's iterator serves several threads
    closed(port, path, lambda: next(prepared), 4, _WARM_UP)
    seconds, elapsed_s = closed(port, path, lambda: next(prepared), _CALLERS, total)
    return {"requests_per_s": round(len(seconds) / elapsed_s, 2), **percentiles(seconds)}


def models_environment(replicas: int) -> dict[str, str]:
    """Settings of a server with so many replicas of each model, one thread each."""
    each = {"replicas": replicas, "threads": 1, "num_cpus": 0.1}  # else Ray finds no room for them on two cores
    return {
        "GROUNDLANE__ENCODERS": json.dumps([{"name": "minilm", **each}]),
        "GROUNDLANE__VERIFIER": json.dumps({"source": SHIPPED_VERIFIER, **each}),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_out", description=__doc__)
    parser.add_argument("--requests", type=int, default=160, help="requests for each number of replicas")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    requests = bodies(count(1))
    result: dict[str, Any] = {"callers": _CALLERS, "hold_ms": _HOLD_S * 1000.0, "computing": {}, "waiting": {}}
    for replicas in REPLICAS:
        with running_apps({}, replicas, _HOLD_S) as port:
            result["waiting"][replicas] = throughput(port, f"/merged{_RAG}", 2 * arguments.requests, requests)
        with running_server(None, models_environment(replicas)) as (url, _):
            port = int(url.rpartition(":")[2])
            result["computing"][replicas] = throughput(port, _RAG, arguments.requests, requests)
        text = json.dumps(result | provenance(), indent=1)
        if arguments.json:
            arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
