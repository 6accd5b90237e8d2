"""A log of decisions summed up line by line in bounded memory. The order of the lines changes nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

HASHES: Final = ("config_sha256", "calibration_sha256", "encoder_sha256", "verifier_sha256")
NEAR_CUT: Final = 0.05
"""A score this near to a cut could have had another band."""
_STEPS_PER_E: Final = 40.0
"""A latency is known to 2.5%: buckets of a logarithm."""
_LEAST_MS: Final = 0.001
_MOST_GROUPS: Final = 20_000
_TREND_PLACES: Final = (16, 15, 13, 10)
"""Characters of a time that name its slot: minute, ten minutes, hour, day."""
_MOST_SLOTS: Final = 240
OTHER: Final = "(other)"


class Trend:
    """Counts of bands by time slot: minutes while there are few, then tens of minutes, hours, days.

    The slots depend on which times there are, not on their order.
    """

    def __init__(self) -> None:
        self._level = 0
        self._places = _TREND_PLACES[0]
        self._counts: dict[tuple[str, str], int] = {}
        self._slots: set[str] = set()

    def add(self, time: str, band: str) -> None:
        """Count one decision."""
        key = (time[: self._places], band)
        counts = self._counts
        if key in counts:
            counts[key] += 1
            return
        counts[key] = 1
        self._slots.add(key[0])
        while len(self._slots) > _MOST_SLOTS and self._level + 1 < len(_TREND_PLACES):
            self._coarsen()

    def merge(self, other: Trend) -> None:
        """Add another's counts, in the coarser of both units."""
        while self._level < other._level:
            self._coarsen()
        for (slot, band), count in other._counts.items():
            key = (slot[: self._places], band)
            self._counts[key] = self._counts.get(key, 0) + count
            self._slots.add(key[0])
        while len(self._slots) > _MOST_SLOTS and self._level + 1 < len(_TREND_PLACES):
            self._coarsen()

    def _coarsen(self) -> None:
        self._level += 1
        self._places = _TREND_PLACES[self._level]
        merged: Counter[tuple[str, str]] = Counter()
        for (slot, band), count in self._counts.items():
            merged[slot[: self._places], band] += count
        self._counts, self._slots = dict(merged), {slot for slot, _ in merged}

    @property
    def unit(self) -> str:
        """What a slot is."""
        return ("minute", "ten minutes", "hour", "day")[self._level]

    def rows(self) -> list[dict[str, Any]]:
        """Slots in their order, with the count of every band."""
        rows: dict[str, dict[str, int]] = {}
        for (slot, band), count in sorted(self._counts.items()):
            rows.setdefault(slot, {})[band] = count
        return [{"from": slot, "bands": bands} for slot, bands in rows.items()]


@dataclass(eq=False)
class Group:
    """Decisions that are alike in every field of few values. ``difference``: of a shadow, its less the server's score, summed."""

    lane: str
    origin: str
    band: str
    error: str | None
    verifier: str | None
    reasons: tuple[str, ...]
    hashes: tuple[str | None, ...]
    live_band: str | None
    shape: tuple[Any, ...] = ()
    count: int = 0
    near: int = 0
    first: str = "~"
    last: str = ""
    scored: int = 0
    difference: float = 0.0
    latencies: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Group:
        """The group of a normalised decision."""
        get = line.get
        return cls(
            lane=line["lane"],
            origin=get("origin") or "live",
            band=get("band") or "none",
            error=get("error"),
            verifier=get("verifier"),
            reasons=tuple(get("reason_codes") or ()),
            hashes=tuple(map(get, HASHES)),
            live_band=get("live_band"),
            shape=(get("language"), get("has_table"), get("has_code")),
        )

    def absorb(self, other: Group) -> None:
        """Add another group's decisions."""
        self.count += other.count
        self.near += other.near
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.scored += other.scored
        self.difference += other.difference
        for step, count in other.latencies.items():
            self.latencies[step] = self.latencies.get(step, 0) + count

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from other groups."""
        named = (
            self.lane,
            self.origin,
            self.band,
            self.error,
            self.verifier,
            self.reasons,
            self.hashes,
            self.live_band,
        )
        return (*named, self.shape)


class Groups:
    """The groups of a log, at most 20,000; what comes after is one group of its own, whose fields are not known."""

    def __init__(self) -> None:
        self.all: dict[tuple[Any, ...], Group] = {}

    def of(self, line: Mapping[str, Any]) -> Group:
        """The one group of lines like this."""
        return self.same(Group.of(line))

    def same(self, group: Group) -> Group:
        """The group here that is like ``group``, which may be of another log; that itself where it is new."""
        known = self.all.get(group.key)
        if known is not None:
            return known
        if len(self.all) >= _MOST_GROUPS:
            group = Group(OTHER, group.origin, group.band, None, None, (), (None,) * len(HASHES), group.live_band)
        return self.all.setdefault(group.key, group)


class Summary:
    """Adds decisions up, see :meth:`document`. ``near``: what counts as near to a cut."""

    def __init__(self, groups: Groups, near: float = NEAR_CUT) -> None:
        self.groups = groups
        self.skipped = 0
        self.trend = Trend()
        self._near = near

    def add(self, group: Group, time: str, numbers: Mapping[str, Any]) -> None:
        """Add one decision; ``numbers``: cut_distance, latency_ms, score and live_score where it has them."""
        group.count += 1
        if time < group.first:
            group.first = time
        if time > group.last:
            group.last = time
        get = numbers.get
        if group.live_band is not None:
            score, live = get("score"), get("live_score")
            if score is not None and live is not None:
                group.scored += 1
                group.difference += score - live
            return
        distance = get("cut_distance")
        if distance is not None and distance <= self._near:
            group.near += 1
        latency = get("latency_ms")
        if latency is not None:
            step = int(math.log(latency if latency > _LEAST_MS else _LEAST_MS) * _STEPS_PER_E)
            counts = group.latencies
            counts[step] = counts.get(step, 0) + 1
        self.trend.add(time, group.band)

    def merge(self, other: Summary) -> None:
        """Add the summary of another part of the log."""
        self.skipped += other.skipped
        self.trend.merge(other.trend)
        for group in other.groups.all.values():
            mine = self.groups.same(group)
            if mine is not group:
                mine.absorb(group)

    def document(self) -> dict[str, Any]:
        """The summary as JSON values, in an order that does not depend on that of the lines."""
        groups = [group for group in self.groups.all.values() if group.count]
        live = [group for group in groups if group.origin != "shadow"]
        lanes = sorted({group.lane for group in live})
        return {
            "lines": sum(group.count for group in groups),
            "skipped": self.skipped,
            "from": min((group.first for group in groups), default=None),
            "to": max((group.last for group in groups), default=None),
            "origins": _counted((group.origin, group.count) for group in groups),
            "lanes": {lane: _lane([group for group in live if group.lane == lane]) for lane in lanes},
            "reasons": _reasons(live),
            "verifier": _counted((group.verifier, group.count) for group in live),
            "errors": _counted((group.error, group.count) for group in live),
            "versions": _versions(live),
            "trend": {"slot": self.trend.unit, "slots": self.trend.rows()},
            "shadow": _shadows([group for group in groups if group.origin == "shadow"]),
        }


def _lane(groups: list[Group]) -> dict[str, Any]:
    latencies: Counter[int] = Counter()
    for group in groups:
        latencies.update(group.latencies)
    return {
        "decisions": sum(group.count for group in groups),
        "bands": _counted((group.band, group.count) for group in groups),
        "near_cut": _counted((group.band, group.near) for group in groups if group.near),
        "latency_ms": {f"p{round(share * 100)}": quantile(latencies, share) for share in (0.5, 0.95, 0.99)},
    }


def quantile(steps: Mapping[int, int], share: float) -> float | None:
    """The latency that ``share`` of all do not exceed, to 2.5%; None without any."""
    left = math.ceil(share * sum(steps.values()))
    for step in sorted(steps):
        left -= steps[step]
        if left <= 0:
            return round(math.exp((step + 0.5) / _STEPS_PER_E), 2)
    return None


def _reasons(groups: list[Group]) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for group in groups:
        counts[group.band, group.reasons] += group.count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"band": band, "codes": list(codes), "decisions": count} for (band, codes), count in ranked[:50]]


def _versions(groups: list[Group]) -> dict[str, list[dict[str, Any]]]:
    """Every hash that decided, by kind: how often, and from when to when. A first time is a mark on the trend."""
    found: dict[str, list[dict[str, Any]]] = {}
    for place, name in enumerate(HASHES):
        by_hash: dict[str, list[Group]] = {}
        for group in groups:
            if group.hashes[place] is not None:
                by_hash.setdefault(str(group.hashes[place]), []).append(group)
        rows = [
            {
                "sha256": value,
                "decisions": sum(group.count for group in members),
                "first": min(group.first for group in members),
                "last": max(group.last for group in members),
            }
            for value, members in by_hash.items()
        ]
        found[name] = sorted(rows, key=lambda row: (row["first"], row["sha256"]))
    return found


def _shadows(groups: list[Group]) -> list[dict[str, Any]]:
    """Every candidate, by its configuration's hash: how its bands and scores differ from the server's."""
    rows = []
    for candidate in sorted({str(group.hashes[0]) for group in groups}):
        members = [group for group in groups if str(group.hashes[0]) == candidate]
        decided = [group for group in members if group.error is None]
        moves: Counter[tuple[str, str]] = Counter()
        for group in decided:
            moves[str(group.live_band), group.band] += group.count
        scored = sum(group.scored for group in decided)
        difference = math.fsum(group.difference for group in decided)
        rows.append(
            {
                "config_sha256": candidate,
                "decisions": sum(moves.values()),
                "failed": sum(group.count for group in members if group.error is not None),
                "mean_score_difference": round(difference / scored, 4) if scored else None,
                "moves": [{"from": a, "to": b, "decisions": count} for (a, b), count in sorted(moves.items())],
            }
        )
    return rows


def _counted(pairs: Iterator[tuple[str | None, int]] | Any) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for name, count in pairs:
        if name is not None:
            counts[name] += count
    return {name: counts[name] for name in sorted(counts)}
