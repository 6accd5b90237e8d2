"""Intervals as plots: where their ends and their middle lie on an axis. Templates draw them as SVG, by attributes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 240
_MARGIN: Final = 6
_LEAST_SPAN: Final = 0.1
"""An axis shows at least ±0.1, so that a difference of nothing does not look like a large one."""


@dataclass(frozen=True)
class IntervalPlot:
    """Pixels from the left. ``zero`` is None where the axis does not begin at or hold zero."""

    low: float
    value: float
    high: float
    zero: float | None
    cut_low: bool = False
    cut_high: bool = False


def share_plot(low: float, value: float, high: float) -> IntervalPlot:
    """A share with its interval on an axis from 0 to 1."""
    return IntervalPlot(_x(low, 0.0, 1.0), _x(value, 0.0, 1.0), _x(high, 0.0, 1.0), None)


def axis_of(values: Sequence[float | None]) -> float:
    """Half the width of an axis around zero that holds all these values."""
    return max([_LEAST_SPAN, *(abs(value) * 1.05 for value in values if value is not None)])


def difference_plot(low: float | None, value: float, high: float | None, half: float) -> IntervalPlot:
    """A difference on an axis from ``-half`` to ``half``. An end that is None is unbounded: the line runs out of the plot."""
    ends = (-half if low is None else low, half if high is None else high)
    places = [_x(one, -half, half) for one in (ends[0], value, ends[1], 0.0)]
    return IntervalPlot(places[0], places[1], places[2], places[3], low is None, high is None)


def _x(value: float, least: float, most: float) -> float:
    share = (min(most, max(least, value)) - least) / (most - least)
    return round(_MARGIN + share * (WIDTH - 2 * _MARGIN), 1)
