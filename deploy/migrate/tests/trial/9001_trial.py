"""A column that is filled later on."""

from migrate.script import run_file

revision = "9001"
down_revision = "0009"
phase = "expand"


def upgrade() -> None:
    run_file("9001_column.sql")
