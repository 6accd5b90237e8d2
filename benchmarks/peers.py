"""Other servers on the same machine, weights and texts: ``python -m benchmarks.peers --environments DIR [--json OUT]``.

Encoding alone, because that is what the others do: one text of some 125 tokens a request, its mean-pooled vector as the
answer, all-MiniLM-L6-v2 as bundled, at concurrency 1, 8 and 32. The reference, our encoder under uvicorn, runs in turns
with each other server, and a ratio's interval comes from the rounds. Ours computes in the precision that it chooses for the
machine (the result names it) and once in fp32, as the others do. Ours pools normalised vectors without [CLS] and [SEP], the
others raw ones with both, so the cosine between the two answers (in the result) is near 1, not 1.

``DIR`` holds one virtual environment for each peer; one that is missing is left out and named:

    python -m venv DIR/fastapi && DIR/fastapi/bin/pip install torch==2.13.0 fastapi uvicorn sentence-transformers
    python -m venv DIR/litserve && DIR/litserve/bin/pip install torch==2.13.0 litserve sentence-transformers
    python -m venv DIR/lettucedetect && DIR/lettucedetect/bin/pip install torch==2.13.0 lettucedetect
    python -m venv DIR/infinity && DIR/infinity/bin/pip install torch==2.13.0 "infinity-emb[server,torch]"
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import psutil

from benchmarks.provenance import provenance
from benchmarks.requests import rag_request, sentence
from benchmarks.serve_options import free_port
from models.weights import BUNDLED_SOURCE, locate
from serving.api.schemas import RagRequest
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane

REFERENCE = "groundlane, uvicorn"
_ON_RAY = "groundlane, Ray Serve"
CONCURRENCY = {1: 20, 8: 48, 32: 96}
"""Requests of one round, by concurrency."""
_SCRIPTS = Path(__file__).parent / "peer_servers"
_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 60.0
Command = Callable[[Path, str, int], list[str]]


def _ours(kind: str) -> Command:
    source = "from benchmarks.peer_servers.ours import main; main({kind!r}, {port})"
    return lambda folder, model, port: [sys.executable, "-c", source.format(kind=kind, port=port)]


def _script(name: str) -> Command:
    return lambda folder, model, port: [
        str(folder / name / "bin" / "python"),
        str(_SCRIPTS / f"with_{name}.py"),
        model,
        str(port),
    ]


def _infinity(folder: Path, model: str, port: int) -> list[str]:
    options = {"model-id": model, "engine": "torch", "device": "cpu", "dtype": "float32", "host": "127.0.0.1"}
    options |= {"port": str(port), "batch-size": "32", "log-level": "error"}
    flags = ["--no-model-warmup", "--no-bettertransformer"]
    arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
    return [str(folder / "infinity" / "bin" / "infinity_emb"), "v2", *arguments, *flags]


SERVERS: dict[str, Command] = {
    REFERENCE: _ours("plain"),
    "groundlane fp32, uvicorn": _ours("plain-fp32"),
    _ON_RAY: _ours("serve"),
    "FastAPI + sentence-transformers": _script("fastapi"),
    "LitServe + sentence-transformers": _script("litserve"),
    "infinity-emb": _infinity,
}


def texts(numbers: Iterator[int]) -> Iterator[bytes]:
    """Bodies of requests of one text each; no two texts are equal."""
    for number in numbers:
        generator = random.Random(number)
        text = " ".join(sentence(generator) for _ in range(4))
        yield json.dumps({"input": [text], "model": "default"}).encode()


def send(connection: http.client.HTTPConnection, body: bytes) -> tuple[float, list[float]]:
    """(seconds until the answer was read, the vector); anything but 384 numbers ends the run."""
    begun = time.perf_counter()
    connection.request("POST", "/embeddings", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    elapsed_s = time.perf_counter() - begun
    vectors = content.get("embeddings") or [row["embedding"] for row in content.get("data", [])]
    if answer.status != 200 or len(vectors[0]) != 384:
        raise SystemExit(f"status {answer.status}: {str(content)[:300]}")
    return elapsed_s, vectors[0]


def cosine_between(port: int, other: int) -> float:
    """Of two servers' vectors of one text: whether both do the same work."""
    body = next(texts(iter([0])))
    first, second = (
        np.array(send(http.client.HTTPConnection("127.0.0.1", at, timeout=60.0), body)[1]) for at in (port, other)
    )
    return round(float(first @ second / np.linalg.norm(first) / np.linalg.norm(second)), 5)


def one_round(port: int, concurrency: int, total: int, bodies: Iterator[bytes]) -> tuple[float, list[float]]:
    """(requests a second, milliseconds of each request), closed loop."""
    shares = [[next(bodies) for _ in range(total // concurrency)] for _ in range(concurrency)]

    def work(share: list[bytes]) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120.0)
        return [send(connection, body)[0] * 1000.0 for body in share]

    begun = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        taken = [value for values in pool.map(work, shares) for value in values]
    return len(taken) / (time.perf_counter() - begun), taken


@contextmanager
def running(name: str, folder: Path, ends_with_input: bool = False) -> Iterator[int]:
    """The port of a server of :data:`SERVERS` that answers."""
    port = free_port()
    command = SERVERS[name](folder, str(locate("all-MiniLM-L6-v2", BUNDLED_SOURCE)), port)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(process, port)
        yield port
    finally:
        assert process.stdin is not None
        process.stdin.close()  # Ray's server ends with its input, in order; the others are told by signal
        if not ends_with_input:
            _end(psutil.Process(process.pid))
        process.wait(timeout=_STOP_LIMIT_S)


def _end(process: psutil.Process) -> None:
    """A server and its workers; one that ignores the signal is killed."""
    whole = [process, *process.children(recursive=True)]
    for one in whole:
        one.terminate()
    _, left = psutil.wait_procs(whole, timeout=5.0)
    for one in left:
        one.kill()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    body = next(texts(iter([0])))
    until_s = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < until_s:
        if process.poll() is not None:
            raise SystemExit(f"the server ended with exit code {process.returncode}")
        try:
            send(http.client.HTTPConnection("127.0.0.1", port, timeout=60.0), body)
            return
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.2)
    raise SystemExit("the server did not answer in time")


def compare(name: str, folder: Path, reference_port: int, rounds: int, bodies: Iterator[bytes]) -> dict[str, Any]:
    """One server against the reference, in turns; the first round of each is not counted."""
    rates: dict[int, list[tuple[float, float]]] = {concurrency: [] for concurrency in CONCURRENCY}
    taken: dict[int, list[float]] = {concurrency: [] for concurrency in CONCURRENCY}
    with running(name, folder, ends_with_input=name == _ON_RAY) as port:
        cosine = cosine_between(port, reference_port)
        for turn in range(rounds + 1):
            for concurrency, total in CONCURRENCY.items():
                theirs, milliseconds = one_round(port, concurrency, total, bodies)
                ours, _ = one_round(reference_port, concurrency, total, bodies)
                if turn:
                    rates[concurrency].append((theirs, ours))
                    taken[concurrency] += milliseconds
    found = {f"c{concurrency}": summary(rates[concurrency], taken[concurrency]) for concurrency in CONCURRENCY}
    return {"cosine_to_reference": cosine, **found}


def summary(rates: list[tuple[float, float]], milliseconds: list[float]) -> dict[str, Any]:
    """Throughput, latency, and the reference's throughput over this server's with a 95% interval from the rounds."""
    pairs = np.array(rates)
    drawn = np.random.default_rng(7).integers(0, len(pairs), (2000, len(pairs)))
    sums = pairs[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 1] / sums[:, 0], [2.5, 97.5])
    return {
        "n": len(milliseconds),
        "requests_per_s": round(float(pairs[:, 0].mean()), 1),
        "p50_ms": round(float(np.median(milliseconds)), 1),
        "p95_ms": round(float(np.percentile(milliseconds, 95)), 1),
        "reference_over_this": {
            "value": round(float(pairs[:, 1].sum() / pairs[:, 0].sum()), 3),
            "low": round(float(low), 3),
            "high": round(float(high), 3),
        },
    }


def beside_lettucedetect(folder: Path, total: int) -> dict[str, Any]:
    """Milliseconds of whole requests, in turns: lettucedetect's forward with random weights, and our lane in this process.

    1,000 tokens of context in 8 chunks, an answer of 150, a question; the verifier is as configured (the result names it).
    """
    requests = [rag_request(number) for number in range(1, total + 2)]
    config = load_config()
    lane = local_rag_lane(config)
    command = [str(lettucedetect(folder)), str(_SCRIPTS / "lettucedetect_forward.py")]
    command.append(str(locate("all-MiniLM-L6-v2", BUNDLED_SOURCE)))
    theirs, ours = [], []
    with (
        asyncio.Runner() as runner,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        about = json.loads(process.stdout.readline() or "{}")
        if not about:
            raise SystemExit(
                "lettucedetect's forward did not start; run benchmarks/peer_servers/lettucedetect_forward.py"
            )
        for number, request in enumerate(requests):
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            theirs.append(float(process.stdout.readline()))
            begun = time.perf_counter()
            asked = RagRequest.model_validate(request).lane_input(str(number), "benchmark", 600.0)
            runner.run(lane.score(asked))
            ours.append((time.perf_counter() - begun) * 1000.0)
    lane.close()
    ratios = np.array(theirs[1:]) / np.array(ours[1:])
    return {
        "n": total,
        "lettucedetect_p50_ms": round(float(np.median(theirs[1:])), 1),
        "lettucedetect_min_ms": round(min(theirs[1:]), 1),
        **about,
        "groundlane_p50_ms": round(float(np.median(ours[1:])), 1),
        "groundlane_min_ms": round(min(ours[1:]), 1),
        "verifier": None if config.verifier is None else config.verifier.source,
        "lettucedetect_over_groundlane": bootstrap(lambda rows: float(np.median(ratios[rows])), total),
    }


def lettucedetect(folder: Path) -> Path:
    """The Python of its environment, which need not be there."""
    return folder / "lettucedetect" / "bin" / "python"


def bootstrap(statistic: Callable[[Any], float], total: int) -> dict[str, float]:
    """A statistic of row numbers with a 95% interval."""
    drawn = np.random.default_rng(7).integers(0, total, (1000, total))
    low, high = np.percentile([statistic(rows) for rows in drawn], [2.5, 97.5])
    values = {"value": statistic(np.arange(total)), "low": float(low), "high": float(high)}
    return {name: round(value, 2) for name, value in values.items()}


def present(folder: Path, name: str) -> bool:
    """Whether a server's environment is there; ours needs none."""
    return Path(SERVERS[name](folder, "", 0)[0]).exists()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--environments", type=Path, required=True, help="folder of the peers' environments")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each server")
    parser.add_argument("--only", nargs="*", help="names of servers; every one without it")
    parser.add_argument("--json", type=Path, help="write the result here; servers it holds already are kept")
    parser.add_argument("--lettucedetect", type=int, default=0, help="requests to compare with lettucedetect; 0: none")
    arguments = parser.parse_args()
    bodies = texts(count(1))
    held = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.exists() else {}
    found: dict[str, Any] = held.get("servers", {})
    chosen = [name for name in arguments.only or SERVERS if name != REFERENCE]
    missing = [name for name in chosen if not present(arguments.environments, name)]
    if arguments.lettucedetect and not lettucedetect(arguments.environments).exists():
        missing.append("lettucedetect")
    for name in missing:
        print(f"left out: {name} (no environment below {arguments.environments}, see --help)")
    with running(REFERENCE, arguments.environments) as port:
        for name in chosen:
            if name not in missing:
                found[name] = compare(name, arguments.environments, port, arguments.rounds, bodies)
                write(arguments.json, {**held, "servers": found})
    result = {**held, "reference": REFERENCE, "servers": found, "left_out": missing, **provenance()}
    if arguments.lettucedetect and "lettucedetect" not in missing:
        result["lettucedetect"] = beside_lettucedetect(arguments.environments, arguments.lettucedetect)
    write(arguments.json, result)
    print(json.dumps(result, indent=1))


def write(path: Path | None, result: dict[str, Any]) -> None:
    """The result so far: a run takes minutes, and one server that fails should not cost the others."""
    if path:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
