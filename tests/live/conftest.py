"""One rag lane with its models, and one gateway, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane
from tests.live.support import gateway


@pytest.fixture(scope="session", autouse=True)
def _no_telemetry() -> Iterator[None]:
    """Frameworks under test call nobody."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
        yield


@pytest.fixture(scope="session")
def lane() -> Iterator[Any]:
    """The shipped encoder and verifier."""
    built = local_rag_lane(load_config(environment={}))
    yield built
    built.close()


@pytest.fixture(scope="session")
def url(lane: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway with no limits in the way."""
    limits = {"limits.requests_per_minute": 100_000, "limits.burst": 100_000}
    with gateway(lane, tmp_path_factory.mktemp("gateway"), **limits) as address:
        yield address
