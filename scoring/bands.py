"""Risk bands: cuts on the calibrated probability that an answer is grounded, with the precision they were held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoring.types import Band

OVERALL = "overall"


@dataclass(frozen=True)
class Precision:
    """A precision measured on held-out data: point estimate, exact (Clopper-Pearson) 95% interval, sample size."""

    value: float
    low: float
    high: float
    n: int


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
