"""Measuring on a machine that others use: what is compared runs turn about, so that a busy moment meets all of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def timed(work: Callable[[], object], repeats: int) -> dict[str, float]:
    """Milliseconds: median, fastest and slowest of ``repeats`` runs after one that warms up."""
    return turn_about({"only": work}, repeats)["only"]


def turn_about(works: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, dict[str, float]]:
    """As :func:`timed`, one run of each in turn, so that a busy moment meets them all.

    ``processor_ms``: the median of what all threads of this process computed; others' work hardly touches it.
    """
    seen: dict[str, list[float]] = {name: [] for name in works}
    computed: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats + 1):
        for name, work in works.items():
            started, begun = time.perf_counter(), time.process_time()
            work()
            seen[name].append((time.perf_counter() - started) * 1000.0)
            computed[name].append((time.process_time() - begun) * 1000.0)
    return {
        name: {**summary(seen[name][1:]), "processor_ms": round(statistics.median(computed[name][1:]), 2)}
        for name in works
    }


def summary(values: list[float]) -> dict[str, float]:
    """Median, fastest and slowest of milliseconds."""
    return {
        "p50_ms": round(statistics.median(values), 2),
        "min_ms": round(min(values), 2),
        "max_ms": round(max(values), 2),
        "n": len(values),
    }


def spread(times_ms: Sequence[float], percent: int = 99, digits: int = 3) -> dict[str, float | int]:
    """n, median with a 95% interval (order statistics), and a high percentile."""
    ordered = sorted(times_ms)
    n = len(ordered)
    half = round(0.98 * n**0.5)
    return {
        "n": n,
        "p50_ms": round(statistics.median(ordered), digits),
        "p50_low_ms": round(ordered[max(0, n // 2 - half)], digits),
        "p50_high_ms": round(ordered[min(n - 1, n // 2 + half)], digits),
        f"p{percent}_ms": round(ordered[min(n - 1, int(percent / 100 * n))], digits),
    }
