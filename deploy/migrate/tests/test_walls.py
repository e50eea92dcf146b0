"""Row-level security, from the catalogue and by hand-made SQL: no service's code is asked."""

from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

pytestmark = [pytest.mark.server, pytest.mark.security]

# What is an owner's, and who has to do with it beside the gateway.
OF_OWNERS = {
    **dict.fromkeys(("owners", "owner_days", "jobs", "searches", "steps", "step_outcomes", "candidates"), 3),
    **dict.fromkeys(("job_events", "upstream_calls", "dead_letters"), 3),
    "idempotency_keys": 1,
    "campaigns": 0,
}
OTHERS = ("creatorscout_webhook", "creatorscout_worker", "creatorscout_operator")

# What is nobody's in particular: a table that is neither here nor above fails the tests.
OF_NOBODY = {
    *("job_transitions", "schema_version", "platform_states", "system_settings", "setting_changes"),
    "qstash_deliveries",  # ids of messages, for ten minutes
    "profiles",  # what accounts say of themselves in public, shared by all jobs
}

Connect = Callable[[str], psycopg.Connection[tuple[Any, ...]]]

ADD_JOB = """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
                 parallel_searches_max, timeout, delay_between_calls, queue_until)
             values (md5(%(owner)s)::uuid, %(owner)s, 'u', 'tiktok', 'keyword', '{}', 100, 10, 50, 2, '1 hour', '0',
                 'infinity')"""
FILL: tuple[LiteralString, ...] = (
    "insert into owners (owner) values (%(owner)s)",
    "insert into owner_days (owner, day) values (%(owner)s, '2026-01-01')",
    "insert into campaigns (id, owner, name, created_by) values (md5(%(owner)s)::uuid, %(owner)s, 'n', 'u')",
    ADD_JOB,
    """insert into searches (id, job_id, ordinal, kind, query, status)
       values (md5(%(owner)s)::uuid, md5(%(owner)s)::uuid, 0, 'keyword', 'q', 'active')""",
    """insert into steps (id, search_id, step, job_id, phase, items_count)
       values (md5(%(owner)s)::uuid, md5(%(owner)s)::uuid, 0, md5(%(owner)s)::uuid, 'enrichment', 1)""",
    """insert into step_outcomes (search_id, step, job_id, outcome, count)
       values (md5(%(owner)s)::uuid, 0, md5(%(owner)s)::uuid, 'surplus', 1)""",
    """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
           outcome, handle, details)
       values (md5(%(owner)s)::uuid, 'p', md5(%(owner)s)::uuid, 0, 0, md5(%(owner)s)::uuid, 0, 'surplus', 'h', '{}')""",
    "insert into job_events (job_id, seq, kind) values (md5(%(owner)s)::uuid, 1, 'created')",
    """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
           credits_reserved)
       values (md5(%(owner)s)::uuid, md5(%(owner)s)::uuid, md5(%(owner)s)::uuid, 0, 'tiktok', md5('t')::uuid, 'page',
           '/', 'f', 'open', 1)""",
    """insert into dead_letters (id, job_id, search_id, step, generation, reason)
       values (md5(%(owner)s)::uuid, md5(%(owner)s)::uuid, md5(%(owner)s)::uuid, 0, 0, 'r')""",
    "insert into idempotency_keys (owner, key, fingerprint) values (%(owner)s, 'k', 'f')",
)
ADA, BOB = "user:ada", "user:bob"


@pytest.fixture
def connect(database_url: str, service_database_url: Callable[[str], str]) -> Iterator[Connect]:
    """Connections to a database where Ada and Bob have a row in every table of owners'."""
    with psycopg.connect(database_url) as connection:
        for owner in (ADA, BOB):
            for statement in FILL:
                connection.execute(statement, {"owner": owner})
    opened: list[psycopg.Connection[tuple[Any, ...]]] = []

    def connect(role: str) -> psycopg.Connection[tuple[Any, ...]]:
        opened.append(psycopg.connect(service_database_url(role), autocommit=True))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def count(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> int:
    row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return row[0]


def test_every_table_of_owners_is_walled_and_no_other_is_forgotten(
    database_url: str, record_property: Callable[[str, object], None]
) -> None:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            """select relname, relrowsecurity, relforcerowsecurity from pg_class
               where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"""
        ).fetchall()
    walled = {name for name, is_on, is_forced in tables if is_on and is_forced}
    assert walled == set(OF_OWNERS)
    assert {name for name, *_ in tables} - walled == OF_NOBODY
    record_property("told", f"tables with row-level security in force: {len(walled)} of {len(tables)}")


def test_policies_are_for_exactly_those_who_need_them(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        policies = connection.execute(
            "select tablename, roles, permissive, cmd, qual, with_check from pg_policies where schemaname = 'public'"
        ).fetchall()
        owner = connection.info.user
    for table, others in OF_OWNERS.items():
        found = {roles[0]: (qual, check) for name, roles, *_, qual, check in policies if name == table}
        assert set(found) == {"creatorscout_gateway", owner, *OTHERS[:others]}, table
        qual, check = found.pop("creatorscout_gateway")
        assert "current_setting('app.owner'::text, true)" in qual
        assert qual == check
        assert set(found.values()) == {("true", "true")}
    assert {(permissive, cmd) for _, _, permissive, cmd, *_ in policies} == {("PERMISSIVE", "ALL")}
    assert {name for name, *_ in policies} == set(OF_OWNERS)


def test_without_an_owner_the_gateway_sees_nothing(connect: Connect) -> None:
    gateway = connect("gateway")
    assert {table: count(gateway, table) for table in OF_OWNERS} == dict.fromkeys(OF_OWNERS, 0)
    for odd in ("", ",", "user:", "%", "user:ad_", "user:ada'", "user:ada,*", "{*}"):
        gateway.execute("select set_config('app.owner', %s, false)", [odd])
        seen = {count(gateway, table) for table in OF_OWNERS}
        assert seen == ({1} if odd.startswith("user:ada,") else {0}), odd


def test_the_gateway_sees_and_changes_only_what_is_its_owners(connect: Connect) -> None:
    gateway = connect("gateway")
    gateway.execute("select set_config('app.owner', %s, false)", [ADA])
    assert {table: count(gateway, table) for table in OF_OWNERS} == dict.fromkeys(OF_OWNERS, 1)
    assert gateway.execute("select owner from jobs").fetchall() == [(ADA,)]
    assert gateway.execute("update jobs set error = 'x'").rowcount == 1
    assert gateway.execute("delete from campaigns").rowcount == 1
    gateway.execute("select set_config('app.owner', %s, false)", [f"{ADA},{BOB}"])
    assert {table: count(gateway, table) for table in OF_OWNERS} == dict.fromkeys(OF_OWNERS, 2) | {"campaigns": 1}
    gateway.execute("select set_config('app.owner', '*', false)")
    assert {table: count(gateway, table) for table in OF_OWNERS} == dict.fromkeys(OF_OWNERS, 2) | {"campaigns": 1}


def test_an_owner_that_was_named_for_a_transaction_is_gone_after_it(connect: Connect) -> None:
    gateway = connect("gateway")
    for end in ("commit", "rollback"):
        gateway.execute("begin")
        gateway.execute("select set_config('app.owner', %s, true)", [ADA])
        assert count(gateway, "jobs") == 1
        gateway.execute(end.encode())
        assert count(gateway, "jobs") == 0


ALIENS: tuple[LiteralString, ...] = (
    "insert into owners (owner) values ('user:eve')",
    "insert into owner_days (owner, day) values ('user:bob', '2026-01-02')",
    "insert into campaigns (id, owner, name, created_by) values (gen_random_uuid(), 'user:bob', 'n', 'u')",
    ADD_JOB.replace("md5(%(owner)s)::uuid", "gen_random_uuid()").replace("%(owner)s", "'user:bob'"),
    """insert into searches (id, job_id, ordinal, kind, query, status)
       values (gen_random_uuid(), md5('user:bob')::uuid, 1, 'keyword', 'q', 'active')""",
    """insert into steps (id, search_id, step, job_id, phase)
       values (gen_random_uuid(), md5('user:bob')::uuid, 1, md5('user:bob')::uuid, 'page')""",
    """insert into step_outcomes (search_id, step, job_id, outcome, count)
       values (md5('user:bob')::uuid, 0, md5('user:bob')::uuid, 'filtered', 0)""",
    "insert into job_events (job_id, seq, kind) values (md5('user:bob')::uuid, 2, 'created')",
    "insert into idempotency_keys (owner, key, fingerprint) values ('user:bob', 'k2', 'f')",
)


@pytest.mark.parametrize("statement", ALIENS, ids=lambda one: one.split()[2])
@pytest.mark.parametrize("owner", [ADA, ""])
def test_the_gateway_puts_nothing_where_another_would_find_it(
    connect: Connect, statement: LiteralString, owner: str
) -> None:
    gateway = connect("gateway")
    gateway.execute("select set_config('app.owner', %s, false)", [owner])
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        gateway.execute(statement)


def test_every_table_that_the_gateway_adds_to_was_tried(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        added = connection.execute(
            """select c.relname from pg_class c, aclexplode(c.relacl) acl
               where acl.grantee = 'creatorscout_gateway'::regrole and acl.privilege_type = 'INSERT'"""
        ).fetchall()
    assert {name for (name,) in added} & set(OF_OWNERS) == {one.split()[2] for one in ALIENS}


@pytest.mark.parametrize("role", ["webhook", "worker", "operator"])
def test_who_works_for_all_owners_sees_all(connect: Connect, role: str) -> None:
    service = connect(role)
    assert count(service, "jobs") == 2
    assert service.execute("update jobs set error = 'x'").rowcount == 2


def test_who_owns_the_tables_is_bound_and_has_a_policy(database_url: str, connect: Connect) -> None:
    """Who migrates without being a superuser: else a later migration would change no row and say nothing."""
    assert connect
    with psycopg.connect(database_url) as connection:
        connection.execute("create role plain_owner")
        connection.execute("alter table jobs owner to plain_owner")
        connection.execute("set role plain_owner")
        assert count(connection, "jobs") == 0
        connection.execute("create policy of_plain on jobs to plain_owner using (true) with check (true)")
        assert count(connection, "jobs") == 2
        connection.rollback()


def test_the_statement_of_every_poll_is_bound_too(connect: Connect) -> None:
    """It names its owner for its own transaction, and so shows that owner's job only, also to who asks with another's
    id; and it leaves nothing behind."""
    gateway = connect("gateway")
    read = "select event_seq, status from read_version(%s, %s, md5(%s)::uuid)"
    assert gateway.execute(read, [ADA, "tiktok", ADA]).fetchall() == [(0, "pending")]
    for owner, platform, job in (
        (BOB, "tiktok", ADA),
        (ADA, "youtube", ADA),
        ("*", "tiktok", ADA),
        ("", "tiktok", ADA),
    ):
        assert gateway.execute(read, [owner, platform, job]).fetchall() == []
    assert count(gateway, "jobs") == 0
    for role in ("webhook", "worker", "operator"):
        with pytest.raises(InsufficientPrivilege):
            connect(role).execute(read, [ADA, "tiktok", ADA])
