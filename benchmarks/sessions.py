"""Timings of the session transform and of the rollup: ``python -m benchmarks.sessions [--json OUT]``.

The turns are made by arithmetic, so every run has the same input; what is measured is compute, without HTTP. Wall time
and processor time are both reported: on a busy machine the first tells of the neighbours, the second of the code.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.provenance import provenance, save_figures
from scoring.rollup.scoreboard import rollup
from scoring.session.update import (
    SessionState,
    TurnObservation,
    from_json,
    initial_state,
    signals_to_json,
    to_json,
    update,
)
from scoring.types import Band

AIMS_MS = {"rollup_100_turns": 1.0, "rollup_10000_turns": 50.0}


def observation(turn: int, files: int) -> TurnObservation:
    """The observation of turn number ``turn``: a groundedness that wanders, some phantoms, ``files`` files."""
    groundedness = (turn * 37 % 100) / 100
    return TurnObservation(
        groundedness,
        Band.GREEN if groundedness > 0.6 else Band.AMBER if groundedness > 0.3 else Band.RED,
        symbols_checked=20,
        phantom_symbols=int(turn % 5 == 0),
        file_shares={f"src/package/module_{(turn + i) % (files + 3)}.py": 1 / files for i in range(files)},
        dead_files=(f"src/package/module_{turn % (files + 3)}.py",),
        reason_codes=("shared",),
    )


def turns(count: int, files: int) -> list[dict[str, Any]]:
    """Turns of both shapes in turn, as JSON delivers them, each with ``files`` attributed files and its signals."""
    state, made = initial_state(), []
    for turn in range(count):
        seen = observation(turn, max(files, 1))
        state, signals = update(state, seen)
        paths = list(seen.file_shares)[:files]
        more: dict[str, Any] = {"session_signals": signals_to_json(signals)}
        if files:
            more["file_attribution"] = {
                "files": [{"path": path, "owner_share": 0.2, "units": 3, "reason_codes": ["shared"]} for path in paths],
                "reason_codes": {"shared": files - 1, "dead_weight": 1},
                "dead_files": list(seen.dead_files),
            }
        ratios = {"context_coverage_ratio": 0.5, "context_usage_ratio": 0.4}
        if turn % 2:
            scores = {"reverse_context": seen.groundedness, **ratios}
            made.append({"scores": scores, "risk_band": seen.band.value, "timestamp": "2026-01-01T00:00:00Z", **more})
        else:
            made.append({"success": True, "score": seen.groundedness, "band": seen.band.value, **ratios, **more})
    return list(json.loads(json.dumps(made)))


def measure(call: Callable[[], object], repeats: int, inner: int = 1) -> dict[str, float | int]:
    """Median, 5th, 95th percentile and least wall time and median processor time of one call, in milliseconds."""
    call()
    gc.collect()
    wall_ms, cpu_ms = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.thread_time()
        for _ in range(inner):
            call()
        cpu_ms.append((time.thread_time() - cpu) * 1e3 / inner)
        wall_ms.append((time.perf_counter() - wall) * 1e3 / inner)
    cuts = statistics.quantiles(wall_ms, n=20)
    return {
        "n": repeats * inner,
        "wall_p50_ms": round(statistics.median(wall_ms), 4),
        "wall_p05_ms": round(cuts[0], 4),
        "wall_p95_ms": round(cuts[-1], 4),
        "wall_min_ms": round(min(wall_ms), 4),
        "cpu_p50_ms": round(statistics.median(cpu_ms), 4),
    }


def _round_trip(state: SessionState, text: str) -> object:
    return json.dumps(to_json(state)), from_json(json.loads(text))


def session_timings() -> dict[str, Mapping[str, float | int]]:
    """One update and one JSON round trip, with 8 files a turn and with the 64 that a state may hold."""
    out: dict[str, Mapping[str, float | int]] = {}
    for files in (8, 64):
        state = initial_state()
        for turn in range(100):
            state, _ = update(state, observation(turn, files))
        seen = observation(101, files)
        text = json.dumps(to_json(state))
        out[f"update_{files}_files"] = measure(partial(update, state, seen), 60, 50)
        out[f"round_trip_{files}_files"] = measure(partial(_round_trip, state, text), 60, 20) | {
            "state_bytes": len(text)
        }
    return out


def rollup_timings() -> dict[str, Mapping[str, float | int]]:
    """Rollups of 1 to 10,000 turns of both shapes mixed: without files, with 5 files a turn, and with the HTML."""
    out: dict[str, Mapping[str, float | int]] = {}
    for count, repeats in ((1, 400), (100, 200), (1_000, 40), (10_000, 20)):
        for files in (0, 5):
            made = turns(count, files)
            name = f"rollup_{count}_turns" + (f"_{files}_files" if files else "")
            out[name] = measure(partial(rollup, made), repeats)
            if not files:
                out[f"{name}_html"] = measure(partial(rollup, made, heatmap_format="html"), repeats)
    return out


def main() -> None:
    """Run everything, print a table, write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    arguments = parser.parse_args()
    figures = {"provenance": provenance(), "aims_ms": AIMS_MS, "session": session_timings(), "rollup": rollup_timings()}
    for group in ("session", "rollup"):
        for name, row in figures[group].items():
            print(f"{name:32} p50 {row['wall_p50_ms']:9.4f}  p95 {row['wall_p95_ms']:9.4f}  n {row['n']}  (ms)")
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
