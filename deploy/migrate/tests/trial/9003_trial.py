"""The rows from before, batch by batch."""

from migrate.script import fill

revision = "9003"
down_revision = "9002"
phase = "expand"


def upgrade() -> None:
    fill("9003_trial.fill.sql", left="9003_trial.left.sql")
