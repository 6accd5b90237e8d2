"""What a session remembers from turn to turn: a bounded value and the one function that changes it.

Every number is either a running statistic (Welford 1962), an exponential mean with a stated half-life, a streak, or a
trail of the last 20 turns; so state and cost do not grow with the session. ``docs/sessions-and-rollup.md`` has the
formulas. :func:`update` is pure: the same state and turn always give the same bits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from scoring.session.codec import from_json, signals_to_json, to_json
from scoring.session.types import (
    MAX_FILES,
    MAX_PATH_CHARS,
    MAX_REASON_CODES,
    MAX_TRAIL,
    MAX_TURNS,
    FileShare,
    ObservationError,
    SessionSignals,
    SessionState,
    SessionStateError,
    TurnObservation,
)
from scoring.types import Band, Recommendation

__all__ = [
    "THRESHOLDS",
    "FileShare",
    "ObservationError",
    "SessionSignals",
    "SessionState",
    "SessionStateError",
    "Threshold",
    "TurnObservation",
    "from_json",
    "initial_state",
    "recommend",
    "signals_to_json",
    "to_json",
    "update",
]

_T = TypeVar("_T")

MAX_DEAD_FILE_CANDIDATES: Final = 10

GROUNDEDNESS_HALF_LIFE_TURNS: Final = 4.0
PHANTOM_HALF_LIFE_TURNS: Final = 5.0
FILE_SHARE_HALF_LIFE_TURNS: Final = 5.0
STD_FLOOR: Final = 0.02
"""Least deviation a z-score divides by: a run of equal turns must not make a small step look like a cliff."""
MIN_TURNS_FOR_Z: Final = 3
DEAD_WEIGHT_FILE_RATIO: Final = 0.5
DEAD_FILE_STREAK: Final = 3
RECURRING_REASON_STREAK: Final = 3
MIN_SYMBOL_WEIGHT: Final = 0.5
"""Decayed count of checked symbols below which a phantom rate would rest on evidence that has faded."""


def _keep(half_life_turns: float) -> float:
    return float(0.5 ** (1.0 / half_life_turns))


GROUNDEDNESS_KEEP: Final = _keep(GROUNDEDNESS_HALF_LIFE_TURNS)
_PHANTOM_KEEP: Final = _keep(PHANTOM_HALF_LIFE_TURNS)
_FILE_KEEP: Final = _keep(FILE_SHARE_HALF_LIFE_TURNS)


@dataclass(frozen=True)
class Threshold:
    """One row of the recommendation table: at or beyond ``limit`` (below it where ``below``) the row fires."""

    recommendation: Recommendation
    signal: str
    limit: float
    below: bool = False
    min_turns: int = 1

    def fires(self, value: float | None, total_turns: int) -> bool:
        """Whether the signal's value reaches the limit; an undefined signal never fires."""
        if value is None or total_turns < self.min_turns:
            return False
        return value <= self.limit if self.below else value >= self.limit


THRESHOLDS: Final = (
    Threshold(Recommendation.FRESH_CHAT, "red_streak", 4),
    Threshold(Recommendation.FRESH_CHAT, "cascade_density", 0.6, min_turns=6),
    Threshold(Recommendation.FRESH_CHAT, "ema_groundedness", 0.25, below=True, min_turns=5),
    Threshold(Recommendation.RE_ANCHOR, "red_streak", 2),
    Threshold(Recommendation.RE_ANCHOR, "cascade_density", 0.3, min_turns=4),
    Threshold(Recommendation.RE_ANCHOR, "drift_z_score", -2.0, below=True),
    Threshold(Recommendation.RE_ANCHOR, "groundedness_drift", -0.15, below=True),
    Threshold(Recommendation.RE_ANCHOR, "phantom_rate", 0.15),
    Threshold(Recommendation.RE_ANCHOR, "dead_weight_streak", 3),
)
"""Rows in order of severity: the first that fires decides, all of that severity are reported.

The limits are design choices, not fitted: no public set of labelled sessions exists to fit them on.
"""


def initial_state() -> SessionState:
    """A session before its first turn."""
    return SessionState()


def update(state: SessionState, turn: TurnObservation) -> tuple[SessionState, SessionSignals]:
    """The state after ``turn``, and the signals of that moment. Pure, deterministic, and O(64) whatever the length."""
    failed = turn.phantom_symbols + turn.drift_symbols
    turns = min(state.turns + 1, MAX_TURNS)
    value = None if turn.groundedness is None else float(turn.groundedness)
    mean, m2, scored = _welford(state, value)
    after = SessionState(
        turns=turns,
        scored_turns=scored,
        groundedness_mean=mean,
        groundedness_m2=m2,
        groundedness_ema=_exponential_mean(state.groundedness_ema, value, GROUNDEDNESS_KEEP),
        symbols_checked=state.symbols_checked * _PHANTOM_KEEP + turn.symbols_checked,
        symbols_failed=state.symbols_failed * _PHANTOM_KEEP + failed,
        red_streak=_red_streak(state.red_streak, turn.band),
        dead_weight_streak=_dead_weight_streak(state.dead_weight_streak, turn),
        groundedness_trail=_trail(state.groundedness_trail, None if value is None else round(value, 4)),
        band_trail=_trail(state.band_trail, turn.band),
        failed_symbols_trail=_trail(state.failed_symbols_trail, failed),
        files=_files(state.files, turn, turns),
        reason_streaks=_reason_streaks(state.reason_streaks, turn.reason_codes),
    )
    return after, _signals(state, after, turn)


def path_key(path: str) -> str:
    """The name a file has in the state: the path itself, or digest plus tail where it is longer than 160 characters.

    Lone surrogates, which JSON encoders refuse, become question marks.
    """
    path = path.encode("utf-8", "replace").decode("utf-8")
    if len(path) <= MAX_PATH_CHARS:
        return path
    digest = hashlib.sha256(path.encode("utf-8")).hexdigest()[:16]
    return f"{digest}…{path[-(MAX_PATH_CHARS - 17) :]}"


def z_score(value: float, count: int, mean: float, m2: float) -> float:
    """``value`` against ``count`` earlier values with this Welford mean and m2 (needs ``count >= 2``)."""
    return (value - mean) / max(math.sqrt(m2 / (count - 1)), STD_FLOOR)


def welford_step(value: float, count: int, mean: float, m2: float) -> tuple[float, float, int]:
    """Mean, sum of squared deviations and count with ``value`` added; values lie in [0, 1] and so does the mean."""
    count += 1
    delta = value - mean
    mean += delta / count
    mean = 0.0 if mean < 0.0 else 1.0 if mean > 1.0 else mean
    step, most = delta * (value - mean), count / 4.0
    if step > 0.0:
        m2 += step
    return mean, most if m2 > most else m2, count


def _welford(state: SessionState, value: float | None) -> tuple[float, float, int]:
    if value is None or state.scored_turns >= MAX_TURNS:
        return state.groundedness_mean, state.groundedness_m2, state.scored_turns
    return welford_step(value, state.scored_turns, state.groundedness_mean, state.groundedness_m2)


def _exponential_mean(mean: float | None, value: float | None, keep: float) -> float | None:
    if value is None:
        return mean
    return value if mean is None else min(1.0, max(0.0, keep * mean + (1.0 - keep) * value))


def _red_streak(streak: int, band: Band) -> int:
    if band is Band.UNKNOWN:
        return streak
    return min(streak + 1, MAX_TURNS) if band is Band.RED else 0


def _dead_weight_streak(streak: int, turn: TurnObservation) -> int:
    files = set(turn.file_shares) | set(turn.dead_files)
    if not files:
        return streak
    heavy = len(set(turn.dead_files)) >= DEAD_WEIGHT_FILE_RATIO * len(files)
    return min(streak + 1, MAX_TURNS) if heavy else 0


def _trail(trail: tuple[_T, ...], value: _T) -> tuple[_T, ...]:
    return (*trail, value)[-MAX_TRAIL:]


def _files(known: tuple[FileShare, ...], turn: TurnObservation, now: int) -> tuple[FileShare, ...]:
    """Every tracked share decays, this turn's files are mixed in; 64 stay: latest turn first, then share, then path."""
    shares: dict[str, float] = {path_key(path): float(share) for path, share in turn.file_shares.items()}
    dead = {path_key(path) for path in turn.dead_files}
    before = {entry.path: entry for entry in known}
    gain = 1.0 if now == 1 else 1.0 - _FILE_KEEP
    merged = []
    for path in sorted({*before, *shares, *dead}):
        old = before.get(path, FileShare(path, 0.0, 0, 0, now))
        present = path in shares or path in dead
        merged.append(
            FileShare(
                path,
                min(1.0, old.share * _FILE_KEEP + gain * shares.get(path, 0.0)),
                min(old.turns + present, MAX_TURNS),
                (min(old.dead_streak + 1, MAX_TURNS) if path in dead else 0) if present else old.dead_streak,
                now if present else old.last_turn,
            )
        )
    merged.sort(key=lambda entry: (-entry.last_turn, -entry.share, entry.path))
    return tuple(merged[:MAX_FILES])


def _reason_streaks(known: tuple[tuple[str, int], ...], codes: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    before = dict(known)
    present = {code.encode("utf-8", "replace").decode("utf-8") for code in codes}
    streaks = [(code, min(before.get(code, 0) + 1, MAX_TURNS)) for code in present]
    streaks.sort(key=lambda entry: (-entry[1], entry[0]))
    return tuple(streaks[:MAX_REASON_CODES])


def _cascade_density(bands: tuple[Band, ...], failed_symbols: tuple[int, ...]) -> float | None:
    failed = [band is Band.RED or count > 0 for band, count in zip(bands, failed_symbols, strict=True)]
    if len(failed) < 2:
        return None
    return sum(a and b for a, b in pairwise(failed)) / (len(failed) - 1)


def _dead_file_candidates(state: SessionState) -> tuple[str, ...]:
    recent = state.turns - MAX_TRAIL
    dead = [f for f in state.files if f.dead_streak >= DEAD_FILE_STREAK and f.last_turn > recent]
    dead.sort(key=lambda f: (-f.dead_streak, f.path))
    return tuple(f.path for f in dead[:MAX_DEAD_FILE_CANDIDATES])


def _signals(before: SessionState, after: SessionState, turn: TurnObservation) -> SessionSignals:
    undefined: dict[str, str] = {}
    ema = after.groundedness_ema
    drift = None if ema is None else ema - after.groundedness_mean
    if ema is None:
        undefined["ema_groundedness"] = undefined["groundedness_drift"] = "no turn of the session could be scored"
    z = None
    if turn.groundedness is None:
        undefined["drift_z_score"] = "this turn could not be scored"
    elif after.scored_turns < MIN_TURNS_FOR_Z:
        undefined["drift_z_score"] = f"needs {MIN_TURNS_FOR_Z} scored turns, has {after.scored_turns}"
    else:
        z = z_score(turn.groundedness, before.scored_turns, before.groundedness_mean, before.groundedness_m2)
    cascade = _cascade_density(after.band_trail, after.failed_symbols_trail)
    if cascade is None:
        undefined["cascade_density"] = "needs 2 turns"
    recent = after.symbols_checked >= MIN_SYMBOL_WEIGHT
    phantom_rate = after.symbols_failed / after.symbols_checked if recent else None
    if phantom_rate is None:
        undefined["phantom_rate"] = "no symbol was checked in recent turns"
    values: dict[str, float | None] = {
        "red_streak": after.red_streak,
        "cascade_density": cascade,
        "ema_groundedness": ema,
        "drift_z_score": z,
        "groundedness_drift": drift,
        "phantom_rate": phantom_rate,
        "dead_weight_streak": after.dead_weight_streak,
    }
    recommendation, triggers = recommend(values, after.turns)
    return SessionSignals(
        after.turns,
        ema,
        drift,
        z,
        cascade,
        phantom_rate,
        after.red_streak,
        after.dead_weight_streak,
        _dead_file_candidates(after),
        recommendation,
        triggers,
        tuple(code for code, streak in after.reason_streaks if streak >= RECURRING_REASON_STREAK),
        undefined,
    )


def recommend(values: Mapping[str, float | None], total_turns: int) -> tuple[Recommendation, tuple[str, ...]]:
    """The most severe recommendation whose row of :data:`THRESHOLDS` fires, and the signals that fired it."""
    fired = [row for row in THRESHOLDS if row.fires(values.get(row.signal), total_turns)]
    if not fired:
        return Recommendation.CONTINUE, ()
    severity = fired[0].recommendation
    return severity, tuple(row.signal for row in fired if row.recommendation is severity)
