"""A cap over all owners, and a switch that stops all spending."""

from migrate.script import run_founding_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_founding_file("0007_spending.sql")
