"""The tables of evaluation: versions, cases and their revisions, suites, runs, answers kept for them, results, releases."""

from __future__ import annotations

from typing import Final

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
)

from serving.store.schema import METADATA


def _tenant() -> Column[str]:
    return Column("tenant", String(64), nullable=False)


def _hash(name: str) -> Column[str]:
    return Column(name, String(64), nullable=False)


eval_configs: Final = Table(
    "eval_configs",
    METADATA,
    _tenant(),
    _hash("config_hash"),
    Column("parts", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "config_hash"),
)

eval_cases: Final = Table(
    "eval_cases",
    METADATA,
    _tenant(),
    Column("task_id", String(128), nullable=False),
    _hash("revision"),
    Column("status", String(16), nullable=False),
    Column("track", String(16), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "task_id"),
    Index(None, "tenant", "status", "task_id"),
)

eval_case_revisions: Final = Table(
    "eval_case_revisions",
    METADATA,
    _tenant(),
    Column("task_id", String(128), nullable=False),
    _hash("revision"),
    Column("content", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "task_id", "revision"),
)

eval_suites: Final = Table(
    "eval_suites",
    METADATA,
    _tenant(),
    _hash("suite_hash"),
    Column("name", LargeBinary, nullable=False),
    Column("members", LargeBinary, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "suite_hash"),
)

eval_runs: Final = Table(
    "eval_runs",
    METADATA,
    _tenant(),
    Column("run_id", String(64), nullable=False),
    _hash("suite_hash"),
    Column("config_hash", String(64)),
    _hash("target_hash"),
    Column("plan", LargeBinary, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", LargeBinary),
    Column("job_id", String(64)),
    Column("total", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("completed_ms", BigInteger),
    Column("experiment_name", String(128)),
    PrimaryKeyConstraint("tenant", "run_id"),
    Index(None, "tenant", "created_ms"),
    Index(None, "tenant", "experiment_name", "created_ms"),
)

eval_answers: Final = Table(
    "eval_answers",
    METADATA,
    _tenant(),
    _hash("answer_key"),
    Column("content", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "answer_key"),
)

eval_results: Final = Table(
    "eval_results",
    METADATA,
    _tenant(),
    Column("run_id", String(64), nullable=False),
    Column("task_id", String(128), nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("spent_usd", Float, nullable=False),
    Column("latency_ms", Float),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "run_id", "task_id", "repeat"),
)

eval_releases: Final = Table(
    "eval_releases",
    METADATA,
    _tenant(),
    Column("alias", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    _hash("target_hash"),
    Column("record", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "alias", "version"),
)
