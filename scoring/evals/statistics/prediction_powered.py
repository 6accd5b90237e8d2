"""Rates that join few human labels with many judgements, and rates of items drawn with unequal probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from scoring.evals.statistics.intervals import Estimate, wilson

LEAST_LABELS: Final = 100
"""Below, the interval of PPI++ covers too seldom (.90 at 50 labels by simulation), so the human figure stands alone."""


@dataclass(frozen=True)
class JudgedRate:
    """``method``: ``ppi++`` or ``labels alone``; ``trust``: the fitted weight of the judge, 0 when it helps nothing."""

    estimate: Estimate
    method: str
    trust: float


def judged_rate(
    labels: Sequence[float], judged_labelled: Sequence[float], judged_rest: Sequence[float], confidence: float = 0.95
) -> JudgedRate:
    """The rate of ``labels``' population (Angelopoulos, Duchi and Zrnic 2023, PPI++ for a mean).

    ``judged_labelled``: the judge on the labelled items, in their order; ``judged_rest``: on the others. The judge may be as
    biased as it likes: what it adds is corrected by how it errs where people labelled. Raises ValueError for other lengths.
    """
    human, beside, rest = (np.asarray(values, np.float64) for values in (labels, judged_labelled, judged_rest))
    n, many = len(human), len(rest)
    if n != len(beside):
        raise ValueError(f"{n} labels and {len(beside)} judgements beside them")
    if n < LEAST_LABELS or not many:
        binary = bool(np.isin(human, (0.0, 1.0)).all())
        alone = wilson(int(human.sum()), n, confidence) if binary else _mean(human, confidence)
        return JudgedRate(alone, "labels alone", 0.0)
    pooled = np.concatenate([beside, rest])
    spread = float(pooled.var(ddof=1))
    covariance = float(np.cov(human, beside)[0, 1])
    trust = min(1.0, max(0.0, covariance / ((1 + n / many) * spread))) if spread > 0 else 0.0
    value = float(human.mean() + trust * (rest.mean() - beside.mean()))
    variance = float((human - trust * beside).var(ddof=1)) / n + trust**2 * (
        float(rest.var(ddof=1)) / many if many > 1 else 0.0
    )
    half = float(t.ppf(0.5 + confidence / 2, n - 1)) * sqrt(variance)
    return JudgedRate(
        Estimate(value, max(0.0, value - half), min(1.0, value + half), n + many, confidence), "ppi++", trust
    )


def weighted_rate(values: Sequence[float], probabilities: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The mean over the population from items drawn with known inclusion probabilities (Hájek, linearised variance).

    A queue ordered by risk shows bad answers first; each weighs one over its probability, so the rate is that of all.
    Raises ValueError for a probability outside (0, 1] or fewer than two items.
    """
    observed, drawn = np.asarray(values, np.float64), np.asarray(probabilities, np.float64)
    if len(observed) != len(drawn) or len(observed) < 2:
        raise ValueError("two or more values, each with its probability, are needed")
    if not ((drawn > 0) & (drawn <= 1)).all():
        raise ValueError("an inclusion probability is above 0 and at most 1")
    weights = 1.0 / drawn
    total = float(weights.sum())
    value = float(weights @ observed) / total
    residuals = weights * (observed - value)
    n = len(observed)
    error = sqrt(n / (n - 1) * float(residuals @ residuals)) / total
    half = float(t.ppf(0.5 + confidence / 2, n - 1)) * error
    return Estimate(value, value - half, value + half, n, confidence)


def _mean(values: NDArray[np.float64], confidence: float) -> Estimate:
    n = len(values)
    if n < 2:
        raise ValueError("two or more labels are needed for an interval")
    value = float(values.mean())
    half = float(t.ppf(0.5 + confidence / 2, n - 1)) * float(values.std(ddof=1)) / sqrt(n)
    return Estimate(value, value - half, value + half, n, confidence)
