"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_sessions()
    _create_session_records()
    _create_chunks()
    _create_jobs()


def downgrade() -> None:
    for table in (
        "job_items",
        "jobs",
        "chunk_vectors",
        "chunks",
        "turns",
        "events",
        "session_terms",
        "session_sources",
        "vault",
        "session_memory",
        "sessions",
    ):
        op.drop_table(table)


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("metadata", sa.LargeBinary(), nullable=False),
        sa.Column("retention", sa.String(length=16), nullable=False),
        sa.Column("privacy_mode", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("turns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "session_id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires_ms", "sessions", ["expires_ms"], unique=False)
    op.create_table(
        "vault",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source_id", name="pk_vault"),
    )


def _create_session_records() -> None:
    op.create_table(
        "events",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("metadata", sa.LargeBinary(), nullable=False),
        sa.Column("idempotency_digest", sa.String(length=64), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "session_id"],
            ["sessions.tenant", "sessions.session_id"],
            name="fk_events_sessions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "session_id", "sequence", name="pk_events"),
        sa.UniqueConstraint(
            "tenant", "session_id", "idempotency_digest", name="uq_events_tenant_session_id_idempotency_digest"
        ),
    )
    op.create_table(
        "session_memory",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("folded_sequence", sa.BigInteger(), nullable=False),
        sa.Column("memory", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "session_id"],
            ["sessions.tenant", "sessions.session_id"],
            name="fk_session_memory_sessions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "session_id", name="pk_session_memory"),
    )
    op.create_table(
        "session_sources",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "session_id"],
            ["sessions.tenant", "sessions.session_id"],
            name="fk_session_sources_sessions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "source_id"], ["vault.tenant", "vault.source_id"], name="fk_session_sources_vault"
        ),
        sa.PrimaryKeyConstraint("tenant", "session_id", "source_id", name="pk_session_sources"),
    )
    op.create_index(
        "ix_session_sources_tenant_session_id_sequence",
        "session_sources",
        ["tenant", "session_id", "sequence"],
        unique=False,
    )
    op.create_index("ix_session_sources_tenant_source_id", "session_sources", ["tenant", "source_id"], unique=False)
    op.create_table(
        "session_terms",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("term_digest", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "session_id"],
            ["sessions.tenant", "sessions.session_id"],
            name="fk_session_terms_sessions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "session_id", "term_digest", "sequence", name="pk_session_terms"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "turns",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("band", sa.String(length=8), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "session_id"],
            ["sessions.tenant", "sessions.session_id"],
            name="fk_turns_sessions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "session_id", "turn", name="pk_turns"),
        sa.UniqueConstraint("tenant", "session_id", "request_digest", name="uq_turns_tenant_session_id_request_digest"),
    )


def _create_chunks() -> None:
    op.create_table(
        "chunks",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("chunk_id", sa.String(length=256), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("provenance", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "chunk_id", name="pk_chunks"),
    )
    op.create_table(
        "chunk_vectors",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("chunk_id", sa.String(length=256), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("vectors", sa.LargeBinary(), nullable=False),
        sa.Column("char_spans", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "chunk_id"],
            ["chunks.tenant", "chunks.chunk_id"],
            name="fk_chunk_vectors_chunks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "chunk_id", "model", name="pk_chunk_vectors"),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("batch", sa.Boolean(), nullable=False),
        sa.Column("tag", sa.String(length=1024), nullable=False),
        sa.Column("session_hash", sa.String(length=32), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.LargeBinary(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("completed_ms", sa.BigInteger(), nullable=True),
        sa.Column("result_ttl_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "job_id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_expires_ms", "jobs", ["expires_ms"], unique=False)
    op.create_index("ix_jobs_status_tenant", "jobs", ["status", "tenant"], unique=False)
    op.create_index("ix_jobs_tenant_created_ms_job_id", "jobs", ["tenant", "created_ms", "job_id"], unique=False)
    op.create_table(
        "job_items",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=True),
        sa.Column("lease_expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "job_id"], ["jobs.tenant", "jobs.job_id"], name="fk_job_items_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", "job_id", "position", name="pk_job_items"),
    )
    op.create_index("ix_job_items_lease", "job_items", ["status", "lease_expires_ms"], unique=False)
    op.create_index(
        "ix_job_items_tenant_job_id_status_position",
        "job_items",
        ["tenant", "job_id", "status", "position"],
        unique=False,
    )
