"""The first schema."""

from migrate.script import run_founding_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_founding_file("0001_initial.sql")
