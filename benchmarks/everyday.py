"""Bands on short everyday pairs, as people type them who try a detector: ``python -m benchmarks.everyday``.

``benchmarks/data/everyday.jsonl``: short passages (a shop's rules, a letter, a match, German house rules) with true and false
answers of one sentence, written by hand; some answer a ``question``. Set ``a`` was looked at while the rules on sentences were
written; those after it were first looked at when they stood, and mended on afterwards: their first looks are in
``benchmarks/results/everyday.json`` under ``first_looks``, which this command keeps. A new set is measured with ``--data``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import clopper_pearson
from benchmarks.overlap import overlap
from benchmarks.provenance import provenance, save_figures
from benchmarks.rows import read_json_lines
from serving.batch.offline import score_lines
from serving.config.load import load_config

_DATA = Path(__file__).parent / "data" / "everyday.jsonl"
_RESULTS = Path(__file__).parent / "results" / "everyday.json"


def request(row: dict[str, Any]) -> dict[str, Any]:
    """The body of the lane's request for one row."""
    asked = {"query_text": row["question"]} if "question" in row else {}
    return {"response_text": row["response"], "raw_context": row["context"], **asked}


def share(hits: int, n: int) -> dict[str, Any]:
    """A share with its exact 95% interval."""
    low, high = clopper_pearson(hits, n)
    return {"value": round(hits / n, 4), "low": round(low, 4), "high": round(high, 4), "n": n}


def measure(rows: Sequence[dict[str, Any]], bands: Sequence[str]) -> dict[str, Any]:
    """By true and false answers: how many are green, amber, red, and how many word overlap alone would have right."""
    found: dict[str, Any] = {}
    for name, faithful in (("faithful", True), ("wrong", False)):
        own = [(row, band) for row, band in zip(rows, bands, strict=True) if row["faithful"] is faithful]
        counts = Counter(band for _, band in own)
        found[name] = {band: share(counts[band], len(own)) for band in ("green", "amber", "red")}
        right = sum((overlap(row["context"], row["response"]) >= _OVERLAP) is faithful for row, _ in own)
        found[name]["right_by_word_overlap"] = share(right, len(own))
    return found


_OVERLAP = 0.8
"""The trivial baseline calls an answer true whose words stand in the context to this share."""


def main() -> None:
    """Score the pairs in process with the bundled models, print and keep the figures by set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=_DATA)
    parser.add_argument("--json", type=Path, default=_RESULTS)
    parser.add_argument("--wrong", action="store_true", help="print the answers whose band is not right")
    arguments = parser.parse_args()
    rows = list(read_json_lines(arguments.data))
    lines = (json.dumps(request(row)) for row in rows)
    bands = [json.loads(line)["band"] for line in score_lines(lines, load_config())]
    sets = sorted({row["set"] for row in rows})
    figures = {
        name: measure(*zip(*[(r, b) for r, b in zip(rows, bands, strict=True) if r["set"] == name], strict=True))
        for name in sets
    }
    if arguments.wrong:
        for row, band in zip(rows, bands, strict=True):
            if band != ("green" if row["faithful"] else "red"):
                print(f"{row['set']} {band:6} {'true ' if row['faithful'] else 'false'} {row['response']}")
    kept = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.json.is_file() else {}
    document = {"first_looks": kept.get("first_looks", {}), "sets": figures, "provenance": provenance()}
    save_figures(document, arguments.json)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
