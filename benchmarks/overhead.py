"""What a request spends outside the models: ``python -m benchmarks.overhead [--options NAMES] [--json OUT]``.

The same rag request goes through ever more of the server: a Serve route that answers at once (``route``), one more
deployment behind a handle (``handle``), our gateway with a lane that answers at once (``gateway``), a real lane on free
models (``lane``), the whole graph with free encoder and verifier replicas (``graph``), the same with the lane inside the
gateway (``merged``). What a stage adds to the one
before is what its part costs. With ``--server`` the real server follows, with the processor time of each process.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import psutil

from benchmarks.overhead_apps import REQUEST_SEED, STAGES, benchmark_config, free_lane, recorded
from benchmarks.processes import role
from benchmarks.provenance import provenance
from benchmarks.requests import rag_request
from benchmarks.serve_options import SERVE_OPTIONS, free_port, serve_environment
from benchmarks.server import running_server
from serving.api.schemas import RagRequest
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane

_PATH = "/api/v1/trace/rag"
_WARM_UP = 10
_TURNS = 8


class Caller:
    """One kept-open connection that sends POST requests."""

    def __init__(self, port: int, path: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60.0)
        self._path = path

    def send(self, body: bytes) -> float:
        """Seconds until the whole answer was read; anything but 200 ends the run."""
        begun = time.perf_counter()
        self._connection.request("POST", self._path, body, {"content-type": "application/json"})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{self._path} answered {answer.status}: {content[:300]!r}")
        return time.perf_counter() - begun


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median with a 95% interval (bootstrap), 10th and 95th percentile, in milliseconds."""
    values = np.array(seconds) * 1000.0
    drawn = np.random.default_rng(7).choice(values, (1000, len(values)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    p10, p50, p95 = np.percentile(values, [10, 50, 95])
    found = {"p10_ms": p10, "p50_ms": p50, "low_ms": low, "high_ms": high, "p95_ms": p95}
    return {"n": len(seconds), **{name: round(float(value), 2) for name, value in found.items()}}


def closed(port: int, path: str, body: Callable[[], bytes], concurrency: int, total: int) -> tuple[list[float], float]:
    """(seconds of each request, seconds in all); ``concurrency`` connections that each wait for their answer."""

    def work(number: int) -> list[float]:
        caller = Caller(port, path)
        return [caller.send(body()) for _ in range(total // concurrency)]

    begun = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        seconds = [value for values in pool.map(work, range(concurrency)) for value in values]
    return seconds, time.perf_counter() - begun


@contextmanager
def running_apps(environment: dict[str, str], replicas: int = 0, hold_s: float = 0.0) -> Iterator[int]:
    """The port on which the stages are served; see :func:`benchmarks.overhead_apps.serve_stages`."""
    port = free_port()
    call = f"serve_stages({port}, {replicas}, {hold_s})"
    command = [sys.executable, "-c", f"from benchmarks.overhead_apps import serve_stages; {call}"]
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if not any(line == b"ready\n" for line in process.stdout):  # HAProxy speaks there too
            raise SystemExit("the stages did not start")
        yield port
    finally:
        process.stdin.close()
        process.wait(timeout=120)


def measure_stages(environment: dict[str, str], total: int) -> dict[str, Any]:
    """Every stage at concurrency 1 and 8, in turns, so that what else the machine does meets all of them alike."""
    same = json.dumps(rag_request(REQUEST_SEED)).encode()
    taken: dict[tuple[str, int], list[tuple[list[float], float]]] = defaultdict(list)
    with running_apps(environment) as port:
        for turn in range(_TURNS + 1):
            for stage, many in product(STAGES, (1, 8)):
                measured = closed(port, f"/{stage}{_PATH}", lambda: same, many, max(total // _TURNS, 3 * many))
                if turn:
                    taken[stage, many].append(measured)
    found: dict[str, Any] = {stage: {} for stage in STAGES}
    for (stage, many), turns in taken.items():
        seconds = [value for values, _ in turns for value in values]
        rate = round(len(seconds) / sum(elapsed_s for _, elapsed_s in turns), 1)
        found[stage][f"c{many}"] = {**percentiles(seconds), "requests_per_s": rate}
    return found


def processor_seconds() -> dict[tuple[int, str], float]:
    """Processor time of every process below this one, by process and role."""
    found: dict[tuple[int, str], float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
            found[process.pid, role(process.cmdline())] = times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return found


def measure_server(environment: dict[str, str], total: int, numbers: Iterator[int]) -> dict[str, Any]:
    """The real server at concurrency 1 on new texts, and what each of its processes computed meanwhile."""

    def body() -> bytes:
        return json.dumps(rag_request(next(numbers))).encode()

    with running_server(None, environment) as (url, _):
        port = int(url.rpartition(":")[2])
        closed(port, _PATH, body, 1, _WARM_UP)
        before = processor_seconds()
        seconds, elapsed_s = closed(port, _PATH, body, 1, total)
        after = processor_seconds()
        time.sleep(1.0)
        rested = processor_seconds()
        time.sleep(4.0)
        idle = processor_seconds()
    found: dict[str, Any] = {"c1": percentiles(seconds)}
    used: defaultdict[str, float] = defaultdict(float)
    for key, seconds in after.items():
        used[key[1]] += (seconds - before.get(key, 0.0)) / total * 1000.0
    found["processor_ms_per_request"] = {
        role: round(ms, 1) for role, ms in sorted(used.items(), key=lambda item: -item[1]) if ms >= 0.1
    }
    found["cores_busy"] = round(sum(used.values()) * total / 1000.0 / elapsed_s, 2)
    found["cores_busy_idle"] = round(sum(idle[key] - rested.get(key, idle[key]) for key in idle) / 4.0, 3)
    return found


def in_process(total: int, numbers: Iterator[int]) -> dict[str, Any]:
    """The lane without serving: on free models, and on the real ones."""

    async def timed(lane: Any, number: int) -> float:
        begun = time.perf_counter()
        request = RagRequest.model_validate(rag_request(number))
        await lane.score(request.lane_input(str(number), "benchmark", 600.0))
        return time.perf_counter() - begun

    async def many(lane: Any, chosen: Iterator[int]) -> dict[str, float]:
        for _ in range(10):
            await timed(lane, next(chosen))
        return percentiles([await timed(lane, next(chosen)) for _ in range(total)])

    with tempfile.TemporaryDirectory() as folder:
        config = benchmark_config(Path(folder))
        reply, _ = asyncio.run(recorded(config))
        free = asyncio.run(many(free_lane(config, reply), iter(lambda: REQUEST_SEED, -1)))
    real = local_rag_lane(load_config())
    found = {"free_lane": free, "lane": asyncio.run(many(real, numbers))}
    real.close()
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--options", default="default", help=f"of {', '.join(SERVE_OPTIONS)}; comma between")
    parser.add_argument("--requests", type=int, default=200, help="requests per stage and concurrency")
    parser.add_argument("--server", action="store_true", help="measure the real server too")
    parser.add_argument("--json", type=Path, help="write the result here; options it holds already are kept")
    arguments = parser.parse_args()
    numbers = count(1)
    result: dict[str, Any] = {"options": {}}
    if arguments.json and arguments.json.exists():
        result |= json.loads(arguments.json.read_text(encoding="utf-8"))
    if arguments.server and "in_process" not in result:
        result["in_process"] = in_process(40, numbers)
    for name in arguments.options.split(","):
        with tempfile.TemporaryDirectory(prefix="gl-") as folder:
            environment = serve_environment(name, Path(folder))
            stages = measure_stages(environment, arguments.requests)
            server = {"server": measure_server(environment, 40, numbers)} if arguments.server else {}
        result["options"][name] = {**stages, **server}
        text = json.dumps(result | provenance(), indent=1)
        if arguments.json:
            arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
