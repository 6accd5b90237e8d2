"""A judge calibrated against people, as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from scoring.evals.statistics import judge_agreement, judged_rate
from serving.api.errors import ValidationFailedError


def calibration(human: Sequence[bool], judge: Sequence[bool], judged_rest: Sequence[bool]) -> dict[str, Any]:
    """Agreement with people, and the rate of good answers with the method that gave it.

    From 100 labels up the rate joins labels and judgements (PPI++); below, the labels stand alone. Raises
    ValidationFailedError when the two lists have different lengths.
    """
    if len(human) != len(judge):
        raise ValidationFailedError(f"judge: {len(judge)} judgements beside {len(human)} labels; send one for each")
    rate = judged_rate([*map(float, human)], [*map(float, judge)], [*map(float, judged_rest)])
    return {
        "agreement": asdict(judge_agreement(human, judge)),
        "rate": {**asdict(rate.estimate), "method": rate.method, "trust": rate.trust},
    }
