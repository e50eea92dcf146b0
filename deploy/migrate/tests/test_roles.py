"""What a service's role cannot do to a job by hand-made SQL, on real Postgres: no service's code is asked."""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import CheckViolation, InsufficientPrivilege

from local.postgres import Postgres

ROLES = ("gateway", "webhook", "worker", "operator")
FINAL = ("completed", "error", "timeout", "cancelled")
STATUSES = ("pending", "processing", *FINAL)
LEGAL = {
    *(("pending", after) for after in ("processing", "error", "timeout", "cancelled")),
    *(("processing", after) for after in FINAL),
    *((before, "pending") for before in ("completed", "error", "timeout")),
}
ILLEGAL = [pair for pair in product(STATUSES, STATUSES) if pair[0] != pair[1] and pair not in LEGAL]

# With every column as the status wants it, so that nothing but the guard of transitions can refuse.
MOVE = """update jobs set status = %(status)s, run = run + %(runs)s, target_results = target_results + %(more)s,
              ended_at = case when %(final)s then now() end, stop_reason = case when %(final)s then 'exhausted' end,
              progress = case when %(status)s = 'completed' then 100 else progress end
          where id = %(job)s returning status"""
ADD_JOB = """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
                 parallel_searches_max, timeout, delay_between_calls, queue_until)
             values (%s, 'user:1', 'user_1', 'tiktok', 'keyword', '{}', 100, 10, 50, 2, '1 hour', '0', 'infinity')"""
ADD_STEP = """insert into steps (id, search_id, step, job_id, phase, items_count)
              values (gen_random_uuid(), %s, %s, %s, %s, %s)"""
ADD_OUTCOME = "insert into step_outcomes (search_id, step, job_id, outcome, count) values (%s, %s, %s, %s, %s)"

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Service:
    """A connection as a service's role, and one as the owner of the tables, who prepares what the service meets."""

    connection: Connection
    owner: Connection

    def execute(self, statement: Any, values: Any = None) -> psycopg.Cursor[tuple[Any, ...]]:
        return self.connection.execute(statement, values)

    def transaction(self) -> AbstractContextManager[Any]:
        return self.connection.transaction()


@pytest.fixture(params=ROLES)
def service(request: pytest.FixtureRequest, postgres_server: Postgres, module_database_url: str) -> Iterator[Service]:
    """Each service's role; each statement is a transaction of its own. The gateway serves the owner of the jobs."""
    database = module_database_url.rpartition("/")[2]
    url = postgres_server.database_url(database, request.param)
    with (
        psycopg.connect(url, autocommit=True) as connection,
        psycopg.connect(module_database_url, autocommit=True) as owner,
    ):
        owner.execute("insert into owners (owner) values ('user:1') on conflict do nothing")
        connection.execute("select set_config('app.owner', 'user:1', false)")
        yield Service(connection, owner)


@pytest.fixture(scope="module")
def wide_url(module_database_url: str) -> str:
    """A role that may add and change whatever it wants: what refuses it is no grant."""
    with psycopg.connect(module_database_url, autocommit=True) as owner:
        owner.execute("create role wide login in role creatorscout_operator password 'known'")
        owner.execute("grant select, insert, update on all tables in schema public to wide")
    return re.sub("//.*@", "//wide:known@", module_database_url)


@pytest.fixture
def wide(wide_url: str, module_database_url: str) -> Iterator[Service]:
    """The guards are looked at as this role, so that they are known to hold without the grants."""
    with (
        psycopg.connect(wide_url, autocommit=True) as connection,
        psycopg.connect(module_database_url, autocommit=True) as owner,
    ):
        owner.execute("insert into owners (owner) values ('user:1') on conflict do nothing")
        yield Service(connection, owner)


def move(connection: Service | Connection, job: UUID, status: str, runs: int = 0, more: int = 0) -> None:
    values = {"job": job, "status": status, "runs": runs, "more": more, "final": status in FINAL}
    assert connection.execute(MOVE, values).fetchone() == (status,)


def add_job(service: Service | Connection, status: str = "pending") -> UUID:
    """A new job, brought to this status by the transitions that lead there."""
    connection = service.owner if isinstance(service, Service) else service
    job = uuid4()
    connection.execute(ADD_JOB, [job])
    if status in ("processing", "completed"):
        move(connection, job, "processing")
    if status in FINAL:
        move(connection, job, status)
    return job


def add_search(connection: Service | Connection, job: UUID) -> UUID:
    search = uuid4()
    connection.execute(
        "insert into searches (id, job_id, ordinal, kind, query, status) values (%s, %s, 0, 'keyword', 'q', 'active')",
        [search, job],
    )
    return search


def status_of(connection: Service, job: UUID) -> str:
    row = connection.execute("select status from jobs where id = %s", [job]).fetchone()
    assert row is not None
    return row[0]


def test_every_illegal_transition_is_refused(wide: Service) -> None:
    """Also with another run and a higher target, which lead out of an end where the table says so."""
    assert len(ILLEGAL) == 6 * 5 - 11
    for (before, after), runs in product(ILLEGAL, (0, 1)):
        job = add_job(wide, before)
        with pytest.raises(CheckViolation, match=f"illegal transition of a job: {before} to {after}"):
            move(wide, job, after, runs, runs)
        assert status_of(wide, job) == before


def test_every_legal_transition_works(wide: Service) -> None:
    assert set(wide.execute("select from_status, to_status from job_transitions").fetchall()) == LEGAL
    for before, after in LEGAL:
        again = int(after == "pending")
        move(wide, add_job(wide, before), after, again, again)


def test_a_job_lives_ends_and_is_extended(wide: Service) -> None:
    job = add_job(wide)
    for status in ("processing", "completed"):
        move(wide, job, status)
    move(wide, job, "pending", runs=1, more=50)
    for status in ("processing", "completed"):
        move(wide, job, status)


@pytest.mark.parametrize(
    ("before", "runs", "more"),
    [("completed", 0, 1), ("completed", 2, 1), ("completed", 1, 0), ("completed", 1, -1), ("error", 0, 0)],
)
def test_out_of_an_end_leads_only_another_run(wide: Service, before: str, runs: int, more: int) -> None:
    job = add_job(wide, before)
    with pytest.raises(CheckViolation, match=r"another run only out of an end|needs a higher target"):
        move(wide, job, "pending", runs, more)
    assert status_of(wide, job) == before


@pytest.mark.parametrize("status", FINAL)
def test_a_final_job_does_not_change(wide: Service, status: str) -> None:
    job = add_job(wide, status)
    changes: tuple[LiteralString, ...] = (
        *("run = run + 1", "target_results = 101", "stop_reason = 'deadline'", "error = 'x'", "ended_at = 'infinity'"),
        *("progress = 99", "delivered_count = 1", "pending_count = 1", "reserve_count = 1", "admitted_at = now()"),
        *("started_at = now()", "deadline_at = now()"),
    )
    for change in changes:
        with pytest.raises(CheckViolation, match="a final job does not change"):
            wide.execute(sql.SQL("update jobs set {} where id = %s").format(sql.SQL(change)), [job])


@pytest.mark.parametrize("status", STATUSES[1:])
def test_a_job_is_not_born_late(wide: Service, status: str) -> None:
    with pytest.raises(CheckViolation, match="a job begins as pending"):
        wide.execute(
            """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
                   parallel_searches_max, timeout, delay_between_calls, queue_until, status, ended_at, stop_reason)
               values (gen_random_uuid(), 'user:1', 'u', 'tiktok', 'keyword', '{}', 1, 1, 1, 1, '1 h', '0', now(),
                   %(status)s, case when %(final)s then now() end, case when %(final)s then 'exhausted' end)""",
            {"status": status, "final": status in FINAL},
        )


def test_two_jobs_do_not_exchange_their_ids(wide: Service) -> None:
    """Which would move each to the other's status."""
    ended, new = add_job(wide, "cancelled"), add_job(wide)
    exchange = """update jobs set id = case id when %(ended)s then gen_random_uuid() else %(ended)s end
                  where id in (%(ended)s, %(new)s)"""
    with pytest.raises(CheckViolation, match="a row of jobs keeps its identity"):
        wide.execute(exchange, {"ended": ended, "new": new})
    assert status_of(wide, ended) == "cancelled"


@pytest.mark.parametrize(
    "statement",
    [
        "insert into job_transitions (from_status, to_status) values ('cancelled', 'pending')",
        "update job_transitions set to_status = 'pending'",
        "update job_transitions set action = null",
        "delete from job_transitions",
        "truncate job_transitions",
        "update schema_version set version_num = '0001'",
        "alter table jobs disable trigger all",
        "alter table jobs disable trigger user",
        "alter table jobs disable trigger jobs_transition",
        "alter table step_outcomes disable trigger step_outcomes_add_up",
        "drop trigger jobs_transition on jobs",
        "drop trigger jobs_final on jobs",
        "create trigger mine before update on jobs for each row execute function refuse_change_of_final()",
        "create rule mine as on update to jobs do instead nothing",
        "create or replace function refuse_illegal_transition() returns trigger language plpgsql as 'begin end'",
        "alter function refuse_illegal_transition() reset search_path",
        "drop function refuse_illegal_transition() cascade",
        "set session_replication_role = replica",
        "set local session_replication_role = replica",
        "select set_config('session_replication_role', 'replica', false)",
        "alter role current_user set session_replication_role = replica",
        "alter role current_user superuser",
        "set role creatorscout",
        "set session authorization creatorscout",
        "grant creatorscout to current_user",
        "create temp table job_transitions (like public.job_transitions)",
        "create temp table steps (like public.steps)",
        "create temp table mine ()",
        "create temp view job_transitions as select 'cancelled' as from_status, 'pending' as to_status",
        "select 1 as one into temp mine",
        "create table public.mine ()",
        "create schema mine",
        "create function public.mine() returns int language sql as 'select 1'",
        "create extension dblink",
        "truncate jobs",
        "truncate jobs cascade",
        "truncate step_outcomes",
        "delete from steps",
        "delete from step_outcomes",
        "drop table jobs",
        "alter table jobs drop column run",
        "copy jobs from program 'true'",
    ],
)
def test_what_would_go_round_the_guards_is_not_permitted(service: Service, statement: LiteralString) -> None:
    with pytest.raises(InsufficientPrivilege):
        service.execute(statement)


@pytest.mark.parametrize(
    ("items", "outcomes"), [(3, (2,)), (3, (4,)), (3, ()), (0, (1,)), (3, (2, 1)), (3, (2, 2))], ids=str
)
def test_a_funnel_that_does_not_add_up_is_refused(wide: Service, items: int, outcomes: tuple[int, ...]) -> None:
    """Where there are two outcomes, the second is another job's and does not count."""
    job, other = add_job(wide), add_job(wide)
    search = add_search(wide, job)
    wide.execute("begin")
    wide.execute(ADD_STEP, [search, 0, job, "page", None])
    wide.execute("update steps set phase = 'enrichment', items_count = %s where search_id = %s", [items, search])
    for its_job, outcome, count in zip((job, other), ("surplus", "filtered"), outcomes, strict=False):
        wide.execute(ADD_OUTCOME, [search, 0, its_job, outcome, count])
    with pytest.raises(CheckViolation, match="outcomes of a step do not add up"):
        wide.execute("commit")
    assert wide.execute("select from steps").fetchall() == []


def test_a_step_that_is_born_with_items_has_their_outcomes(wide: Service) -> None:
    job = add_job(wide)
    search = add_search(wide, job)
    with pytest.raises(CheckViolation, match="do not add up: 3 items, 0 outcomes"):
        wide.execute(ADD_STEP, [search, 0, job, "enrichment", 3])
    with wide.transaction():
        wide.execute(ADD_STEP, [search, 0, job, "enrichment", 3])
        wide.execute(ADD_OUTCOME, [search, 0, job, "surplus", 3])


@pytest.mark.parametrize(
    "statement",
    [
        "update steps set items_count = 4 where step = 0",
        "update steps set items_count = null, phase = 'page' where step = 0",
        "update step_outcomes set count = 2 where step = 0",
        "update step_outcomes set step = 1 where step = 0; update steps set items_count = 3 where step = 1",
        "update step_outcomes set job_id = gen_random_uuid() where step = 0",
        "update steps set job_id = gen_random_uuid() where step = 0",
        "insert into step_outcomes select search_id, step, job_id, 'filtered', '', 1 from step_outcomes where step = 0",
    ],
)
def test_a_funnel_that_adds_up_stays_so(wide: Service, statement: LiteralString) -> None:
    """Two steps, of three items and of none."""
    job = add_job(wide)
    search = add_search(wide, job)
    with wide.transaction():
        for step, items in ((0, 3), (1, 0)):
            wide.execute(ADD_STEP, [search, step, job, "enrichment", items])
        wide.execute(ADD_OUTCOME, [search, 0, job, "surplus", 3])
    with pytest.raises(CheckViolation, match=r"do not add up|keeps its identity"):
        wide.execute(statement)


def test_the_guards_are_not_fooled_by_who_may_make_temporary_tables(database_url: str) -> None:
    """As the owner, who may: empty tables of the same names stand before ours, and no guard looks there."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("insert into owners (owner) values ('user:1')")
        job = add_job(owner, "cancelled")
        search = add_search(owner, job)
        for statement in (
            "create temp table steps (like public.steps)",
            "create temp table step_outcomes (like public.step_outcomes)",
            "create temp table job_transitions (like public.job_transitions)",
            "insert into pg_temp.job_transitions values ('cancelled', 'processing')",
            "set search_path = pg_temp, public",
        ):
            owner.execute(statement)
        with pytest.raises(CheckViolation, match="illegal transition"):
            move(owner, job, "processing")
        with pytest.raises(CheckViolation, match="do not add up"):
            owner.execute(ADD_STEP.replace("into steps", "into public.steps"), [search, 0, job, "enrichment", 3])


def test_a_job_that_runs_cannot_be_deleted(service: Service) -> None:
    """By the roles of gateway and webhook neither: the others may delete none at all."""
    for status in ("pending", "processing"):
        job = add_job(service, status)
        with pytest.raises((CheckViolation, InsufficientPrivilege)):
            service.execute("delete from jobs where id = %s", [job])


def test_an_owner_goes_only_with_the_deletion_of_its_account(service: Service) -> None:
    """The webhook's sweep may delete owners: a trigger says which."""
    service.owner.execute("insert into owners (owner) values ('user:2') on conflict do nothing")
    with pytest.raises((CheckViolation, InsufficientPrivilege)):
        service.execute("delete from owners where owner = 'user:2'")


def test_gateway_and_webhook_delete_jobs_and_only_those_whose_calls_are_settled(
    service: Service, request: pytest.FixtureRequest
) -> None:
    job = add_job(service, "completed")
    service.execute("update jobs set credits_reserved = 1 where id = %s", [job])
    with pytest.raises((CheckViolation, InsufficientPrivilege)):
        service.execute("delete from jobs where id = %s", [job])
    service.execute("update jobs set credits_reserved = 0 where id = %s", [job])
    if request.node.callspec.params["service"] in ("gateway", "webhook"):
        assert service.execute("delete from jobs where id = %s", [job]).rowcount == 1
        return
    with pytest.raises(InsufficientPrivilege):
        service.execute("delete from jobs where id = %s", [job])


def test_every_trigger_function_has_a_search_path_of_its_own(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            """select proname, proconfig from pg_proc
               where prorettype = 'trigger'::regtype and pronamespace = 'public'::regnamespace"""
        ).fetchall()
    assert len(rows) >= 6
    assert {name for name, settings in rows if settings != ["search_path=pg_catalog, public, pg_temp"]} == set()


GRANTS = Path(__file__).parent / "data" / "grants.txt"


def granted(database_url: str) -> str:
    """A line for each right of each group on each table, with the columns if it is not all of them."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            """with rights as (
                   select c.relname, r.rolname, lower(acl.privilege_type) as kind, acl.is_grantable, null as attname
                   from pg_class c, aclexplode(c.relacl) acl, pg_roles r
                   where acl.grantee = r.oid and c.relnamespace = 'public'::regnamespace
                   union all
                   select c.relname, r.rolname, lower(acl.privilege_type), acl.is_grantable, a.attname
                   from pg_attribute a join pg_class c on c.oid = a.attrelid, aclexplode(a.attacl) acl, pg_roles r
                   where acl.grantee = r.oid and c.relnamespace = 'public'::regnamespace
               )
               select rolname, relname, kind, bool_or(is_grantable), string_agg(attname, ' ' order by attname)
               from rights where rolname like 'creatorscout\\_%' group by 1, 2, 3 order by 1, 2, 3"""
        ).fetchall()
    assert not any(is_grantable for _, _, _, is_grantable, _ in rows)
    return "".join(
        f"{group.removeprefix('creatorscout_')} {table} {kind}{f': {columns}' if columns else ''}\n"
        for group, table, kind, _, columns in rows
    )


def test_the_grants_are_these_and_no_others(database_url: str) -> None:
    """After a migration that is meant to change them: GRANTS=write, and read the difference."""
    now = granted(database_url)
    if os.environ.get("GRANTS") == "write":
        GRANTS.write_text(now)
    assert now == GRANTS.read_text()


def test_nobody_else_has_any_right(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        public = connection.execute(
            """select c.relname from pg_class c, aclexplode(c.relacl) acl
               where acl.grantee = 0 and c.relnamespace = 'public'::regnamespace
               union all
               select p.proname from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
               where acl.grantee = 0 and p.pronamespace = 'public'::regnamespace
                 and p.prorettype <> 'trigger'::regtype"""
        ).fetchall()
    assert public == []


@pytest.mark.parametrize("role", ROLES)
def test_a_group_has_no_rights_of_its_own(database_url: str, role: str) -> None:
    with psycopg.connect(database_url) as connection:
        rights = connection.execute(
            """select rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
               from pg_roles where rolname = %s""",
            [f"creatorscout_{role}"],
        ).fetchone()
    assert rights == (False,) * 6
