"""Data of people has an end: retention, deletion of an account, suppression prepared."""

from migrate.script import run_founding_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_founding_file("0008_privacy.sql")
