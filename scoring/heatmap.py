"""The response as coloured spans: data, or one self-contained, escaped ``<div>``."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.types import Span

_NEUTRAL = "neutral"
_COLOURS = {
    "supported": "#d7f0dd",
    "weak": "#fdf0c8",
    "unsupported": "#f9d3d0",
    "phantom": "#f3a6a0",
    _NEUTRAL: "transparent",
}


@dataclass(frozen=True)
class HeatCuts:
    """Support at or above ``supported`` is green, under ``unsupported`` red, between them weak."""

    supported: float
    unsupported: float


@dataclass(frozen=True)
class HeatmapSpan:
    """``text[start:end]`` of the response; ``value`` is its mean support, None where nothing is claimed."""

    start: int
    end: int
    state: str
    value: float | None


def state_of(value: float, cuts: HeatCuts) -> str:
    """The colour class of a support value."""
    if value < cuts.unsupported:
        return "unsupported"
    return "supported" if value >= cuts.supported else "weak"


def heatmap_spans(
    token_spans: NDArray[np.int32],
    content: NDArray[np.bool_],
    support: NDArray[np.float64],
    length: int,
    cuts: HeatCuts,
) -> tuple[HeatmapSpan, ...]:
    """Spans that tile ``[0, length)``: neighbouring content tokens of one state form a span with what lies between."""
    spans: list[HeatmapSpan] = []
    position = 0
    run: list[int] = []

    def close() -> None:
        nonlocal position
        if not run:
            return
        start, end = int(token_spans[run[0], 0]), int(token_spans[run[-1], 1])
        if start > position:
            spans.append(HeatmapSpan(position, start, _NEUTRAL, None))
        value = float(np.mean(support[run]))
        spans.append(HeatmapSpan(start, end, state_of(float(support[run[0]]), cuts), value))
        position = end
        run.clear()

    for index in np.flatnonzero(content):
        if run and state_of(float(support[index]), cuts) != state_of(float(support[run[-1]]), cuts):
            close()
        run.append(int(index))
    close()
    if position < length:
        spans.append(HeatmapSpan(position, length, _NEUTRAL, None))
    return tuple(spans)


def heatmap_data(spans: Sequence[HeatmapSpan], cuts: HeatCuts) -> dict[str, object]:
    """The JSON form; ``legend`` names each state's lowest support."""
    return {
        "spans": [
            {"start": s.start, "end": s.end, "state": s.state}
            | ({} if s.value is None else {"value": round(s.value, 4)})
            for s in spans
        ],
        "legend": {"supported": cuts.supported, "weak": cuts.unsupported, "unsupported": 0.0},
    }


def unsupported_spans(
    spans: Sequence[HeatmapSpan], text: str, within: Sequence[Span]
) -> tuple[tuple[int, int, float], ...]:
    """(start, end, support) of the unsupported spans that lie in one of the ranges ``within``."""
    found = []
    for span in spans:
        if span.state != "unsupported" or span.value is None or not text[span.start : span.end].strip():
            continue
        if any(start < span.end and span.start < end for start, end in within):
            found.append((span.start, span.end, span.value))
    return tuple(found)


def heatmap_html(text: str, spans: Sequence[HeatmapSpan], title: str) -> str:
    """One ``<div>`` without scripts, links or outside styles; all text is escaped."""
    parts = []
    for span in spans:
        piece = html.escape(text[span.start : span.end], quote=True)
        if span.value is None and span.state == _NEUTRAL:
            parts.append(piece)
            continue
        note = span.state if span.value is None else f"{span.state} {span.value:.2f}"
        style = f"background:{_COLOURS[span.state]};border-radius:2px"
        parts.append(f'<span style="{style}" title="{html.escape(note)}">{piece}</span>')
    frame = "font:14px/1.6 system-ui,sans-serif;white-space:pre-wrap;color:#1b1b1b;background:#fff;padding:12px"
    label = html.escape(title, quote=True)
    return f'<div class="groundlane-heatmap" role="img" aria-label="{label}" style="{frame}">{"".join(parts)}</div>'
