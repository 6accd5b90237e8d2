"""Runs: the experiment's name as a column, so that its trend is found without reading every plan."""

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INDEX = "ix_eval_runs_tenant_experiment_name_created_ms"


def upgrade() -> None:
    op.add_column("eval_runs", sa.Column("experiment_name", sa.String(length=128), nullable=True))
    connection = op.get_bind()
    statement = sa.text("UPDATE eval_runs SET experiment_name = :name WHERE tenant = :tenant AND run_id = :run_id")
    for row in connection.execute(sa.text("SELECT tenant, run_id, plan FROM eval_runs")).all():
        name = orjson.loads(bytes(row.plan)).get("experiment_name")
        if name:
            connection.execute(statement, {"name": name, "tenant": row.tenant, "run_id": row.run_id})
    op.create_index(_INDEX, "eval_runs", ["tenant", "experiment_name", "created_ms"])


def downgrade() -> None:
    op.drop_index(_INDEX, table_name="eval_runs")
    op.drop_column("eval_runs", "experiment_name")
