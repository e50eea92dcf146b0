"""Alembic's entry: takes the connection that `migrate.schema` opened and runs each revision in its own transaction."""

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext


def note_contract(*, ctx: MigrationContext, step: Any, **_: Any) -> None:
    """Leave word in the database, in the revision's own transaction: versions that do not know this contract do not fit
    any more."""
    revision = step.up_revision
    if step.is_upgrade and getattr(revision.module, "phase", "expand") == "contract":
        assert ctx.connection is not None
        ctx.connection.exec_driver_sql(f"comment on table schema_version is 'contract {int(revision.revision):04d}'")


context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,
    version_table="schema_version",
    on_version_apply=note_contract,  # pyright: ignore[reportArgumentType] (it is called with these names)
)
with context.begin_transaction():
    context.run_migrations()
