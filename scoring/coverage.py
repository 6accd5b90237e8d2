"""Which units the answer drew on, precision-first for "unused", and how much of the answer the units cover."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.calibration import RagArtifact, unit_coverage_score
from scoring.types import Alignment, UsageState

_USED_SHARE = 0.02
_UNUSED_SHARE = 0.005
_UNUSED_MARGIN = 0.15


@dataclass(frozen=True)
class UnitUsage:
    """One unit's part in the answer. ``coverage_score`` is calibrated to [0, 1]; ``coverage`` is the raw cosine."""

    index: int
    state: UsageState
    coverage_score: float
    coverage: float
    token_share: float


def unit_usage(alignment: Alignment, artifact: RagArtifact, threshold: float, cited: Set[int]) -> tuple[UnitUsage, ...]:
    """Usage of every unit.

    *used*: a supported claim cites it, or its calibrated coverage reaches ``threshold`` and at least 2% of the content
    tokens match it best. *unused*: not cited, coverage under the threshold by a margin, and practically no token
    matches it best. Anything else is *uncertain*: saying "unused" of a unit that mattered is the worse mistake.
    """
    scores = unit_coverage_score(alignment.unit_z, artifact)
    usages = []
    for index, (score, raw, share) in enumerate(
        zip(scores, alignment.unit_coverage, alignment.unit_share, strict=True)
    ):
        if index in cited or (score >= threshold and share >= _USED_SHARE):
            state = UsageState.USED
        elif score < threshold - _UNUSED_MARGIN and share <= _UNUSED_SHARE:
            state = UsageState.UNUSED
        else:
            state = UsageState.UNCERTAIN
        usages.append(UnitUsage(index, state, float(score), float(raw), float(share)))
    return tuple(usages)


def usage_ratios(usages: Sequence[UnitUsage]) -> dict[UsageState, float] | None:
    """Shares of units by state, which sum to 1; None without units."""
    if not usages:
        return None
    counts = {state: sum(usage.state is state for usage in usages) for state in UsageState}
    return {state: count / len(usages) for state, count in counts.items()}


def response_coverage(support: NDArray[np.float64], alignment: Alignment, threshold: float) -> float | None:
    """Share of the response's content tokens whose calibrated support reaches ``threshold``."""
    counted = support[alignment.content]
    return float((counted >= threshold).mean()) if len(counted) else None
