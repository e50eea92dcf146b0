"""What nobody uses any more."""

from migrate.script import run_file

revision = "9004"
down_revision = "9003"
phase = "contract"


def upgrade() -> None:
    run_file("9004_drop.sql")
