from __future__ import annotations

import asyncio
import threading

import psycopg
import pytest
from sqlalchemy import func, select, text

from serving.api.errors import OverloadedError
from serving.store.schema import sessions, vault
from serving.store.store import Store
from serving.store.tenancy import TenantConnection

pytestmark = pytest.mark.store


def _row(name: str) -> dict[str, object]:
    return {"source_id": name, "content": b"text", "created_ms": 1}


async def test_each_change_of_a_group_stands_or_falls_alone(store):
    tenant = store.tenant("a")

    def failing(connection: TenantConnection) -> None:
        connection.insert(vault, [_row("lost")])
        raise LookupError("on purpose")

    writes = [
        tenant.write(failing if n % 3 == 0 else lambda c, n=n: c.insert(vault, [_row(str(n))])) for n in range(60)
    ]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(result, LookupError) for result in results] == [n % 3 == 0 for n in range(60)]
    names = {row.source_id for row in await tenant.read(lambda c: c.rows(select(vault.c.source_id)))}
    assert names == {str(n) for n in range(60) if n % 3}


async def test_waiting_changes_share_a_flush(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    commits = []
    writer = store.database._writer
    commit = writer._commit
    writer._commit = lambda: (commits.append(1), commit())[1]
    gate = threading.Event()
    try:
        first = store.database.write(lambda c: gate.wait(10))
        others = [
            store.database.write(lambda c, n=n: TenantConnection(c, "a").insert(vault, [_row(str(n))]))
            for n in range(40)
        ]
        assert not any(future.done() for future in others)
        gate.set()
        assert first.result(10)
        for future in others:
            future.result(10)
        assert len(commits) < 5
        count = store.database.read(lambda c: c.execute(select(func.count()).select_from(vault)).scalar()).result()
        assert count == 40
    finally:
        store.close()


async def test_a_disk_that_fails_acknowledges_nothing_of_the_group(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    gate = threading.Event()

    def fail_like_a_full_disk(connection):
        connection.exec_driver_sql("ROLLBACK")

    try:
        first = store.database.write(lambda c: (TenantConnection(c, "a").insert(vault, [_row("first")]), gate.wait(10)))
        broken = store.database.write(fail_like_a_full_disk)
        gate.set()
        for future in (first, broken):
            with pytest.raises(OverloadedError):
                future.result(10)
        store.database.write(lambda c: TenantConnection(c, "a").insert(vault, [_row("later")])).result(10)
        names = store.database.read(lambda c: c.execute(select(vault.c.source_id)).scalars().all()).result()
        assert names == ["later"]
    finally:
        store.close()


async def test_a_transaction_that_loses_a_race_runs_again(store):
    """Both insert the same key; the loser runs again and finds the winner's row."""
    both = threading.Barrier(2, timeout=5) if not store.database.is_sqlite else None
    runs = []

    def work(connection: TenantConnection) -> str:
        runs.append(1)
        if connection.first(select(vault.c.source_id)) is not None:
            return "found"
        if both is not None and len(runs) <= 2:
            both.wait()
        connection.insert(vault, [_row("one")])
        return "kept"

    results = await asyncio.gather(store.tenant("a").write(work), store.tenant("a").write(work))
    assert sorted(results) == ["found", "kept"]


async def test_a_tenant_sees_and_changes_only_its_own_rows(store):
    one, two = store.tenant("one"), store.tenant("two")
    await one.write(lambda c: c.insert(vault, [_row("shared"), _row("mine")]))
    await two.write(lambda c: c.insert(vault, [_row("shared")]))
    assert len(await two.read(lambda c: c.rows(select(vault)))) == 1
    changed = await two.write(lambda c: c.change(vault.update().values(content=b"changed")))
    assert changed == 1
    assert await two.write(lambda c: c.change(vault.delete())) == 1
    rows = await one.read(lambda c: c.rows(select(vault.c.source_id, vault.c.content).order_by(vault.c.source_id)))
    assert [tuple(row) for row in rows] == [("mine", b"text"), ("shared", b"text")]
    await two.write(lambda c: c.insert(vault, [{**_row("stolen"), "tenant": "one"}]))
    assert len(await one.read(lambda c: c.rows(select(vault)))) == 2


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(select(vault).where(vault.c.source_id.in_(select(sessions.c.session_id))), id="nested-select"),
        pytest.param(
            select(vault.c.source_id, select(func.count()).select_from(sessions).scalar_subquery()), id="scalar"
        ),
        pytest.param(select(vault.outerjoin(sessions, vault.c.tenant == sessions.c.tenant)), id="outer-join"),
        pytest.param(select(select(vault).subquery()), id="subquery"),
        pytest.param(select(select(vault).cte()), id="cte"),
    ],
)
async def test_statements_that_could_escape_the_tenant_are_refused(store, statement):
    with pytest.raises(TypeError):
        await store.tenant("one").read(lambda c: c.rows(statement))


def test_only_named_modules_touch_connections_that_see_every_tenant(request):
    """A new module that takes a raw connection has to be looked at: add it here when its every statement is right."""
    allowed = {"admin.py", "database.py", "group_commit.py", "queue_records.py", "store.py", "sweeper.py"}
    allowed |= {"open_file.py", "settling.py", "tenancy.py", "text_search.py"}
    folder = request.config.rootpath / "serving"
    users = {
        path.name
        for path in folder.rglob("*.py")
        if "migrations" not in path.parts
        and any("sqlalchemy" in line and "Connection" in line for line in path.read_text().splitlines())
    }
    assert users == allowed


async def test_a_store_that_is_away_says_when_to_come_back(store):
    if store.database.is_sqlite:
        broken = lambda c: c.execute(text("SELECT * FROM no_such_table"))  # noqa: E731
    else:
        broken = lambda c: c.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))  # noqa: E731
    with pytest.raises(OverloadedError) as caught:
        await store.write_all(broken)
    assert caught.value.retry_after_s == 1.0
    assert await store.read_all(lambda c: c.execute(text("SELECT 1")).scalar()) == 1


@pytest.mark.parametrize(
    ("rest_s", "asked"), [pytest.param(0.0, True, id="rested"), pytest.param(3_600.0, False, id="in-use")]
)
async def test_a_connection_that_rested_is_asked_whether_its_server_is_still_there(request, monkeypatch, rest_s, asked):
    url = request.getfixturevalue("postgres_database")
    monkeypatch.setattr("serving.store.engine.PING_AFTER_S", rest_s)
    store = Store.open(url, connections=2)
    try:
        await store.read_all(lambda connection: connection.execute(select(1)).scalar())
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        if not asked:
            with pytest.raises(OverloadedError):
                await store.read_all(lambda connection: connection.execute(select(1)).scalar())
        assert await store.read_all(lambda connection: connection.execute(select(1)).scalar()) == 1
    finally:
        store.close()
