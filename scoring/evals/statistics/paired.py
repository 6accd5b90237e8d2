"""Tests of a paired difference: exact McNemar for pass or fail, cluster-robust t and sign flips for anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, t

from scoring.evals.statistics.intervals import Estimate, PairedCounts

Floats = NDArray[np.float64]

_EXACT_CLUSTERS: Final = 14
"""Up to 2¹⁴ sign patterns are counted one by one; beyond, patterns are drawn."""
_DRAWN_PATTERNS: Final = 9_999
_FEW_SIZES: Final = 64


@dataclass(frozen=True)
class TestResult:
    """``p_value`` None: the test does not apply, ``reason`` says why. ``estimate``: the difference, where the test gives one."""

    __test__ = False  # not a test case of pytest's

    name: str
    p_value: float | None
    estimate: Estimate | None = None
    reason: str | None = None


def exact_mcnemar(counts: PairedCounts) -> TestResult:
    """Two-sided exact test that the candidate gains as many cases as it loses (binomial over the discordant ones)."""
    discordant = counts.candidate_only + counts.baseline_only
    if discordant == 0:
        return TestResult("exact McNemar", 1.0)
    fewer = min(counts.candidate_only, counts.baseline_only)
    return TestResult("exact McNemar", min(1.0, 2.0 * float(binom.cdf(fewer, discordant, 0.5))))


def cluster_t(differences: Sequence[float] | Floats, clusters: Sequence[str], confidence: float = 0.95) -> TestResult:
    """Mean difference with the cluster-robust standard error and G - 1 degrees of freedom (CR1 of an intercept).

    Raises ValueError when the lengths differ or a difference is not finite.
    """
    values, sums, sizes = _by_cluster(differences, clusters)
    n, groups = len(values), len(sums)
    if groups < 2:
        return TestResult("cluster-robust t", None, reason=f"{groups} cluster(s); two are needed")
    mean = float(values.mean())
    residuals = sums - sizes * mean
    error = sqrt(groups / (groups - 1) * float(residuals @ residuals)) / n
    half = float(t.ppf(0.5 + confidence / 2, groups - 1)) * error
    estimate = Estimate(mean, mean - half, mean + half, n, confidence)
    if error <= 1e-15 * max(1.0, abs(mean)):
        if mean == 0.0:
            return TestResult("cluster-robust t", 1.0, estimate)
        return TestResult(
            "cluster-robust t", None, estimate, "every difference is the same; the sign-flip test says more"
        )
    return TestResult("cluster-robust t", float(2 * t.sf(abs(mean) / error, groups - 1)), estimate)


def sign_flip(differences: Sequence[float] | Floats, clusters: Sequence[str], seed: int = 20261127) -> TestResult:
    """Two-sided permutation test: under the null each cluster's sum is as likely with the other sign.

    Exact up to 14 clusters that differ, else over 9,999 patterns drawn with ``seed``, so that the same data give the same p.
    """
    _, sums, _ = _by_cluster(differences, clusters)
    moved = sums[sums != 0.0]
    if not len(moved):
        return TestResult("sign flip", 1.0)
    observed = abs(float(moved.sum())) * (1 - 1e-12)
    if len(moved) <= _EXACT_CLUSTERS:
        patterns = ((np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1) * 2.0 - 1.0
        return TestResult("sign flip", float((np.abs(patterns @ moved) >= observed).mean()))
    drawn = _drawn_sums(np.abs(moved), np.random.default_rng(seed))
    extreme = int((np.abs(drawn) >= observed * (1 - 1e-6)).sum())
    return TestResult("sign flip", (1 + extreme) / (1 + _DRAWN_PATTERNS))


def _drawn_sums(sizes: Floats, generator: np.random.Generator) -> Floats:
    """(9,999,) sums of ``sizes`` under random signs.

    Few different sizes, as of pass and fail, are drawn by a binomial each; many by bits, 1,000 patterns at a time.
    """
    distinct, counts = np.unique(sizes, return_counts=True)
    if len(distinct) <= _FEW_SIZES:
        drawn = generator.binomial(counts, 0.5, (_DRAWN_PATTERNS, len(distinct)))
        found: Floats = (2.0 * drawn - counts) @ distinct
        return found
    total = float(sizes.sum())
    parts = []
    for start in range(0, _DRAWN_PATTERNS, 1_000):
        rows = min(1_000, _DRAWN_PATTERNS - start)
        raw = np.frombuffer(generator.bytes(rows * -(-len(sizes) // 8)), np.uint8).reshape(rows, -1)
        ups = np.unpackbits(raw, axis=1, count=len(sizes)).astype(np.float32) @ sizes.astype(np.float32)
        parts.append(2.0 * ups.astype(np.float64) - total)
    return np.concatenate(parts)


def _by_cluster(differences: Sequence[float] | Floats, clusters: Sequence[str]) -> tuple[Floats, Floats, Floats]:
    """The differences, and of each cluster their sum and number."""
    values = np.asarray(differences, np.float64)
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} differences in {len(clusters)} clusters' names")
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("differences must be finite, and at least one")
    _, places = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    sums = np.bincount(places, weights=values).astype(np.float64)
    sizes = np.bincount(places).astype(np.float64)
    return values, sums, sizes
