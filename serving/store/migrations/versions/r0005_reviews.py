"""Reviews: the order in which equal risks are reviewed, projects' own reasons, and indexes of the lists."""

import sqlalchemy as sa
from alembic import op

from serving.store.review_order import review_order

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OLD_INDEX = "ix_traces_tenant_review_state_review_risk"
_NEW_INDEX = "ix_traces_tenant_review_state_review_risk_review_order"
_BATCH = 5_000


def upgrade() -> None:
    op.add_column("traces", sa.Column("review_order", sa.BigInteger(), nullable=True))
    _give_order()
    op.drop_index(_OLD_INDEX, table_name="traces")
    op.create_index(_NEW_INDEX, "traces", ["tenant", "review_state", "review_risk", "review_order"])
    op.create_index("ix_scores_tenant_name_updated_ms", "scores", ["tenant", "name", "updated_ms"])
    op.create_index("ix_suggestions_tenant_state_created_ms", "suggestions", ["tenant", "state", "created_ms"])
    op.create_table(
        "review_reasons",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=256), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.String(length=256), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "project", name="pk_review_reasons"),
    )


def downgrade() -> None:
    op.drop_table("review_reasons")
    op.drop_index("ix_suggestions_tenant_state_created_ms", table_name="suggestions")
    op.drop_index("ix_scores_tenant_name_updated_ms", table_name="scores")
    op.drop_index(_NEW_INDEX, table_name="traces")
    op.create_index(_OLD_INDEX, "traces", ["tenant", "review_state", "review_risk"])
    op.drop_column("traces", "review_order")


def _give_order() -> None:
    """Turns that were kept before get their place; a database hashes nothing the way both would agree on."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT tenant, trace_id FROM traces")).all()
    statement = sa.text("UPDATE traces SET review_order = :place WHERE tenant = :tenant AND trace_id = :trace_id")
    for start in range(0, len(rows), _BATCH):
        values = [
            {"place": review_order(row.trace_id), "tenant": row.tenant, "trace_id": row.trace_id}
            for row in rows[start : start + _BATCH]
        ]
        connection.execute(statement, values)
