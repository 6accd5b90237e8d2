"""Plots as inline SVG whose colours are the sheet's. Values stand beside them as text: a picture is never the only place."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from groundlane.evaluate.statistics import Interval

_WIDTH: Final = 640
_ROW: Final = 26
_NAME: Final = 190
_VALUES: Final = 150
_NAME_LETTERS: Final = 26
_HISTOGRAM: Final = 120


def interval_plot(title: str, rows: Sequence[tuple[str, Interval | None]], marks: Sequence[float] = ()) -> str:
    """A dot and a line for each row's value and interval, on an axis from 0 to a round share; ``marks``: upright lines."""
    top = _axis_end([interval.high for _, interval in rows if interval] + list(marks))
    left, right = _NAME, _WIDTH - _VALUES
    height = _ROW * len(rows) + 34

    def place(value: float) -> float:
        return left + (right - left) * value / top

    parts = []
    for tick in (0.0, top / 4, top / 2, 3 * top / 4, top):
        x = place(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="{height - 26}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick * 100:g}%</text>')
    for mark in marks:
        parts.append(f'<line class="mark" x1="{place(mark):.1f}" y1="2" x2="{place(mark):.1f}" y2="{height - 26}"/>')
    for number, (name, interval) in enumerate(rows):
        y = 4 + _ROW * number + _ROW / 2
        parts.append(
            f'<text class="name" x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(_short(name))}</text>'
        )
        if interval is None:
            parts.append(f'<text class="tick" x="{left + 6}" y="{y + 4:.1f}">none judged</text>')
            continue
        parts.append(
            f'<line class="whisker" x1="{place(interval.low):.1f}" y1="{y:.1f}" x2="{place(interval.high):.1f}" y2="{y:.1f}"/>'
            f'<circle class="dot" cx="{place(interval.value):.1f}" cy="{y:.1f}" r="5"/>'
            f'<text class="value" x="{right + 12}" y="{y + 4:.1f}">{interval.value * 100:.1f}% '
            f"({interval.low * 100:.0f}–{interval.high * 100:.0f})</text>"
        )
    return _svg(title, height, parts)


def histogram(title: str, values: Sequence[float], bins: int = 20) -> str:
    """How many values in [0, 1] fall into each of ``bins``."""
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value * bins))] += 1
    most = max(counts) or 1
    step = (_WIDTH - 20) / bins
    parts = []
    for number, count in enumerate(counts):
        tall = _HISTOGRAM * count / most
        x, y = 10 + number * step, 16 + _HISTOGRAM - tall
        parts.append(f'<rect class="bar" x="{x + 1:.1f}" y="{y:.1f}" width="{step - 2:.1f}" height="{tall:.1f}"/>')
        if count:
            parts.append(
                f'<text class="tick" x="{x + step / 2:.1f}" y="{y - 3:.1f}" text-anchor="middle">{count}</text>'
            )
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        anchor = {0.0: "start", 1.0: "end"}.get(tick, "middle")
        x = 10 + tick * (_WIDTH - 20)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_HISTOGRAM + 34}" text-anchor="{anchor}">{tick:g}</text>')
    return _svg(title, _HISTOGRAM + 42, parts)


def _axis_end(values: Sequence[float]) -> float:
    """The next round share: 0.07 gives 0.1, 0.33 gives 0.4."""
    highest = max(values, default=1.0)
    return next((end for end in (0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 0.8) if highest <= end), 1.0)


def _short(name: str) -> str:
    flat = " ".join(name.split())
    return flat if len(flat) <= _NAME_LETTERS else f"{flat[: _NAME_LETTERS - 1]}…"


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(title, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )
