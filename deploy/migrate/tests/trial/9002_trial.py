"""An index, while everybody writes."""

from migrate.script import build_index

revision = "9002"
down_revision = "9001"
phase = "expand"


def upgrade() -> None:
    build_index("9002_trial.index.sql", "trial_index")
