"""Three platforms, two modes: filters, targets, added searches, one shape of creator."""

from migrate.script import run_founding_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_founding_file("0004_modes.sql")
