"""Row-level security, and no more grants than a service needs."""

from migrate.script import run_founding_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_founding_file("0006_walls.sql")
