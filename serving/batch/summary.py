"""What came out of a batch: ``summary.json`` and two plots, computed from the committed rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson

from scoring.types import Band
from serving.batch.parts import OutputFolder
from serving.batch.plots import bar_chart

SUMMARY: Final = "summary.json"
_BINS: Final = 20
_SCORE_COLOUR: Final = "#1565c0"
_COLOURS: Final = {
    Band.GREEN.value: "#2e7d32",
    Band.AMBER.value: "#f9a825",
    Band.RED.value: "#c62828",
    Band.UNKNOWN.value: "#757575",
}


def write_summary(folder: OutputFolder, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Write the summary and the plots; the summary. ``figures``: what only the run knows."""
    bands: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    scores: list[float] = []
    rows = 0
    for row in folder.rows():
        rows += 1
        if "error" in row:
            failures[row["error"]["error"]] += 1
            continue
        result = row["result"]
        if "band" in result:
            bands[result["band"]] += 1
        if result.get("score") is not None:
            scores.append(float(result["score"]))
    counts, edges = np.histogram(scores, bins=_BINS, range=(0.0, 1.0))
    summary = {
        "rows": rows,
        "scored": rows - failures.total(),
        "failed": failures.total(),
        "failures": dict(failures.most_common()),
        "bands": {band.value: bands[band.value] for band in Band},
        "score": _score_figures(scores),
        "score_histogram": {"edges": [round(float(edge), 4) for edge in edges], "counts": counts.tolist()},
        **figures,
    }
    folder.write(SUMMARY, orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    named = [(band.value, bands[band.value], _COLOURS[band.value]) for band in Band]
    folder.write("bands.svg", bar_chart("Rows by band", named).encode())
    binned = [(f"{low:.2f}", int(count), _SCORE_COLOUR) for low, count in zip(edges[:-1], counts, strict=True)]
    folder.write("scores.svg", bar_chart("Rows by score", binned).encode())
    return summary


def _score_figures(scores: list[float]) -> dict[str, float] | None:
    if not scores:
        return None
    low, median, high = np.quantile(scores, [0.1, 0.5, 0.9])
    values = {"mean": np.mean(scores), "p10": low, "p50": median, "p90": high}
    return {name: round(float(value), 4) for name, value in values.items()}
