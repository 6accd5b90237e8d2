"""What precision and company change: ``python -m benchmarks.precision ragtruth.jsonl.gz --split dev [--json OUT]``.

The same rows through the lane with the verifier, three times: in float32; in the precision that this machine chooses; and in
that precision with eight requests at a time instead of one. Reported: largest and mean difference of the score, of the
units' coverage and of the claims' scores, and how many bands changed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import orjson

from benchmarks.provenance import provenance
from benchmarks.rows import Row, file_digest, read_rows
from models.registry import SHIPPED_VERIFIER
from serving.api.lane_types import LaneInput
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane

_TOGETHER = 8


async def answers(rows: Sequence[Row], dtype: str, together: int) -> list[dict[str, Any]]:
    """Every row's answer, ``together`` requests in flight at a time."""
    models = {"dtype": dtype, "cache_bytes": 0}
    overrides = {"encoders": [models], "verifier": models | {"source": SHIPPED_VERIFIER}}
    lane = local_rag_lane(load_config(None, overrides, environment={}))
    turn = asyncio.Semaphore(together)

    async def one(number: int, row: Row) -> dict[str, Any]:
        async with turn:
            asked = LaneInput(
                request_id=str(number),
                tenant="benchmark",
                response_text=row.response,
                query_text=row.question,
                raw_context=row.context,
                heatmap_format="none",
                deadline_s=600.0,
            )
            document: dict[str, Any] = orjson.loads((await lane.score(asked)).body)
            return document

    found = await asyncio.gather(*(one(number, row) for number, row in enumerate(rows)))
    lane.close()
    return found


def differences(left: Sequence[dict[str, Any]], right: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Largest and mean absolute difference of each kind of number, and the bands that are not the same."""
    found: dict[str, Any] = {"bands_changed": sum(a["band"] != b["band"] for a, b in zip(left, right, strict=True))}
    for name in ("score", "unit_coverage", "claim_score"):
        values, others = (np.array([v for one in side for v in _numbers(one, name)]) for side in (left, right))
        gaps = np.abs(values - others)
        found[name] = {"largest": round(float(gaps.max()), 6), "mean": round(float(gaps.mean()), 6), "n": len(gaps)}
    return found


def _numbers(document: dict[str, Any], name: str) -> list[float]:
    if name == "score":
        return [document.get("score") or 0.0]
    if name == "unit_coverage":
        return [unit["coverage_score"] for unit in document["support_units"]]
    return [claim["score"] for claim in document["claims"] if claim.get("score") is not None]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("file", type=Path, help="labelled answers as JSON lines")
    parser.add_argument("--split", help="only rows of this split")
    parser.add_argument("--rows", type=int, default=60, help="rows, spread evenly over the file")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    every = read_rows(arguments.file, arguments.split)
    chosen = np.linspace(0, len(every) - 1, min(arguments.rows, len(every))).astype(int)
    rows = [every[int(number)] for number in chosen]
    exact = asyncio.run(answers(rows, "fp32", 1))
    alone = asyncio.run(answers(rows, "auto", 1))
    together = asyncio.run(answers(rows, "auto", _TOGETHER))
    result = {
        "rows": len(rows),
        "digest": file_digest(arguments.file),
        "versions": alone[0]["versions"],
        "chosen_precision_against_float32": differences(exact, alone),
        f"{_TOGETHER}_at_a_time_against_one": differences(alone, together),
    }
    text = json.dumps(result | provenance(), indent=1)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
