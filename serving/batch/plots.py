"""A bar chart as one self-contained SVG: no plotting library for two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

_WIDTH: Final = 640
_HEIGHT: Final = 300
_LEFT: Final = 20
_TOP: Final = 50
_BOTTOM: Final = 40
_GAP: Final = 4.0


def bar_chart(title: str, bars: Sequence[tuple[str, int, str]]) -> str:
    """Bars of (label, count, colour), each with its count above it; heights are in proportion to the counts."""
    largest = max((count for _, count, _ in bars), default=0) or 1
    step = (_WIDTH - 2 * _LEFT) / max(1, len(bars))
    room = _HEIGHT - _TOP - _BOTTOM
    shapes = []
    for place, (label, count, colour) in enumerate(bars):
        left = _LEFT + place * step
        height = room * count / largest
        top = _TOP + room - height
        middle = left + step / 2
        shapes.append(
            f'<rect x="{left + _GAP / 2:.1f}" y="{top:.1f}" width="{step - _GAP:.1f}" height="{height:.1f}" '
            f'fill="{escape(colour)}"/>'
            f'<text x="{middle:.1f}" y="{top - 5:.1f}">{count}</text>'
            f'<text x="{middle:.1f}" y="{_HEIGHT - _BOTTOM + 18}">{escape(label)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="11" text-anchor="middle">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
        f'<text x="{_WIDTH / 2:.0f}" y="24" font-size="16">{escape(title)}</text>{"".join(shapes)}</svg>\n'
    )
