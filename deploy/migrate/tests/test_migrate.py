"""`migrate` on a real Postgres and a real nats-server: many at once, killed, and again."""

import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from common.domain.job import TRANSITIONS
from local.child import Child, wait_until
from local.nats import Nats
from migrate.schema import LOCK_KEY, upgrade

Run = Callable[..., Child]
Events = Callable[[Child], list[dict[str, Any]]]
Catalogue = Callable[[str], list[list[Any]]]


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    return {row[0] for row in rows}


def holders(url: str) -> list[tuple[int, bool]]:
    """Who holds the turn: the server's process, and whether it waits for somebody's lock."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """select l.pid, coalesce(a.wait_event_type = 'Lock', false) from pg_locks l
               join pg_stat_activity a on a.pid = l.pid
               where l.locktype = 'advisory' and l.objid = %s and l.granted and a.datname = current_database()""",
            [LOCK_KEY],
        ).fetchall()


def test_three_at_once_make_one_schema_and_the_streams(
    empty_database_url: str, own_nats_server: Nats, run: Run, events: Events, schema: Catalogue, identities: Catalogue
) -> None:
    """And a fourth changes nothing: the same tables, not new ones."""
    environment = {"DATABASE_URL": empty_database_url, "NATS_URL": own_nats_server.url}
    for child in [run(**environment) for _ in range(3)]:
        names = [event["event"] for event in events(child)]
        assert names.count("schema.upgraded") == 1
        assert names.count("stream.provisioned") == 2
        assert names.count("consumer.provisioned") == 4
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("select version_num from schema_version").fetchall() == [("0009",)]
        rows = connection.execute("select from_status, to_status, action from job_transitions").fetchall()
    assert {(before, after): action for before, after, action in rows} == TRANSITIONS
    assert {"jobs", "searches", "steps", "step_outcomes", "candidates", "upstream_calls"} <= tables(empty_database_url)
    before = schema(empty_database_url), identities(empty_database_url)
    events(run(**environment))
    assert (schema(empty_database_url), identities(empty_database_url)) == before


def test_one_that_is_killed_in_the_middle_does_not_block_the_next(
    empty_database_url: str, own_nats_server: Nats, run: Run, events: Events, database_url: str, schema: Catalogue
) -> None:
    """Somebody's unfinished table of the same name holds it up inside its transaction; there it is killed."""
    environment = {"DATABASE_URL": empty_database_url, "NATS_URL": own_nats_server.url}
    with psycopg.connect(empty_database_url) as blocker:
        blocker.execute("create table jobs ()")
        child = run(**environment)
        inside = wait_until(lambda: any(waits for _, waits in holders(empty_database_url)), 30)
        assert inside, child.last_lines()
        child.signal(signal.SIGKILL)
        assert child.await_exit(5)
        assert child.exit_code == -signal.SIGKILL
        following = run(**environment)
        blocker.rollback()
    began = time.monotonic()
    events(following)
    assert time.monotonic() - began < 20
    assert schema(empty_database_url) == schema(database_url), "as one that was never disturbed"


def test_who_waits_for_its_turn_holds_no_snapshot(
    empty_database_url: str, own_nats_server: Nats, run: Run, events: Events
) -> None:
    """While another migration has the turn it polls; when that connection is gone, it goes on."""
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
        child = run(DATABASE_URL=empty_database_url, NATS_URL=own_nats_server.url)

        def polls() -> bool:
            with psycopg.connect(empty_database_url) as connection:
                rows = connection.execute(
                    """select 1 from pg_stat_activity where datname = current_database()
                       and pid not in (%s, pg_backend_pid()) and query ilike '%%rollback%%' and state = 'idle'""",
                    [other.info.backend_pid],
                ).fetchall()
            return bool(rows)

        assert wait_until(polls, 30), child.last_lines()
        assert tables(empty_database_url) == set()
        assert child.is_running
    events(child)
    assert "jobs" in tables(empty_database_url)


def test_a_migration_that_fails_leaves_nothing_and_the_next_one_works(empty_database_url: str) -> None:
    """A table of the same name is in the way: the whole revision is rolled back."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("create table candidates ()")
        with pytest.raises(Exception, match="candidates"):
            upgrade(empty_database_url)
        assert tables(empty_database_url) <= {"candidates", "schema_version"}
        connection.execute("drop table candidates")
    assert holders(empty_database_url) == []
    upgrade(empty_database_url)
    assert "jobs" in tables(empty_database_url)


def test_a_url_of_either_scheme_will_do(empty_database_url: str) -> None:
    upgrade(empty_database_url.replace("postgresql://", "postgres://"))
    upgrade(f"{empty_database_url}?application_name=again")
    assert "jobs" in tables(empty_database_url)


def test_a_start_that_cannot_work_is_one_clear_line(run: Run, empty_database_url: str) -> None:
    """It names the variables and never shows a value; what Postgres said may stand above it. All at once, because a
    server that is not there takes its ten seconds."""
    nats, database = {"NATS_URL": "nats://127.0.0.1:1"}, {"DATABASE_URL": empty_database_url}
    cases = [
        ({}, "DATABASE_URL is missing; NATS_URL is missing"),
        (
            nats | {"DATABASE_URL": "mysql://u:hunter2@h/db", "NATS_REPLICAS": "9"},
            "NATS_REPLICAS: Input should be less than or equal to 5; DATABASE_URL: must start with postgresql://",
        ),
        (
            nats | {"DATABASE_URL": "postgresql://u:hunter2%zz@h/db"},
            "DATABASE_URL: is not a connection URL of Postgres",
        ),
        (nats | {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/db"}, "DATABASE_URL: no Postgres let us in"),
        (
            nats | database | {"LOG_LEVEL": "loud"},
            "LOG_LEVEL: String should match pattern '(?i)^(debug|info|warning|error)$'",
        ),
        (nats | database, "NATS_URL: no server let us in within 10 s"),
    ]
    children = [(run(**environment), line) for environment, line in cases]
    for child, line in children:
        assert child.await_exit(40)
        assert child.exit_code == 1
        written = child.log.read_text()
        assert written.splitlines()[-1] == f"migrate: {line}"
        assert "hunter2" not in written
        assert "Traceback" not in written
    assert "jobs" in tables(empty_database_url), "the schema comes first"
