"""The accelerator's benchmark runs from end to end at toy sizes on a CPU; its figures there mean nothing."""

from __future__ import annotations

from argparse import Namespace

import pytest

from benchmarks.gpu import run
from benchmarks.gpu_models import ARCHITECTURES, TINY


@pytest.mark.slow
def test_every_part_runs() -> None:
    result = run(Namespace(device="cpu", tiny=True, seconds=0.01, serve=False))
    assert set(result["models"]) == {
        f"{architecture}/{role}/{length}"
        for architecture in ARCHITECTURES
        for role in ("encoder", "verifier")
        for length in TINY.lengths
    }
    for figures in result["models"].values():
        assert figures["ours"]["rows_per_s"] > 0.0
        assert figures["plain_transformers"]["share_of_product"] >= 0.0
    assert [part["context_tokens"] for part in result["maxsim"]] == [1_024, 8_192]
    assert result["lane_in_process"]["c1"]["errors"] == 0
    assert "ray_serve" not in result
