"""Runs, quotas, probes, and what a final job refuses."""

from migrate.script import run_founding_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_founding_file("0002_promises.sql")
