"""The values of a session: one turn's observation, the state carried between turns, the signals read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scoring.types import Band, Recommendation

STATE_VERSION: Final = 1
MAX_TURNS: Final = 2**31
MAX_FILES: Final = 64
MAX_REASON_CODES: Final = 16
MAX_TRAIL: Final = 20
MAX_PATH_CHARS: Final = 160
MAX_REASON_CODE_CHARS: Final = 64
MAX_SYMBOLS: Final = 1_000_000


class ObservationError(ValueError):
    """A turn's observation breaks its own contract; ``field`` names the part at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"


@dataclass(frozen=True)
class TurnObservation:
    """What one scored turn tells the session.

    ``groundedness``: the headline score in [0, 1], None when nothing could be judged.
    ``symbols_checked``: references that were resolved (defined, builtin, phantom or drift), of which
    ``phantom_symbols`` and ``drift_symbols`` failed. ``file_shares``: share of the response owed to each file, [0, 1].
    ``dead_files``: files sent with the turn that nothing in the response points at.
    """

    groundedness: float | None
    band: Band
    symbols_checked: int = 0
    phantom_symbols: int = 0
    drift_symbols: int = 0
    file_shares: Mapping[str, float] = field(default_factory=dict)
    dead_files: tuple[str, ...] = ()
    reason_codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.groundedness is not None and not 0.0 <= self.groundedness <= 1.0:
            raise ObservationError("groundedness", f"must be in [0, 1] or None, got {self.groundedness!r}")
        counts = (self.symbols_checked, self.phantom_symbols, self.drift_symbols)
        if min(counts) < 0 or max(counts) > MAX_SYMBOLS:
            raise ObservationError("symbols_checked", f"counts must be in 0..{MAX_SYMBOLS}, got {counts}")
        if self.phantom_symbols + self.drift_symbols > self.symbols_checked:
            raise ObservationError("symbols_checked", f"fewer than phantom plus drift symbols: {counts}")
        for path, share in self.file_shares.items():
            if not 0.0 <= share <= 1.0:
                raise ObservationError("file_shares", f"share of {path[:80]!r} must be in [0, 1], got {share!r}")
        for code in self.reason_codes:
            if len(code) > MAX_REASON_CODE_CHARS:
                raise ObservationError("reason_codes", f"{code[:80]!r}… has over {MAX_REASON_CODE_CHARS} characters")


@dataclass(frozen=True)
class FileShare:
    """One file's place in the session. ``share``: exponential mean of its share; turns are counted from 1."""

    path: str
    share: float
    turns: int
    dead_streak: int
    last_turn: int


@dataclass(frozen=True)
class SessionState:
    """All a session remembers. Only :func:`update` makes a new one; ``scoring.session.codec`` reads and writes JSON."""

    version: int = STATE_VERSION
    turns: int = 0
    scored_turns: int = 0
    groundedness_mean: float = 0.0
    groundedness_m2: float = 0.0
    groundedness_ema: float | None = None
    symbols_checked: float = 0.0
    symbols_failed: float = 0.0
    red_streak: int = 0
    dead_weight_streak: int = 0
    groundedness_trail: tuple[float | None, ...] = ()
    band_trail: tuple[Band, ...] = ()
    failed_symbols_trail: tuple[int, ...] = ()
    files: tuple[FileShare, ...] = ()
    reason_streaks: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class SessionSignals:
    """What the session looks like after a turn. A None has its reason under the same name in ``undefined``.

    ``groundedness_drift``: exponential mean minus running mean, negative when the session slides.
    ``drift_z_score``: this turn against the turns before it. ``cascade_density``: share of consecutive pairs in the
    trail in which both turns failed. ``phantom_rate``: failed over checked symbols, exponentially weighted.
    ``triggers``: the thresholds behind ``recommendation``.
    """

    total_turns: int
    ema_groundedness: float | None
    groundedness_drift: float | None
    drift_z_score: float | None
    cascade_density: float | None
    phantom_rate: float | None
    red_streak: int
    dead_weight_streak: int
    dead_file_candidates: tuple[str, ...]
    recommendation: Recommendation
    triggers: tuple[str, ...] = ()
    recurring_reason_codes: tuple[str, ...] = ()
    undefined: Mapping[str, str] = field(default_factory=dict)


class SessionStateError(ValueError):
    """A session state that no server sent; ``field`` names the part at fault. Send the state verbatim, or none."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field

    def __str__(self) -> str:
        return f"session_state.{self.args[0]}: {self.args[1]}" if self.args[0] else f"session_state: {self.args[1]}"
