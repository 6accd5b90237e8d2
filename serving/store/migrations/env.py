"""Alembic's entry point: runs the migrations on the connection that :mod:`serving.store.admin` hands over."""

from alembic import context

from serving.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
