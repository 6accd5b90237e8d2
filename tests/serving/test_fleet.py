"""The arithmetic of the fleet on paper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fleet import (
    Tier,
    cost_per_million,
    erlang_c,
    hops_ms,
    measured_tiers,
    saturates_first,
    size,
    wait_p99_ms,
)


@pytest.mark.parametrize(
    ("servers", "offered", "expected"),
    [
        pytest.param(1, 0.5, 0.5, id="one-server-waits-as-often-as-it-is-busy"),
        pytest.param(2, 1.0, 1 / 3, id="two-servers"),
        pytest.param(10, 8.0, 0.40918, id="ten-servers"),
    ],
)
def test_erlang_c_has_its_known_values(servers: int, offered: float, expected: float) -> None:
    assert erlang_c(servers, offered) == pytest.approx(expected, abs=1e-5)


@given(st.integers(1, 400), st.floats(0.01, 0.95))
def test_more_servers_at_the_same_load_wait_less(servers: int, utilisation: float) -> None:
    small = wait_p99_ms(servers, servers * utilisation, 10.0)
    large = wait_p99_ms(4 * servers, 4 * servers * utilisation, 10.0)
    assert 0.0 <= large <= small + 1e-9


def test_a_tier_is_sized_for_its_rate_and_its_cost_is_the_hours_paid() -> None:
    cores = size(Tier("cores", 50.0), 100.0, 0.5)
    gpus = size(Tier("gpus", 1.0, is_gpu=True), 100.0, 0.5)
    assert (cores.servers, cores.utilisation, gpus.servers) == (10, 0.5, 1)
    assert cost_per_million([cores, gpus], 100.0, 0.036, 3.6) == pytest.approx((10 * 0.036 + 3.6) / 360_000 * 1e6)


def test_tiers_come_from_the_measured_processor_time() -> None:
    measured = {"ProxyActor": 3.0, "Gateway": 5.0, "RagLane": 2.0, "Encoder": 100.0, "Verifier": 120.0, "raylet": 1.0}
    tiers = measured_tiers(measured, None)
    assert {tier.name: tier.service_ms for tier in tiers} == {
        "proxy": 3.0,
        "gateway and rag lane": 7.0,
        "encoder": 100.0,
        "verifier": 120.0,
    }
    assert saturates_first([size(tier, 10.0, 0.7) for tier in tiers]).tier.name == "verifier"
    assert [tier.service_ms for tier in measured_tiers(measured, 1000.0)] == [3.0, 7.0, 1.0]
    assert [tier.service_ms for tier in measured_tiers(measured, 1000.0) if tier.is_gpu] == [1.0]


def test_a_server_without_a_verifier_has_no_tier_for_it() -> None:
    assert [tier.name for tier in measured_tiers({"Gateway": 5.0, "Encoder": 9.0}, None)] == [
        "gateway and rag lane",
        "encoder",
    ]


def test_hops_are_what_a_stage_adds() -> None:
    medians = {"route": 2.0, "handle": 5.5, "gateway": 3.0, "merged": 20.0}
    found = hops_ms({name: {"c1": {"p50_ms": ms}} for name, ms in medians.items()})
    assert list(found.values()) == [2.0, 3.5, 1.0, 20.0]
