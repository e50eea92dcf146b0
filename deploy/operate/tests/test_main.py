"""How `operate` starts: with DATABASE_URL alone, or with one line that says why not."""

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

pytestmark = pytest.mark.server


@pytest.fixture
def operate(installed_operate: Any) -> Any:
    return installed_operate


def last_line(done: Any) -> str:
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr.removesuffix("\n")


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("", "operate: DATABASE_URL is missing"),
        ("mysql://u:hunter2@h/db", "operate: DATABASE_URL: must start with postgresql://"),
        ("postgresql://u:hunter2%zz@h/db", "operate: DATABASE_URL: is not a connection URL of Postgres"),
        ("postgresql://u:hunter2@127.0.0.1:1/db", "operate: DATABASE_URL: no Postgres let us in within 10 s"),
    ],
)
def test_a_start_that_cannot_work_is_one_clear_line(operate: Any, url: str, line: str) -> None:
    assert last_line(operate("letters", "list", DATABASE_URL=url)) == line


def test_a_database_without_our_schema_is_one_clear_line(operate: Any, empty_database_url: str) -> None:
    for command in (["letters", "list"], ["letters", "redrive", "--all"], ["platforms"], ["find", "x"]):
        line = last_line(operate(*command, DATABASE_URL=empty_database_url))
        assert line == "operate: Postgres did not answer, or refused (UndefinedTable); is its schema up to date?"


async def test_settings_out_of_bounds_are_told_and_the_answer_stays_readable(stage: Any, operate: Any) -> None:
    """The log is on stderr; the settings by default are in force."""
    _, (letter,) = await stage.failed("a")
    stage.set("limits", "active_jobs_per_owner", 0)
    done = operate("letters", "redrive", letter)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{letter}: redriven, 1 step is due\n")
    assert done.stdout.count("\n") == 2
    assert "settings.refused" in done.stderr
    assert "limits.active_jobs_per_owner" in done.stderr


async def test_a_login_in_the_operators_group_is_enough(stage: Any, operate: Any) -> None:
    """As the runbook advises: nobody operates as the owner of the database."""
    await stage.announce()
    job_id, (letter, other) = await stage.failed("a", "b")
    name = f"op_{uuid4().hex}"
    with psycopg.connect(stage.url, autocommit=True) as connection:
        connection.execute(f"create role {name} login password 'secret' in role creatorscout_operator".encode())
    try:
        parts = urlsplit(stage.url)
        url = parts._replace(netloc=f"{name}:secret@{parts.hostname}:{parts.port}").geturl()
        reference = stage.job(job_id)["reference"]
        for command in (
            ["platforms", "pause", "tiktok"],
            ["platforms", "resume", "tiktok"],
            ["platforms"],
            ["letters", "list"],
            ["letters", "discard", other],
            ["letters", "redrive", letter],
            ["job", job_id],
            ["find", reference],
            ["settings", "set", "limits.admin_user_ids", '["user_ada"]'],
            ["settings", "set", "limits.admin_user_ids", '["user_ada", "user_bob"]'],
            ["settings", "list"],
            ["settings", "history"],
            ["settings", "reset", "limits.admin_user_ids"],
        ):
            done = operate(*command, DATABASE_URL=url)
            assert (done.returncode, done.stderr) == (0, "")
    finally:
        with psycopg.connect(stage.url, autocommit=True) as connection:
            connection.execute(f"drop role {name}".encode())


def test_help_names_every_command(operate: Any) -> None:
    shown = operate("--help").stdout
    assert all(name in shown for name in ("letters", "platforms", "settings", "job", "find", "nkey", "DATABASE_URL"))
