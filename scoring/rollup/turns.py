"""Reading the turns of a rollup: both shapes of a turn become the same columns, and what is malformed is named.

A turn is either a whole rag or code response (``score``, ``band``, …) or its compact form (``scores``, ``risk_band``,
…); a field of either shape is taken from wherever it stands. Fields that the rollup does not use are not looked at.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, Final

from scoring.types import Band, Recommendation

MAX_ROLLUP_TURNS: Final = 10_000
_BLOCK_TURNS: Final = 256
"""Turns read column by column at a time: few enough that their objects stay in the processor's cache."""
_MAX_UNKNOWN_WARNINGS: Final = 5

_RATIOS: Final = frozenset(
    {"context_coverage_ratio", "context_usage_ratio", "context_unused_ratio", "context_uncertain_ratio"}
)
_NOT_HEADLINE: Final = _RATIOS | {"nli_aggregate"}
_HEADLINES: Final = ("reverse_context", "triangular", "groundedness_v2", "groundedness", "score")
_COMPACT: Final = frozenset(
    {
        "scores",
        "risk_band",
        "file_attribution",
        "session_signals",
        "recommendation",
        "timestamp",
        "reason_codes",
    }
)
_FLAT: Final = _RATIOS | {"score", "band"}
_READ: Final = _COMPACT | _FLAT
_BANDS: Final = {band.value: band for band in Band}
_RECOMMENDATIONS: Final = {value.value: value for value in Recommendation}
_NOTHING: Final[Mapping[str, Any]] = {}
_TEXT: Final = frozenset({str})
_LARGE: Final = 1e18


class RollupError(ValueError):
    """A malformed turn. ``field`` is its path, ``turns[3].scores.reverse_context``; ``index`` the turn's position."""

    def __init__(self, field: str, message: str, index: int | None = None) -> None:
        super().__init__(field, message, index)
        self.field = field
        self.index = index

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"


class _MalformedError(Exception):
    """What is wrong where within a block of turns; becomes a :class:`RollupError` once the block's start is added."""

    def __init__(self, position: int, field: str, message: str) -> None:
        super().__init__(position, field, message)
        self.position = position
        self.field = field
        self.message = message


@dataclass(frozen=True)
class FileColumns:
    """What the turns say of files: per turn how many were sent and unused, and the totals by path and reason code."""

    sent: list[int]
    unused: list[int]
    sent_by_path: Counter[str]
    unused_by_path: Counter[str]
    reason_codes: Counter[str]


@dataclass(frozen=True)
class TurnColumns:
    """The turns, a list per field, oldest first, all of one length. None: the turn does not say.

    Ratios, scores and rates are in [0, 1]. Columns, not rows: ten thousand turns are checked a column at a time.
    """

    groundedness: list[float | None]
    bands: list[Band]
    coverage: list[float | None]
    unused: list[float | None]
    drift: list[float | None]
    drift_z: list[float | None]
    phantom_rate: list[float | None]
    dead_weight_streak: list[int | None]
    recommendations: list[Recommendation | None]
    timestamps: list[str | float | None]
    files: FileColumns
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.bands)


def read_turns(turns: Sequence[Mapping[str, Any]]) -> TurnColumns:
    """The columns of 1 to 10,000 turns. Raises :class:`RollupError` naming index and field of what is malformed."""
    if isinstance(turns, (str, bytes, Mapping)) or not isinstance(turns, Sequence):
        raise RollupError("turns", f"must be a list of turns, got {type(turns).__name__}")
    if not 1 <= len(turns) <= MAX_ROLLUP_TURNS:
        raise RollupError("turns", f"must hold 1 to {MAX_ROLLUP_TURNS} turns, got {len(turns)}")
    warnings: list[str] = []
    blocks = []
    for start in range(0, len(turns), _BLOCK_TURNS):
        block = turns[start : start + _BLOCK_TURNS]
        try:
            blocks.append(_read_block(block))
        except _MalformedError as error:
            index = start + error.position
            field = f"turns[{index}]" + (f".{error.field}" if error.field else "")
            raise RollupError(field, error.message, index) from None
        warnings += _unknown_fields(block, start)
    if len(warnings) > _MAX_UNKNOWN_WARNINGS:
        more = len(warnings) - _MAX_UNKNOWN_WARNINGS
        warnings = [*warnings[:_MAX_UNKNOWN_WARNINGS], f"{more} more fields of turns were not used"]
    return _joined(blocks, tuple(warnings))


def _read_block(turns: Sequence[Mapping[str, Any]]) -> TurnColumns:
    _objects(turns, "")
    scores = _objects([turn.get("scores") for turn in turns], "scores")
    signals = _objects([turn.get("session_signals") for turn in turns], "session_signals")
    advice = _first([turn.get("recommendation") for turn in turns], signals, "recommendation")
    bands = _members(_first([turn.get("risk_band") for turn in turns], turns, "band"), _BANDS, "band")
    headlines = _headlines(scores, turns)
    for index, (headline, band) in enumerate(zip(headlines, bands, strict=True)):
        if headline is None and band is None and _READ.isdisjoint(turns[index]):
            raise _MalformedError(index, "", f"holds nothing that a rollup reads; expected some of {sorted(_READ)}")
    return TurnColumns(
        _numbers(headlines, "score"),
        [Band.UNKNOWN if band is None else band for band in bands],
        _ratios(scores, turns, "context_coverage_ratio"),
        _unused(scores, turns),
        _numbers([one.get("groundedness_drift") for one in signals], "session_signals.groundedness_drift", -1.0),
        _numbers([one.get("drift_z_score") for one in signals], "session_signals.drift_z_score", -_LARGE, _LARGE),
        _numbers([one.get("phantom_rate") for one in signals], "session_signals.phantom_rate"),
        _counts([one.get("dead_weight_streak") for one in signals], "session_signals.dead_weight_streak"),
        _members(advice, _RECOMMENDATIONS, "recommendation"),
        _timestamps([turn.get("timestamp") for turn in turns]),
        _read_files(turns, signals),
    )


def _joined(blocks: Sequence[TurnColumns], warnings: tuple[str, ...]) -> TurnColumns:
    """The blocks end to end; lists are chained and counters summed."""
    totals: tuple[Counter[str], ...] = (Counter(), Counter(), Counter())
    for block in blocks:
        counted = (block.files.sent_by_path, block.files.unused_by_path, block.files.reason_codes)
        for total, counts in zip(totals, counted, strict=True):
            total.update(counts)
    names = [field.name for field in fields(TurnColumns) if field.name not in ("files", "warnings")]
    lists: dict[str, Any] = {
        name: list(chain.from_iterable(getattr(block, name) for block in blocks)) for name in names
    }
    sent, unused = ([n for block in blocks for n in getattr(block.files, name)] for name in ("sent", "unused"))
    return TurnColumns(**lists, files=FileColumns(sent, unused, *totals), warnings=warnings)


def _first(column: list[Any], others: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """The column, and where it has nothing the field ``name`` of the object beside it."""
    if None not in column:
        return column
    return [other.get(name) if value is None else value for value, other in zip(column, others, strict=True)]


def _headlines(scores: Sequence[Mapping[str, Any]], turns: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The groundedness: the compact form's metric (known names first, then by name), else the field ``score``."""
    column = [one.get(_HEADLINES[0]) for one in scores]
    if None not in column:
        return column
    return [
        _headline(one, turn) if value is None else value for value, one, turn in zip(column, scores, turns, strict=True)
    ]


def _headline(scores: Mapping[str, Any], turn: Mapping[str, Any]) -> Any:
    if scores:
        named = sorted(name for name in scores if isinstance(name, str) and name not in _NOT_HEADLINE)
        for name in (*_HEADLINES, *named):
            if scores.get(name) is not None:
                return scores[name]
    return turn.get("score")


def _ratios(scores: Sequence[Mapping[str, Any]], turns: Sequence[Mapping[str, Any]], name: str) -> list[float | None]:
    return _numbers(_first([one.get(name) for one in scores], turns, name), name)


def _unused(scores: Sequence[Mapping[str, Any]], turns: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Share of the context left unused: as given, else what is neither used nor uncertain."""
    unused = _ratios(scores, turns, "context_unused_ratio")
    if None not in unused:
        return unused
    used = _ratios(scores, turns, "context_usage_ratio")
    uncertain = _ratios(scores, turns, "context_uncertain_ratio")
    return [
        (None if use is None else max(0.0, 1.0 - use - (open_ or 0.0))) if value is None else value
        for value, use, open_ in zip(unused, used, uncertain, strict=True)
    ]


def _read_files(turns: Sequence[Mapping[str, Any]], signals: Sequence[Mapping[str, Any]]) -> FileColumns:
    """Files sent, files unused, reason code counts. Without an attribution the signals name the unused files."""
    field = "file_attribution"
    attributions = _objects([turn.get(field) for turn in turns], field)
    files = _lists([one.get("files") for one in attributions], f"{field}.files", "a list of {path, …}")
    dead = _lists([one.get("dead_files") for one in attributions], f"{field}.dead_files", "a list of text")
    if not all(attributions):
        named = "session_signals.dead_file_candidates"
        candidates = _lists([one.get("dead_file_candidates") for one in signals], named, "a list of text")
        dead = [
            unused if attribution else candidate
            for attribution, unused, candidate in zip(attributions, dead, candidates, strict=True)
        ]
    unused_counts = _count_names(dead, f"{field}.dead_files")
    codes = _codes([one.get("reason_codes") for one in attributions], f"{field}.reason_codes")
    codes.update(_codes([turn.get("reason_codes") for turn in turns], "reason_codes"))
    return FileColumns(
        [len(entries) for entries in files],
        [len(names) for names in dead],
        _count_paths(files, f"{field}.files"),
        unused_counts,
        codes,
    )


def _count_paths(lists: list[Sequence[Any]], field: str) -> Counter[str]:
    try:
        counts = Counter([entry["path"] for entries in lists for entry in entries])
        if _TEXT.issuperset(map(type, counts)):
            return counts
    except (KeyError, TypeError, IndexError):
        pass
    for index, entries in enumerate(lists):
        for position, entry in enumerate(entries):
            if not isinstance(entry, Mapping) or type(entry.get("path")) is not str:
                raise _wrong(entry, index, f"{field}[{position}]", "an object with the text field path")
    return Counter(entry["path"] for entries in lists for entry in entries)


def _count_names(lists: Sequence[Sequence[Any]], field: str) -> Counter[str]:
    try:
        counts = Counter(chain.from_iterable(lists))
        if _TEXT.issuperset(map(type, counts)):
            return counts
    except TypeError:
        pass
    for index, names in enumerate(lists):
        for position, name in enumerate(names):
            if type(name) is not str:
                raise _wrong(name, index, f"{field}[{position}]", "text")
    return Counter(chain.from_iterable(lists))


def _codes(column: list[Any], field: str) -> Counter[str]:
    """Sum of histograms; a list of codes counts one for each occurrence."""
    if not {dict, type(None)}.issuperset(map(type, column)):
        listed = [value if isinstance(value, (list, tuple)) else () for value in column]
        totals = _count_names(listed, field)
        column = _objects([None if isinstance(value, (list, tuple)) else value for value in column], field)
    else:
        totals = Counter()
    for index, histogram in enumerate(column):
        if histogram:
            for code, count in histogram.items():
                if type(count) is not int or count < 0 or type(code) is not str:
                    raise _wrong(count, index, f"{field}.{str(code)[:80]}", "a whole number of at least 0")
                totals[code] += count
    return totals


def _lists(column: list[Any], field: str, meant: str) -> list[Sequence[Any]]:
    if not {list, tuple, type(None)}.issuperset(map(type, column)):
        for index, value in enumerate(column):
            if value is not None and not isinstance(value, (list, tuple)):
                raise _wrong(value, index, field, meant)
    return [value or () for value in column]


def _objects(column: Sequence[Any], field: str) -> list[Mapping[str, Any]]:
    if not {dict, type(None)}.issuperset(map(type, column)) or (not field and None in column):
        for index, value in enumerate(column):
            if not isinstance(value, Mapping) and not (field and value is None):
                raise _wrong(value, index, field, "an object")
    return [_NOTHING if value is None else value for value in column]


def _members(column: list[Any], table: Mapping[str, Any], field: str) -> list[Any]:
    try:
        return [None if value is None else table[value] for value in column]
    except (KeyError, TypeError):
        pass
    for index, value in enumerate(column):
        if value is not None and not (isinstance(value, str) and value in table):
            raise _wrong(value, index, field, "one of " + ", ".join(table))
    return [None if value is None else table[value] for value in column]


def _numbers(column: list[Any], field: str, low: float = 0.0, high: float = 1.0) -> list[float | None]:
    """The column with every number checked; NaN fails every comparison and so goes the slow way, which names it."""
    if {float, type(None)}.issuperset(map(type, column)):
        present = [value for value in column if value is not None]
        if not present or (low <= min(present) and max(present) <= high and not math.isnan(sum(present))):
            return column
    return [None if value is None else _number(value, index, field, low, high) for index, value in enumerate(column)]


def _counts(column: list[Any], field: str) -> list[int | None]:
    for index, value in enumerate(column):
        if value is not None and (type(value) is not int or not 0 <= value <= _LARGE):
            raise _wrong(value, index, field, "a whole number of at least 0")
    return column


def _timestamps(column: list[Any]) -> list[str | float | None]:
    if {str, type(None)}.issuperset(map(type, column)):
        return column
    return [
        value if value is None or type(value) is str else _number(value, index, "timestamp", -_LARGE, _LARGE)
        for index, value in enumerate(column)
    ]


def _number(value: object, index: int, field: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        meant = "a finite number" if high == _LARGE else f"a number in [{low:g}, {high:g}]"
        raise _wrong(value, index, field, meant)
    return float(value)


def _wrong(value: object, position: int, field: str, meant: str) -> _MalformedError:
    shown = repr(value)[:60] if isinstance(value, (str, float, bool)) or value is None else type(value).__name__
    return _MalformedError(position, field, f"must be {meant}, got {shown}")


def _unknown_fields(turns: Sequence[Mapping[str, Any]], start: int) -> list[str]:
    """Fields of compact turns that are not known: not an error, for a later version may know them, but said aloud."""
    notes = []
    for index, turn in enumerate(turns, start):
        if ("scores" in turn or "risk_band" in turn) and not _READ.issuperset(turn):
            for name in sorted(str(key)[:80] for key in turn if key not in _READ):
                near = difflib.get_close_matches(name, _READ, 1)
                notes.append(f"turns[{index}].{name} was not used" + (f"; did you mean {near[0]}?" if near else ""))
    return notes
