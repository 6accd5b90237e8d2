"""The audit log: what a line costs, how fast and in how much memory logs are read, what a shadow does to live latency.

    python -m benchmarks.audit --json benchmarks/results/audit.json
    python -m benchmarks.audit --shadow --json benchmarks/results/audit_shadow.json

Reading: a log of made-up lines with the fields, vocabularies and sizes of real ones. The trivial baseline is `orjson.loads` of
every line and nothing more. Shadow: one gateway in this process on the bundled models; blocks of requests with and without a
candidate take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks.provenance import provenance
from scoring.audit.clusters import Thresholds
from scoring.audit.summary import Groups
from serving.api.audit_facts import AuditFacts, FormatSignals, Provenance, VersionHashes
from serving.api.scored import ScoredRequest
from serving.api.times import timestamp
from serving.audit.files import DailyFiles
from serving.audit.line import audit_line
from serving.audit.log import AuditLog
from serving.audit.reading import Reader, read_decisions
from serving.audit.summaries import find_candidates, summarise

START_MS = 1_796_000_000_000
HASHES = [f"{number:064x}" for number in (11, 12, 13, 14)]
CODES = ("low_support", "literal_missing", "other_value", "verifier_contradicts", "unmatched")
FILES = 8
_DIFFERENT = 20_000


def made_requests(count: int, seed: int = 1) -> Iterator[ScoredRequest]:
    """Requests over the vocabularies of real ones; the calibration changes halfway."""
    draw = random.Random(seed)
    for number in range(count):
        band = draw.choices(("green", "amber", "red", "unknown"), (6, 3, 2, 1))[0]
        calibration = HASHES[1] if number < count // 2 else HASHES[2]
        facts = AuditFacts(
            score=round(draw.random(), 4),
            reason_codes=(
                f"{'between_cuts' if band == 'amber' else band + '_cut'}",
                *draw.sample(CODES, draw.randint(0, 2)),
            ),
            hashes=VersionHashes(HASHES[0], "defaults", calibration, HASHES[2], HASHES[3]),
            cut_distance=round(draw.random() / 2, 4),
            second_distance=round(draw.random(), 4),
            artifact="rag-verified-2026-11-27",
            verifier=draw.choice(("used", "not_needed")),
            stratum="overall",
            deciding_unit_index=draw.randint(0, 9),
            deciding_unit_sha256=f"{draw.getrandbits(256):064x}",
            format=FormatSignals(
                draw.randint(1, 40), draw.randint(100, 9000), draw.randint(10, 900), draw.random() < 0.1, False, "en"
            ),
        )
        phases = {name: draw.random() * 30 for name in ("segment", "text", "align_wait", "verify", "decide", "lane")}
        lane, latency_ms = draw.choice(("rag", "rag", "code")), draw.lognormvariate(4, 1)
        tokens = {"context": 700, "context_cached": 350, "response": 60}
        seen = {"band": band, "phases_ms": phases, "tokens": tokens, "facts": facts}
        yield ScoredRequest(f"{draw.getrandbits(128):032x}", "tenant", lane, "live", 200, latency_ms, **seen)


def write_logs(folder: Path, count: int) -> list[Path]:
    """``FILES`` files of several gateways, a line every 100 ms: 20,000 lines over and over, each with its own time and id."""
    known = Provenance(HASHES[0], "defaults")
    made = [orjson.dumps(audit_line(request, START_MS, known)) for request in made_requests(min(count, _DIFFERENT))]
    paths = [folder / f"gateway-{number}.jsonl" for number in range(FILES)]
    files = [path.open("wb") for path in paths]
    draw = random.Random(2)
    for number in range(count):
        line = made[number % len(made)]
        time_ms, request = timestamp(START_MS + 100 * number), f"{draw.getrandbits(128):032x}"
        files[number % FILES].write(line[:20] + time_ms.encode() + line[44:57] + request.encode() + line[89:] + b"\n")
    for file in files:
        file.close()
    return paths


def measure_reading(count: int) -> dict[str, Any]:
    """Lines a second and memory of every reader, on ``count`` lines."""
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as name:
        paths = write_logs(Path(name), count)
        size = sum(path.stat().st_size for path in paths)
        found: dict[str, Any] = {"lines": count, "bytes": size, "files": FILES}
        before = process.memory_info().rss
        readers = {
            "orjson alone": lambda: sum(1 for path in paths for raw in path.open("rb") if orjson.loads(raw)),
            "read": lambda: sum(1 for _ in read_decisions(paths, Reader(Groups()))),
            "summary, one process": lambda: summarise(paths, None, 0.05, 1),
            "summary": lambda: summarise(paths, None, 0.05),
            "summary of the last 60 minutes": lambda: summarise(paths, 60.0, 0.05),
            "candidates": lambda: find_candidates(paths, None, Thresholds(), {}, 3),
        }
        for reader, run in readers.items():
            wall_s, cpu_s = time.perf_counter(), _cpu_s()
            run()
            wall_s, cpu_s = time.perf_counter() - wall_s, _cpu_s() - cpu_s
            found[reader] = {"lines_per_s": round(count / wall_s), "lines_per_cpu_s": round(count / cpu_s)}
        found["memory_growth_bytes"] = process.memory_info().rss - before
    return found


def _cpu_s() -> float:
    """Processor time of this process and of those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure_telling(count: int) -> dict[str, Any]:
    """What one request pays for its line, and what the thread that writes it pays."""
    requests = list(made_requests(count))
    with tempfile.TemporaryDirectory() as name:
        log = AuditLog(DailyFiles(Path(name), "bench", 1 << 30, 30), Provenance(), lambda: START_MS, count + 1)
        costs = []
        started_s, cpu_s = time.perf_counter(), time.process_time()
        for request in requests:
            before_s = time.perf_counter()
            log.scored(request, None)
            costs.append(time.perf_counter() - before_s)
        log.close()
        wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
        ordered = sorted(costs)
        return {
            "lines": count,
            "written": log.counts.written,
            "request_us_p50": round(ordered[count // 2] * 1e6, 2),
            "request_us_p99": round(ordered[int(count * 0.99)] * 1e6, 2),
            "written_per_s": round(count / wall_s),
            "cpu_us_per_line": round(cpu_s / count * 1e6, 1),
        }


QUESTIONS = ("The bridge opened in {year}.", "It is {year} metres long.", "Clara Hoffmann designed it in {year}.")
CONTEXT = (
    "The Lindau Bridge opened on 4 May 1932 after six years of construction. It is 1,149 metres long and carries eight lanes of "
    "road traffic. The bridge was designed by the engineer Clara Hoffmann. "
)


async def measure_shadow(blocks: int, requests: int, pause_s: float, share: float) -> dict[str, Any]:
    """Median latency with a shadow over that without, by pairs of blocks; a paired bootstrap gives the interval."""
    from serving.config.load import load_config
    from serving.lanes.factory import alignment_service, verification_service

    base = load_config(environment={})
    aligner, verifier = alignment_service(base), verification_service(base)
    latencies: dict[str, list[list[float]]] = {"with": [], "without": []}
    scored = 0
    with tempfile.TemporaryDirectory() as name:
        async with (
            _client(Path(name) / "a", aligner, verifier, share) as with_shadow,
            _client(Path(name) / "b", aligner, verifier, None) as without,
        ):
            clients = {"with": with_shadow, "without": without}
            await _block(with_shadow, requests, pause_s, -1)
            for block in range(blocks):
                for which in ("with", "without") if block % 2 == 0 else ("without", "with"):
                    latencies[which].append(await _block(clients[which], requests, pause_s, block))
            answer = await with_shadow.get("/api/v1/counters")
            scored = answer.json()["counters"]["audit"]["shadow"]["scored"]
    ratios = [
        statistics.median(a) / statistics.median(b)
        for a, b in zip(latencies["with"], latencies["without"], strict=True)
    ]
    draw = random.Random(1)
    means = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(2000))
    pooled = {which: [value for block in values for value in block] for which, values in latencies.items()}
    return {
        "share": share,
        "blocks": blocks,
        "requests_per_block": requests,
        "pause_s": pause_s,
        "candidate_scored": scored,
        "median_ms": {which: round(statistics.median(values) * 1000, 2) for which, values in pooled.items()},
        "ratio_of_medians": round(statistics.median(ratios), 4),
        "ratio_95": [round(means[50], 4), round(means[1949], 4)],
        "ratio_pooled": round(statistics.median(pooled["with"]) / statistics.median(pooled["without"]), 4),
    }


async def _block(client: Any, requests: int, pause_s: float, block: int) -> list[float]:
    """Latencies of requests that differ from one another, one after the other with a pause, as a person's traffic."""
    found = []
    for number in range(requests):
        text = QUESTIONS[number % len(QUESTIONS)].format(year=1000 + (block * requests + number) % 900)
        body = {
            "response_text": text,
            "raw_context": f"{CONTEXT} Note {block}-{number}.",
            "request_id": f"{block}-{number}",
        }
        before_s = time.perf_counter()
        answer = await client.post("/api/v1/trace/rag", json=body)
        found.append(time.perf_counter() - before_s)
        answer.raise_for_status()
        await asyncio.sleep(pause_s)
    return found


@asynccontextmanager
async def _client(folder: Path, aligner: Any, verifier: Any, share: float | None) -> AsyncIterator[Any]:
    import httpx

    from serving.audit.shadow import candidate_config
    from serving.config.load import load_config
    from serving.http.gateway import create_app
    from serving.lanes.dispatch import Lanes
    from serving.lanes.factory import code_lane, rag_lane
    from serving.lanes.rollup import RollupLane
    from serving.ray.handles import LocalLane

    async def ready() -> None:
        return None

    shadow = {} if share is None else {"audit.shadow": {"share": share, "bands": {"green_precision": 0.95}}}
    limits = {"limits.burst": 100_000, "limits.requests_per_minute": 1_000_000, "observability.log_level": "error"}
    config = load_config(None, {"data_dir": str(folder), **limits, **shadow}, environment={})
    rag = rag_lane(config, {"minilm": aligner}, verifier)
    code = code_lane(config, rag)
    candidate = candidate_config(config)
    rollup: Any = RollupLane()
    rollup.ready = ready
    lanes = Lanes(rag=LocalLane(rag, ready), code=LocalLane(code, ready), rollup=rollup)  # type: ignore[arg-type]
    lane = None if candidate is None else rag_lane(candidate, {"minilm": aligner}, verifier)
    app = create_app(config, lanes, {"minilm": aligner}, candidate=lane)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://b") as client:
        yield client
    code.close()


def main() -> None:
    """Measure and print; ``--json`` keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--shadow", action="store_true")
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--requests", type=int, default=25)
    parser.add_argument("--pause-s", type=float, default=0.1)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.shadow:
        found = {
            "shadow": asyncio.run(measure_shadow(options.blocks, options.requests, options.pause_s, options.share))
        }
    else:
        found = {"telling": measure_telling(20_000), "reading": measure_reading(options.lines)}
    document = {**found, "provenance": provenance()}
    print(json.dumps(document, indent=2))
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
