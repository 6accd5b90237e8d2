"""Intervals of rates and of differences of paired rates."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy.stats import norm


@dataclass(frozen=True)
class Estimate:
    """A value with its interval at ``confidence``; ``n`` observations stand behind it."""

    value: float
    low: float
    high: float
    n: int
    confidence: float = 0.95


@dataclass(frozen=True)
class PairedCounts:
    """Cases by outcome: both pass, only the candidate, only the baseline, neither."""

    both: int
    candidate_only: int
    baseline_only: int
    neither: int

    @property
    def n(self) -> int:
        """All cases."""
        return self.both + self.candidate_only + self.baseline_only + self.neither


def quantile(confidence: float) -> float:
    """The two-sided normal quantile, 1.96 for .95. Raises ValueError outside (0, 1)."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is outside (0, 1): {confidence!r}")
    return float(norm.ppf(0.5 + confidence / 2.0))


def wilson(hits: int, n: int, confidence: float = 0.95) -> Estimate:
    """The score interval of a rate (Wilson 1927). Raises ValueError without observations or with more hits than those."""
    if n <= 0 or not 0 <= hits <= n:
        raise ValueError(f"no rate of {hits} out of {n}")
    z = quantile(confidence)
    rate = hits / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == n else min(1.0, middle + half)
    return Estimate(rate, low, high, n, confidence)


def newcombe_paired(counts: PairedCounts, confidence: float = 0.95) -> Estimate:
    """Candidate's pass rate less the baseline's, on the same cases (Newcombe 1998, method 10, continuity-corrected phi).

    Raises ValueError without cases.
    """
    n = counts.n
    candidate = wilson(counts.both + counts.candidate_only, n, confidence)
    baseline = wilson(counts.both + counts.baseline_only, n, confidence)
    phi = _corrected_phi(counts)
    difference = (counts.candidate_only - counts.baseline_only) / n
    below, above = candidate.value - candidate.low, candidate.high - candidate.value
    base_below, base_above = baseline.value - baseline.low, baseline.high - baseline.value
    low = difference - sqrt(max(0.0, below**2 - 2 * phi * below * base_above + base_above**2))
    high = difference + sqrt(max(0.0, base_below**2 - 2 * phi * base_below * above + above**2))
    return Estimate(difference, max(-1.0, low), min(1.0, high), n, confidence)


def _corrected_phi(counts: PairedCounts) -> float:
    a, b, c, d = counts.both, counts.candidate_only, counts.baseline_only, counts.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    product = a * d - b * c
    corrected = max(product - counts.n / 2, 0.0) if product > 0 else float(product)
    return corrected / sqrt(margins)
