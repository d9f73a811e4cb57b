"""Alembic's entry: works on the transaction that connector.store.opening began."""

from alembic import context

from connector.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # also on SQLite: BEGIN IMMEDIATE is ours, and its DDL is transactional
    render_as_batch=True,
)
context.run_migrations()
