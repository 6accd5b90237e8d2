"""A SQLite file that is deleted or replaced under the running server: said at once, and nothing is acknowledged into it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import httpx
import pytest

from benchmarks.store_server import build_app, build_services
from serving.http.routes.health import Readiness
from serving.lanes.dispatch import Lanes
from serving.store import admin
from serving.store.failures import StoreFileLostError
from serving.store.store import Store

pytestmark = pytest.mark.store


class _Ready:
    async def ready(self) -> None:
        """At once."""


def _deleted(path: Path) -> None:
    path.unlink()


def _moved(path: Path) -> None:
    path.rename(path.with_suffix(".aside"))


def _replaced(path: Path) -> None:
    backup = path.with_suffix(".backup")
    with sqlite3.connect(path) as source, sqlite3.connect(backup) as copy:
        source.backup(copy)
    backup.replace(path)


def _log_deleted(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def _folder_deleted(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept" / "store.db"


@pytest.fixture
async def opened(path):
    store = Store.open(f"sqlite:///{path}", connections=2)
    services = build_services(store)
    transport = httpx.ASGITransport(app=build_app(services))
    headers = {"authorization": "Bearer one"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as client:
        yield store, client
    await services.sessions.shut_down()
    store.close()


@pytest.mark.parametrize("lose", [_deleted, _moved, _replaced, _log_deleted, _folder_deleted])
async def test_a_lost_file_is_said_and_takes_no_change(opened, path, lose, caplog):
    store, client = opened
    readiness = Readiness(Lanes(_Ready(), _Ready(), _Ready()), checks=[store.check])
    assert (await client.post("/trace/sessions", json={"kind": "code"})).status_code == 201
    await readiness.check()
    lose(path)
    for answer in (
        await client.post("/trace/sessions", json={"kind": "code"}),
        await client.get("/trace/sessions/none"),
    ):
        assert answer.status_code == 503, answer.text
        assert "was deleted or replaced under the server" in answer.json()["message"]
        assert "restart the server" in answer.json()["hint"]
        assert int(answer.headers["retry-after"]) >= 1
    with pytest.raises(StoreFileLostError):
        await readiness.check()
    assert [record.message for record in caplog.records].count("the store's file was deleted or replaced") == 1


async def test_a_file_that_is_put_back_serves_again(opened, path):
    store, client = opened
    session = (await client.post("/trace/sessions", json={"kind": "code"})).json()["session"]["session_id"]
    path.rename(path.with_suffix(".aside"))
    assert (await client.get(f"/trace/sessions/{session}")).status_code == 503
    path.with_suffix(".aside").rename(path)
    assert (await client.get(f"/trace/sessions/{session}")).status_code == 200
    store.check()


async def test_a_file_lost_between_change_and_commit_acknowledges_nothing(opened, path):
    store, _ = opened
    with pytest.raises(StoreFileLostError):
        await store.write_all(lambda _: path.unlink())


def test_another_program_that_opens_and_closes_the_file_loses_nothing(path):
    store = Store.open(f"sqlite:///{path}", connections=2)
    try:
        for _ in range(3):
            with sqlite3.connect(path) as other:
                other.execute("SELECT count(*) FROM sqlite_master").fetchone()
            other.close()
            assert admin.check(f"sqlite:///{path}").ready
            store.check()
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            other.execute("VACUUM")
        other.close()
        store.check()
    finally:
        store.close()
