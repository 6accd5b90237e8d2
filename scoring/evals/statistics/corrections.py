"""Adjusted p-values of several tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm 1979, step down: for what blocks, where one false alarm is one too many. In the order given."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.maximum.accumulate(values[order] * (len(values) - np.arange(len(values))))
    return _in_order(adjusted, order)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Benjamini and Hochberg 1995, step up: for what only informs; bounds the share of false finds. In the order given."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * len(values) / (np.arange(len(values)) + 1)
    adjusted = np.minimum.accumulate(scaled[::-1])[::-1]
    return _in_order(adjusted, order)


def _in_order(adjusted: NDArray[np.float64], order: NDArray[np.intp]) -> tuple[float, ...]:
    result = np.empty(len(order))
    result[order] = np.minimum(adjusted, 1.0)
    return tuple(float(value) for value in result)
