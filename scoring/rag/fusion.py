"""One probability from the signals that apply: a monotone logistic model over their log-odds.

P(grounded) = σ(bias + Σ_i weight_i (logit(value_i) - center_i)), weight_i ≥ 0, summed over the signals that have a
value. A signal that does not apply adds nothing, exactly as if it stood at its center.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoring.calibration import RagArtifact, logit, sigmoid
from scoring.types import Signal


def fuse(signals: Sequence[Signal], artifact: RagArtifact) -> float | None:
    """Calibrated probability that the answer is grounded; None when no fitted signal has a value."""
    total = artifact.fusion_bias
    present = 0
    for signal in signals:
        weight = artifact.fusion.get(signal.name)
        if weight is None or signal.value is None:
            continue
        present += 1
        total += weight.weight * (logit(signal.value) - weight.center)
    return sigmoid(total) if present else None
