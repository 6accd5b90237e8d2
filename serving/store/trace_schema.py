"""The tables of the quality loop: conversations, their turns (traces), the calls inside (spans), scores and reviews.

A list reads promoted columns only. What was said lies in ``trace_bodies`` under the SHA-256 of its bytes, once for a
tenant however many spans hold it, with the number of places that do.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from serving.store.schema import METADATA

BODY_ROLES: Final = ("input", "output", "documents", "rest")
"""What a span's bodies are: what went in, what came out, what was retrieved, and every attribute that has no column."""

NAMED: Final = (
    "name",
    "surface",
    "requested_model",
    "selected_model",
    "provider",
    "route_id",
    "route_reason",
    "project",
    "segment",
    "session_id",
    "experiment_name",
    "task_hint",
    "request_id",
    "config_hash",
    "prompt_version",
    "knowledge_version",
    "embedding_version",
    "chunking_version",
)
"""Short texts of a span that have a column each: what lists filter by and versions are compared by."""

NAME_CHARACTERS: Final = 256


def _text(name: str, length: int = NAME_CHARACTERS) -> Column[str]:
    return Column(name, String(length))


def _required(name: str, length: int = 64) -> Column[str]:
    return Column(name, String(length), nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _totals() -> tuple[Column[Any], ...]:
    """What a turn sums over its calls, and a conversation over its turns."""
    return (
        _count("spans"),
        _count("errors"),
        _count("input_tokens"),
        _count("output_tokens"),
        Column("charge_usd", Float, nullable=False),
        _count("started_ms"),
        _count("ended_ms"),
        _count("latency_ms"),
        Column("question", LargeBinary, nullable=False),
        _count("question_rank"),
        Column("answer", LargeBinary, nullable=False),
        _count("answer_rank"),
        Column("facets", Text, nullable=False),
        _text("band", 8),
        Column("score", Float),
        _text("label", 16),
    )


spans: Final = Table(
    "trace_spans",
    METADATA,
    _required("tenant"),
    _required("trace_id", 32),
    _required("span_id", 16),
    _text("parent_id", 16),
    _required("kind", 16),
    *(_text(name) for name in NAMED),
    Column("tags", LargeBinary),
    _text("error", 512),
    _required("status", 8),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("tokens", LargeBinary),
    Column("charge_usd", Float),
    _count("started_us"),
    _count("ended_us"),
    Column("hit_count", Integer),
    *(_text(f"{role}_digest", 64) for role in BODY_ROLES),
    Column("search_row", BigInteger),
    Column("score", Float),
    _text("band", 8),
    PrimaryKeyConstraint("tenant", "span_id", "trace_id"),
    Index(None, "tenant", "trace_id", "started_us"),
)

bodies: Final = Table(
    "trace_bodies",
    METADATA,
    _required("tenant"),
    _required("digest"),
    Column("content", LargeBinary, nullable=False),
    _count("held"),
    PrimaryKeyConstraint("tenant", "digest"),
)

traces: Final = Table(
    "traces",
    METADATA,
    _required("tenant"),
    _required("trace_id", 32),
    _required("conversation_id", NAME_CHARACTERS),
    Column("conversation_given", Boolean, nullable=False),
    _required("project", NAME_CHARACTERS),
    _text("request_id"),
    *_totals(),
    _text("answer_span_id", 16),
    _required("score_state", 16),
    _text("score_reason", 512),
    _count("score_due_ms"),
    _count("score_attempts"),
    _count("received_ms"),
    Column("review_probability", Float),
    Column("review_risk", Float),
    _text("review_state", 16),
    Column("review_order", BigInteger),
    _text("locked_by", 128),
    Column("lock_expires_ms", BigInteger),
    PrimaryKeyConstraint("tenant", "trace_id"),
    Index(None, "tenant", "conversation_id", "started_ms"),
    Index(None, "tenant", "request_id"),
    Index(None, "score_state", "score_due_ms"),
    Index(None, "tenant", "review_state", "review_risk", "review_order"),
)

conversations: Final = Table(
    "conversations",
    METADATA,
    _required("tenant"),
    _required("conversation_id", NAME_CHARACTERS),
    _required("project", NAME_CHARACTERS),
    _count("turns"),
    *_totals(),
    _count("expires_ms"),
    PrimaryKeyConstraint("tenant", "conversation_id"),
    Index(None, "tenant", "ended_ms", "conversation_id"),
    Index(None, "expires_ms"),
)

scores: Final = Table(
    "scores",
    METADATA,
    _required("tenant"),
    _required("target_kind", 16),
    _required("target_id", NAME_CHARACTERS),
    _required("name", 128),
    _required("source", NAME_CHARACTERS),
    _text("trace_id", 32),
    _required("data_type", 16),
    Column("value", Float),
    _text("label"),
    _text("reason", 128),
    Column("explanation", LargeBinary),
    _required("annotator_kind", 8),
    _text("author", NAME_CHARACTERS),
    _text("evaluator_version", NAME_CHARACTERS),
    Column("inclusion_probability", Float),
    Column("detail", LargeBinary),
    _count("revision"),
    _count("created_ms"),
    _count("updated_ms"),
    PrimaryKeyConstraint("tenant", "target_kind", "target_id", "name", "source"),
    Index(None, "tenant", "trace_id", "name"),
    Index(None, "tenant", "name", "updated_ms"),
)

score_revisions: Final = Table(
    "score_revisions",
    METADATA,
    _required("tenant"),
    _required("target_kind", 16),
    _required("target_id", NAME_CHARACTERS),
    _required("name", 128),
    _required("source", NAME_CHARACTERS),
    _count("revision"),
    _text("trace_id", 32),
    Column("content", LargeBinary, nullable=False),
    _count("created_ms"),
    PrimaryKeyConstraint("tenant", "target_kind", "target_id", "name", "source", "revision"),
    Index(None, "tenant", "trace_id"),
)

suggestions: Final = Table(
    "suggestions",
    METADATA,
    _required("tenant"),
    _required("trace_id", 32),
    _required("rule", 64),
    _required("thumb", 8),
    Column("confidence", Float, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
    _required("rule_version", 64),
    _required("state", 16),
    _count("created_ms"),
    PrimaryKeyConstraint("tenant", "trace_id", "rule"),
    Index(None, "tenant", "state", "created_ms"),
)

triages: Final = Table(
    "triages",
    METADATA,
    _required("tenant"),
    _required("trace_id", 32),
    _text("proposed_cause", 32),
    Column("proposed_reason", LargeBinary),
    _text("cause", 32),
    _text("triage_by", NAME_CHARACTERS),
    Column("completed_ms", BigInteger),
    _text("cluster", 128),
    _count("created_ms"),
    PrimaryKeyConstraint("tenant", "trace_id"),
    Index(None, "tenant", "cluster"),
)

selections: Final = Table(
    "eval_selections",
    METADATA,
    _required("tenant"),
    _required("selection_id"),
    _required("name", 128),
    Column("filters", LargeBinary, nullable=False),
    Column("trace_ids", LargeBinary, nullable=False),
    _required("author", NAME_CHARACTERS),
    _count("created_ms"),
    PrimaryKeyConstraint("tenant", "selection_id"),
)

review_reasons: Final = Table(
    "review_reasons",
    METADATA,
    _required("tenant"),
    _required("project", NAME_CHARACTERS),
    Column("reasons", LargeBinary, nullable=False),
    _required("author", NAME_CHARACTERS),
    _count("updated_ms"),
    PrimaryKeyConstraint("tenant", "project"),
)
