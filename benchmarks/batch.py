"""Rows per second of the offline batch against the plain loop in one process, in the same run.

    python -m benchmarks.batch [--rows 400] [--rounds 3] [--json]

Both score the same rows with the same lane and the bundled encoder; rounds alternate, so that both meet the same
machine. Loading the models is in neither figure: it is given apart.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

import ray

from models.device import available_cores
from serving.batch.inputs import BLOCK_ROWS, read_blocks, scan_input
from serving.batch.run import BatchOptions, run_batch
from serving.batch.worker import LaneWorker
from serving.config.load import Config, parse_config

_SUBJECTS = ("The gateway", "The billing service", "The scheduler", "The index", "The archive", "The crawler")
_FACTS = ("listens on port {n}", "keeps data for {n} days", "retries {n} times", "was rebuilt in {n} minutes")


def write_rows(path: Path, count: int) -> None:
    """Requests with 24 sentences of context and an answer of three, one of them made up."""
    dice = random.Random(3)
    sentences = [f"{s} {f.format(n=dice.randint(2, 999))}." for s in _SUBJECTS for f in _FACTS]
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            context = dice.sample(sentences, len(sentences))
            answer = [*dice.sample(context, 2), f"{dice.choice(_SUBJECTS)} costs {dice.randint(2, 99)} euros."]
            file.write(json.dumps({"response_text": " ".join(answer), "raw_context": " ".join(context)}) + "\n")


def in_process(path: Path, config: Config) -> float:
    """Rows per second of the plain loop, after a first block that warms the model up."""
    worker = LaneWorker(config, "rag")
    (file,) = scan_input(path, BLOCK_ROWS)
    blocks = list(read_blocks(file, file.blocks))
    worker.score(blocks[0])
    began_s = time.monotonic()
    rows = sum(len(worker.score(block)) for block in blocks)
    elapsed_s = time.monotonic() - began_s
    worker.close()
    return rows / elapsed_s


def measure(rows: int, rounds: int) -> dict[str, Any]:
    """Alternating rounds; the mean and the extremes of each."""
    cores = available_cores()
    plain: dict[int, list[float]] = {1: [], cores: []}
    batch: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        write_rows(path, rows)
        for number in range(rounds):
            for threads, rates in plain.items():
                rates.append(in_process(path, parse_config({"encoders": [{"threads": threads}]})))
            options = BatchOptions(path, Path(folder) / f"out-{number}")
            batch.append(run_batch(options, parse_config({}), lambda _: None))
    figures = {f"in_process_{threads}_threads_rows_per_s": _spread(rates) for threads, rates in plain.items()}
    return {
        "rows": rows,
        "rounds": rounds,
        "cores": cores,
        "ray": ray.__version__,
        **figures,
        "batch_workers": batch[0]["workers"],
        "batch_steady_rows_per_s": _spread([each["steady_rows_per_s"] for each in batch]),
        "batch_whole_run_rows_per_s": _spread([each["rows_per_s"] for each in batch]),
        "batch_wall_s": _spread([each["wall_s"] for each in batch]),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": round(mean(values), 2), "low": round(min(values), 2), "high": round(max(values), 2)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Offline batch against the plain loop.")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="One line of JSON.")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rows, arguments.rounds), indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
