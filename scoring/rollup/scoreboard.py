"""Many turns to one scoreboard: which turns were noise, whether the model drifts, what the retrieval wastes.

Pure and linear in the number of turns; no model, no clock. ``docs/sessions-and-rollup.md`` has every formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from scoring.rollup.heatmap import session_heatmap, session_heatmap_html
from scoring.rollup.turns import MAX_ROLLUP_TURNS, FileColumns, RollupError, TurnColumns, read_turns
from scoring.session.types import MAX_TRAIL
from scoring.session.update import (
    GROUNDEDNESS_KEEP,
    MIN_TURNS_FOR_Z,
    THRESHOLDS,
    recommend,
    welford_step,
    z_score,
)
from scoring.types import Band, Recommendation

__all__ = ["MAX_ROLLUP_TURNS", "ROLLUP_VERSION", "DriftTrend", "RollupError", "RollupResult", "rollup"]

ROLLUP_VERSION: Final = "rollup-1"
NOISE_COVERAGE: Final = 0.5
WASTE_ADVICE: Final = 0.5
DRIFT_ADVICE: Final = 0.3
NOISE_ADVICE: Final = 0.3
MAX_DEAD_FILES: Final = 10
DEAD_FILE_RATIO: Final = 0.5
_MAX_DEAD_FILE_ADVICE: Final = 3
_SEVERITY: Final = (Recommendation.CONTINUE, Recommendation.RE_ANCHOR, Recommendation.FRESH_CHAT)
_DRIFT_LIMIT: Final = next(row.limit for row in THRESHOLDS if row.signal == "groundedness_drift")
_Z_LIMIT: Final = next(row.limit for row in THRESHOLDS if row.signal == "drift_z_score")
_PHANTOM_LIMIT: Final = next(row.limit for row in THRESHOLDS if row.signal == "phantom_rate")

HeatmapFormat = Literal["none", "data", "html"]


@dataclass(frozen=True)
class DriftTrend:
    """Groundedness drift over the turns that have one; negative is a slide. Each in [-1, 1]."""

    min: float
    max: float
    mean: float
    last: float


@dataclass(frozen=True)
class RollupResult:
    """The scoreboard. ``_pct`` are fractions in [0, 1]; None when no turn carries what the fraction counts."""

    turns_processed: int
    noise_pct: float | None
    model_drift_pct: float | None
    retrieval_waste_pct: float | None
    reason_code_histogram: Mapping[str, int]
    recommendations: tuple[str, ...]
    risk_band_trail: tuple[Band, ...]
    drift_trend: DriftTrend | None
    top_dead_files: tuple[Mapping[str, Any], ...]
    heatmap: Mapping[str, Any] | None
    heatmap_html: str | None
    session_id: str | None
    warnings: tuple[str, ...] = ()
    version: str = ROLLUP_VERSION

    def to_json(self) -> dict[str, Any]:
        """The response body without what is None."""
        trend = self.drift_trend
        out: dict[str, Any] = {
            "turns_processed": self.turns_processed,
            "noise_pct": self.noise_pct,
            "model_drift_pct": self.model_drift_pct,
            "retrieval_waste_pct": self.retrieval_waste_pct,
            "reason_code_histogram": dict(self.reason_code_histogram),
            "recommendations": list(self.recommendations),
            "risk_band_trail": list(self.risk_band_trail),
            "drift_trend": trend and {"min": trend.min, "max": trend.max, "mean": trend.mean, "last": trend.last},
            "top_dead_files": [dict(entry) for entry in self.top_dead_files],
            "heatmap": self.heatmap,
            "heatmap_html": self.heatmap_html,
            "session_id": self.session_id,
            "warnings": list(self.warnings) or None,
            "version": self.version,
        }
        return {key: value for key, value in out.items() if value is not None}


def rollup(
    turns: Sequence[Mapping[str, Any]], *, session_id: str | None = None, heatmap_format: HeatmapFormat = "data"
) -> RollupResult:
    """Aggregate 1 to 10,000 turns, oldest first, of both shapes mixed.

    Raises :class:`RollupError`, with the path of the field, for a malformed turn or a wrong number of turns.
    """
    if heatmap_format not in ("none", "data", "html"):
        raise RollupError("heatmap_format", f"must be none, data or html, got {str(heatmap_format)[:40]!r}")
    columns = read_turns(turns)
    drifts, zs, ema = _drift_series(columns)
    noise = _noise(columns)
    drifting = _mean(_drifting_turns(columns, drifts, zs))
    waste = _mean(_wasted_shares(columns))
    dead_files = _top_dead_files(columns.files)
    last = {"ema_groundedness": ema, "groundedness_drift": drifts[-1], "drift_z_score": zs[-1]}
    shares = {"noise": noise, "drift": drifting, "waste": waste}
    return RollupResult(
        len(columns),
        noise,
        drifting,
        waste,
        dict(sorted(columns.files.reason_codes.items(), key=lambda entry: (-entry[1], entry[0]))),
        _recommendations(columns, last, shares, dead_files),
        tuple(columns.bands),
        _trend([drift for drift in drifts if drift is not None]),
        dead_files,
        None if heatmap_format == "none" else session_heatmap(columns, drifts),
        session_heatmap_html(columns, drifts, session_id) if heatmap_format == "html" else None,
        session_id,
        columns.warnings,
    )


def _drift_series(columns: TurnColumns) -> tuple[list[float | None], list[float | None], float | None]:
    """Per turn its drift and z-score, the turn's own where it carries them; and the exponential mean at the end.

    The statistics are those of ``scoring.session.update.update``, run over the turns at hand.
    """
    drifts, zs = list(columns.drift), list(columns.drift_z)
    open_turns = [turn for turn in range(len(drifts)) if drifts[turn] is None or zs[turn] is None]
    last_open = open_turns[-1] if open_turns else -1
    mean = m2 = 0.0
    count = 0
    ema: float | None = None
    keep, gain = GROUNDEDNESS_KEEP, 1.0 - GROUNDEDNESS_KEEP
    for turn, value in enumerate(columns.groundedness):
        if value is None:
            continue
        ema = value if ema is None else keep * ema + gain * value
        if turn > last_open:
            continue
        if zs[turn] is None and count + 1 >= MIN_TURNS_FOR_Z:
            zs[turn] = z_score(value, count, mean, m2)
        mean, m2, count = welford_step(value, count, mean, m2)
        if drifts[turn] is None:
            drifts[turn] = ema - mean
    return drifts, zs, ema


def _noise(columns: TurnColumns) -> float | None:
    """Share of judged turns whose answer does not rest on its context: red, or without a band and mostly uncovered."""
    red = columns.bands.count(Band.RED)
    unknown = columns.bands.count(Band.UNKNOWN)
    judged = len(columns) - unknown
    if unknown:
        covered = [share for band, share in zip(columns.bands, columns.coverage, strict=True) if band is Band.UNKNOWN]
        shares = [share for share in covered if share is not None]
        judged += len(shares)
        red += sum(share < NOISE_COVERAGE for share in shares)
    return red / judged if judged else None


def _drifting_turns(columns: TurnColumns, drifts: list[float | None], zs: list[float | None]) -> list[bool]:
    """For each turn with a drift, whether drift, z-score or phantom rate reaches its limit."""
    return [
        drift <= _DRIFT_LIMIT or (z is not None and z <= _Z_LIMIT) or (rate is not None and rate >= _PHANTOM_LIMIT)
        for drift, z, rate in zip(drifts, zs, columns.phantom_rate, strict=True)
        if drift is not None
    ]


def _wasted_shares(columns: TurnColumns) -> list[float]:
    """Unused share of each turn's context by units; by files where the turn has no unit shares."""
    files = columns.files
    shares = [
        min(1.0, dead / sent) if share is None and sent else share
        for share, sent, dead in zip(columns.unused, files.sent, files.unused, strict=True)
    ]
    return [share for share in shares if share is not None]


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _trend(drifts: Sequence[float]) -> DriftTrend | None:
    mean = _mean(drifts)
    return None if mean is None else DriftTrend(min(drifts), max(drifts), mean, drifts[-1])


def _top_dead_files(files: FileColumns) -> tuple[Mapping[str, Any], ...]:
    """Files unused in at least half of the turns that carried them; most unused turns first, then by path."""
    carried = {path: max(count, files.sent_by_path[path]) for path, count in files.unused_by_path.items()}
    consistent = [(path, n) for path, n in files.unused_by_path.items() if n >= DEAD_FILE_RATIO * carried[path]]
    consistent.sort(key=lambda entry: (-entry[1], entry[0]))
    return tuple(
        {"path": path, "dead_turns": count, "turns": carried[path], "dead_share": count / carried[path]}
        for path, count in consistent[:MAX_DEAD_FILES]
    )


def _trail_signals(columns: TurnColumns) -> dict[str, float | None]:
    """Red streak, cascade density over the last 20 turns, and what the last turn says of phantoms and dead weight."""
    streak = 0
    for band in reversed(columns.bands):
        if band is Band.UNKNOWN:
            continue
        if band is not Band.RED:
            break
        streak += 1
    red = [band is Band.RED for band in columns.bands[-MAX_TRAIL:]]
    return {
        "red_streak": streak,
        "cascade_density": _mean([a and b for a, b in pairwise(red)]),
        "phantom_rate": columns.phantom_rate[-1],
        "dead_weight_streak": columns.dead_weight_streak[-1],
    }


def _recommendations(
    columns: TurnColumns,
    last: Mapping[str, float | None],
    shares: Mapping[str, float | None],
    dead_files: Sequence[Mapping[str, Any]],
) -> tuple[str, ...]:
    """First the session's recommendation by its bare name, then one sentence for each reason or further advice."""
    values = {**last, **_trail_signals(columns)}
    computed, triggers = recommend(values, len(columns))
    stated = columns.recommendations[-1] or Recommendation.CONTINUE
    overall = max(computed, stated, key=_SEVERITY.index)
    out = [overall.value]
    if overall is computed:
        out += [f"{name} is {values[name]:.4g} after {len(columns)} turns" for name in triggers]
    elif overall is stated:
        out.append(f"the last turn recommends {stated.value}")
    advice = (
        ("noise", NOISE_ADVICE, "of the judged turns do not rest on their context: check retrieval and prompt"),
        ("drift", DRIFT_ADVICE, "of the scored turns drift: restate the task and its sources"),
        ("waste", WASTE_ADVICE, "of the context goes unused: retrieve less or rank better"),
    )
    for name, limit, sentence in advice:
        share = shares[name]
        if share is not None and share >= limit:
            out.append(f"{share:.0%} {sentence}")
    for entry in dead_files[:_MAX_DEAD_FILE_ADVICE]:
        if entry["dead_turns"] > 1:
            out.append(f"stop sending {entry['path']}: unused in {entry['dead_turns']} of {entry['turns']} turns")
    return tuple(out)
