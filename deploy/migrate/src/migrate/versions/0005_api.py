"""What the API needs: tags, deletion, repeated answers, settings with history, usage that outlives its job."""

from migrate.script import run_founding_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_founding_file("0005_api.sql")
