"""Memory of a server's processes over time: samples, and the slope of each with an interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.processes import role

_MIB = 2**20
_ROUNDS = 1000
_LEFT_OUT = 2  # the first of so many parts: the bounded caches fill in it

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """``mib``: proportional memory (PSS) by process, named by its role, with its process id where a role has several."""

    at_s: float
    mib: dict[str, float]


def sample(server: psutil.Process, at_s: float) -> Sample:
    """Every process of the server now; one that ends meanwhile is left out."""
    found: dict[int, tuple[str, float]] = {}
    for process in [server, *server.children(recursive=True)]:
        try:
            found[process.pid] = role(process.cmdline()), process.memory_full_info().pss / _MIB
        except psutil.NoSuchProcess:
            continue
    roles = Counter(name for name, _ in found.values())
    return Sample(at_s, {name if roles[name] == 1 else f"{name} {pid}": mib for pid, (name, mib) in found.items()})


def growth(samples: Sequence[Sample]) -> dict[str, Any]:
    """MiB a minute over the second half: in all, and of each process that lived throughout."""
    steady = samples[len(samples) // _LEFT_OUT :]
    minutes = np.array([one.at_s for one in steady]) / 60.0
    totals = np.array([sum(one.mib.values()) for one in steady])
    throughout = sorted(set.intersection(*(set(one.mib) for one in steady)))
    seen = set().union(*(one.mib for one in steady))
    return {
        "samples": len(samples),
        "minutes": round(float(minutes[-1] - minutes[0]), 1),
        "total": trend(minutes, totals),
        "processes": {name: trend(minutes, np.array([one.mib[name] for one in steady])) for name in throughout},
        "came_or_went": sorted(seen - set(throughout)),
    }


def trend(minutes: Floats, mib: Floats) -> dict[str, float]:
    """First and last value and the slope of the least-squares line, with a 95% interval.

    Samples hang together from one to the next, so the interval comes from drawing the line's residuals in blocks (moving-block
    bootstrap), the square root of their number long.
    """
    slope, start = np.polyfit(minutes, mib, 1)
    line = slope * minutes + start
    count = len(mib)
    length = max(1, round(count**0.5))
    generator = np.random.default_rng(7)
    firsts = generator.integers(0, count - length + 1, (_ROUNDS, -(-count // length)))
    places = (firsts[:, :, None] + np.arange(length)).reshape(_ROUNDS, -1)[:, :count]
    drawn = np.polyfit(minutes, (line + (mib - line)[places]).T, 1)[0]
    low, high = np.percentile(drawn, [2.5, 97.5])
    values = {"first_mib": mib[0], "last_mib": mib[-1], "mib_per_minute": slope, "low": low, "high": high}
    return {name: round(float(value), 3) for name, value in values.items()}
