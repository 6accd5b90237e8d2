"""Text search in each database's own index: FTS5 on SQLite, ``tsvector`` under GIN on PostgreSQL.

Called by :class:`serving.store.tenancy.TenantConnection` alone, which names the tenant. On SQLite the tenant is a word of
every document, so a search walks the tenant's postings only; on PostgreSQL it is a column.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

SEARCH_TABLE: Final = "trace_search"
DOCUMENT_CHARACTERS: Final = 20_000
"""Of a call's question and of its answer, what search finds: the first 20,000 characters together. The bodies are kept whole."""

CREATE: Final = {
    "sqlite": (
        f"CREATE VIRTUAL TABLE {SEARCH_TABLE} USING fts5(scope, content, trace_id UNINDEXED, "
        "tokenize=\"unicode61 remove_diacritics 2\", detail='full')",
    ),
    "postgresql": (
        f"CREATE TABLE {SEARCH_TABLE} (row_id bigserial PRIMARY KEY, tenant varchar(64) NOT NULL, "
        "trace_id varchar(32) NOT NULL, document tsvector NOT NULL)",
        f"CREATE INDEX ix_{SEARCH_TABLE}_document ON {SEARCH_TABLE} USING gin (document)",
        f"CREATE INDEX ix_{SEARCH_TABLE}_tenant_trace_id ON {SEARCH_TABLE} (tenant, trace_id)",
    ),
}
"""How each database makes its index; a migration runs it."""

_WORD: Final = re.compile(r"\w+")
_NEXT: Final = text(f"SELECT coalesce(max(rowid), 0) FROM {SEARCH_TABLE}")  # noqa: S608 - a constant
_INSERT: Final = {
    "sqlite": text(
        f"INSERT INTO {SEARCH_TABLE} (rowid, scope, content, trace_id) "  # noqa: S608 - a constant
        "VALUES (:row, :scope, :content, :trace_id)"
    ),
    "postgresql": text(
        f"INSERT INTO {SEARCH_TABLE} (row_id, tenant, trace_id, document) "  # noqa: S608 - a constant
        "VALUES (:row, :tenant, :trace_id, to_tsvector('simple', :content))"
    ),
}
_RESERVE: Final = text(
    f"SELECT nextval(pg_get_serial_sequence('{SEARCH_TABLE}', 'row_id')) FROM generate_series(1, :count)"  # noqa: S608 - a constant
)
_FIND: Final = {
    "sqlite": text(
        f"SELECT trace_id FROM {SEARCH_TABLE} WHERE {SEARCH_TABLE} MATCH :query "  # noqa: S608 - a constant
        "ORDER BY rowid DESC LIMIT :limit"
    ),
    "postgresql": text(
        f"SELECT trace_id FROM {SEARCH_TABLE} WHERE tenant = :tenant "  # noqa: S608 - a constant
        "AND document @@ CAST(:query AS tsquery) ORDER BY row_id DESC LIMIT :limit"
    ),
}
_DELETE: Final = {
    "sqlite": text(f"DELETE FROM {SEARCH_TABLE} WHERE rowid = :row"),  # noqa: S608 - a constant
    "postgresql": text(
        f"DELETE FROM {SEARCH_TABLE} WHERE row_id = :row AND tenant = :tenant"  # noqa: S608 - a constant
    ),
}


def insert_texts(connection: Connection, tenant: str, texts: Sequence[tuple[str, str]]) -> list[int]:
    """Index texts, each as (trace_id, content); the rows they have, by which they are deleted."""
    if not texts:
        return []
    dialect = connection.dialect.name
    if dialect == "sqlite":
        first = int(connection.execute(_NEXT).scalar_one()) + 1
        rows = list(range(first, first + len(texts)))
    else:
        rows = sorted(int(row[0]) for row in connection.execute(_RESERVE, {"count": len(texts)}))
    values = [
        {
            "row": row,
            "tenant": tenant,
            "scope": _scope(tenant),
            "trace_id": trace_id,
            "content": content[:DOCUMENT_CHARACTERS].replace("\x00", " "),
        }
        for row, (trace_id, content) in zip(rows, texts, strict=True)
    ]
    connection.execute(_INSERT[dialect], values)
    return rows


def find_texts(connection: Connection, tenant: str, words: str, limit: int) -> list[str]:
    """Traces whose texts hold every word of ``words``, the last one also as a beginning; latest first, each once."""
    found = _WORD.findall(words.lower())
    if not found:
        return []
    dialect = connection.dialect.name
    if dialect == "sqlite":
        terms = " AND ".join(f'content:"{word}"' for word in found[:-1])
        query = f'scope:"{_scope(tenant)}"' + (f" AND {terms}" if terms else "") + f' AND content:"{found[-1]}"*'
    else:
        query = " & ".join([*(f"'{word}'" for word in found[:-1]), f"'{found[-1]}':*"])
    rows = connection.execute(_FIND[dialect], {"query": query, "tenant": tenant, "limit": limit})
    return list(dict.fromkeys(str(row[0]) for row in rows))


def delete_texts(connection: Connection, tenant: str, rows: Sequence[int]) -> None:
    """Take texts out of the index, so that no search finds them and nothing of them stays in it."""
    if rows:
        connection.execute(_DELETE[connection.dialect.name], [{"row": row, "tenant": tenant} for row in rows])


def _scope(tenant: str) -> str:
    """The tenant as one word of the index, whatever characters it has: ``t`` and 24 hex digits."""
    return "t" + hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:24]
