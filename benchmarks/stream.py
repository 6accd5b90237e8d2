"""From a sentence's end to its verdict while an answer is written: ``python -m benchmarks.stream ROWS [--json OUT]``.

ROWS: labelled answers (JSON lines, see ``benchmarks.rows``). Each answer is sent sentence by sentence, with the letter of the
next one that makes the sentence whole, and the next sentence waits for the verdict, as with a model that is slower than the
server. Beside it stands the verifier's own pass, measured in its replica in the same calls; and the trivial way: the text so
far, sent whole to ``POST /trace/rag`` after each sentence. Without ``--url`` it starts a server of its own and ends it; with
``--without-ray`` that is the gateway with lane and models in one process of its own, without Ray's proxy and hops.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from websockets.sync.client import ClientConnection, connect

from benchmarks.provenance import provenance, save_figures
from benchmarks.rows import Row, file_digest, read_rows
from benchmarks.serve_options import free_port
from benchmarks.server import running_server
from scoring.segmentation import SentenceReader, sentence_spans

_PATH = "/api/v1/trace/rag"
_WARM_ANSWERS = 2
_LIMIT_S = 120.0
_START_LIMIT_S = 300.0


@dataclass
class Seen:
    """Milliseconds by sentence, and how verdicts and scores fared."""

    verdict_ms: list[float] = field(default_factory=list)
    verifier_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    claims: int = 0
    revised: int = 0
    answers: int = 0
    equal: int = 0


def pieces(answer: str) -> Iterator[str]:
    """The answer cut behind the character that makes each sentence whole; the last piece has no such character."""
    reader, first = SentenceReader(), 0
    for at, character in enumerate(answer):
        if reader.feed(character):
            yield answer[first : at + 1]
            first = at + 1
    yield answer[first:]


def stream_answer(url: str, row: Row, seen: Seen, http: httpx.Client) -> None:
    """Send one answer; every sentence but the last, which ends with the answer, is timed."""
    start = {"type": "start", "raw_context": row.context, "verbose": True}
    start |= {"query_text": row.question} if row.question else {}
    parts = list(pieces(row.response))
    with connect(url.replace("http", "ws") + _PATH + "/stream", max_size=None) as socket:
        socket.send(json.dumps(start))
        _next(socket, "started")
        for part in parts[:-1]:
            socket.send(json.dumps({"type": "text", "text": part}))
            begun = time.perf_counter()
            judged, claims = _next(socket, "judged")
            if claims:
                seen.verdict_ms.append((time.perf_counter() - begun) * 1000.0)
                seen.verifier_ms.append(judged["phases_ms"].get("judge", 0.0))
        socket.send(json.dumps({"type": "text", "text": parts[-1]}))
        socket.send(json.dumps({"type": "end"}))
        result, _ = _next(socket, "result")
    whole = _post(http, row, row.response)
    seen.answers += 1
    seen.equal += result["result"]["score"] == whole["score"]
    seen.claims += len(whole["claims"])
    seen.revised += len(result["revised"])


def score_so_far(row: Row, seen: Seen, http: httpx.Client) -> None:
    """The trivial way: the text so far, scored whole after each sentence but the last."""
    for _, end in sentence_spans(row.response)[:-1]:
        begun = time.perf_counter()
        _post(http, row, row.response[:end])
        seen.whole_ms.append((time.perf_counter() - begun) * 1000.0)


def _post(http: httpx.Client, row: Row, response: str) -> dict[str, Any]:
    body = {"raw_context": row.context, "response_text": response} | (
        {"query_text": row.question} if row.question else {}
    )
    answer = http.post(_PATH, json=body)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def _next(socket: ClientConnection, kind: str) -> tuple[dict[str, Any], int]:
    """The next message of a kind, and how many claims came before it."""
    claims = 0
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=_LIMIT_S))
        if message["type"] == "error":
            raise SystemExit(f"the server refused: {message['message']}")
        if message["type"] == kind:
            return message, claims
        claims += message["type"] == "claim"


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Median with its 95% bootstrap interval, and the 95th percentile, in milliseconds."""
    data = np.asarray(values)
    generator = np.random.default_rng(7)
    medians = np.median(generator.choice(data, (1000, len(data))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return {
        "n": len(data),
        "p50_ms": round(float(np.median(data)), 1),
        "p50_low_ms": round(float(low), 1),
        "p50_high_ms": round(float(high), 1),
        "p95_ms": round(float(np.percentile(data, 95)), 1),
    }


def measure(url: str, rows: Sequence[Row]) -> dict[str, Any]:
    """All figures of these answers; the first ones warm the server."""
    seen = Seen()
    with httpx.Client(base_url=url, timeout=_LIMIT_S) as http:
        for number, row in enumerate(rows):
            kept = seen if number >= _WARM_ANSWERS else Seen()
            stream_answer(url, row, kept, http)
        for row in rows[_WARM_ANSWERS:]:
            score_so_far(row, seen, http)
    asked = [pair for pair in zip(seen.verdict_ms, seen.verifier_ms, strict=True) if pair[1] > 0]
    return {
        "verdict": percentiles(seen.verdict_ms),
        "verdict_of_asked": percentiles([total for total, _ in asked]),
        "verifier_pass_of_asked": percentiles([own for _, own in asked]),
        "beyond_the_verifier_of_asked": percentiles([total - own for total, own in asked]),
        "beyond_the_verifier": percentiles([a - b for a, b in zip(seen.verdict_ms, seen.verifier_ms, strict=True)]),
        "trivial_whole_text_each_sentence": percentiles(seen.whole_ms),
        "answers": seen.answers,
        "final_score_equal": seen.equal,
        "claims": seen.claims,
        "claims_revised_at_the_end": seen.revised,
    }


@contextmanager
def gateway_alone() -> Iterator[tuple[str, float]]:
    """(base URL, seconds from start to ready) of a gateway without Ray, in a process of its own."""
    port, started_s = free_port(), time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.stream", "--serve", str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None and time.monotonic() - started_s < _START_LIMIT_S:
            try:
                httpx.get(f"{url}/healthz", timeout=5.0).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield url, time.monotonic() - started_s
    finally:
        process.terminate()
        process.wait(timeout=60)


def serve_alone(port: int) -> None:
    """The gateway with the rag lane in this process; the other lanes are not asked."""
    import uvicorn

    from serving.config.load import load_config
    from serving.http.gateway import create_app
    from serving.lanes.dispatch import Lanes
    from serving.lanes.factory import local_rag_lane

    with tempfile.TemporaryDirectory() as folder:
        limits = {"limits.requests_per_minute": 10_000_000, "limits.burst": 10_000_000}
        config = load_config(
            overrides={"data_dir": folder, "observability.log_level": "error", **limits}, environment={}
        )
        lane: Any = local_rag_lane(config)
        app = create_app(config, Lanes(rag=lane, code=lane, rollup=lane))
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, nargs="?")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--without-ray", action="store_true")
    parser.add_argument("--url", help="a running server; its own otherwise")
    parser.add_argument("--answers", type=int, default=30)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        serve_alone(arguments.serve)
        return
    if arguments.rows is None:
        parser.error("ROWS: name a file of labelled answers")
    rows = [row for row in read_rows(arguments.rows, "dev") if len(sentence_spans(row.response)) > 2]
    chosen = random.Random(11).sample(rows, arguments.answers + _WARM_ANSWERS)
    own = gateway_alone if arguments.without_ray else running_server
    with nullcontext((arguments.url, 0.0)) if arguments.url else own() as (url, _):
        figures = measure(url, chosen)
    figures |= {
        "ray": not arguments.without_ray,
        "rows": {"sha256": file_digest(arguments.rows), "split": "dev"},
        "provenance": provenance(),
    }
    print(json.dumps(figures, indent=2))
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
