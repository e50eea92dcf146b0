"""Alembic's entry: takes the connection that `migrate.schema` opened and runs each revision in its own transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,
    version_table="schema_version",
)
with context.begin_transaction():
    context.run_migrations()
