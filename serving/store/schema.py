"""The tables. Every one starts with ``tenant``, in its primary key and in its foreign keys, so no row can point across.

Free text and JSON are bytes (UTF-8): PostgreSQL text has no NUL character, and users send them. Times are whole
milliseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_SESSION_KEY: Final = ("tenant", "session_id")


def _tenant() -> Column[str]:
    return Column("tenant", String(64), nullable=False)


def _session() -> tuple[Column[str], Column[str]]:
    return _tenant(), Column("session_id", String(64), nullable=False)


def _of_session() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(_SESSION_KEY, [f"sessions.{name}" for name in _SESSION_KEY], ondelete="CASCADE")


sessions: Final = Table(
    "sessions",
    METADATA,
    *_session(),
    Column("kind", String(16), nullable=False),
    Column("metadata", LargeBinary, nullable=False),
    Column("retention", String(16), nullable=False),
    Column("privacy_mode", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("closed_ms", BigInteger),
    PrimaryKeyConstraint(*_SESSION_KEY),
    Index(None, "expires_ms"),
)

session_memory: Final = Table(
    "session_memory",
    METADATA,
    *_session(),
    Column("folded_sequence", BigInteger, nullable=False),
    Column("memory", LargeBinary, nullable=False),
    PrimaryKeyConstraint(*_SESSION_KEY),
    _of_session(),
)

vault: Final = Table(
    "vault",
    METADATA,
    _tenant(),
    Column("source_id", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "source_id"),
)

session_sources: Final = Table(
    "session_sources",
    METADATA,
    *_session(),
    Column("source_id", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint(*_SESSION_KEY, "source_id"),
    _of_session(),
    ForeignKeyConstraint(["tenant", "source_id"], ["vault.tenant", "vault.source_id"]),
    Index(None, "tenant", "source_id"),
    Index(None, "tenant", "session_id", "sequence"),
)

session_terms: Final = Table(
    "session_terms",
    METADATA,
    *_session(),
    Column("term_digest", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint(*_SESSION_KEY, "term_digest", "sequence"),
    _of_session(),
    sqlite_with_rowid=False,
)

events: Final = Table(
    "events",
    METADATA,
    *_session(),
    Column("sequence", BigInteger, nullable=False),
    Column("event_type", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    Column("metadata", LargeBinary, nullable=False),
    Column("idempotency_digest", String(64)),
    Column("digest", String(64), nullable=False),
    Column("turn", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint(*_SESSION_KEY, "sequence"),
    UniqueConstraint("tenant", "session_id", "idempotency_digest"),
    _of_session(),
)

turns: Final = Table(
    "turns",
    METADATA,
    *_session(),
    Column("turn", BigInteger, nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("lane", String(8), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("band", String(8), nullable=False),
    Column("score", Float),
    Column("summary", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint(*_SESSION_KEY, "turn"),
    UniqueConstraint("tenant", "session_id", "request_digest"),
    _of_session(),
)

chunks: Final = Table(
    "chunks",
    METADATA,
    _tenant(),
    Column("chunk_id", String(256), nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("provenance", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "chunk_id"),
)

chunk_vectors: Final = Table(
    "chunk_vectors",
    METADATA,
    _tenant(),
    Column("chunk_id", String(256), nullable=False),
    Column("model", String(256), nullable=False),
    Column("revision", String(128), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("vectors", LargeBinary, nullable=False),
    Column("char_spans", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "chunk_id", "model"),
    ForeignKeyConstraint(["tenant", "chunk_id"], ["chunks.tenant", "chunks.chunk_id"], ondelete="CASCADE"),
)

jobs: Final = Table(
    "jobs",
    METADATA,
    _tenant(),
    Column("job_id", String(64), nullable=False),
    Column("lane", String(8), nullable=False),
    Column("status", String(16), nullable=False),
    Column("batch", Boolean, nullable=False),
    Column("tag", String(1024), nullable=False),
    Column("session_hash", String(32)),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("error_code", String(64)),
    Column("error_message", LargeBinary),
    Column("created_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger),
    Column("completed_ms", BigInteger),
    Column("result_ttl_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("idempotency_digest", String(64)),
    Column("digest", String(64)),
    PrimaryKeyConstraint("tenant", "job_id"),
    Index(None, "tenant", "idempotency_digest", unique=True),
    Index(None, "status", "tenant"),
    Index(None, "tenant", "created_ms", "job_id"),
    Index(None, "expires_ms"),
)

job_items: Final = Table(
    "job_items",
    METADATA,
    _tenant(),
    Column("job_id", String(64), nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before_ms", BigInteger, nullable=False),
    Column("lease", String(64)),
    Column("lease_expires_ms", BigInteger),
    Column("result", LargeBinary),
    Column("error_code", String(64)),
    Column("error_message", LargeBinary),
    PrimaryKeyConstraint("tenant", "job_id", "position"),
    ForeignKeyConstraint(["tenant", "job_id"], ["jobs.tenant", "jobs.job_id"], ondelete="CASCADE"),
    Index(None, "tenant", "job_id", "status", "position"),
    Index("ix_job_items_lease", "status", "lease_expires_ms"),
)
