"""One whole application in this process for all tests of the client's side: real lanes, bundled models, no Ray."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from serving.lanes.factory import alignment_service, verification_service
from tests.serving.http_server import running
from tests.serving.local_app import LocalEncoder, local_app, local_config


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the application, on loopback without keys."""
    config = local_config(tmp_path_factory.mktemp("app"), **{"limits.requests_per_minute": 100_000})
    encoder, verifier = LocalEncoder(alignment_service(config)), verification_service(config)
    app, code = local_app(config, encoder, verifier)
    with running(app) as url:
        yield url
    code.close()
    encoder.close()
    if verifier is not None:
        verifier.close()


@pytest.fixture
def environment(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find the application without options."""
    monkeypatch.setenv("GROUNDLANE_URL", server_url)
    monkeypatch.delenv("GROUNDLANE_API_KEY", raising=False)
