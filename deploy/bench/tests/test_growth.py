"""The part `growth` from end to end at a tiny size: its rows come, its history is one that services could have left."""

from pathlib import Path

import psycopg
import pytest

from bench.growth.part import measure
from bench.growth.plan import scanned, short
from bench.growth.question import GROUPS
from bench.growth.seed import seed
from bench.growth.size import Size
from bench.growth.steps import Load, do_steps
from bench.row import Bench

SMALL = Size("small", jobs=1_000, full_jobs=2)
LARGE = Size("large", jobs=2_000, full_jobs=3)
LOAD = Load(jobs=3, pages=2)

INDEXES = "select indexdef from pg_indexes where schemaname = 'public' order by 1"
SETTINGS = "select count(*) from pg_settings where sourcefile like '%postgresql.auto.conf'"


@pytest.mark.server
def test_rows_come_for_the_steps_and_for_whoever_asks(tmp_path: Path) -> None:
    finding = measure(Bench(folder=tmp_path, root=tmp_path), (SMALL, LARGE), LOAD, step_rounds=1, ask_rounds=1)
    steps, *asked = finding.rows
    assert steps.ratio is not None
    assert steps.ratio.median > 0
    assert [row.what for row in asked] == [f"{group.name}, {LARGE.jobs:,} jobs" for group in GROUPS]
    assert all(question.name in finding.detail for group in GROUPS for question in group.questions)
    assert "jobs_by_status" in finding.detail
    assert "candidates 0%" not in finding.detail


@pytest.mark.server
def test_what_is_written_in_haste_is_a_database_as_it_is_deployed(tmp_path: Path) -> None:
    """The indexes are those of the migrations, nothing contradicts a foreign key or the funnel, no setting is left."""
    with seed(tmp_path, (SMALL,), lambda _: None) as server:
        with psycopg.connect(server.url) as plain, psycopg.connect(server.database_url("small")) as made:
            assert made.execute(INDEXES).fetchall() == plain.execute(INDEXES).fetchall()
            assert made.execute(SETTINGS).fetchone() == (0,)
            assert made.execute("show fsync").fetchone() == ("on",)
            assert made.execute("show synchronous_commit").fetchone() == ("on",)
            assert made.execute("select count(*) from jobs where ended_at is not null").fetchone() == (SMALL.jobs,)
            assert made.execute("select count(*) from candidates").fetchone() == (SMALL.candidates,)
            assert _orphans(made) == []
        assert do_steps(server, "small", LOAD).rate > 0


def _orphans(connection: psycopg.Connection) -> list[str]:
    """Whatever a foreign key or the guard of the funnel would have refused."""
    keys = connection.execute(
        """select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
           where contype = 'f' and connamespace = 'public'::regnamespace"""
    ).fetchall()
    for table, name, definition in keys:
        connection.execute(f"alter table {table} drop constraint {name}".encode())
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())
    funnel = connection.execute(
        """select s.search_id::text from steps s left join step_outcomes o using (search_id, step)
           group by s.search_id, s.step, s.items_count having coalesce(s.items_count, 0) <> coalesce(sum(o.count), 0)"""
    ).fetchall()
    return [row[0] for row in funnel]


def test_a_plan_in_short_names_indexes_and_large_tables_read_as_a_whole() -> None:
    plan = """Limit
  ->  Nested Loop
        ->  Index Only Scan Backward using jobs_pkey on jobs j
        ->  Bitmap Heap Scan on steps
              ->  Bitmap Index Scan on steps_open
        ->  Seq Scan on candidates c
        ->  Seq Scan on platform_states"""
    assert short(plan) == ("jobs_pkey only", "steps_open", "all of candidates")
    assert scanned([plan]) == ["candidates"]
