"""What a large job does to interactive traffic: ``python -m benchmarks.jobs [--seconds S] [--json OUT]``.

One server with the real rag lane. First the job alone: rows a second. Then a caller who thinks for a moment between two
requests, with and without a 10,000-row job running, in alternating blocks on the same server; the slow-down is the ratio
of the 95th percentiles, with a 95% bootstrap interval over requests. Between blocks the job is cancelled, and a new one of
the same size begins the next. What the caller feels while such a job is being submitted, which takes seconds, is a figure of
its own.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.provenance import provenance, save_figures
from benchmarks.requests import rag_request
from benchmarks.server import running_server

ROWS = 10_000
AIM_SLOW_DOWN = 1.5
_RESAMPLES = 2_000
_THINK_S = 0.2
_SUBMIT_LIMIT_S = 120.0


def start_job(client: httpx.Client, seed: int) -> str:
    """Queue a job of distinct rows; its id."""
    rows = [rag_request(seed * ROWS + n, chunks=1, sentences=2, answer_sentences=2) for n in range(ROWS)]
    answer = client.post("/api/v1/jobs", json={"lane": "rag", "requests": rows})
    answer.raise_for_status()
    return str(answer.json()["job_id"])


def rows_done(client: httpx.Client, job_id: str) -> int:
    """How many rows have an outcome."""
    return int(client.get(f"/api/v1/jobs/{job_id}").json()["progress"]["done"])


def interactive(
    client: httpx.Client, seconds: float, seed: int, ended: Callable[[], bool] | None = None
) -> list[float]:
    """Milliseconds of each request of one caller in ``seconds``, or until ``ended``."""
    times: list[float] = []
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s and not (ended and ended()):
        body = rag_request(10**9 + seed * 10**6 + len(times), chunks=4)
        started = time.perf_counter()
        client.post("/api/v1/trace/rag", json=body).raise_for_status()
        times.append((time.perf_counter() - started) * 1e3)
        time.sleep(_THINK_S)
    return times


def submitted(client: httpx.Client, seed: int, during: list[float], took_s: list[float]) -> str:
    """The id of a job that is submitted beside the caller; his times go to ``during``, the seconds it took to ``took_s``."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        started = time.monotonic()
        job = thread.submit(start_job, client, seed)
        during += interactive(client, _SUBMIT_LIMIT_S, 1_000 + seed, job.done)
        job_id = job.result()
        took_s.append(time.monotonic() - started)
    return job_id


def percentile(times: Sequence[float], share: float) -> float:
    """An order statistic."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratio_of_p95(with_job: Sequence[float], without: Sequence[float]) -> dict[str, float]:
    """The slow-down and its 95% bootstrap interval."""
    source = random.Random(20_261)
    draws = sorted(
        percentile(source.choices(with_job, k=len(with_job)), 0.95)
        / percentile(source.choices(without, k=len(without)), 0.95)
        for _ in range(_RESAMPLES)
    )
    value = percentile(with_job, 0.95) / percentile(without, 0.95)
    bounds = {"low": draws[int(0.025 * _RESAMPLES)], "high": draws[int(0.975 * _RESAMPLES)]}
    return {name: round(number, 3) for name, number in {"value": value, **bounds}.items()}


def spread(times: Sequence[float]) -> dict[str, float]:
    """n, median and 95th percentile."""
    return {
        "n": len(times),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(percentile(times, 0.95), 1),
    }


def measure(client: httpx.Client, seconds: float, blocks: int) -> dict[str, Any]:
    """All figures."""
    interactive(client, 3.0, 0)
    with_job: list[float] = []
    without: list[float] = []
    during: list[float] = []
    took_s: list[float] = []
    rows_beside = 0
    for block in range(blocks):
        without += interactive(client, seconds, 2 * block + 1)
        job_id = submitted(client, block, during, took_s)
        before = rows_done(client, job_id)
        with_job += interactive(client, seconds, 2 * block + 2)
        rows_beside += rows_done(client, job_id) - before
        client.delete(f"/api/v1/jobs/{job_id}").raise_for_status()
        time.sleep(2.0)
    job_id = start_job(client, blocks)
    time.sleep(2.0)
    before = rows_done(client, job_id)
    time.sleep(seconds)
    alone = (rows_done(client, job_id) - before) / seconds
    client.delete(f"/api/v1/jobs/{job_id}").raise_for_status()
    return {
        "rows": ROWS,
        "think_s": _THINK_S,
        "interactive_alone": spread(without),
        "interactive_beside_a_job": spread(with_job),
        "interactive_beside_a_submission": spread(during) | {"submission_s": round(statistics.median(took_s), 1)},
        "p95_slow_down": ratio_of_p95(with_job, without) | {"aim": AIM_SLOW_DOWN},
        "job_rows_per_s": {"alone": round(alone, 2), "beside_traffic": round(rows_beside / (seconds * blocks), 2)},
    }


def main() -> None:
    """Start a server, measure, print, write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of one block")
    parser.add_argument("--blocks", type=int, default=3, help="pairs of blocks")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    arguments = parser.parse_args()
    with running_server() as (url, _), httpx.Client(base_url=url, timeout=120.0) as client:
        figures = measure(client, arguments.seconds, arguments.blocks) | {"provenance": provenance()}
    print(json.dumps(figures, indent=2))
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
