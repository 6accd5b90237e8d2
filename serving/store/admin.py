"""Creating, upgrading and checking the schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from serving.api.config_errors import ConfigError
from serving.store import eval_schema, schema, trace_schema
from serving.store.database import Database

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
TABLES: Final = tuple(
    table.name for module in (schema, trace_schema, eval_schema) for table in module.METADATA.sorted_tables
)
"""Every table that the code declares; the index of the text search is each database's own."""
_UPGRADE_LOCK: Final = 0x67726F756E64
"""PostgreSQL advisory lock of an upgrade, so that replicas that start together do not migrate twice."""


@dataclass(frozen=True)
class SchemaStatus:
    """Where a database stands. ``current`` is None for an empty database."""

    current: str | None
    head: str
    empty: bool

    @property
    def ready(self) -> bool:
        """Whether this version of the server can use the database."""
        return self.current == self.head


def check(url: str) -> SchemaStatus:
    """The schema's revision against the one this version needs. Changes nothing but for creating an SQLite file."""
    database = Database(url, connections=1)
    try:
        return schema_status(database)
    finally:
        database.close()


def upgrade(url: str) -> SchemaStatus:
    """Bring the schema to the revision this version needs; does nothing where it is there already."""
    database = Database(url, connections=1)
    try:
        upgrade_database(database)
        return schema_status(database)
    finally:
        database.close()


def schema_status(database: Database) -> SchemaStatus:
    """As :func:`check`, on an open database."""
    return database.read(_status).result()


def upgrade_database(database: Database) -> None:
    """As :func:`upgrade`, on an open database; in one transaction, so that a kill leaves the old schema or the new."""
    database.write(migrate).result()


def require_schema(database: Database) -> None:
    """Create the schema in an empty database; raise ConfigError for one of another version."""
    status = schema_status(database)
    if status.empty:
        upgrade_database(database)
    elif not status.ready:
        raise ConfigError(
            "store.url",
            f"the database has schema {status.current}, this version needs {status.head}",
            "Run 'groundlane db upgrade'; back the database up before.",
        )


def _status(connection: Connection) -> SchemaStatus:
    current = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    assert head is not None
    return SchemaStatus(current, head, current is None and not inspect(connection).get_table_names())


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to a revision, in the connection's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    configuration = _alembic()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def _alembic() -> AlembicConfig:
    configuration = AlembicConfig()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    return configuration
