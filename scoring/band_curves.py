"""Bands from data: how precise green and red are at every cut, and which cut holds a wanted precision.

A curve counts, score by score, how many labelled answers were grounded and how many hallucinated, each fifth of the sources
(fold) by itself. Everything else follows from these counts when the server starts, for any precision it is asked for:

- The rate of grounded answers may only rise with the score; pooling adjacent violators makes it so, and the cut is the one that
  takes in most answers while the pooled rate holds the goal. A lucky dip in the counts therefore opens no band.
- A cut chosen on answers flatters itself on the same answers. So the goal itself is chosen: the lowest one, at or above what was
  asked for, whose cuts held it on folds that had no part in choosing them.
- What is reported is measured one level further out: for each fold, goal and cut are chosen on the other folds alone, and its own
  answers are only counted. The reported precision, its interval and its n are the sum of these counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.bands import OVERALL, UNSEEN, BandCuts, Precision, precision_of

Side = Literal["green", "red"]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FOLDS: Final = 5
_ROUNDING: Final = 1e-9
_ALL_FOLDS: Final = frozenset(range(FOLDS))
MIN_BAND_ANSWERS: Final = 25
"""A cut needs so many answers in its band: at a precision of .92, 25 answers hold two wrong ones."""
_GOALS: Final = tuple(round(step * 0.005, 3) for step in range(100, 200))
"""Precision that a choice may aim at, .5 to .995. One grid for all targets: a higher target then never gets a lower cut."""
BORROWED_SHARE_OF_ERROR: Final = 0.5
"""The penalty on a stratum that borrows: the pooled curve must hold half the error, .96 where .92 was asked for."""
BALANCED: Final = "balanced"
POLICIES: Final[Mapping[str, float]] = {BALANCED: 1.0, "strict": 0.5}
"""``risk_band_policy`` of a request: the share it allows of the error that the configuration allows; strict makes .92 to .96."""


@dataclass(frozen=True)
class BandTargets:
    """The precision that green and red must hold: of "grounded", of "hallucinated"."""

    green_precision: float = 0.92
    red_precision: float = 0.85

    def stricter(self, share_of_error: float) -> BandTargets:
        """Targets that allow only this share of the error: .92 with one half is .96."""
        return BandTargets(
            1.0 - (1.0 - self.green_precision) * share_of_error, 1.0 - (1.0 - self.red_precision) * share_of_error
        )

    def of(self, side: Side) -> float:
        """The target of one band."""
        return self.green_precision if side == "green" else self.red_precision


DEFAULT_TARGETS: Final = BandTargets()
"""What green and red must hold where the configuration says nothing."""


@dataclass(frozen=True, eq=False)
class StratumCounts:
    """(folds, bins) numbers of grounded and of hallucinated answers, bins by ascending score."""

    grounded: Counts
    hallucinated: Counts

    def right(self, side: Side) -> Counts:
        """(folds, bins) answers that the band would be right about; red's bins run from the highest score down to the lowest."""
        return self.grounded if side == "green" else self.hallucinated[:, ::-1]

    @property
    def size(self) -> int:
        """Answers of the stratum."""
        return int(self.grounded.sum() + self.hallucinated.sum())

    def all(self, side: Side) -> Counts:
        """(folds, bins) all answers, in the order of :meth:`right`."""
        total = self.grounded + self.hallucinated
        return total if side == "green" else total[:, ::-1]


@dataclass(frozen=True, eq=False)
class BandCurves:
    """Counts by stratum over common bins. ``low``, ``high``: (bins,) lowest and highest score seen in each, ascending."""

    low: Floats
    high: Floats
    strata: Mapping[str, StratumCounts]

    def edge(self, side: Side, index: int) -> float:
        """The cut that takes in the bins from ``index`` on, in the order of :meth:`StratumCounts.right`."""
        return float(self.low[index] if side == "green" else self.high[len(self.high) - 1 - index])

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> BandCurves:
        """Curves from an artefact's entry; raises KeyError, TypeError or ValueError when malformed."""
        low, high = np.array(entry["low"], np.float64), np.array(entry["high"], np.float64)
        if (
            low.shape != high.shape
            or low.ndim != 1
            or not len(low)
            or (low > high).any()
            or (high[:-1] >= low[1:]).any()
        ):
            raise ValueError("curves: low and high must be as many ascending bins")
        strata = {}
        for name, counts in entry["strata"].items():
            grounded = np.array(counts["grounded"], np.int64)
            hallucinated = np.array(counts["hallucinated"], np.int64)
            if grounded.shape != hallucinated.shape or grounded.shape != (FOLDS, len(low)):
                raise ValueError(f"curves: {name} needs {FOLDS} folds of {len(low)} bins")
            if (grounded < 0).any() or (hallucinated < 0).any():
                raise ValueError(f"curves: {name} has a negative count")
            strata[str(name)] = StratumCounts(grounded, hallucinated)
        if OVERALL not in strata:
            raise KeyError(OVERALL)
        return cls(low, high, strata)

    def to_json(self) -> dict[str, Any]:
        """The counts, and for people the curve they make: ``[cut, precision, low, high, n]`` at every cut."""
        strata = {
            name: {
                "grounded": counts.grounded.tolist(),
                "hallucinated": counts.hallucinated.tolist(),
                "green": self._points(counts, "green"),
                "red": self._points(counts, "red"),
            }
            for name, counts in self.strata.items()
        }
        return {"folds": FOLDS, "low": self.low.tolist(), "high": self.high.tolist(), "strata": strata}

    def _points(self, counts: StratumCounts, side: Side) -> list[list[float]]:
        hits, sizes = _tail(counts.right(side).sum(axis=0)), _tail(counts.all(side).sum(axis=0))
        points = []
        for index in np.flatnonzero(sizes).tolist():
            found = precision_of(int(hits[index]), int(sizes[index]))
            points.append([self.edge(side, index), found.value, found.low, found.high, found.n])
        return points


def pick_bands(curves: BandCurves, targets: BandTargets) -> dict[str, BandCuts]:
    """Cuts of every stratum, and of one never seen, that hold the targets; None where the data supports no such cut."""
    picked = {name: _cuts(curves, name, targets) for name in curves.strata}
    return {**picked, UNSEEN: _cuts(curves, UNSEEN, targets)}


def _cuts(curves: BandCurves, stratum: str, targets: BandTargets) -> BandCuts:
    green_at, green = _held_cut(curves, stratum, "green", targets)
    red_at, red = _held_cut(curves, stratum, "red", targets)
    if green_at is not None and red_at is not None and red_at >= green_at:
        red_at, red = None, None
    return BandCuts(green_at, red_at, green, red)


def _held_cut(
    curves: BandCurves, stratum: str, side: Side, targets: BandTargets
) -> tuple[float | None, Precision | None]:
    """A stratum's own cut; where its answers support none, the pooled one under the penalty."""
    counts = curves.strata.get(stratum)
    if counts is not None:
        index, found = cut_and_precision(counts, side, targets.of(side))
        if index is not None or stratum == OVERALL:
            return (None, None) if index is None else (curves.edge(side, index), found)
    strict = targets.stricter(BORROWED_SHARE_OF_ERROR).of(side)
    index, found = cut_and_precision(curves.strata[OVERALL], side, strict)
    if index is None or found is None:
        return None, None
    if counts is not None and _refuted(counts, side, index, targets.of(side)):
        return None, None
    return curves.edge(side, index), replace(found, borrowed_from=OVERALL)


def _refuted(counts: StratumCounts, side: Side, index: int, target: float) -> bool:
    """Whether a stratum's own few answers speak against a borrowed cut: it does worse there than was asked for."""
    sizes = int(counts.all(side)[:, index:].sum())
    return bool(sizes) and int(counts.right(side)[:, index:].sum()) < target * sizes


def cut_and_precision(counts: StratumCounts, side: Side, target: float) -> tuple[int | None, Precision | None]:
    """(bin of the cut, precision measured on folds that chose neither goal nor cut); None where the data supports no cut.

    A cut that those folds refute (the whole interval lies under the target) is dropped: better amber than a guess.
    """
    search = _CutSearch(counts.right(side), counts.all(side))
    index = search.cut(target, _ALL_FOLDS)
    if index is None:
        return None, None
    hits, size = search.counted(partial(search.cut, target), _ALL_FOLDS)
    if size < MIN_BAND_ANSWERS:
        return None, None
    found = precision_of(hits, size)
    if found.high < target:
        return None, None
    return index, replace(found, target=target)


class _CutSearch:
    """Looks for the cut of one band in one stratum; remembers the pooled curve of every set of folds."""

    def __init__(self, right: Counts, every: Counts) -> None:
        self._right, self._every = right, every
        self._curves: dict[frozenset[int], tuple[Floats, Counts]] = {}

    def cut(self, target: float, folds: frozenset[int]) -> int | None:
        """The cut that these folds choose: goal and place. None where no goal held the target."""
        for goal in _GOALS:
            if goal < target - _ROUNDING:
                continue
            hits, size = self.counted(partial(self._at_goal, goal), folds)
            if size and hits >= target * size - _ROUNDING:
                return self._at_goal(goal, folds)
        return None

    def counted(self, choose: Callable[[frozenset[int]], int | None], folds: frozenset[int]) -> tuple[int, int]:
        """(right, all) answers of each fold in the band that the other ones of ``folds`` choose for it, summed."""
        hits = size = 0
        for fold in sorted(folds):
            index = choose(folds - {fold})
            if index is not None:
                hits += int(self._right[fold, index:].sum())
                size += int(self._every[fold, index:].sum())
        return hits, size

    def _at_goal(self, goal: float, folds: frozenset[int]) -> int | None:
        """The first bin from which the pooled rate, weighed over all bins from there on, holds the goal."""
        if folds not in self._curves:
            chosen = sorted(folds)
            every = self._every[chosen].sum(axis=0)
            rate = rising_rate(self._right[chosen].sum(axis=0), every)
            self._curves[folds] = _tail(rate * every), _tail(every)
        expected, sizes = self._curves[folds]
        enough = MIN_BAND_ANSWERS * len(folds) / FOLDS
        good = np.flatnonzero((sizes >= enough) & (expected >= goal * sizes - _ROUNDING))
        return int(good[0]) if len(good) else None


def rising_rate(right: NDArray[Any], every: NDArray[Any]) -> Floats:
    """(bins,) rate of ``right`` among ``every`` that never falls from bin to bin: pooled adjacent violators, least squares."""
    blocks: list[tuple[float, float, int]] = []
    for hits, size in zip(right.tolist(), every.tolist(), strict=True):
        block = (float(hits), float(size), 1)
        while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
            earlier = blocks.pop()
            block = (earlier[0] + block[0], earlier[1] + block[1], earlier[2] + block[2])
        blocks.append(block)
    rates = [np.full(width, hits / size if size else 0.0) for hits, size, width in blocks]
    return np.concatenate(rates) if rates else np.zeros(0)


def _tail(values: NDArray[Any]) -> NDArray[Any]:
    """Sums from each bin to the last."""
    return np.cumsum(values[::-1])[::-1]
