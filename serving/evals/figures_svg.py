"""Intervals as standalone SVG: the differences of a comparison, and a rate over time. Written for reports; pages show the same.

Colours are attributes, which a page's style sheet may override by class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_INK: Final = "#1b2430"
_SOFT: Final = "#4d5a69"
_ACCENT: Final = "#1a5a86"
_ROW: Final = 26
_LABEL: Final = 220
_PLOT: Final = 320
_FIGURES: Final = 210
_LEAST_HALF: Final = 0.1
_HEIGHT: Final = 220
_LEFT: Final = 44
_TOP: Final = 14
_STEP: Final = 56
_LEAST_STEPS: Final = 6


@dataclass(frozen=True)
class DifferenceBar:
    """One measure's difference; an end that is None is unbounded, and its line runs to the edge."""

    name: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TrendPoint:
    """A rate from 0 to 1 with its interval. ``fresh``: of another suite than the point before, so no line joins the two."""

    label: str
    value: float
    low: float
    high: float
    fresh: bool = False


def difference_svg(bars: Sequence[DifferenceBar], title: str) -> str:
    """Differences around zero, one row each, on one axis. Better is right."""
    half = max(
        [_LEAST_HALF, *(abs(end) * 1.05 for bar in bars for end in (bar.low, bar.value, bar.high) if end is not None)]
    )
    width, height = _LABEL + _PLOT + _FIGURES, _ROW * (len(bars) + 2)

    def x(value: float) -> float:
        return round(_LABEL + _PLOT * (value + half) / (2 * half), 1)

    parts = [_text(_LABEL, 17, f"worse ← difference, ±{half:.2g} → better", "note", _SOFT)]
    parts.append(_line("zero", (x(0.0), _ROW), (x(0.0), height - _ROW), _SOFT, 1))
    for row, bar in enumerate(bars, 1):
        y = row * _ROW + _ROW / 2
        ends = (-half if bar.low is None else bar.low, half if bar.high is None else bar.high)
        parts.append(_text(0, y + 4, _short(bar.name, 32), "ink", _INK))
        parts.append(_line("range", (x(ends[0]), y), (x(ends[1]), y), _ACCENT, 3))
        parts.append(_dot(x(bar.value), y, f"{bar.name}: {bar.value:+.3f}"))
        parts.append(
            _text(_LABEL + _PLOT + 12, y + 4, f"{bar.value:+.3f} [{_end(bar.low)}, {_end(bar.high)}]", "ink", _INK)
        )
    return _svg(width, height, title, parts)


def trend_svg(points: Sequence[TrendPoint], title: str) -> str:
    """Rates from left to right with their intervals, on an axis from 0 to 100%."""
    width = _LEFT + _STEP * max(len(points), _LEAST_STEPS) + 12
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line("axis", (_LEFT, _y(share)), (width - 8, _y(share)), "#cfd6de", 1))
        parts.append(_text(2, _y(share) + 4, f"{share:.0%}", "note", _SOFT))
    places = [_LEFT + _STEP * (at + 0.5) for at in range(len(points))]
    for at, point in enumerate(points[1:], 1):
        if not point.fresh:
            ends = (places[at - 1], _y(points[at - 1].value)), (places[at], _y(point.value))
            parts.append(_line("join", *ends, _ACCENT, 1))
    for place, point in zip(places, points, strict=True):
        parts.append(_line("range", (place, _y(point.low)), (place, _y(point.high)), _ACCENT, 3))
        parts.append(
            _dot(place, _y(point.value), f"{point.label}: {point.value:.0%}, {point.low:.0%} to {point.high:.0%}")
        )
        parts.append(_text(place, _TOP + _HEIGHT + 18, point.label, "note", _SOFT, "middle"))
    return _svg(width, _TOP + _HEIGHT + 28, title, parts)


def _y(share: float) -> float:
    return round(_TOP + _HEIGHT * (1.0 - share), 1)


def _end(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:+.3f}"


def _short(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _line(kind: str, start: tuple[float, float], end: tuple[float, float], colour: str, width: int) -> str:
    places = f'x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"'
    return f'<line class="{kind}" {places} stroke="{colour}" stroke-width="{width}"/>'


def _dot(x: float, y: float, said: str) -> str:
    return f'<circle class="dot" cx="{x}" cy="{y}" r="4" fill="{_ACCENT}"><title>{escape(said)}</title></circle>'


def _text(x: float, y: float, text: str, kind: str, colour: str, anchor: str = "start") -> str:
    place = f'class="{kind}" x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(text)}</text>"


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'xmlns="http://www.w3.org/2000/svg" class="figure-svg" {size}'
    named = escape(title, {'"': "&quot;"})
    return (
        f'<svg {head} role="img" aria-label="{named}" font-family="system-ui, sans-serif" font-size="13">'
        f"{''.join(parts)}</svg>\n"
    )
