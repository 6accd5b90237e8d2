"""Bands from data: how precise green and red are at every cut, and which cut holds a wanted precision.

A curve counts, score by score, how many labelled answers were grounded and how many hallucinated, each fifth of the sources
(fold) by itself. Everything else follows from these counts when the server starts, for any precision it is asked for:

- The rate of grounded answers may only rise with the score; pooling adjacent violators makes it so. A lucky dip opens no band.
- The cut takes in most answers while that rate, less one standard error (Wilson), holds the target. The standard error is what a
  cut that was chosen as the best of many must be expected to lose on other answers; it vanishes as labels grow.
- What is reported is measured on answers that chose nothing: for each fold the cut is chosen on the other four and the answers
  of the fold are only counted. The reported precision, its interval and its n are the sum of these counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.bands import OVERALL, UNSEEN, BandCuts, Precision, precision_of

Side = Literal["green", "red"]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FOLDS: Final = 5
MIN_BAND_ANSWERS: Final = 25
"""A cut needs so many answers in its band: at a precision of .92, 25 answers hold two wrong ones."""
BORROWED_SHARE_OF_ERROR: Final = 0.75
"""The penalty on a stratum that borrows: the pooled curve must hold three quarters of the error, .94 where .92 was asked for."""
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
    """(bin of the cut, precision measured on folds that had no part in choosing it); None where the data supports no cut.

    A cut that those folds refute (the whole interval lies under the target) is dropped: better amber than a guess.
    """
    right, every = counts.right(side), counts.all(side)
    index = _cut(right.sum(axis=0), every.sum(axis=0), target, MIN_BAND_ANSWERS)
    if index is None:
        return None, None
    hits = size = 0
    for fold in range(FOLDS):
        others = np.arange(FOLDS) != fold
        least = MIN_BAND_ANSWERS * (FOLDS - 1) / FOLDS
        chosen = _cut(right[others].sum(axis=0), every[others].sum(axis=0), target, least)
        if chosen is not None:
            hits += int(right[fold, chosen:].sum())
            size += int(every[fold, chosen:].sum())
    if size < MIN_BAND_ANSWERS:
        return None, None
    found = precision_of(hits, size)
    return (None, None) if found.high < target else (index, replace(found, target=target))


def _cut(right: Counts, every: Counts, target: float, least: float) -> int | None:
    """The first bin from which at least ``least`` answers hold the target less one standard error."""
    sizes = _tail(every)
    expected = _tail(rising_rate(right, every) * every)
    good = np.flatnonzero((sizes >= least) & (_less_one_error(expected, sizes) >= target))
    return int(good[0]) if len(good) else None


def _less_one_error(hits: Floats, sizes: Counts) -> Floats:
    """Wilson's lower limit of hits / sizes at one standard error: 92 of 100 give .889, 25 of 25 .962; 0 where sizes is 0."""
    n = np.maximum(sizes, 1).astype(np.float64)
    rate = np.clip(hits / n, 0.0, 1.0)
    limit: Floats = (rate + 0.5 / n - np.sqrt(rate * (1.0 - rate) / n + 0.25 / n**2)) / (1.0 + 1.0 / n)
    return np.where(sizes > 0, limit, 0.0)


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
