"""What a person should look at, in clusters of decisions that are alike by their metadata, worst first."""

from __future__ import annotations

import hashlib
from bisect import insort
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from scoring.audit.summary import NEAR_CUT, Group


class Why(StrEnum):
    """Why a decision is worth a look, the gravest first; a decision is in the cluster of the first that applies."""

    ERROR = "error"
    CONTRADICTED = "contradicted"  # a human label says otherwise
    DEGRADED = "degraded_verifier"
    SHADOW_MOVED = "shadow_moved"  # a candidate would have given another band
    NEAR_CUT = "near_cut"
    AMBER = "amber"
    SLOW = "slow"


_ORDER: Final = {why: place for place, why in enumerate(Why)}
_MOST_CLUSTERS: Final = 5_000
_SIZES: Final = (1, 4, 16, 64)
_LABELLED: Final = {"up": "red", "down": "green"}
"""A label contradicts the band that says the opposite: a thumb up of a red answer, a thumb down of a green one."""
Line = Mapping[str, Any]


@dataclass(frozen=True)
class Thresholds:
    """``near``: distance to a cut; ``slow_ms``: latency."""

    near: float = NEAR_CUT
    slow_ms: float = 2_000.0


@dataclass
class Cluster:
    """``examples``: (request, time, line) of the smallest request pseudonyms, so that the same log gives the same ones."""

    key: tuple[Any, ...]
    decisions: int = 0
    first: str = "~"
    last: str = ""
    examples: list[tuple[str, str, Line]] = field(default_factory=list)

    @property
    def cluster_id(self) -> str:
        """Of the key, so that the same cluster of two logs has the same name."""
        return hashlib.sha256(repr(self.key).encode()).hexdigest()[:12]


def why_of(group: Group, numbers: Line, thresholds: Thresholds) -> Why | None:
    """Why a decision is worth a look whatever a person said of it; None for one that is not."""
    if group.error is not None:
        return None if group.error == "cancelled" else Why.ERROR
    if group.verifier == "away":
        return Why.DEGRADED
    if group.origin == "shadow":
        return Why.SHADOW_MOVED if group.live_band != group.band else None
    distance = numbers.get("cut_distance")
    if distance is not None and distance <= thresholds.near:
        return Why.NEAR_CUT
    if group.band == "amber":
        return Why.AMBER
    latency = numbers.get("latency_ms")
    return Why.SLOW if latency is not None and latency >= thresholds.slow_ms else None


class Clusters:
    """Adds decisions up. At most 5,000 clusters; what comes after is counted in ``left_out``. ``parse`` reads a line."""

    def __init__(
        self, examples: int, thresholds: Thresholds, labels: Mapping[str, str], parse: Callable[[bytes], Line | None]
    ) -> None:
        self._parse = parse
        self._most_examples = examples
        self._thresholds = thresholds
        self._labels = labels
        self._clusters: dict[tuple[Any, ...], Cluster] = {}
        self._known: dict[tuple[Group, Why, str | None], Cluster] = {}
        self.decisions = 0
        self.left_out = 0

    def add(self, group: Group, time: str, request: str, numbers: Line, raw: bytes) -> None:
        """Add one decision; ``raw``: its line, parsed only where it becomes an example."""
        why = why_of(group, numbers, self._thresholds)
        if self._labels and group.error is None and _LABELLED.get(self._labels.get(request, "")) == group.band:
            why = Why.CONTRADICTED
        if why is None:
            return
        self.decisions += 1
        units = numbers.get("units")
        size = _SIZE_OF[units] if type(units) is int and 0 <= units < len(_SIZE_OF) else _size(units)
        cluster = self._known.get((group, why, size)) or self._cluster(group, why, size)
        if cluster is None:
            self.left_out += 1
            return
        cluster.decisions += 1
        if time < cluster.first:
            cluster.first = time
        if time > cluster.last:
            cluster.last = time
        examples = cluster.examples
        full = len(examples) >= self._most_examples
        if not full or (request <= examples[-1][0] and (request, time) < examples[-1][:2]):
            line = self._parse(raw)
            if line is not None:
                insort(examples, (request, time, line), key=lambda example: example[:2])
                del examples[self._most_examples :]

    def _cluster(self, group: Group, why: Why, size: str | None) -> Cluster | None:
        reasons = group.reasons or ((group.error,) if group.error else ())
        key = (why, group.lane, group.band, reasons, group.verifier, *group.shape, size, group.hashes[0])
        cluster = self._clusters.get(key)
        if cluster is None:
            if len(self._clusters) >= _MOST_CLUSTERS:
                return None
            cluster = self._clusters[key] = Cluster(key)
        self._known[group, why, size] = cluster
        return cluster

    def ranked(self) -> list[Cluster]:
        """The gravest reason first, then the largest, then by name."""
        return sorted(self._clusters.values(), key=lambda one: (_ORDER[one.key[0]], -one.decisions, one.cluster_id))


def cluster_json(cluster: Cluster, example_fields: Collection[str]) -> dict[str, Any]:
    """A cluster as JSON values, its examples by the named fields."""
    why, lane, band, reasons, verifier, language, table, code, size, config = cluster.key
    shape = {"language": language, "has_table": table, "has_code": code, "units": size}
    return {
        "cluster": cluster.cluster_id,
        "why": why.value,
        "lane": lane,
        "band": band,
        "reason_codes": list(reasons),
        "verifier": verifier,
        "shape": {name: value for name, value in shape.items() if value is not None},
        "config_sha256": config,
        "decisions": cluster.decisions,
        "first": cluster.first,
        "last": cluster.last,
        "examples": [
            {name: line[name] for name in example_fields if line.get(name) is not None}
            for _, _, line in cluster.examples
        ],
    }


def _size(units: Any) -> str | None:
    """A class of sizes: 1, 2-4, 5-16, 17-64, more."""
    if not isinstance(units, int):
        return None
    low = 0
    for high in _SIZES:
        if units <= high:
            return str(high) if high == low + 1 else f"{low + 1}-{high}"
        low = high
    return f"{low + 1} and more"


_SIZE_OF: Final = tuple(_size(units) for units in range(_SIZES[-1] + 1))
"""The classes of the usual sizes."""
