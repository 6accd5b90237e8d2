"""What a large run costs the gateway: ``python -m benchmarks.eval_runs [--cases 10000] [--json FILE]``.

A gateway in a process of its own, without Ray and without models (graders here are texts; ``benchmarks.evals --graded`` times
groundedness), runs a suite of recorded answers. Measured: how much its memory grows past what it held before, answers a
second, and then the pages of the run, its trend and the comparison of two such runs, each asked for in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.provenance import provenance, save_figures
from benchmarks.serve_options import free_port
from benchmarks.turns import spread
from serving.auth.keys import ANONYMOUS_TENANT
from serving.config.load import load_config
from serving.evals.cases import CaseStatus, read_case
from serving.evals.suites import make_suite
from serving.store import eval_records as records
from serving.store.admin import upgrade
from serving.store.store import Store
from serving.store.tenancy import TenantConnection

_START_S, _RUN_S = 120.0, 900.0
_LIMITS = {"limits.burst": 10_000_000, "limits.requests_per_minute": 10_000_000, "observability.log_level": "error"}


def make_cases(count: int) -> list[dict[str, Any]]:
    """Sums; every third is of the regression track."""
    return [
        {
            "task_id": f"sum-{number:06}",
            "input_messages": f"What is {number} plus {number}? Answer with one sentence that names the sum.",
            "reference_answer": f"It is {2 * number}.",
            "recorded_failure": "It is wrong.",
            "graders": [{"kind": "numeric", "value": 2 * number}],
            "track": "regression" if number % 3 == 0 else "golden",
        }
        for number in range(count)
    ]


def answers(count: int, wrong_every: int) -> list[dict[str, Any]]:
    """Recorded answers, some of them wrong."""
    return [
        {"task_id": f"sum-{n:06}", "answer": f"It is {2 * n + (n % wrong_every == 0)}.", "latency_ms": 100.0 + n % 50}
        for n in range(count)
    ]


def keep_suite(url: str, count: int) -> str:
    """ACTIVE cases and their suite, straight into the store: the life cycle is not what is measured."""
    upgrade(url)
    store = Store.open(url)
    suite = make_suite("sums", [read_case(document) for document in make_cases(count)])
    now_ms = store.now_ms()

    def keep(connection: TenantConnection) -> None:
        for case in suite.cases:
            row = records.CaseRow(case.task_id, case.revision, CaseStatus.ACTIVE.value, case.view())
            records.put_case(connection, row, case.track, now_ms)
        members = [(case.task_id, case.revision) for case in suite.cases]
        records.put_suite(connection, suite.suite_hash, suite.name, members, now_ms)

    try:
        asyncio.run(store.tenant(ANONYMOUS_TENANT).write(keep))
    finally:
        store.close()
    return suite.suite_hash


@contextmanager
def gateway(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A gateway in a process of its own."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.eval_runs", "--serve", str(port), "--folder", str(folder)]
    )
    url, started_s = f"http://127.0.0.1:{port}", time.monotonic()
    try:
        while True:
            if process.poll() is not None:
                raise SystemExit(f"the gateway ended with exit code {process.returncode}")
            try:
                if httpx.get(f"{url}/healthz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if time.monotonic() - started_s > _START_S:
                raise SystemExit("the gateway did not start")
            time.sleep(0.1)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)


def serve(port: int, folder: Path) -> None:
    """The gateway: the whole application with lanes that refuse, on a port."""
    import uvicorn

    from serving.api.errors import OverloadedError
    from serving.http.gateway import create_app
    from serving.lanes.dispatch import Lanes

    class Away:
        """A lane, and an encoder, that is not there."""

        async def score(self, request: Any) -> Any:
            raise OverloadedError("no lane here")

        async def ready(self) -> None:
            """At once."""

    lane: Any = Away()
    config = load_config(None, {"data_dir": str(folder), **_LIMITS}, environment={})
    app = create_app(config, Lanes(rag=lane, code=lane, rollup=lane), {"minilm": lane})
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def run_once(api: httpx.Client, process: psutil.Process, body: dict[str, Any]) -> dict[str, Any]:
    """One run to its end: seconds, and the most memory on the way."""
    before = most = process.memory_info().rss
    began_s = time.monotonic()
    answer = api.post("/api/v1/runs", json=body)
    answer.raise_for_status()
    run_id = answer.json()["run"]["run_id"]
    while True:
        most = max(most, process.memory_info().rss)
        run = api.get(f"/api/v1/runs/{run_id}").json()["run"]
        if run["status"] == "COMPLETED":
            break
        if time.monotonic() - began_s > _RUN_S:
            raise SystemExit(f"the run did not end: {run}")
        time.sleep(0.2)
    seconds = time.monotonic() - began_s
    return {
        "run_id": run_id,
        "answers": run["progress"]["done"],
        "passed": run["progress"]["passed"],
        "seconds": round(seconds, 1),
        "answers_per_s": round(run["progress"]["done"] / seconds, 1),
        "memory_before_mb": round(before / 1e6, 1),
        "memory_more_mb": round((most - before) / 1e6, 1),
    }


def timed(api: httpx.Client, path: str, count: int) -> dict[str, Any]:
    """Milliseconds of ``count`` requests, and the size of the answer."""
    times, size = [], 0
    for _ in range(count):
        began_s = time.perf_counter()
        answer = api.get(path)
        times.append((time.perf_counter() - began_s) * 1000.0)
        answer.raise_for_status()
        size = len(answer.content)
    return {**spread(times, 95), "bytes": size}


def measure(count: int, samples: int) -> dict[str, Any]:
    """Two runs of one suite, then their pages."""
    with tempfile.TemporaryDirectory(prefix="groundlane-bench-") as name:
        folder = Path(name)
        config = load_config(None, {"data_dir": name}, environment={})
        suite = keep_suite(config.store_url, count)
        with gateway(folder) as (url, process), httpx.Client(base_url=url, timeout=120) as api:
            api.get("/review/runs").raise_for_status()
            bodies = [
                {
                    "suite": suite,
                    "experiment_name": "bench",
                    "target": {"kind": "recorded", "answers": answers(count, every)},
                }
                for every in (10, 12)
            ]
            runs = [run_once(api, process, {**body, "concurrency": 32}) for body in bodies]
            ids = [run["run_id"] for run in runs]
            pages = {
                "run": f"/review/run?id={ids[0]}",
                "run_last_page": f"/review/run?id={ids[0]}&after=sum-{count - 40:06}:0",
                "progress": f"/review/run/progress?id={ids[0]}",
                "trend": "/review/trend?name=bench",
                "comparison": f"/review/comparison?baseline={ids[0]}&candidate={ids[1]}",
            }
            found = {page: timed(api, path, samples if page != "comparison" else 5) for page, path in pages.items()}
    return {"cases": count, "runs": runs, "pages": found}


def main() -> None:
    """Measure, or serve for the measuring process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.folder)
        return
    figures = {"provenance": provenance(), **measure(options.cases, options.samples)}
    save_figures(figures, options.json)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
