"""Fit the code lane's composite: logistic regression with non-negative weights, by projected gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDS, _RATE, _RIDGE = 4000, 0.5, 1e-3
FEATURES = ("flagged", "suspicious", "unverifiable_share")


def fit(rows: Sequence[dict[str, float]], truth: Sequence[bool], provenance: dict[str, Any]) -> dict[str, Any]:
    """The JSON form of an artefact. Thresholds: ``phantom_from`` is the lowest probability of a flagged response, halved way to
    the highest of an unflagged one; ``grounded_to`` lets 99% of the clean rows pass."""
    values = np.array([[row[name] for name in FEATURES] for row in rows])
    wanted = np.array(truth, np.float64)
    center = values[wanted == 0].mean(axis=0)
    weights, bias = _descend(values - center, wanted)
    probability = 1 / (1 + np.exp(-(bias + (values - center) @ weights)))
    clean, wrong = probability[wanted == 0], probability[wanted == 1]
    flagged = values[:, 0] > 0
    lowest_flagged = float(probability[flagged].min()) if flagged.any() else 0.5
    highest_silent = float(probability[~flagged].max())
    grounded_to = float(np.quantile(clean, 0.99))
    return {
        "bias": round(bias, 4),
        "weights": {
            name: {"weight": round(float(weights[i]), 4), "center": round(float(center[i]), 4)}
            for i, name in enumerate(FEATURES)
        },
        "phantom_from": round(min(0.5, max(lowest_flagged * 0.999, 0.0)), 4),
        "grounded_to": round(min(grounded_to, 0.5), 4),
        "ambiguous": [round(min(grounded_to, 0.5), 4), round(max(highest_silent, lowest_flagged), 4)],
        "provenance": {
            **provenance,
            "rows": len(rows),
            "mean_probability": {"clean": round(float(clean.mean()), 4), "renamed": round(float(wrong.mean()), 4)},
        },
    }


def _descend(values: Floats, wanted: Floats) -> tuple[Floats, float]:
    scale = np.maximum(values.std(axis=0), 1e-6)
    scaled = values / scale
    weights, bias = np.zeros(values.shape[1]), 0.0
    for _ in range(_ROUNDS):
        error = 1 / (1 + np.exp(-(scaled @ weights + bias))) - wanted
        weights = np.maximum(weights - _RATE * (scaled.T @ error / len(wanted) + _RIDGE * weights), 0.0)
        bias -= _RATE * float(error.mean())
    return weights / scale, float(bias)
