"""What stored chunks save: ``python -m benchmarks.chunks [--requests N] [--json OUT]``.

Requests of one shape, 8 context units of some 125 tokens and an answer of some 150, over HTTP, one at a time, in three ways
that take turns: the context in the request and never seen before (``raw``), the context in the request and scored before with
another answer, so that the encoder's cache has it (``raw_again``), and the context stored as chunks and named by
``chunk_ids`` (``chunks``). Every request's texts are its own, so nothing else is in a cache. The ratio is that of the
medians, with a 95% bootstrap interval over rounds. One server with the default verifier and one without, for the verifier's
work is the same either way. Beside it, what keeping vectors in half precision does to the score: the same request with its
context in the request and with its chunks.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from benchmarks.provenance import provenance, save_figures
from benchmarks.requests import rag_request
from benchmarks.server import running_server
from benchmarks.turns import spread

WAYS = ("raw", "raw_again", "chunks")
CONFIGURATIONS: Mapping[str, Mapping[str, Any] | None] = {"verifier": None, "no_verifier": {"verifier": None}}
_RESAMPLES = 2_000
_WARM_UP = 3
_Answer = tuple[float, dict[str, Any]]


def score(client: httpx.Client, body: Mapping[str, Any]) -> _Answer:
    """Milliseconds until the answer, and the answer."""
    started = time.perf_counter()
    answer = client.post("/api/v1/trace/rag", json={**body, "verbose": True})
    elapsed_ms = (time.perf_counter() - started) * 1e3
    answer.raise_for_status()
    return elapsed_ms, answer.json()


def store_chunks(client: httpx.Client, number: int, units: Sequence[Mapping[str, str]]) -> tuple[list[str], float]:
    """Store a request's units; their ids, and the milliseconds it took."""
    chunks = [{"chunk_id": f"{number}-{unit['source_id']}", "text": unit["text"]} for unit in units]
    started = time.perf_counter()
    client.put("/api/v1/trace/chunks", json=chunks).raise_for_status()
    return [chunk["chunk_id"] for chunk in chunks], (time.perf_counter() - started) * 1e3


@dataclass(frozen=True)
class Round:
    """One request in each way; ``store_ms``: storing the chunks; ``difference``: of the score of the same texts as raw."""

    answers: Mapping[str, _Answer]
    store_ms: float
    difference: float


def one_round(client: httpx.Client, numbers: count[int], order: Sequence[str]) -> Round:
    """One request in each way, in ``order``."""
    bodies = {way: rag_request(next(numbers)) for way in WAYS}
    score(client, {**bodies["raw_again"], "response_text": rag_request(next(numbers))["response_text"]})
    units = bodies["chunks"].pop("support_units")
    bodies["chunks"]["chunk_ids"], store_ms = store_chunks(client, next(numbers), units)
    answers = {way: score(client, bodies[way]) for way in order}
    stored = bodies["chunks"]
    _, raw = score(client, {"support_units": units, **{k: v for k, v in stored.items() if k != "chunk_ids"}})
    return Round(answers, store_ms, abs(answers["chunks"][1]["score"] - raw["score"]))


def ratio_of_medians(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Median of ``ours`` over that of ``theirs``, both of the same rounds, with a 95% bootstrap interval over rounds."""
    source = random.Random(20_261)
    pairs = list(zip(ours, theirs, strict=True))

    def ratio(drawn: Sequence[tuple[float, float]]) -> float:
        return statistics.median(one for one, _ in drawn) / statistics.median(other for _, other in drawn)

    draws = sorted(ratio(source.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES))
    bounds = {"low": draws[int(0.025 * _RESAMPLES)], "high": draws[int(0.975 * _RESAMPLES)]}
    return {name: round(number, 3) for name, number in {"value": ratio(pairs), **bounds}.items()}


def measure(client: httpx.Client, rounds: int, numbers: count[int]) -> dict[str, Any]:
    """All figures of one server; the ways take turns at being first."""
    for _ in range(_WARM_UP):
        one_round(client, numbers, WAYS)
    seen: dict[str, list[_Answer]] = {way: [] for way in WAYS}
    done: list[Round] = []
    for turn in range(rounds):
        first = turn % len(WAYS)
        done.append(one_round(client, numbers, [*WAYS[first:], *WAYS[:first]]))
        for way, answer in done[-1].answers.items():
            seen[way].append(answer)
    differences = [one.difference for one in done]
    times = {way: [elapsed_ms for elapsed_ms, _ in answers] for way, answers in seen.items()}
    return {
        **{way: spread(times[way], 95, 1) | _inside(seen[way]) for way in WAYS},
        "store_eight_chunks": spread([one.store_ms for one in done], 95, 1),
        "score_difference": {"mean": round(statistics.mean(differences), 5), "max": round(max(differences), 5)},
        "chunks_over_raw": ratio_of_medians(times["chunks"], times["raw"]),
        "chunks_over_raw_again": ratio_of_medians(times["chunks"], times["raw_again"]),
    }


def _inside(answers: Sequence[_Answer]) -> dict[str, float]:
    """Medians of what the answers say of themselves: time in the encoder, tokens that needed none of it."""
    about = [answer["diagnostics"] for _, answer in answers]
    return {
        "encode_p50_ms": round(statistics.median(one["phases_ms"].get("encode", 0.0) for one in about), 1),
        "cached_tokens_p50": statistics.median(one["cached_tokens"] for one in about),
    }


def main() -> None:
    """Start the servers one after the other, measure, print, write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=60, help="of each way, on each server")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"provenance": provenance()}
    numbers = count(1)
    for name, values in CONFIGURATIONS.items():
        with tempfile.TemporaryDirectory(prefix="groundlane-chunks-") as folder:
            config = None if values is None else Path(folder) / "config.json"
            if config is not None:
                config.write_text(json.dumps(values), encoding="utf-8")  # JSON is YAML
            with running_server(config) as (url, _), httpx.Client(base_url=url, timeout=120.0) as client:
                figures[name] = measure(client, arguments.requests, numbers)
    print(json.dumps(figures, indent=2))
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
