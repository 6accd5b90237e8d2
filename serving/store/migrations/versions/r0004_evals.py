"""Evaluation: versions, cases, suites, runs, kept answers, results and releases."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_eval_configs()
    _create_eval_cases()
    _create_eval_case_revisions()
    _create_eval_suites()
    _create_eval_runs()
    _create_eval_answers()
    _create_eval_results()
    _create_eval_releases()


def downgrade() -> None:
    for name in (
        "eval_configs",
        "eval_cases",
        "eval_case_revisions",
        "eval_suites",
        "eval_runs",
        "eval_answers",
        "eval_results",
        "eval_releases",
    ):
        op.drop_table(name)


def _create_eval_configs() -> None:
    op.create_table(
        "eval_configs",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("config_hash", sa.String(length=64), nullable=False),
        sa.Column("parts", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "config_hash", name="pk_eval_configs"),
    )


def _create_eval_cases() -> None:
    op.create_table(
        "eval_cases",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("track", sa.String(length=16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "task_id", name="pk_eval_cases"),
    )
    op.create_index("ix_eval_cases_tenant_status_task_id", "eval_cases", ["tenant", "status", "task_id"])


def _create_eval_case_revisions() -> None:
    op.create_table(
        "eval_case_revisions",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "task_id", "revision", name="pk_eval_case_revisions"),
    )


def _create_eval_suites() -> None:
    op.create_table(
        "eval_suites",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("suite_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "suite_hash", name="pk_eval_suites"),
    )


def _create_eval_runs() -> None:
    op.create_table(
        "eval_runs",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("suite_hash", sa.String(length=64), nullable=False),
        sa.Column("config_hash", sa.String(length=64)),
        sa.Column("target_hash", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.LargeBinary()),
        sa.Column("job_id", sa.String(length=64)),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("completed_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tenant", "run_id", name="pk_eval_runs"),
    )
    op.create_index("ix_eval_runs_tenant_created_ms", "eval_runs", ["tenant", "created_ms"])


def _create_eval_answers() -> None:
    op.create_table(
        "eval_answers",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("answer_key", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "answer_key", name="pk_eval_answers"),
    )


def _create_eval_results() -> None:
    op.create_table(
        "eval_results",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=128), nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("spent_usd", sa.Float(), nullable=False),
        sa.Column("latency_ms", sa.Float()),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "run_id", "task_id", "repeat", name="pk_eval_results"),
    )


def _create_eval_releases() -> None:
    op.create_table(
        "eval_releases",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("target_hash", sa.String(length=64), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "alias", "version", name="pk_eval_releases"),
    )
