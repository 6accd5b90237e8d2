"""Quality of the RAG lane on labelled answers: ``python -m benchmarks.quality FILE [--json OUT]``.

Scores every row in process with the same lane the server runs. Positive means hallucinated; the risk of an answer is
1 - score. The F1 threshold comes from ``--threshold-from FILE`` (best F1 there), else the lane's own 0.5.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from rich.progress import track

from benchmarks.ablation import ablate
from benchmarks.calibration_fits import gather
from benchmarks.figures import (
    Bools,
    Figure,
    Floats,
    auroc,
    balanced_accuracy,
    best_f1_threshold,
    bootstrap,
    expected_calibration_error,
    precision_recall_f1,
    span_characters,
)
from benchmarks.provenance import provenance
from benchmarks.rows import Row, file_digest, read_rows
from serving.api.lane_types import LaneInput
from serving.config.load import Config, load_config
from serving.lanes.factory import local_rag_lane
from serving.lanes.rag import RagLane

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class Scored:
    """Rows with what the lane said of each. ``risk``: 1 - score; ``span_counts``: (rows, 3) hits, flagged, true."""

    rows: list[Row]
    risk: Floats
    bands: list[str]
    span_counts: Floats


async def score_rows(lane: RagLane, rows: Sequence[Row], profile: str = "standard") -> Scored:
    """Every row through the lane, one after another."""
    risk, bands, counts = [], [], []
    for number, row in enumerate(track(rows, "scoring")):
        answer = await lane.score(
            LaneInput(
                request_id=str(number),
                tenant="benchmark",
                response_text=row.response,
                query_text=row.question,
                raw_context=row.context,
                heatmap_format="none",
                profile=profile,
                deadline_s=600.0,
            )
        )
        document = orjson.loads(answer.body)
        risk.append(1.0 - document.get("score", 0.5))
        bands.append(document["band"])
        counts.append(_span_counts(row, [(s["start"], s["end"]) for s in document["unsupported_spans"]]))
    return Scored(list(rows), np.array(risk), bands, np.array(counts, dtype=np.float64))


def _span_counts(row: Row, found: Sequence[tuple[int, int]]) -> tuple[float, float, float]:
    if row.spans is None:
        return (np.nan, np.nan, np.nan)
    flagged = span_characters(found, len(row.response))
    true = span_characters(row.spans, len(row.response))
    return float((flagged & true).sum()), float(flagged.sum()), float(true.sum())


def span_f1(counts: Floats) -> float:
    """Character-level F1 of the unsupported spans, over all characters; NaN where no row has spans."""
    known = counts[~np.isnan(counts[:, 0])]
    hits, flagged, true = known.sum(axis=0) if len(known) else (0.0, 0.0, 0.0)
    return float("nan") if not true else float(2 * hits / (flagged + true))


def report(scored: Scored, threshold: float) -> dict[str, Any]:
    """Overall, per task and per model figures, bands and baselines."""
    tasks = sorted({row.task for row in scored.rows})
    models = sorted({row.model for row in scored.rows})
    return {
        "threshold": threshold,
        "overall": _figures(scored, np.arange(len(scored.rows)), threshold),
        "by_task": {task: _figures(scored, _where([r.task == task for r in scored.rows]), threshold) for task in tasks},
        "by_model": {
            name: _figures(scored, _where([r.model == name for r in scored.rows]), threshold) for name in models
        },
        "bands": _bands(scored),
        "baselines": _baselines(scored),
    }


def _where(mask: Sequence[bool]) -> Any:
    return np.flatnonzero(np.asarray(mask))


def _figures(scored: Scored, chosen: Any, threshold: float) -> dict[str, Any]:
    truth = np.array([scored.rows[i].hallucinated for i in chosen])
    risk, counts = scored.risk[chosen], scored.span_counts[chosen]
    groups = [scored.rows[i].source_id for i in chosen]
    flagged = risk >= threshold

    def figure(statistic: Any) -> Figure | None:
        found = bootstrap(statistic, groups)
        return found if np.isfinite(found["value"]) else None

    return {
        "n": len(chosen),
        "positives": int(truth.sum()),
        "f1": figure(lambda i: precision_recall_f1(truth[i], flagged[i])[2]),
        "precision": figure(lambda i: precision_recall_f1(truth[i], flagged[i])[0]),
        "recall": figure(lambda i: precision_recall_f1(truth[i], flagged[i])[1]),
        "auroc": figure(lambda i: auroc(truth[i], risk[i])),
        "balanced_accuracy": figure(lambda i: balanced_accuracy(truth[i], flagged[i])),
        "span_f1": figure(lambda i: span_f1(counts[i])),
        "ece": figure(lambda i: expected_calibration_error(truth[i], risk[i])),
    }


def _bands(scored: Scored) -> dict[str, Any]:
    truth = np.array([row.hallucinated for row in scored.rows])
    bands = np.array(scored.bands)
    groups = [row.source_id for row in scored.rows]

    def share(rows: Any, band: str, values: Bools) -> float:
        inside = bands[rows] == band
        return float(values[rows][inside].mean()) if inside.any() else float("nan")

    def figure(statistic: Any) -> Figure | None:
        found = bootstrap(statistic, groups)
        return found if np.isfinite(found["value"]) else None

    return {
        "green_precision": figure(lambda i: share(i, "green", ~truth)),
        "red_precision": figure(lambda i: share(i, "red", truth)),
        "amber_share": figure(lambda i: float((bands[i] == "amber").mean())),
        "counts": {band: int((bands == band).sum()) for band in ("green", "amber", "red", "unknown")},
    }


def _baselines(scored: Scored) -> dict[str, Any]:
    """What no model gives: everything flagged, share of unseen words, length; thresholds at their best on this file."""
    truth = np.array([row.hallucinated for row in scored.rows])
    overlap = np.array([_unseen_words(row) for row in scored.rows])
    length = np.array([float(len(row.response)) for row in scored.rows])
    groups = [row.source_id for row in scored.rows]
    baselines = {"always_hallucinated": np.ones(len(truth)), "token_overlap": overlap, "length": length}
    found: dict[str, Any] = {}
    for name, risk in baselines.items():
        flagged = risk >= best_f1_threshold(truth, risk)
        found[name] = {
            "f1": bootstrap(lambda i, f=flagged: precision_recall_f1(truth[i], f[i])[2], groups),
            "auroc": bootstrap(lambda i, r=risk: auroc(truth[i], r[i]), groups),
        }
    return found


def _unseen_words(row: Row) -> float:
    known = {word.lower() for word in _WORD.findall(row.context)}
    words = [word.lower() for word in _WORD.findall(row.response)]
    return sum(word not in known for word in words) / max(len(words), 1)


def paired_accuracy(scored: Scored) -> Figure:
    """Share of questions whose grounded answer scores above its hallucinated one; ties count half."""
    pairs: dict[tuple[str | None, str], dict[bool, float]] = {}
    for row, risk in zip(scored.rows, scored.risk, strict=True):
        pairs.setdefault((row.question, row.context), {})[row.hallucinated] = float(risk)
    both = [(pair[False], pair[True]) for pair in pairs.values() if len(pair) == 2]
    if not both:
        raise SystemExit("--pairs: no question has both a grounded and a hallucinated answer")
    wins = np.array([1.0 if good < bad else 0.5 if good == bad else 0.0 for good, bad in both])
    return bootstrap(lambda i: float(wins[i].mean()), [str(i) for i in range(len(wins))])


async def run(arguments: argparse.Namespace, config: Config) -> dict[str, Any]:
    """Score, choose the threshold, report."""
    lane = local_rag_lane(config)
    threshold = 0.5
    if arguments.threshold_from:
        tuning = await score_rows(
            lane, read_rows(arguments.threshold_from, arguments.threshold_split), arguments.profile
        )
        threshold = best_f1_threshold(np.array([r.hallucinated for r in tuning.rows]), tuning.risk)
    scored = await score_rows(lane, read_rows(arguments.file, arguments.split), arguments.profile)
    result = {"file": arguments.file.name, "sha256": file_digest(arguments.file), **report(scored, threshold)}
    if arguments.pairs:
        result["paired_accuracy"] = paired_accuracy(scored)
    if arguments.ablate:
        result["ablation"] = ablate(lane, await gather(lane, scored.rows, arguments.profile), threshold)
    lane.close()
    return {**result, "profile": arguments.profile, **provenance()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument(
        "file", type=Path, help="JSON lines (gz): context, response, hallucinated, question?, spans?, …"
    )
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--threshold-from", type=Path, help="choose the F1 threshold on this file")
    parser.add_argument("--threshold-split", help="only rows of this split of the threshold file")
    parser.add_argument("--split", help="only rows of this split")
    parser.add_argument("--pairs", action="store_true", help="also paired accuracy of two answers to one question")
    parser.add_argument("--ablate", action="store_true", help="also what is lost with each part of the lane left out")
    parser.add_argument("--profile", choices=("standard", "quality"), default="standard")
    parser.add_argument("--config", type=Path, help="configuration of the models; the bundled ones by default")
    arguments = parser.parse_args()
    result = asyncio.run(run(arguments, load_config(arguments.config)))
    text = json.dumps(result, indent=1)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    print(json.dumps({key: result[key] for key in ("threshold", "overall", "bands") if key in result}, indent=1))
    if "paired_accuracy" in result:
        print("paired_accuracy", result["paired_accuracy"])
    for name, figures in result.get("ablation", {}).items():
        print(f"{name:24}", figures)


if __name__ == "__main__":
    main()
