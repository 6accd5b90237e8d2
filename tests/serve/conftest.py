"""One real server for all tests of this folder, and what the tests send to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serve.support import UNLIMITED, Rag, Server, start_server

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts a real Ray Serve application."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.serve)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that all tests share; tests that harm one start their own."""
    running = start_server(tmp_path_factory.mktemp("server"), UNLIMITED)
    try:
        running.wait_ready()
        yield running
    finally:
        code = running.stop()
    assert code == 0, running.log()


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of the shared server."""
    with httpx.Client(base_url=server.url, timeout=60.0) as opened:
        yield opened


@pytest.fixture
def rag(client: httpx.Client) -> Rag:
    """Requests to the rag lane of the shared server."""
    return Rag(client)
