"""From labelled answers to the curves of an artefact, and what their bands held on answers that chose nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from scoring.band_curves import (
    FOLDS,
    POLICIES,
    BandCurves,
    BandTargets,
    Bools,
    Counts,
    Floats,
    Side,
    StratumCounts,
    pick_bands,
)
from scoring.bands import OVERALL, BandCuts

_MAX_BINS: Final = 100
_MIN_BIN_ANSWERS: Final = 5
_NUMBERS: Final = re.compile(r"\[\s*+(-?[\d.][^\[\]{}\"]*)\]")
"""A list of numbers spread over lines, such as "[\\n  1,\\n  2\\n ]"."""


def fold_of(source_id: str) -> int:
    """Which fifth a source belongs to: all answers to one source fall into one fold."""
    return int.from_bytes(hashlib.sha256(b"fold:" + source_id.encode()).digest()[:4], "big") % FOLDS


def band_curves(score: Floats, hallucinated: Bools, fold: Counts, strata: Mapping[str, Bools]) -> BandCurves:
    """Curves of labelled answers. The bins follow the scores alone, so that no label moves the place of a cut.

    ``score`` must be of a model that did not see the answer's label. ``fold``: 0 to 4, the same for all answers to one source.
    ``strata``: the answers of each; one called "overall" holds all of them.
    """
    rounded = np.array([round(float(value), 4) for value in score], dtype=np.float64)
    values, position = np.unique(rounded, return_inverse=True)
    bins = max(1, min(_MAX_BINS, len(rounded) // _MIN_BIN_ANSWERS))
    below = np.searchsorted(np.sort(rounded), values, side="left") / len(rounded)
    of_value = np.unique((below * bins).astype(np.int64), return_inverse=True)[1]
    starts = np.flatnonzero(np.diff(of_value, prepend=-1))
    ends = np.append(starts[1:], len(values)) - 1
    of_answer = of_value[position]

    def counted(chosen: Bools) -> Counts:
        table = np.zeros((FOLDS, len(starts)), np.int64)
        np.add.at(table, (fold[chosen], of_answer[chosen]), 1)
        return table

    parts = {OVERALL: np.ones(len(score), np.bool_), **strata}
    counts = {
        name: StratumCounts(counted(part & ~hallucinated), counted(part & hallucinated)) for name, part in parts.items()
    }
    return BandCurves(values[starts].astype(np.float64), values[ends].astype(np.float64), counts)


def held_bands(curves: BandCurves, targets: BandTargets) -> dict[str, Any]:
    """By policy: targets, and by stratum cuts, held precision and the share of answers that neither band takes."""
    report = {}
    for policy, share_of_error in POLICIES.items():
        wanted = targets.stricter(share_of_error)
        strata = {
            name: {**asdict(cuts), **_amber(curves, name, cuts)} for name, cuts in pick_bands(curves, wanted).items()
        }
        report[policy] = {
            "green_precision": round(wanted.green_precision, 4),
            "red_precision": round(wanted.red_precision, 4),
            "strata": strata,
        }
    return report


def _amber(curves: BandCurves, stratum: str, cuts: BandCuts) -> dict[str, Any]:
    """Answers of the stratum and the share in neither band: by cuts of other folds, by the final cut where it was borrowed."""
    counts = curves.strata.get(stratum)
    if counts is None:
        return {}
    size = counts.size
    banded = _banded(curves, counts, "green", cuts) + _banded(curves, counts, "red", cuts)
    return {"n": size, "amber_share": round(1.0 - banded / size, 4) if size else None}


def _banded(curves: BandCurves, counts: StratumCounts, side: Side, cuts: BandCuts) -> int:
    held, cut = (cuts.green, cuts.green_at) if side == "green" else (cuts.red, cuts.red_at)
    if held is None or cut is None:
        return 0
    if held.borrowed_from is None:
        return held.n
    inside = curves.low >= cut if side == "green" else curves.high <= cut
    return int((counts.grounded + counts.hallucinated)[:, inside].sum())


def artifact_text(document: Mapping[str, Any]) -> str:
    """The artefact as it is written: JSON by lines, every list of numbers on one line."""
    text = json.dumps(document, indent=1)
    return _NUMBERS.sub(lambda found: "[" + re.sub(r"\s+", " ", found[1].rstrip()) + "]", text) + "\n"
