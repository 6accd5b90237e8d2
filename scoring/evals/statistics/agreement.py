"""How far a judge agrees with people: agreement, kappa, sensitivity and specificity with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from scoring.evals.statistics.intervals import Estimate, quantile, wilson


@dataclass(frozen=True)
class Agreement:
    """``kappa`` None: one of the two said the same of everything, so chance agreement is total. Rates None without cases."""

    n: int
    agreement: Estimate
    kappa: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None


def judge_agreement(human: Sequence[bool], judge: Sequence[bool], confidence: float = 0.95) -> Agreement:
    """The judge against the human thumbs of the same items. Raises ValueError without items or for other lengths.

    Sensitivity: of what people call good, the share the judge calls good; specificity: of the bad, the share called bad.
    """
    people, machine = np.asarray(human, np.bool_), np.asarray(judge, np.bool_)
    if len(people) != len(machine) or not len(people):
        raise ValueError(f"{len(people)} labels and {len(machine)} judgements")
    good, bad = int(people.sum()), int((~people).sum())
    return Agreement(
        len(people),
        wilson(int((people == machine).sum()), len(people), confidence),
        cohens_kappa(people, machine, confidence),
        wilson(int((people & machine).sum()), good, confidence) if good else None,
        wilson(int((~people & ~machine).sum()), bad, confidence) if bad else None,
    )


def cohens_kappa(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    confidence: float,
) -> Estimate | None:
    """Cohen's kappa with the large-sample interval of Fleiss, Cohen and Everitt (1969)."""
    n = len(first)
    table = np.array(
        [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]],
        np.float64,
    )
    shares = table / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = float(rows @ columns)
    if chance >= 1.0:
        return None
    kappa = (float(np.trace(shares)) - chance) / (1 - chance)
    diagonal = sum(shares[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(2))
    crossed = (1 - kappa) ** 2 * sum(
        shares[i, j] * (columns[i] + rows[j]) ** 2 for i in range(2) for j in range(2) if i != j
    )
    variance = float(diagonal + crossed - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    half = quantile(confidence) * sqrt(max(0.0, variance))
    return Estimate(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), n, confidence)
