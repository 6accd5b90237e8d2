"""The one place where tenants are kept apart: every statement of a request goes through :class:`TenantConnection`.

It adds ``tenant = …`` to each table of a statement and refuses statements it cannot see through, so that leaving the
condition out is not possible, rather than forbidden.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, CursorResult, Delete, Row, Select, Table, Update, bindparam, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import visitors
from sqlalchemy.sql.expression import FromClause, Join

from serving.store.text_search import delete_texts, find_texts, insert_texts

_TENANT: Final = "confined_tenant"

Statement = Select[Any] | Update | Delete


@dataclass(frozen=True)
class Confined:
    """A statement that has its condition already: built once, then run with the tenant and its own parameters."""

    statement: Any


def confined(statement: Any) -> Confined:
    """Add the condition to a statement that is run often. Raises TypeError for one that could escape it.

    (``returning`` gives a statement a type of its own, hence ``Any``.)
    """
    return Confined(_with_condition(statement, bindparam(_TENANT)))


class TenantConnection:
    """A connection inside a transaction on which only one tenant's rows exist."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        if not tenant:
            raise ValueError("a tenant has a name")
        self._connection = connection
        self.tenant = tenant

    def rows(self, statement: Select[Any] | Confined, **parameters: Any) -> Sequence[Row[Any]]:
        """The tenant's rows of a SELECT."""
        return self._run(statement, parameters).all()

    def first(self, statement: Select[Any] | Confined, **parameters: Any) -> Row[Any] | None:
        """The first of the tenant's rows of a SELECT."""
        return self._run(statement, parameters).first()

    def change(self, statement: Update | Delete | Confined, **parameters: Any) -> int:
        """Run an UPDATE or DELETE on the tenant's rows; the number of rows it changed."""
        return int(self._run(statement, parameters).rowcount)

    def change_returning(self, statement: Any, **parameters: Any) -> Sequence[Row[Any]]:
        """As :meth:`change`, for a statement with RETURNING."""
        return self._run(statement, parameters).all()

    def insert(self, table: Table, rows: Iterable[Mapping[str, Any]], *, ignore_existing: bool = False) -> None:
        """Insert rows as the tenant's. ``ignore_existing`` leaves rows alone that are already there."""
        values = [{**row, "tenant": self.tenant} for row in rows]
        if values:
            self._connection.execute(_insertion(table, self._connection.dialect.name, ignore_existing), values)

    def upsert(self, table: Table, row: Mapping[str, Any], keep: Sequence[str] = ()) -> None:
        """Insert a row, or replace the tenant's row of the same primary key but for the columns in ``keep``."""
        self.upsert_all(table, [row], keep)

    def upsert_all(self, table: Table, rows: Sequence[Mapping[str, Any]], keep: Sequence[str] = ()) -> None:
        """As :meth:`upsert`, for rows that all have the same columns."""
        if rows:
            values = [{**row, "tenant": self.tenant} for row in rows]
            statement = _replacement(table, self._connection.dialect.name, tuple(values[0]), tuple(keep))
            self._connection.execute(statement, values)

    def alone(self, what: str) -> None:
        """Wait until no other transaction of the tenant does ``what``, till the end of this one. SQLite has one writer anyway."""
        if not self.is_sqlite:
            key = int.from_bytes(hashlib.sha256(f"{what}:{self.tenant}".encode()).digest()[:8], "big", signed=True)
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def add(self, table: Table, rows: Sequence[Mapping[str, Any]], counter: str) -> None:
        """Insert rows as the tenant's; of one whose primary key is there already, ``counter`` grows by the row's."""
        if rows:
            statement = _addition(table, self._connection.dialect.name, counter)
            self._connection.execute(statement, [{**row, "tenant": self.tenant} for row in rows])

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, for the few functions that are called otherwise there."""
        return self._connection.dialect.name == "sqlite"

    def index_texts(self, texts: Sequence[tuple[str, str]]) -> list[int]:
        """Make texts of the tenant findable, each as (trace_id, content); the rows of the index they have."""
        return insert_texts(self._connection, self.tenant, texts)

    def find_texts(self, words: str, limit: int) -> list[str]:
        """The tenant's traces whose texts hold all the words, latest first."""
        return find_texts(self._connection, self.tenant, words, limit)

    def forget_texts(self, rows: Sequence[int]) -> None:
        """Take texts of the tenant out of the index."""
        delete_texts(self._connection, self.tenant, rows)

    def _run(self, statement: Any, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        if isinstance(statement, Confined):
            return self._connection.execute(statement.statement, {**parameters, _TENANT: self.tenant})
        return self._connection.execute(_with_condition(statement, self.tenant), parameters or None)


def _with_condition(statement: Statement, tenant: str | BindParameter[Any]) -> Any:
    tables = [statement.table] if isinstance(statement, (Update, Delete)) else _read_tables(statement)
    for element in visitors.iterate(statement):
        if isinstance(element, Select) and element is not statement:
            raise TypeError("a tenant's statement has no nested SELECT; run two statements")
        if isinstance(element, Table) and element not in tables:
            raise TypeError(f"table {element.name} is not confined to the tenant")
    return statement.where(*(table.c.tenant == tenant for table in tables))


def _read_tables(statement: Select[Any]) -> list[FromClause]:
    return [table for clause in statement.get_final_froms() for table in _tables(clause)]


def _tables(clause: FromClause) -> list[FromClause]:
    if isinstance(clause, Table):
        return [clause]
    if isinstance(clause, Join) and not (clause.isouter or clause.full):
        return _tables(clause.left) + _tables(clause.right)
    raise TypeError(f"a tenant's statement reads tables and inner joins, not {type(clause).__name__}")


@cache
def _insertion(table: Table, dialect: str, ignore_existing: bool) -> Any:
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    return statement.on_conflict_do_nothing() if ignore_existing else statement


@cache
def _addition(table: Table, dialect: str, counter: str) -> Any:
    statement: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    grown = {counter: table.c[counter] + statement.excluded[counter]}
    return statement.on_conflict_do_update(index_elements=key, set_=grown)


@cache
def _replacement(table: Table, dialect: str, names: tuple[str, ...], keep: tuple[str, ...]) -> Any:
    statement: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    replaced = {name: statement.excluded[name] for name in names if name not in key and name not in keep}
    return statement.on_conflict_do_update(index_elements=key, set_=replaced)
