"""Figures with intervals: classification metrics, bootstrap over sources, exact binomial bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Figure(TypedDict):
    """A value with its 95% interval."""

    value: float
    low: float
    high: float


def precision_recall_f1(truth: Bools, flagged: Bools) -> tuple[float, float, float]:
    """Of the positive class; 0 where undefined."""
    hits = float((truth & flagged).sum())
    precision = hits / flagged.sum() if flagged.any() else 0.0
    recall = hits / truth.sum() if truth.any() else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0


def balanced_accuracy(truth: Bools, flagged: Bools) -> float:
    """Mean of the two classes' recalls; NaN when one class is absent."""
    if truth.all() or not truth.any():
        return float("nan")
    return float((flagged[truth].mean() + (~flagged[~truth]).mean()) / 2)


def auroc(truth: Bools, risk: Floats) -> float:
    """Area under the ROC curve by ranks, ties counted half; NaN when one class is absent."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(risk, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def expected_calibration_error(truth: Bools, risk: Floats, bins: int = 10) -> float:
    """ECE over equal-width bins of the predicted probability of hallucination."""
    which = np.minimum((risk * bins).astype(int), bins - 1)
    total = 0.0
    for index in range(bins):
        inside = which == index
        if inside.any():
            total += inside.sum() * abs(risk[inside].mean() - truth[inside].mean())
    return float(total / len(truth))


def best_f1_threshold(truth: Bools, risk: Floats) -> float:
    """The risk threshold (flag at or above) with the best F1; ties go to the lower one."""
    best, chosen = -1.0, 0.5
    for threshold in np.unique(risk):
        f1 = precision_recall_f1(truth, risk >= threshold)[2]
        if f1 > best:
            best, chosen = f1, float(threshold)
    return chosen


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float], groups: Sequence[str], rounds: int = 1000, seed: int = 7
) -> Figure:
    """``statistic`` of row numbers, with a percentile interval from resampling whole groups (answers to one source)."""
    names = sorted(set(groups))
    members = {name: np.flatnonzero(np.asarray(groups, dtype=object) == name) for name in names}
    blocks = [members[name] for name in names]
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(rounds):
        drawn = generator.integers(0, len(blocks), len(blocks))
        values.append(statistic(np.concatenate([blocks[i] for i in drawn])))
    finite = np.array([value for value in values if np.isfinite(value)])
    point = statistic(np.arange(len(groups)))
    if not len(finite):
        return Figure(value=point, low=point, high=point)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Figure(value=round(point, 4), low=round(float(low), 4), high=round(float(high), 4))


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided binomial interval."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def span_characters(spans: Sequence[tuple[int, int]], length: int) -> Bools:
    """(length,) True for the characters that a span holds."""
    mask = np.zeros(length, np.bool_)
    for start, end in spans:
        mask[start:end] = True
    return mask
