"""Two systems on the same requests: how bands, scores and reasons moved, with intervals. Only labels show which is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scoring.bands import exact_interval
from scoring.evals.statistics import Estimate, cluster_t, wilson

GREEN: Final = "green"
RED: Final = "red"


@dataclass(frozen=True)
class Outcome:
    """What one system decided about one request. ``band`` None: it failed, with ``error``. ``hashes``: what it decided with."""

    band: str | None
    score: float | None = None
    reason_codes: tuple[str, ...] | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None


def compare(before: Sequence[Outcome], after: Sequence[Outcome], clusters: Sequence[str]) -> dict[str, Any]:
    """Moves of ``after`` from ``before`` as JSON values, over the requests that both decided.

    ``clusters``: requests that share one (the same passages) are not independent; the intervals of the score's difference and
    of the moved share respect it.
    """
    pairs = [
        (a, b, c) for a, b, c in zip(before, after, clusters, strict=True) if a.band is not None and b.band is not None
    ]
    moves = Counter((str(a.band), str(b.band)) for a, b, _ in pairs)
    moved = [float(a.band != b.band) for a, b, _ in pairs]
    scored = [(b.score - a.score, c) for a, b, c in pairs if a.score is not None and b.score is not None]
    return {
        "requests": len(pairs),
        "not_compared": len(before) - len(pairs),
        "moved": _share(moved, [c for _, _, c in pairs]),
        "moves": [
            {"from": start, "to": end, "requests": count, "share": _estimate(wilson(count, len(pairs)))}
            for (start, end), count in sorted(moves.items())
        ],
        "score_difference": _mean([value for value, _ in scored], [c for _, c in scored]),
        "reasons": _reason_changes([(a, b) for a, b, _ in pairs]),
        "hashes": _hash_changes([(a, b) for a, b, _ in pairs]),
    }


def precision(outcomes: Sequence[Outcome], grounded: Sequence[bool | None]) -> dict[str, Any] | None:
    """Of labelled requests: the share of green ones that are grounded, of red ones that are not, exact intervals."""
    labelled = [(one.band, label) for one, label in zip(outcomes, grounded, strict=True) if label is not None]
    if not labelled:
        return None
    return {
        "labelled": len(labelled),
        GREEN: _exact([label for band, label in labelled if band == GREEN]),
        RED: _exact([not label for band, label in labelled if band == RED]),
        "decided": _exact([band in {GREEN, RED} for band, _ in labelled]),
    }


def bands_of(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Requests by band; those that failed under their error."""
    counts = Counter(one.band if one.band is not None else f"error:{one.error}" for one in outcomes)
    return {name: counts[name] for name in sorted(counts)}


def _share(values: Sequence[float], clusters: Sequence[str]) -> dict[str, Any] | None:
    """Wilson where every request stands alone, else the wider of that and the cluster-robust interval."""
    if not values:
        return None
    alone = wilson(int(sum(values)), len(values))
    robust = cluster_t(values, clusters).estimate if len(set(clusters)) < len(values) else None
    if robust is None or robust.high - robust.low <= alone.high - alone.low:
        return _estimate(alone)
    return _estimate(Estimate(robust.value, max(0.0, robust.low), min(1.0, robust.high), robust.n, robust.confidence))


def _mean(values: Sequence[float], clusters: Sequence[str]) -> dict[str, Any] | None:
    if not values:
        return None
    found = cluster_t(values, clusters)
    if found.estimate is None:
        return {"value": round(sum(values) / len(values), 4), "low": None, "high": None, "n": len(values)}
    return _estimate(found.estimate)


def _estimate(one: Estimate) -> dict[str, Any]:
    return {"value": round(one.value, 4), "low": round(one.low, 4), "high": round(one.high, 4), "n": one.n}


def _exact(hits: Sequence[bool]) -> dict[str, Any] | None:
    if not hits:
        return None
    low, high = exact_interval(sum(hits), len(hits))
    return {"value": round(sum(hits) / len(hits), 4), "low": round(low, 4), "high": round(high, 4), "n": len(hits)}


def _reason_changes(pairs: Sequence[tuple[Outcome, Outcome]]) -> list[dict[str, Any]] | None:
    """Codes that came and went; None where a system does not say its codes."""
    if any(a.reason_codes is None or b.reason_codes is None for a, b in pairs):
        return None
    came: Counter[str] = Counter()
    went: Counter[str] = Counter()
    for a, b in pairs:
        came.update(set(b.reason_codes or ()) - set(a.reason_codes or ()))
        went.update(set(a.reason_codes or ()) - set(b.reason_codes or ()))
    return [{"code": code, "came": came[code], "went": went[code]} for code in sorted({*came, *went})]


def _hash_changes(pairs: Sequence[tuple[Outcome, Outcome]]) -> dict[str, dict[str, Any]]:
    """By kind of hash: those of the one, those of the other, and how many requests were decided with another one."""
    kinds = sorted({kind for a, b in pairs for kind in (*a.hashes, *b.hashes)})
    return {
        kind: {
            "before": sorted({a.hashes[kind] for a, _ in pairs if kind in a.hashes}),
            "after": sorted({b.hashes[kind] for _, b in pairs if kind in b.hashes}),
            "changed": sum(a.hashes.get(kind) != b.hashes.get(kind) for a, b in pairs),
        }
        for kind in kinds
    }
