"""Runs one SQL file of this package inside alembic's transaction."""

from importlib import resources

from alembic import op


def run_file(name: str) -> None:
    """Execute `sql/<name>` as it is: no parameters, no templating."""
    statement = resources.files("migrate.sql").joinpath(name).read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    # Straight to psycopg: without parameters it leaves % alone and takes many statements.
    driver_connection.execute(statement)
