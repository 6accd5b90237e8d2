"""Session state to JSON and back, to the bit. What a caller sends back is checked before it is believed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from scoring.session.types import (
    MAX_FILES,
    MAX_PATH_CHARS,
    MAX_REASON_CODE_CHARS,
    MAX_REASON_CODES,
    MAX_SYMBOLS,
    MAX_TRAIL,
    MAX_TURNS,
    STATE_VERSION,
    FileShare,
    SessionSignals,
    SessionState,
    SessionStateError,
)
from scoring.types import Band

_SYMBOL_WEIGHT_LIMIT: Final = MAX_SYMBOLS * 10.0
"""A decayed count at most: the geometric series of MAX_SYMBOLS a turn converges to 7.8 times MAX_SYMBOLS."""

_BAND_LETTERS: Final = {Band.GREEN: "g", Band.AMBER: "a", Band.RED: "r", Band.UNKNOWN: "u"}
_LETTER_BANDS: Final = {letter: band for band, letter in _BAND_LETTERS.items()}


def to_json(state: SessionState) -> dict[str, Any]:
    """The state as JSON values; typically under 2 KB, under 20 KB with 64 files of the longest names."""
    out: dict[str, Any] = {
        "version": state.version,
        "turns": state.turns,
        "scored_turns": state.scored_turns,
        "groundedness_mean": state.groundedness_mean,
        "groundedness_m2": state.groundedness_m2,
        "symbols_checked": state.symbols_checked,
        "symbols_failed": state.symbols_failed,
        "red_streak": state.red_streak,
        "dead_weight_streak": state.dead_weight_streak,
        "groundedness_trail": list(state.groundedness_trail),
        "band_trail": "".join(_BAND_LETTERS[band] for band in state.band_trail),
        "failed_symbols_trail": list(state.failed_symbols_trail),
        "files": [[f.path, f.share, f.turns, f.dead_streak, f.last_turn] for f in state.files],
        "reason_streaks": [[code, streak] for code, streak in state.reason_streaks],
    }
    if state.groundedness_ema is not None:
        out["groundedness_ema"] = state.groundedness_ema
    return out


def signals_to_json(signals: SessionSignals) -> dict[str, Any]:
    """The signals as JSON values; an undefined one is left out and its reason stands under ``undefined``."""
    out: dict[str, Any] = {
        "total_turns": signals.total_turns,
        "ema_groundedness": signals.ema_groundedness,
        "groundedness_drift": signals.groundedness_drift,
        "drift_z_score": signals.drift_z_score,
        "cascade_density": signals.cascade_density,
        "phantom_rate": signals.phantom_rate,
        "red_streak": signals.red_streak,
        "dead_weight_streak": signals.dead_weight_streak,
        "dead_file_candidates": list(signals.dead_file_candidates),
        "recommendation": signals.recommendation.value,
        "triggers": list(signals.triggers),
        "recurring_reason_codes": list(signals.recurring_reason_codes),
        "undefined": dict(signals.undefined) or None,
    }
    return {key: value for key, value in out.items() if value is not None}


def from_json(obj: object) -> tuple[SessionState, tuple[str, ...]]:
    """The state a caller carried, and warnings. None, ``{}`` and unknown versions start afresh.

    Raises :class:`SessionStateError`, naming field and limit, for anything :func:`to_json` could not have written.
    """
    if obj is None:
        return SessionState(), ()
    if not isinstance(obj, Mapping):
        raise SessionStateError("", f"must be an object as a previous turn returned it, got {type(obj).__name__}")
    version = obj.get("version")
    if type(version) is not int or version != STATE_VERSION:
        shown = repr(version) if isinstance(version, (int, float, str)) and len(str(version)) <= 40 else "no known one"
        return SessionState(), (
            f"session_state has version {shown}, this server writes {STATE_VERSION}: the session starts afresh",
        )
    unknown = sorted(str(key)[:80] for key in obj if key not in _READERS and key != "version")
    if unknown:
        raise SessionStateError(unknown[0], "unknown field; send next_session_state back verbatim")
    values = {name: reader(name, obj[name]) for name, reader in _READERS.items() if obj.get(name) is not None}
    missing = sorted(_READERS.keys() - values.keys() - {"groundedness_ema"})
    if missing:
        raise SessionStateError(missing[0], "missing; send next_session_state back verbatim")
    state = SessionState(**values)
    _check_together(state)
    return state, ()


def _check_together(state: SessionState) -> None:
    trail = min(state.turns, MAX_TRAIL)
    for name in ("groundedness_trail", "band_trail", "failed_symbols_trail"):
        if len(getattr(state, name)) != trail:
            raise SessionStateError(name, f"must have {trail} entries after {state.turns} turns")
    rules = (
        ("scored_turns", state.scored_turns <= state.turns, "more than turns"),
        ("red_streak", state.red_streak <= state.turns, "more than turns"),
        ("dead_weight_streak", state.dead_weight_streak <= state.turns, "more than turns"),
        ("groundedness_m2", state.groundedness_m2 <= state.scored_turns / 4.0, "more than scored_turns / 4"),
        ("groundedness_ema", (state.groundedness_ema is None) == (state.scored_turns == 0), "set without scored_turns"),
        ("symbols_failed", state.symbols_failed <= state.symbols_checked, "more than symbols_checked"),
        ("files", len({f.path for f in state.files}) == len(state.files), "a path occurs twice"),
        ("files", all(1 <= f.last_turn <= state.turns for f in state.files), "last_turn is not in 1..turns"),
        ("files", all(f.dead_streak <= f.turns <= state.turns for f in state.files), "streak or turns beyond turns"),
        ("reason_streaks", len(dict(state.reason_streaks)) == len(state.reason_streaks), "a code occurs twice"),
        ("reason_streaks", all(1 <= n <= state.turns for _, n in state.reason_streaks), "a streak is not in 1..turns"),
    )
    for name, holds, message in rules:
        if not holds:
            raise SessionStateError(name, message)


def _whole(name: str, value: object, high: int = MAX_TURNS) -> int:
    if type(value) is not int or not 0 <= value <= high:
        raise SessionStateError(name, f"must be a whole number in 0..{high}, got {_shown(value)}")
    return value


def _real(name: str, value: object, high: float = 1.0) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
        raise SessionStateError(name, f"must be a number in [0, {high:g}], got {_shown(value)}")
    return float(value)


def _text(name: str, value: object, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise SessionStateError(name, f"must be text of at most {limit} characters, got {_shown(value)}")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise SessionStateError(name, "holds a lone surrogate")
    return value


def _rows(name: str, value: object, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise SessionStateError(name, f"must be a list, got {type(value).__name__}")
    if len(value) > limit:
        raise SessionStateError(name, f"has {len(value)} entries, the limit is {limit}")
    return value


def _shown(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, (int, float)):
        return repr(value) if -1e18 < value < 1e18 else "a number out of range"
    return type(value).__name__


def _bands(name: str, value: object) -> tuple[Band, ...]:
    letters = _text(name, value, MAX_TRAIL)
    if any(letter not in _LETTER_BANDS for letter in letters):
        raise SessionStateError(name, f"may hold only the letters {''.join(_LETTER_BANDS)}")
    return tuple(_LETTER_BANDS[letter] for letter in letters)


def _groundedness_trail(name: str, value: object) -> tuple[float | None, ...]:
    rows = _rows(name, value, MAX_TRAIL)
    return tuple(None if row is None else _real(f"{name}[{i}]", row) for i, row in enumerate(rows))


def _failed_symbols_trail(name: str, value: object) -> tuple[int, ...]:
    return tuple(_whole(f"{name}[{i}]", row, MAX_SYMBOLS) for i, row in enumerate(_rows(name, value, MAX_TRAIL)))


def _files(name: str, value: object) -> tuple[FileShare, ...]:
    files = []
    for i, row in enumerate(_rows(name, value, MAX_FILES)):
        if not isinstance(row, list) or len(row) != 5:
            raise SessionStateError(f"{name}[{i}]", "must be [path, share, turns, dead_streak, last_turn]")
        path, share, *counts = row
        where = f"{name}[{i}]"
        files.append(
            FileShare(_text(where, path, MAX_PATH_CHARS), _real(where, share), *(_whole(where, n) for n in counts))
        )
    return tuple(files)


def _reason_streaks(name: str, value: object) -> tuple[tuple[str, int], ...]:
    streaks = []
    for i, row in enumerate(_rows(name, value, MAX_REASON_CODES)):
        where = f"{name}[{i}]"
        if not isinstance(row, list) or len(row) != 2:
            raise SessionStateError(where, "must be [reason code, streak]")
        streaks.append((_text(where, row[0], MAX_REASON_CODE_CHARS), _whole(where, row[1])))
    return tuple(streaks)


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "turns": _whole,
    "scored_turns": _whole,
    "groundedness_mean": _real,
    "groundedness_m2": lambda name, value: _real(name, value, MAX_TURNS / 4.0),
    "groundedness_ema": _real,
    "symbols_checked": lambda name, value: _real(name, value, _SYMBOL_WEIGHT_LIMIT),
    "symbols_failed": lambda name, value: _real(name, value, _SYMBOL_WEIGHT_LIMIT),
    "red_streak": _whole,
    "dead_weight_streak": _whole,
    "groundedness_trail": _groundedness_trail,
    "band_trail": _bands,
    "failed_symbols_trail": _failed_symbols_trail,
    "files": _files,
    "reason_streaks": _reason_streaks,
}
