"""Jobs are told apart by an idempotency key."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEX = "ix_jobs_tenant_idempotency_digest"


def upgrade() -> None:
    for name in ("idempotency_digest", "digest"):
        op.add_column("jobs", sa.Column(name, sa.String(length=64)))
    op.create_index(_INDEX, "jobs", ["tenant", "idempotency_digest"], unique=True)


def downgrade() -> None:
    op.drop_index(_INDEX, "jobs")
    for name in ("digest", "idempotency_digest"):
        op.drop_column("jobs", name)
