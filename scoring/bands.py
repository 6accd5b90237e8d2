"""Risk bands: cuts on the calibrated probability that an answer is grounded, with the precision they were held to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoring.types import Band

OVERALL = "overall"
UNSEEN = "unseen"
"""The stratum of a request that names one the calibration never saw."""
_TAIL = 0.025


@dataclass(frozen=True)
class Precision:
    """A precision measured on held-out data: point estimate, exact (Clopper-Pearson) 95% interval, sample size.

    ``target``: what it had to hold, None where an older artefact does not say. ``borrowed_from``: the stratum whose answers these
    are, where the request's own had too few.
    """

    value: float
    low: float
    high: float
    n: int
    target: float | None = None
    borrowed_from: str | None = None


@dataclass(frozen=True)
class BandCuts:
    """Green at or above ``green_at``, red at or below ``red_at``. None: the data did not support such a cut."""

    green_at: float | None
    red_at: float | None
    green: Precision | None
    red: Precision | None

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> BandCuts:
        """Cuts from an artefact's entry; raises KeyError, TypeError or ValueError when malformed."""
        cuts = cls(
            None if entry["green_at"] is None else float(entry["green_at"]),
            None if entry["red_at"] is None else float(entry["red_at"]),
            None if entry["green"] is None else Precision(**entry["green"]),
            None if entry["red"] is None else Precision(**entry["red"]),
        )
        if cuts.green_at is not None and cuts.red_at is not None and cuts.red_at >= cuts.green_at:
            raise ValueError(f"red_at {cuts.red_at} is not below green_at {cuts.green_at}")
        return cuts


def precision_of(hits: int, n: int) -> Precision:
    """The precision of ``hits`` among ``n`` > 0 answers, rounded to four decimals."""
    low, high = exact_interval(hits, n)
    return Precision(round(hits / n, 4), round(low, 4), round(high, 4), n)


def exact_interval(hits: int, n: int) -> tuple[float, float]:
    """Exact (Clopper-Pearson) two-sided 95% interval of a proportion, 0 ≤ ``hits`` ≤ ``n``, ``n`` > 0.

    Its ends are quantiles of beta distributions, found here by bisection: the lane runs where there is no scipy.
    """
    low = 0.0 if hits == 0 else _beta_quantile(_TAIL, hits, n - hits + 1)
    high = 1.0 if hits == n else _beta_quantile(1.0 - _TAIL, hits + 1, n - hits)
    return low, high


def _beta_quantile(share: float, a: int, b: int) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _beta_share(middle, a, b) < share else (low, middle)
    return (low + high) / 2.0


def _beta_share(x: float, a: int, b: int) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22)."""
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_share(1.0 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    # The fraction 1/(1+ d1/(1+ d2/(1+ …))), evaluated from the inside; n terms give full precision for x under its mean.
    value = 1.0
    for m in range(40 + 2 * math.isqrt(a + b), 0, -1):
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        value = 1.0 + even / (1.0 + odd / value)
    value = 1.0 - (a + b) * x / ((a + 1) * value)
    return front / (a * value)


def band_for(score: float | None, cuts: BandCuts | None) -> tuple[Band, str]:
    """Band of a score and the reason in words. Without cuts a score is amber: never a guess."""
    if score is None:
        return Band.UNKNOWN, "nothing in the response could be judged"
    if cuts is None:
        return Band.AMBER, "no calibrated bands for this model or mode; the score stands without a guarantee"
    if cuts.green_at is not None and score >= cuts.green_at:
        return Band.GREEN, f"score {score:.2f} is at or above the green cut {cuts.green_at:.2f}"
    if cuts.red_at is not None and score <= cuts.red_at:
        return Band.RED, f"score {score:.2f} is at or below the red cut {cuts.red_at:.2f}"
    return Band.AMBER, f"score {score:.2f} lies between the cuts that held-out data supports"


def precision_of_band(band: Band, cuts: BandCuts | None) -> Precision | None:
    """The precision that a green or a red band was held to; amber and unknown promise none."""
    if cuts is None:
        return None
    return {Band.GREEN: cuts.green, Band.RED: cuts.red}.get(band)
