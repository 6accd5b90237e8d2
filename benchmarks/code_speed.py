"""Speed of the code lane without the encoder: ``python -m benchmarks.code_speed DIR… [--requests N] [--json OUT]``.

The context is 200,000 characters of the source files below each DIR, the response the first 200 lines of one more of its
files. Measured are the first request (the context is parsed), warm requests in this process on one thread (CPU time:
blocks found, parsed and resolved), and warm requests one after another over HTTP against a server of its own: with the whole
context in each, and, alternately, with its ``context_ref``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.provenance import provenance
from benchmarks.server import running_server
from parsers.blocks.fences import find_code
from parsers.syntax.languages import language_of_path
from serving.lanes.code_analysis import CodeAnalyser
from serving.lanes.context_splits import ContextSplits

_CONTEXT_CHARACTERS = 200_000
_RESPONSE_LINES = 200
_WARM_UPS = 10
_ENVIRONMENT = {"GROUNDLANE__LANES__CODE__USE_ENCODER": "false"}


@dataclass(frozen=True)
class Case:
    """One context with a response; ``turn`` makes each request's text its own."""

    language: str
    context: str
    response: str

    def request(self, turn: int) -> dict[str, Any]:
        """The body of request number ``turn``."""
        return {"raw_context": self.context, "response_text": f"{self.response}\nTurn {turn}.\n"}


def make_case(folder: Path) -> Case:
    """Raises SystemExit when the folder holds too little source text."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and language_of_path(path.name)]
    texts = {path: path.read_text("utf-8", errors="replace") for path in files}
    long = [path for path in files if _RESPONSE_LINES <= texts[path].count("\n") <= 3 * _RESPONSE_LINES]
    if not long or sum(map(len, texts.values())) < _CONTEXT_CHARACTERS:
        raise SystemExit(
            f"{folder} needs {_CONTEXT_CHARACTERS} characters of source and a file of {_RESPONSE_LINES} lines"
        )
    answer = long[len(long) // 2]
    language = language_of_path(answer.name) or ""
    parts, size = [], 0
    for path in files:
        if path != answer and size + len(texts[path]) <= _CONTEXT_CHARACTERS and len(texts[path]) < 60_000:
            parts.append(f"# file: {path.relative_to(folder.parent)}\n{texts[path]}\n")
            size += len(texts[path])
    lines = "\n".join(texts[answer].split("\n")[:_RESPONSE_LINES])
    return Case(language, "".join(parts), f"```{language}\n{lines}\n```")


def in_process(case: Case, requests: int) -> dict[str, Any]:
    """CPU milliseconds of this thread."""
    analyser, splits = CodeAnalyser(), ContextSplits()
    times_ms, names = [], 0
    for turn in range(requests + 1):
        response = case.request(turn)["response_text"]
        started_s = time.thread_time()
        files = splits.split("bench", case.context)[0].files
        found = analyser.analyse("bench", response, find_code(response, None), files)
        times_ms.append((time.thread_time() - started_s) * 1000.0)
        names = len(found.findings)
    analyser.close()
    return {"first_ms": round(times_ms[0], 2), "names": names, **percentiles(times_ms[1:])}


def over_http(url: str, case: Case, requests: int) -> dict[str, Any]:
    """Wall-clock milliseconds of requests sent one after another, with the context and with its reference in turn.

    ``lane``: what the lane itself says it took; ``way``: the rest, which is the client, the proxy, the gateway and a handle.
    """
    names = ("whole_context", "context_ref")
    times_ms: dict[str, list[float]] = {name: [] for name in names}
    lane_ms: dict[str, list[float]] = {name: [] for name in names}
    failed, reference = 0, None
    with httpx.Client(base_url=url, timeout=60.0) as client:
        for turn in range(2 * (requests + _WARM_UPS)):
            name = names[turn % 2]
            body = case.request(turn)
            if name == "context_ref" and reference is not None:
                body = {"context_ref": reference, "response_text": body["response_text"]}
            started_s = time.perf_counter()
            answer = client.post("/api/v1/trace/code", json=body)
            times_ms[name].append((time.perf_counter() - started_s) * 1000.0)
            failed += answer.status_code != 200
            if answer.status_code == 200:
                reference = answer.json()["context_ref"]
                lane_ms[name].append(float(answer.json()["latency_ms"]))
    found: dict[str, Any] = {"first_ms": round(times_ms[names[0]][0], 2), "failed": failed}
    for name in names:
        whole, lane = times_ms[name][_WARM_UPS:], lane_ms[name][_WARM_UPS:]
        way = [total - inside for total, inside in zip(whole, lane, strict=True)] if len(whole) == len(lane) else []
        found[name] = {
            **percentiles(whole),
            "lane": percentiles(lane) if lane else None,
            "way": percentiles(way) if way else None,
        }
    return found


def percentiles(times_ms: Sequence[float]) -> dict[str, Any]:
    """p50, p95 with an interval by order statistics (95%), and n."""
    ranked = np.sort(np.array(times_ms))
    n = len(ranked)
    spread = 1.96 * (n * 0.95 * 0.05) ** 0.5
    low, high = int(max(n * 0.95 - spread, 0)), int(min(n * 0.95 + spread, n - 1))
    return {
        "n": n,
        "p50_ms": round(float(np.median(ranked)), 2),
        "p95_ms": round(float(np.percentile(ranked, 95)), 2),
        "p95_interval_ms": [round(float(ranked[low]), 2), round(float(ranked[high]), 2)],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code_speed", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="OUT")
    parser.add_argument("--no-http", action="store_true", help="only the part in this process")
    options = parser.parse_args(arguments)
    cases = {folder.name: make_case(folder) for folder in options.folders}
    found: dict[str, Any] = {}
    for name, case in cases.items():
        sizes = {"language": case.language, "context_characters": len(case.context)}
        found[name] = {**sizes, "compute": in_process(case, options.requests)}
    if not options.no_http:
        with running_server(environment=_ENVIRONMENT) as (url, _):
            for name, case in cases.items():
                found[name]["http"] = over_http(url, case, options.requests)
    result = {"cases": found, "provenance": provenance()}
    text = json.dumps(result, indent=1)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
