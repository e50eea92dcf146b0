"""What is looked for among all jobs that ever were is found by indexes."""

from migrate.script import build_index

revision = "0009"
down_revision = "0008"
phase = "expand"


def upgrade() -> None:
    build_index("0009_growth_status.index.sql", "jobs_by_status")
    build_index("0009_growth_reference.index.sql", "jobs_by_reference")
    build_index("0009_growth_letter.index.sql", "dead_letters_by_reference")
    build_index("0009_growth_target.index.sql", "jobs_by_target")
    build_index("0009_growth_handle.index.sql", "jobs_by_target_handle")
