"""Every test here runs on SQLite and on PostgreSQL. The tests start their own PostgreSQL server."""

from __future__ import annotations

import httpx
import psycopg
import pytest

from benchmarks.postgres import postgres_cluster
from benchmarks.store_server import build_app, build_services
from serving.store import admin
from serving.store.schema import METADATA
from serving.store.store import Store
from serving.store.text_search import SEARCH_TABLE


class Clock:
    """A clock that a test moves by hand. Starts at a plausible time."""

    def __init__(self) -> None:
        self.ms = 1_790_000_000_000

    def __call__(self) -> int:
        return self.ms

    def advance_s(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


@pytest.fixture(scope="session")
def cluster():
    with postgres_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_database(cluster):
    url = cluster.url(cluster.create_database())
    admin.upgrade(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url = request.getfixturevalue("postgres_database")
    with psycopg.connect(url, autocommit=True) as connection:
        names = ", ".join([*(table.name for table in METADATA.sorted_tables), SEARCH_TABLE])
        connection.execute(f"TRUNCATE {names}")
    return url


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(database_url, clock):
    opened = Store.open(database_url, connections=4, now_ms=clock)
    yield opened
    opened.close()


@pytest.fixture
async def services(store):
    built = build_services(store)
    yield built
    await built.sessions.shut_down()


@pytest.fixture
async def client(services):
    """Calls as tenant ``one``; pass ``headers=OTHER`` to call as another."""
    transport = httpx.ASGITransport(app=build_app(services))
    headers = {"authorization": "Bearer one"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as opened:
        yield opened
