"""Revisions that must not run beside a version that serves are found out by their sources."""

import re
from pathlib import Path

import pytest

from migrate.plan import FOUNDING
from ship.migration import EXEMPT, MIGRATE, ROOT, SQUAWK, find_faults

pytestmark = pytest.mark.skipif(not SQUAWK.exists(), reason="make .venv-ship/.installed")

TRIAL = ROOT / "deploy/migrate/tests/trial"
GOOD = """
create table trials (id uuid primary key, job_id uuid not null, at timestamptz not null default now());
create index trials_by_job on trials (job_id);
alter table jobs add column trial text, add column tries integer not null default 0;
alter table jobs add constraint jobs_trial check (trial <> '') not valid; -- drop nothing, rename nothing
grant select on trials to creatorscout_worker;
"""


def lay(folder: Path, files: dict[str, str], *, phase: str | None = "expand", body: str | None = None) -> list[str]:
    """Write a revision of these files; returns what is found."""
    for name in ("versions", "sql"):
        (folder / name).mkdir()
    for name, text in files.items():
        (folder / "sql" / name).write_text(text)
    said = "" if phase is None else f'phase = "{phase}"\n'
    calls = body or "\n    ".join(f'run_file("{name}")' for name in files)
    (folder / "versions" / "0009_trial.py").write_text(f'revision = "0009"\n{said}\n\ndef upgrade():\n    {calls}\n')
    return find_faults(folder)


def test_ours_are_fine() -> None:
    assert find_faults() == []


def test_who_is_exempt_is_named_and_stands_in_both_places() -> None:
    assert EXEMPT == FOUNDING
    assert {path.name[:4] for path in (MIGRATE / "versions").glob("0*.py")} >= EXEMPT


@pytest.mark.parametrize("folder", [TRIAL, TRIAL / "next"], ids=["trial", "next"])
def test_what_the_tests_of_migrate_run_is_fine(folder: Path, tmp_path: Path) -> None:
    for kind in ("versions", "sql"):
        (tmp_path / kind).symlink_to(folder)
    assert find_faults(tmp_path) == []


def test_a_good_expand_is_fine(tmp_path: Path) -> None:
    assert lay(tmp_path, {"0009_a.sql": GOOD}) == []


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("alter table jobs drop column tags;", "takes nothing away"),
        ("drop index jobs_by_owner;", "takes nothing away"),
        ("drop trigger jobs_begin on jobs;", "takes nothing away"),
        ("revoke select on jobs from creatorscout_worker;", "takes nothing away"),
        ("alter table jobs rename column tags to labels;", "rename"),
        ("alter table jobs add column a text not null;", "not-nullable|required-field"),
        ("alter table jobs alter column error set not null;", "set not null"),
        ("alter table jobs alter column progress type double precision;", "changing-column-type"),
        ("alter table jobs add column a int generated always as (run + 1) stored;", "writes the whole table anew"),
        ("alter table jobs add column a uuid default gen_random_uuid();", "adding-field-with-default"),
        ("create index a on jobs (mode);", "require-concurrent-index-creation"),
        ("create index concurrently a on jobs (mode);", "not for a transaction"),
        ("alter table jobs add constraint a check (run > 0);", "constraint-missing-not-valid"),
        ("alter table jobs add constraint a foreign key (mode) references modes (mode);", "adding-foreign-key"),
        ("alter table jobs add constraint a unique (reference);", "disallowed-unique-constraint"),
        ("update jobs set tags = '{}';", "in batches"),
        ("select 1; delete from jobs;", "in batches"),
        ("truncate jobs;", "truncate"),
        ("reindex table jobs;", "locks a whole table"),
        ("alter table jobs add column a int; alter table steps add column a int;", "holds the lock of one table"),
        ("alter table jobs add column a integr not nul;", "syntax|squawk"),
    ],
)
def test_a_bad_expand_is_noticed(tmp_path: Path, sql: str, word: str) -> None:
    faults = lay(tmp_path, {"0009_a.sql": sql})
    assert any(re.search(word, fault) for fault in faults), faults


def test_a_contract_may_take_away_but_not_rename_or_rewrite(tmp_path: Path) -> None:
    assert lay(tmp_path, {"0009_a.sql": "alter table jobs drop column tags; drop index a;"}, phase="contract") == []


def test_a_contract_may_not_rename_or_change_all_rows(tmp_path: Path) -> None:
    sql = "alter table jobs rename to tasks; update jobs set tags = '{}';"
    faults = " ".join(lay(tmp_path, {"0009_a.sql": sql}, phase="contract"))
    assert "a rename breaks" in faults
    assert "in batches" in faults


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('run_file("0009_a.sql")\n    run_file("0009_a.sql")', "more than one"),
        ('run_file("0009_a.sql")\n    build_index("0009_b.index.sql", "b")', "commit by themselves"),
        ('run_file("0009_a.sql")\n    op.execute("drop table jobs")', "something else"),
        ("pass", "something else"),
        ('run_file("0009_c.sql")', "but its files are"),
        ('fill("0009_a.sql", left="0009_a.sql")', r"ends in .fill.sql"),
    ],
)
def test_a_revision_of_another_shape_is_noticed(tmp_path: Path, body: str, word: str) -> None:
    assert word in " ".join(lay(tmp_path, {"0009_a.sql": GOOD}, body=body))


def test_a_revision_that_does_not_say_its_phase_is_noticed(tmp_path: Path) -> None:
    assert "does not say whether" in " ".join(lay(tmp_path, {"0009_a.sql": GOOD}, phase=None))


@pytest.mark.parametrize(
    ("name", "sql", "body"),
    [
        ("0009_a.index.sql", "create index a on jobs (mode);", 'build_index("0009_a.index.sql", "a")'),
        ("0009_a.index.sql", "create index concurrently b on jobs (mode);", 'build_index("0009_a.index.sql", "a")'),
        ("0009_a.fill.sql", "update jobs set tags = '{}' where tags is null;", 'fill("0009_a.fill.sql")'),
    ],
)
def test_parts_that_commit_by_themselves_have_their_form(tmp_path: Path, name: str, sql: str, body: str) -> None:
    assert lay(tmp_path, {name: sql}, body=body) != []
