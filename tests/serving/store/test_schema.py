from __future__ import annotations

import sqlite3
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from serving.api.config_errors import ConfigError
from serving.store import admin
from serving.store.database import Database
from serving.store.engine import parse_url
from serving.store.schema import METADATA
from serving.store.store import Store
from serving.store.text_search import SEARCH_TABLE

pytestmark = pytest.mark.store


@pytest.fixture
def empty_url(request, tmp_path, backend):
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'deep' / 'store.db'}"
    cluster = request.getfixturevalue("cluster")
    return cluster.url(cluster.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request):
    return request.param


def of_the_code(name, kind, _):
    """The index of the text search is each database's own, and SQLite keeps it in tables named after it."""
    return not (kind == "table" and str(name).startswith(SEARCH_TABLE))


def test_migrations_make_exactly_the_tables_that_the_code_uses(empty_url):
    assert admin.check(empty_url).empty
    status = admin.upgrade(empty_url)
    assert status.ready
    assert admin.upgrade(empty_url) == status
    database = Database(empty_url, connections=1)
    try:
        options = {"include_name": of_the_code}
        compared = database.read(lambda c: compare_metadata(MigrationContext.configure(c, opts=options), METADATA))
        assert compared.result() == []
        assert SEARCH_TABLE in database.read(lambda c: inspect(c).get_table_names()).result()
    finally:
        database.close()


def test_an_upgrade_keeps_the_jobs_of_the_version_before(empty_url):
    database = Database(empty_url, connections=1)
    names = "tenant, job_id, lane, status, batch, tag, total, done, failed, created_ms, result_ttl_ms"
    item = "INSERT INTO job_items (tenant, job_id, position, status, request, attempts, not_before_ms)"
    try:
        database.write(lambda c: admin.migrate(c, "0001")).result()
        insert = f"INSERT INTO jobs ({names}) VALUES ('one', 'j', 'rag', 'QUEUED', true, 't', 1, 0, 0, 1, 1)"
        database.write(lambda c: c.execute(text(insert))).result()
        database.write(lambda c: c.execute(text(f"{item} VALUES ('one', 'j', 0, 'QUEUED', '{{}}', 0, 0)"))).result()
        admin.upgrade_database(database)
        assert admin.schema_status(database).ready
        for table in ("jobs", "job_items"):
            count = text(f"SELECT count(*) FROM {table}")
            assert database.read(lambda c, count=count: c.execute(count).scalar()).result() == 1
    finally:
        database.close()


def test_an_empty_database_gets_its_schema_and_another_version_is_refused(empty_url):
    store = Store.open(empty_url)
    store.database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '0000'"))).result()
    store.close()
    with pytest.raises(ConfigError, match="groundlane db upgrade"):
        Store.open(empty_url)


def test_sqlite_is_durable_and_private(tmp_path):
    path = tmp_path / "store.db"
    store = Store.open(f"sqlite:///{path}")
    try:
        for pragma, value in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 30_000),
        ):
            read = store.database.read(lambda c, pragma=pragma: c.exec_driver_sql(f"PRAGMA {pragma}").scalar()).result()
            written = store.database.write(lambda c, p=pragma: c.exec_driver_sql(f"PRAGMA {p}").scalar()).result()
            assert (read, written) == (value, value)
        assert path.stat().st_mode & 0o077 == 0
        assert path.with_name("store.db-wal").stat().st_mode & 0o077 == 0
    finally:
        store.close()


def test_postgresql_is_durable(cluster):
    database = Database(cluster.url(), connections=1)
    try:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert database.read(lambda c, name=name: c.execute(text(f"SHOW {name}")).scalar()).result() == "on"
    finally:
        database.close()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite://", id="in-memory"),
        pytest.param("sqlite:///:memory:", id="named-memory"),
        pytest.param("mysql://host/name", id="other-database"),
        pytest.param("not a url", id="no-url"),
    ],
)
def test_urls_that_cannot_be_durable_are_refused(url):
    with pytest.raises(ConfigError, match=r"store\.url"):
        parse_url(url)


def test_a_locked_file_answers_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.store.engine.BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr("serving.store.engine._SQLITE_PRAGMAS", ("PRAGMA journal_mode=WAL", "PRAGMA busy_timeout=50"))
    path = tmp_path / "store.db"
    store = Store.open(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Exception, match="store does not answer"):
            store.database.write(lambda c: c.exec_driver_sql("SELECT 1").scalar()).result()
        other.execute("ROLLBACK")
        assert store.database.write(lambda c: c.exec_driver_sql("SELECT 1").scalar()).result() == 1
    finally:
        other.close()
        store.close()


def test_a_missing_driver_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"groundlane\[postgres\]"):
        Database("postgresql://nobody@127.0.0.1:1/none")
