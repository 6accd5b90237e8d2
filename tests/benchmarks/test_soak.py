"""What the soak says of memory: the slope it was given, an interval that holds it, processes that came and went."""

from __future__ import annotations

import os
import time

import numpy as np
import psutil
import pytest

from benchmarks.soak import Sample, growth, sample, trend

MINUTES = np.arange(0.0, 22.5, 1 / 6)


def wandering(seed: int) -> np.ndarray:
    """Memory that goes up and down around 500 MiB, each sample near the one before."""
    steps = np.random.default_rng(seed).normal(0.0, 1.0, len(MINUTES))
    values = [500.0]
    for step in steps[1:]:
        values.append(500.0 + 0.7 * (values[-1] - 500.0) + step)
    return np.array(values)


@pytest.mark.parametrize("slope", [0.0, 2.0])
def test_the_interval_holds_the_slope(slope: float) -> None:
    held = 0
    for seed in range(20):
        found = trend(MINUTES, wandering(seed) + slope * MINUTES)
        assert found["low"] <= found["mib_per_minute"] <= found["high"]
        held += found["low"] <= slope <= found["high"]
        assert abs(found["mib_per_minute"] - slope) < 0.2
    assert held >= 15


def test_a_leak_is_not_taken_for_noise() -> None:
    assert trend(MINUTES, wandering(1) + MINUTES)["low"] > 0.5


def test_the_first_half_does_not_count() -> None:
    samples = [Sample(10.0 * number, {"Gateway": 100.0 + min(number, 50)}) for number in range(100)]
    assert growth(samples)["processes"]["Gateway"]["mib_per_minute"] == 0.0


def test_processes_that_came_or_went_are_named_and_count_in_all() -> None:
    samples = [Sample(10.0 * number, {"Gateway": 100.0, f"other {number // 75}": 10.0}) for number in range(100)]
    found = growth(samples)
    assert set(found["processes"]) == {"Gateway"}
    assert found["came_or_went"] == ["other 0", "other 1"]
    assert found["total"]["mib_per_minute"] == 0.0


def test_every_process_is_sampled() -> None:
    taken = sample(psutil.Process(os.getpid()), time.perf_counter())
    assert taken.mib
    assert min(taken.mib.values()) > 0.0
