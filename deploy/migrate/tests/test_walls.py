"""Row-level security, by the catalogue and by trying: who does not say for whom sees nothing and writes nothing."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from local.postgres import Postgres
from local.testing import new_database
from migrate.schema import upgrade

pytestmark = pytest.mark.security

# What has no owner, neither of its own nor through a job. A new table is named here or has policies.
NOBODYS = {
    "spending_days",
    "spending_minutes",
    "job_transitions",
    "platform_states",
    "profiles",
    "qstash_deliveries",
    "schema_version",
    "purges",
    "setting_changes",
    "suppressions",
    "system_settings",
}
OWNED = ("owners", "owner_days", "campaigns", "jobs", "upstream_calls", "idempotency_keys")
OF_A_JOB = ("searches", "steps", "step_outcomes", "candidates", "job_events", "dead_letters")
JOB = "01900000-0000-7000-8000-000000000001"
SEARCH = "01900000-0000-7000-8000-000000000002"

Rows = list[tuple[Any, ...]]


def rows(url: str, statement: str, *values: object) -> Rows:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode(), values).fetchall()


@pytest.fixture
def filled_url(database_url: str) -> str:
    """A row of user:1 in every table that has owners."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in (
            "insert into owners (owner) values ('user:1'), ('user:2')",
            "insert into owner_days (owner, day) values ('user:1', now())",
            "insert into campaigns (id, owner, name, created_by) values (gen_random_uuid(), 'user:1', 'n', 'u')",
            f"""insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
                    parallel_searches_max, timeout, delay_between_calls, queue_until)
                values ('{JOB}', 'user:1', 'u', 'tiktok', 'keyword', '{{}}', 1, 1, 1, 1, '1 h', '0', 'infinity')""",
            f"""insert into searches (id, job_id, ordinal, kind, query, status)
                values ('{SEARCH}', '{JOB}', 0, 'keyword', 'q', 'active')""",
            f"""begin; insert into steps (id, search_id, step, job_id, phase, items_count)
                values (gen_random_uuid(), '{SEARCH}', 0, '{JOB}', 'enrichment', 1);
                insert into step_outcomes (search_id, step, job_id, outcome, count)
                values ('{SEARCH}', 0, '{JOB}', 'pending', 1); commit""",
            f"""insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id,
                    assigned_step, outcome, handle, details)
                values ('{JOB}', '1', '{SEARCH}', 0, 0, '{SEARCH}', 0, 'pending', 'h', '{{}}')""",
            f"insert into job_events (job_id, seq, kind) values ('{JOB}', 1, 'created')",
            f"""insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint,
                    status, credits_reserved)
                select gen_random_uuid(), '{JOB}', '{SEARCH}', 0, 'tiktok', gen_random_uuid(), 'page', '/', '', 'open',
                    1""",
            f"insert into dead_letters (id, job_id, reason) values (gen_random_uuid(), '{JOB}', 'r')",
            f"insert into idempotency_keys (owner, key, fingerprint, job_id) values ('user:1', 'k', 'f', '{JOB}')",
        ):
            connection.execute(statement.encode())
    return database_url


def seen(url: str, table: str, scope: str | None) -> int:
    """How many rows of this table are seen for whom."""
    with psycopg.connect(url) as connection:
        if scope is not None:
            connection.execute("select set_config('app.owner', %s, true)", [scope])
        row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return row[0]


def test_every_table_with_an_owner_has_the_second_wall(database_url: str) -> None:
    """Switched on, also for who owns the table; a table that nobody thought of fails here."""
    tables = rows(
        database_url,
        """select relname, relrowsecurity and relforcerowsecurity from pg_class
           where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace""",
    )
    walled = {name for name, is_walled in tables if is_walled}
    assert {name for name, _ in tables} - walled == NOBODYS
    assert walled >= {*OWNED, *OF_A_JOB}


def test_the_gateway_has_one_policy_and_it_is_never_all(database_url: str) -> None:
    policies = rows(
        database_url, "select tablename, qual, with_check from pg_policies where 'creatorscout_gateway' = any(roles)"
    )
    walled = rows(
        database_url,
        "select relname from pg_class where relrowsecurity and relnamespace = 'public'::regnamespace",
    )
    names = [name for name, _, _ in policies]
    assert len(names) == len(set(names))
    assert set(names) <= {name for (name,) in walled}
    for name, using, check in policies:
        assert "true" not in (using, check), name
        assert using == check, name
        assert "app.owner" in using or "FROM jobs" in using, name


def test_no_policy_is_for_everybody(database_url: str) -> None:
    assert rows(database_url, "select tablename from pg_policies where 'public' = any(roles)") == []


@pytest.mark.parametrize("role", ["gateway", "webhook", "worker", "operator"])
def test_no_service_is_above_the_walls(postgres_server: Postgres, database_url: str, role: str) -> None:
    found = rows(
        database_url,
        """select r.rolsuper, r.rolbypassrls, exists (select from pg_class c
               where c.relnamespace = 'public'::regnamespace and pg_has_role(r.oid, c.relowner, 'member'))
           from pg_roles r where r.rolname = %s""",
        role,
    )
    assert found == [(False, False, False)]


@pytest.mark.parametrize("table", [*OWNED, *OF_A_JOB])
def test_the_gateway_sees_what_is_whose_it_says(
    filled_url: str, role_url: Callable[[str, str], str], table: str
) -> None:
    gateway = role_url(filled_url, "gateway")
    everything = seen(filled_url, table, None)
    of_one = everything - (table == "owners")
    assert everything > 0
    assert [seen(gateway, table, scope) for scope in (None, "", "user:2,", "user:", "user:1 ", "%")] == [
        *(0, 0, int(table == "owners"), 0, 0, 0)
    ]
    assert seen(gateway, table, "user:1") == of_one
    assert seen(gateway, table, "user:2,user:1") == everything
    assert seen(gateway, table, "*") == everything


@pytest.mark.parametrize(
    "statement",
    [
        "insert into campaigns (id, owner, name, created_by) values (gen_random_uuid(), 'user:1', 'n', 'u')",
        "insert into owners (owner) values ('user:3')",
        "insert into owner_days (owner, day) values ('user:1', '2026-01-01')",
        f"insert into job_events (job_id, seq, kind) values ('{JOB}', 2, 'created')",
        f"""insert into searches (id, job_id, ordinal, kind, query, status)
            values (gen_random_uuid(), '{JOB}', 1, 'k', 'q', 'active')""",
        f"insert into idempotency_keys (owner, key, fingerprint, job_id) values ('user:1', 'l', 'f', '{JOB}')",
    ],
)
@pytest.mark.parametrize("scope", [None, "user:2"])
def test_nothing_is_written_for_another(
    filled_url: str, role_url: Callable[[str, str], str], scope: str | None, statement: str
) -> None:
    with psycopg.connect(role_url(filled_url, "gateway")) as connection:
        if scope:
            connection.execute("select set_config('app.owner', %s, true)", [scope])
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            connection.execute(statement.encode())


def test_who_owns_the_tables_still_migrates_every_row(postgres_server: Postgres, migrated_template: str) -> None:
    """Forced upon the owner too, a wall without a door would have later migrations change nothing, in silence."""
    del migrated_template  # whose migration made the groups
    with new_database(postgres_server, "template0") as url, psycopg.connect(url, autocommit=True) as administrator:
        name = url.rpartition("/")[2]
        administrator.execute("create role owner_of_tables login nosuperuser password 'known'")
        administrator.execute(sql.SQL("alter database {} owner to owner_of_tables").format(sql.Identifier(name)))
        owner = re.sub("//.*@", "//owner_of_tables:known@", url)
        upgrade(owner)
        with psycopg.connect(owner) as connection:
            connection.execute("insert into owners (owner) values ('user:1'), ('user:2')")
            assert connection.execute("update owners set created_at = now()").rowcount == 2
