"""Conversations, turns and calls of applications, scores and labels, what is proposed of them, and the text search."""

import sqlalchemy as sa
from alembic import op

from serving.store.text_search import CREATE, SEARCH_TABLE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_conversations()
    _create_eval_selections()
    _create_score_revisions()
    _create_scores()
    _create_suggestions()
    _create_trace_bodies()
    _create_trace_spans()
    _create_traces()
    _create_triages()
    for statement in CREATE[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


def downgrade() -> None:
    op.execute(sa.text(f"DROP TABLE {SEARCH_TABLE}"))
    for name in (
        "conversations",
        "eval_selections",
        "score_revisions",
        "scores",
        "suggestions",
        "trace_bodies",
        "trace_spans",
        "traces",
        "triages",
    ):
        op.drop_table(name)


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=256), nullable=False),
        sa.Column("project", sa.String(length=256), nullable=False),
        sa.Column("turns", sa.BigInteger(), nullable=False),
        sa.Column("spans", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("charge_usd", sa.Float(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("question_rank", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("answer_rank", sa.BigInteger(), nullable=False),
        sa.Column("facets", sa.Text(), nullable=False),
        sa.Column("band", sa.String(length=8), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("label", sa.String(length=16), nullable=True),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "conversation_id", name="pk_conversations"),
    )
    op.create_index("ix_conversations_expires_ms", "conversations", ["expires_ms"], unique=False)
    op.create_index(
        "ix_conversations_tenant_ended_ms_conversation_id",
        "conversations",
        ["tenant", "ended_ms", "conversation_id"],
        unique=False,
    )


def _create_eval_selections() -> None:
    op.create_table(
        "eval_selections",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("selection_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("filters", sa.LargeBinary(), nullable=False),
        sa.Column("trace_ids", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.String(length=256), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "selection_id", name="pk_eval_selections"),
    )


def _create_score_revisions() -> None:
    op.create_table(
        "score_revisions",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("target_kind", sa.String(length=16), nullable=False),
        sa.Column("target_id", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("source", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "target_kind", "target_id", "name", "source", "revision", name="pk_score_revisions"
        ),
    )
    op.create_index("ix_score_revisions_tenant_trace_id", "score_revisions", ["tenant", "trace_id"], unique=False)


def _create_scores() -> None:
    op.create_table(
        "scores",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("target_kind", sa.String(length=16), nullable=False),
        sa.Column("target_id", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("source", sa.String(length=256), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=True),
        sa.Column("data_type", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("label", sa.String(length=256), nullable=True),
        sa.Column("reason", sa.String(length=128), nullable=True),
        sa.Column("explanation", sa.LargeBinary(), nullable=True),
        sa.Column("annotator_kind", sa.String(length=8), nullable=False),
        sa.Column("author", sa.String(length=256), nullable=True),
        sa.Column("evaluator_version", sa.String(length=256), nullable=True),
        sa.Column("inclusion_probability", sa.Float(), nullable=True),
        sa.Column("detail", sa.LargeBinary(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "target_kind", "target_id", "name", "source", name="pk_scores"),
    )
    op.create_index("ix_scores_tenant_trace_id_name", "scores", ["tenant", "trace_id", "name"], unique=False)


def _create_suggestions() -> None:
    op.create_table(
        "suggestions",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("thumb", sa.String(length=8), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("rule_version", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "trace_id", "rule", name="pk_suggestions"),
    )


def _create_trace_bodies() -> None:
    op.create_table(
        "trace_bodies",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name="pk_trace_bodies"),
    )


def _create_trace_spans() -> None:
    op.create_table(
        "trace_spans",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("span_id", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.String(length=16), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=True),
        sa.Column("surface", sa.String(length=256), nullable=True),
        sa.Column("requested_model", sa.String(length=256), nullable=True),
        sa.Column("selected_model", sa.String(length=256), nullable=True),
        sa.Column("provider", sa.String(length=256), nullable=True),
        sa.Column("route_id", sa.String(length=256), nullable=True),
        sa.Column("route_reason", sa.String(length=256), nullable=True),
        sa.Column("project", sa.String(length=256), nullable=True),
        sa.Column("segment", sa.String(length=256), nullable=True),
        sa.Column("session_id", sa.String(length=256), nullable=True),
        sa.Column("experiment_name", sa.String(length=256), nullable=True),
        sa.Column("task_hint", sa.String(length=256), nullable=True),
        sa.Column("request_id", sa.String(length=256), nullable=True),
        sa.Column("config_hash", sa.String(length=256), nullable=True),
        sa.Column("prompt_version", sa.String(length=256), nullable=True),
        sa.Column("knowledge_version", sa.String(length=256), nullable=True),
        sa.Column("embedding_version", sa.String(length=256), nullable=True),
        sa.Column("chunking_version", sa.String(length=256), nullable=True),
        sa.Column("tags", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.String(length=512), nullable=True),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("tokens", sa.LargeBinary(), nullable=True),
        sa.Column("charge_usd", sa.Float(), nullable=True),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=False),
        sa.Column("hit_count", sa.Integer(), nullable=True),
        sa.Column("input_digest", sa.String(length=64), nullable=True),
        sa.Column("output_digest", sa.String(length=64), nullable=True),
        sa.Column("documents_digest", sa.String(length=64), nullable=True),
        sa.Column("rest_digest", sa.String(length=64), nullable=True),
        sa.Column("search_row", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("band", sa.String(length=8), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "span_id", "trace_id", name="pk_trace_spans"),
    )
    op.create_index(
        "ix_trace_spans_tenant_trace_id_started_us", "trace_spans", ["tenant", "trace_id", "started_us"], unique=False
    )


def _create_traces() -> None:
    op.create_table(
        "traces",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=256), nullable=False),
        sa.Column("conversation_given", sa.Boolean(), nullable=False),
        sa.Column("project", sa.String(length=256), nullable=False),
        sa.Column("request_id", sa.String(length=256), nullable=True),
        sa.Column("spans", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("charge_usd", sa.Float(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("question_rank", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("answer_rank", sa.BigInteger(), nullable=False),
        sa.Column("facets", sa.Text(), nullable=False),
        sa.Column("band", sa.String(length=8), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("label", sa.String(length=16), nullable=True),
        sa.Column("answer_span_id", sa.String(length=16), nullable=True),
        sa.Column("score_state", sa.String(length=16), nullable=False),
        sa.Column("score_reason", sa.String(length=512), nullable=True),
        sa.Column("score_due_ms", sa.BigInteger(), nullable=False),
        sa.Column("score_attempts", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("review_probability", sa.Float(), nullable=True),
        sa.Column("review_risk", sa.Float(), nullable=True),
        sa.Column("review_state", sa.String(length=16), nullable=True),
        sa.Column("locked_by", sa.String(length=128), nullable=True),
        sa.Column("lock_expires_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "trace_id", name="pk_traces"),
    )
    op.create_index("ix_traces_score_state_score_due_ms", "traces", ["score_state", "score_due_ms"], unique=False)
    op.create_index(
        "ix_traces_tenant_conversation_id_started_ms",
        "traces",
        ["tenant", "conversation_id", "started_ms"],
        unique=False,
    )
    op.create_index("ix_traces_tenant_request_id", "traces", ["tenant", "request_id"], unique=False)
    op.create_index(
        "ix_traces_tenant_review_state_review_risk", "traces", ["tenant", "review_state", "review_risk"], unique=False
    )


def _create_triages() -> None:
    op.create_table(
        "triages",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("proposed_cause", sa.String(length=32), nullable=True),
        sa.Column("proposed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("triage_by", sa.String(length=256), nullable=True),
        sa.Column("completed_ms", sa.BigInteger(), nullable=True),
        sa.Column("cluster", sa.String(length=128), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "trace_id", name="pk_triages"),
    )
    op.create_index("ix_triages_tenant_cluster", "triages", ["tenant", "cluster"], unique=False)
