"""Which replica a request prefers: laws of the order, and the router that Serve runs."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.lane_types import AlignRequest
from serving.inference.affinity import affinity_key, preferred

NAMES = [f"replica-{number}" for number in range(8)]
UNITS = [f"unit number {number}" for number in range(12)]


def idle(names: list[str]) -> dict[str, int]:
    return dict.fromkeys(names, 0)


@given(st.text(), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 100), min_size=1))
def test_every_replica_is_tried_once_and_the_least_busy_before_the_busiest(key: str, loads: dict[str, int]) -> None:
    order = preferred(key, loads)
    assert sorted(order) == sorted(loads)
    limit = min(loads.values()) + 2 + 0.25 * sum(loads.values()) / len(loads)
    assert loads[order[0]] <= limit
    assert preferred(key, dict(reversed(loads.items()))) == order


@given(st.text())
def test_a_replica_that_goes_moves_only_its_own_keys(key: str) -> None:
    before = preferred(key, idle(NAMES))
    after = preferred(key, idle([name for name in NAMES if name != before[3]]))
    assert after == [name for name in before if name != before[3]]


def test_keys_are_spread_evenly() -> None:
    counted = Counter(preferred(f"session {number}", idle(NAMES))[0] for number in range(4000))
    assert len(counted) == len(NAMES)
    assert max(counted.values()) < 1.2 * 4000 / len(NAMES)


def test_a_busy_replica_is_left_for_the_next_in_order() -> None:
    first, second, third = preferred("k", idle(NAMES[:3]))
    assert preferred("k", {first: 2, second: 0, third: 0})[0] == first
    assert preferred("k", {first: 5, second: 0, third: 0}) == [second, third, first]
    assert preferred("k", {first: 40, second: 39, third: 38})[0] == first


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        pytest.param(("t", "s", UNITS), ("t", "s", UNITS[:3]), True, id="a-session-keeps-its-key"),
        pytest.param(("t", "s", UNITS), ("u", "s", UNITS), False, id="sessions-of-two-tenants"),
        pytest.param(("t", None, UNITS), ("t", None, UNITS[::-1]), True, id="order-of-units"),
        pytest.param(("t", None, UNITS), ("u", None, UNITS), False, id="contexts-of-two-tenants"),
        pytest.param(("t", None, UNITS), ("t", "s", UNITS), False, id="session-or-context"),
        pytest.param(("t", None, []), ("t", None, [""]), False, id="no-units"),
    ],
)
def test_the_key_is_the_sessions_or_the_contexts(left: Any, right: Any, equal: bool) -> None:
    assert (affinity_key(*left) == affinity_key(*right)) is equal


@given(st.lists(st.text(), min_size=2, unique=True))
def test_a_context_that_grows_keeps_its_key_or_takes_that_of_what_is_new(units: list[str]) -> None:
    grown = affinity_key("t", None, units)
    assert grown in {affinity_key("t", None, units[:-1]), affinity_key("t", None, units[-1:])}


def test_the_key_shows_no_text_and_takes_broken_surrogates() -> None:
    key = affinity_key("t", None, ["secret text \ud800"])
    assert "secret" not in key
    assert len(key) == 32


def alignment(affinity: str) -> AlignRequest:
    return AlignRequest("t", "answer", ("unit",), ((0, 6),), None, 256, affinity=affinity)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own import
async def test_the_router_ranks_alignments_and_draws_for_everything_else() -> None:
    from ray.serve._private.common import DeploymentHandleSource, DeploymentID, ReplicaID, RequestMetadata
    from ray.serve.request_router import PendingRequest

    from serving.ray.router import AffinityRouter

    deployment = DeploymentID("Encoder-minilm", "groundlane")
    replicas = {name: ReplicaID(name, deployment) for name in NAMES[:3]}
    candidates: list[Any] = [SimpleNamespace(replica_id=one, max_ongoing_requests=8) for one in replicas.values()]
    metadata = RequestMetadata(request_id="r", internal_request_id="i")
    router = AffinityRouter(deployment, DeploymentHandleSource.REPLICA)
    order = preferred("key", idle(NAMES[:3]))

    asked = PendingRequest([alignment("key")], {}, metadata)
    ranked = await router.choose_replicas(candidates, asked)
    assert [[one.replica_id.unique_id for one in place] for place in ranked] == [[name] for name in order]
    assert asked.routing_context.should_backoff
    router.replica_queue_len_cache.update(replicas[order[0]], 6)
    ranked = await router.choose_replicas(candidates, asked)
    assert [place[0].replica_id.unique_id for place in ranked] == [*order[1:], order[0]]
    (drawn,) = await router.choose_replicas(candidates, PendingRequest([], {}, metadata))
    assert len(drawn) == 2
    assert await router.choose_replicas(candidates[:1]) == [[candidates[0]]]
