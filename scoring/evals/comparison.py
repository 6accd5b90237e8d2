"""Two runs of the same cases compared, measure by measure: paired, clusters respected, several tests corrected for.

A difference is oriented: above zero the candidate is better, whatever the measure's own direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from scoring.evals.statistics import (
    Estimate,
    PairedCounts,
    benjamini_hochberg,
    cluster_t,
    exact_mcnemar,
    holm,
    newcombe_paired,
    sign_flip,
    smallest_visible_effect,
)

_USUAL_DISCORDANT = 0.1
"""Share of cases that change outcome, assumed before a run and used when none did."""


class Tier(StrEnum):
    """How much a measure weighs: the first two block a release, the last one informs."""

    CRITICAL = "critical"
    SUPPORTING = "supporting"
    ADVISORY = "advisory"


@dataclass(frozen=True)
class Measure:
    """What is compared. ``binary``: a case passes or fails; else a number, of which more is better or worse."""

    name: str
    tier: Tier
    binary: bool = True
    higher_is_better: bool = True


@dataclass(frozen=True)
class PairedValue:
    """One case's mean over its repeats in both runs; None: it failed to run there, or has no value.

    ``cluster``: cases of one conversation or document share it; their outcomes are not independent.
    """

    case_id: str
    cluster: str
    baseline: float | None
    candidate: float | None


@dataclass(frozen=True)
class MeasureComparison:
    """``p_adjusted``: Holm over the measures that block, Benjamini-Hochberg over the others.

    ``only_baseline``: cases without a value of the candidate. A pass or fail counts them as failed, a number leaves them out.
    ``smallest_visible``: the difference in a pass rate that this many cases show with 80% power; None for numbers.
    """

    measure: Measure
    n: int
    baseline: float
    candidate: float
    difference: Estimate
    p_value: float | None
    p_adjusted: float | None
    test: str
    smallest_visible: float | None
    improved: tuple[str, ...]
    regressed: tuple[str, ...]
    only_baseline: tuple[str, ...]


def compare_measures(
    measured: Sequence[tuple[Measure, Sequence[PairedValue]]], confidence: float = 0.95
) -> tuple[MeasureComparison, ...]:
    """Every measure that has a case in both runs, p-values corrected over all of them. In the order given."""
    found = [
        comparison
        for measure, values in measured
        if (comparison := compare_measure(measure, values, confidence)) is not None
    ]
    adjusted: dict[int, float] = {}
    for blocking, correction in ((True, holm), (False, benjamini_hochberg)):
        chosen = [
            (place, one.p_value)
            for place, one in enumerate(found)
            if (one.measure.tier is not Tier.ADVISORY) is blocking and one.p_value is not None
        ]
        if chosen:
            corrected = correction([p_value for _, p_value in chosen])
            adjusted |= {place: value for (place, _), value in zip(chosen, corrected, strict=True)}
    return tuple(replace(one, p_adjusted=adjusted.get(place)) for place, one in enumerate(found))


def compare_measure(
    measure: Measure, values: Sequence[PairedValue], confidence: float = 0.95
) -> MeasureComparison | None:
    """One measure without correction; None when no case has a value in both runs."""
    absent = tuple(one.case_id for one in values if one.baseline is not None and one.candidate is None)
    if measure.binary:
        values = [replace(one, candidate=0.0) if one.candidate is None else one for one in values]
    pairs = [
        (one, one.baseline, one.candidate) for one in values if one.baseline is not None and one.candidate is not None
    ]
    if not pairs:
        return None
    baseline = np.array([before for _, before, _ in pairs])
    candidate = np.array([after for _, _, after in pairs])
    sign = 1.0 if measure.higher_is_better else -1.0
    differences = sign * (candidate - baseline)
    difference, p_value, test = _test(
        measure, baseline, candidate, differences, [one.cluster for one, _, _ in pairs], confidence
    )
    moved = sorted(
        zip(differences, (one.case_id for one, _, _ in pairs), strict=True), key=lambda pair: (-abs(pair[0]), pair[1])
    )
    discordant = float((differences != 0).mean())
    return MeasureComparison(
        measure=measure,
        n=len(pairs),
        baseline=float(baseline.mean()),
        candidate=float(candidate.mean()),
        difference=difference,
        p_value=p_value,
        p_adjusted=None,
        test=test,
        smallest_visible=smallest_visible_effect(len(pairs), discordant or _USUAL_DISCORDANT)
        if measure.binary
        else None,
        improved=tuple(case_id for change, case_id in moved if change > 0),
        regressed=tuple(case_id for change, case_id in moved if change < 0),
        only_baseline=absent,
    )


def _test(
    measure: Measure,
    baseline: NDArray[np.float64],
    candidate: NDArray[np.float64],
    differences: NDArray[np.float64],
    clusters: Sequence[str],
    confidence: float,
) -> tuple[Estimate, float | None, str]:
    """Newcombe and McNemar where each case passes or fails once and stands alone; else cluster-robust t and sign flips."""
    outcomes = np.isin(baseline, (0.0, 1.0)).all() and np.isin(candidate, (0.0, 1.0)).all()
    if measure.binary and outcomes and len(set(clusters)) == len(clusters):
        before, after = baseline == 1.0, candidate == 1.0
        counts = PairedCounts(
            int((before & after).sum()),
            int((~before & after).sum()),
            int((before & ~after).sum()),
            int((~before & ~after).sum()),
        )
        return newcombe_paired(counts, confidence), exact_mcnemar(counts).p_value, "exact McNemar"
    robust = cluster_t(differences, clusters, confidence)
    estimate = robust.estimate
    if estimate is None or estimate.low == estimate.high:  # one cluster, or no spread: nothing bounds the difference
        value = float(differences.mean())
        bound = (-1.0, 1.0) if measure.binary else (float("-inf"), float("inf"))
        unbounded = len(set(clusters)) < 2 or measure.binary or value != 0.0
        low, high = bound if unbounded else (value, value)
        estimate = Estimate(value, low, high, len(differences), confidence)
    return estimate, sign_flip(differences, clusters).p_value, "sign flip"
