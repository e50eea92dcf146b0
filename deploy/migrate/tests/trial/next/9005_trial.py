"""The next version's."""

from migrate.script import run_file

revision = "9005"
down_revision = "9004"
phase = "expand"


def upgrade() -> None:
    run_file("9005_column.sql")
