"""A session's turns as a strip of coloured cells: data, or one self-contained, escaped ``<div>``."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Final

from scoring.rollup.turns import TurnColumns
from scoring.types import Band

COLUMNS: Final = ("turn", "groundedness", "band", "drift", "coverage", "unused", "dead_files", "timestamp")
_COLOURS: Final = {Band.GREEN: "#2f9e5b", Band.AMBER: "#e0a526", Band.RED: "#cf4436", Band.UNKNOWN: "#b5bac1"}
_FRAME: Final = "font:13px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;padding:12px"
_CELL: Final = "display:inline-block;width:12px;height:24px;margin:1px;border-radius:2px"


def session_heatmap(columns: TurnColumns, drifts: Sequence[float | None]) -> dict[str, Any]:
    """``columns`` names the entries of each of ``rows``, one row a turn; turns count from 1, null means not known."""
    fields = (
        range(1, len(columns) + 1),
        columns.groundedness,
        columns.bands,
        drifts,
        columns.coverage,
        columns.unused,
        columns.files.unused,
        columns.timestamps,
    )
    return {"columns": list(COLUMNS), "rows": list(zip(*fields, strict=True))}


def session_heatmap_html(columns: TurnColumns, drifts: Sequence[float | None], session_id: str | None) -> str:
    """One ``<div>`` without scripts, links or outside styles; a cell a turn, its numbers in the cell's title."""
    cells = []
    turns = zip(columns.bands, columns.groundedness, drifts, columns.timestamps, strict=True)
    for turn, (band, groundedness, drift, timestamp) in enumerate(turns, 1):
        note = f"turn {turn}: {band.value}"
        if groundedness is not None:
            note += f", groundedness {groundedness:.2f}"
        if drift is not None:
            note += f", drift {drift:+.2f}"
        if timestamp is not None:
            note += html.escape(f", {timestamp}", quote=True)
        cells.append(f'<span style="{_CELL};background:{_COLOURS[band]}" title="{note}"></span>')
    label = html.escape(f"Session {session_id}" if session_id else "Session", quote=True)
    title = f"{label}: {len(columns)} turns"
    return f'<div class="groundlane-session" role="img" aria-label="{title}" style="{_FRAME}">{"".join(cells)}</div>'
