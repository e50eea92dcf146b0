"""The services' roles, and guards that hold against hand-made SQL."""

from migrate.script import run_founding_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_founding_file("0003_roles.sql")
