"""What it costs to read long texts in a process that can be killed, against a thread: ``python -m benchmarks.long_texts``.

The lane runs with its real tokenizer and artefacts and without an encoder, so that what is timed is the reading of texts alone.
Both ways take turns, request by request, on contexts that are new each time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import psutil

from benchmarks.provenance import provenance, save_figures
from models.registry import load_tokenizer
from serving.api.lane_types import LaneInput
from serving.config.artifacts import rag_fits
from serving.config.load import Config, load_config
from serving.lanes.factory import encoder_spec
from serving.lanes.json_bytes import json_bytes
from serving.lanes.no_encoder import NoAligner
from serving.lanes.rag import EncoderClient, RagLane

_SIZES = (2_000, 30_000, 110_000, 380_000)
_SENTENCE = "In {year} the bridge number {number} was {length} metres long and carried the road to the town of Lindau. "
_ANSWER = "The bridge number 7 was 1,149 metres long. It carried the road to Lindau."


def _context(characters: int, round_: int) -> str:
    text = "".join(
        _SENTENCE.format(year=1900 + number % 100, number=number, length=100 + number * 7 + round_)
        for number in range(characters // 90 + 1)
    )
    return text[:characters]


def _lane(config: Config, workers: int) -> RagLane:
    clients = {
        one.name: EncoderClient(NoAligner(), load_tokenizer(encoder_spec(one)), one.source) for one in config.encoders
    }
    fitted = rag_fits(config.artifacts.directory, config.bands.targets)
    characters = config.limits.worker_characters
    return RagLane(
        clients, config.default_encoder_name, fitted, 8_192, json_bytes, worker_characters=characters, workers=workers
    )


async def _timed(lane: RagLane, context: str) -> float:
    began_s = time.perf_counter()
    await lane.score(LaneInput("r", "t", _ANSWER, raw_context=context, deadline_s=600.0))
    return (time.perf_counter() - began_s) * 1000.0


async def _measure(rounds: int, wanted: Sequence[int]) -> dict[str, object]:
    config = load_config(environment={})
    threads, workers = _lane(config, 0), _lane(config, 1)
    try:
        began_ms = await _timed(workers, _context(config.limits.worker_characters, -1))
        assert workers.texts.workers is not None
        (child,) = workers.texts.workers.processes
        sizes = {}
        for size in wanted:
            taken: dict[str, list[float]] = {"threads": [], "workers": []}
            for number in range(rounds):
                pair = (("threads", threads), ("workers", workers))
                for name, lane in pair if number % 2 else reversed(pair):
                    taken[name].append(await _timed(lane, _context(size, number)))
            medians = {f"{name}_median_ms": round(median(times), 2) for name, times in taken.items()}
            ratio = median(b / a for a, b in zip(taken["threads"], taken["workers"], strict=True))
            sizes[str(size)] = {**medians, "median_ratio": round(ratio, 3), "n": rounds}
        memory = psutil.Process(child).memory_info().rss / 2**20
        return {"first_request_ms": round(began_ms, 1), "process_mebibytes": round(memory, 1), "characters": sizes}
    finally:
        threads.close()
        workers.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES, help="characters of context")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = {"provenance": provenance(), **asyncio.run(_measure(options.rounds, options.sizes))}
    print(json.dumps(found, indent=2))
    save_figures(found, options.json)


if __name__ == "__main__":
    main()
