"""What a service's role cannot do to a job by hand-made SQL, on real Postgres: no service's code is asked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import CheckViolation, InsufficientPrivilege

from local.postgres import Postgres

ROLES = ("gateway", "webhook", "worker", "operator")
EVERYTHING = "everything"  # a login to whom every table and column is granted: only the guards stand before it
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
# The same within a run, for those to whom its columns are not granted.
MOVE_WITHIN = """update jobs set status = %(status)s, ended_at = case when %(final)s then now() end,
                     stop_reason = case when %(final)s then 'exhausted' end,
                     progress = case when %(status)s = 'completed' then 100 else progress end
                 where id = %(job)s returning status"""
ADD_JOB = """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
                 parallel_searches_max, timeout, delay_between_calls, queue_until)
             values (%s, 'user:1', 'user_1', 'tiktok', 'keyword', '{}', 100, 10, 50, 2, '1 hour', '0', 'infinity')"""
ADD_STEP = """insert into steps (id, search_id, step, job_id, phase, items_count)
              values (gen_random_uuid(), %s, %s, %s, %s, %s)"""
ADD_OUTCOME = "insert into step_outcomes (search_id, step, job_id, outcome, count) values (%s, %s, %s, %s, %s)"

Service = psycopg.Connection[tuple[Any, ...]]
STARTERS = ("gateway", "operator", EVERYTHING)
"""Who may start another run of a job."""
ALL = (*ROLES, EVERYTHING)


@pytest.fixture
def everything(postgres_server: Postgres, module_database_url: str) -> Iterator[Service]:
    """A connection as whom nothing but the guards binds; each statement is a transaction of its own."""
    password = postgres_server.password(EVERYTHING)
    with psycopg.connect(module_database_url, autocommit=True) as owner:
        if owner.execute("select from pg_roles where rolname = %s", [EVERYTHING]).fetchone() is None:
            make = sql.SQL("create role {} login bypassrls password {}")
            owner.execute(make.format(sql.Identifier(EVERYTHING), sql.Literal(password)))
        owner.execute("grant all on all tables in schema public to everything")
        owner.execute("revoke truncate, references, trigger on all tables in schema public from everything")
        owner.execute("revoke insert, update, delete on job_transitions, schema_version from everything")
        owner.execute("revoke delete on owners, steps, step_outcomes from everything")
        owner.execute("insert into owners (owner) values ('user:1') on conflict do nothing")
    database = module_database_url.rpartition("/")[2]
    with psycopg.connect(postgres_server.database_url(database, EVERYTHING), autocommit=True) as connection:
        yield connection


@pytest.fixture(params=ALL)
def service(
    request: pytest.FixtureRequest, postgres_server: Postgres, module_database_url: str, everything: Service
) -> Iterator[Service]:
    """A connection as each service's role, for whom row-level security is out of the way: the gateway is everybody."""
    if request.param == EVERYTHING:
        yield everything
        return
    database = module_database_url.rpartition("/")[2]
    with psycopg.connect(postgres_server.database_url(database, request.param), autocommit=True) as connection:
        connection.execute("set app.owner = '*'")
        yield connection


@contextmanager
def refusal(connection: Service, match: str, guarded: Sequence[str] = (EVERYTHING,)) -> Iterator[None]:
    """`guarded` have the grants for what is tried, so that the guard answers them; the others lack one."""
    if connection.info.user in guarded:
        with pytest.raises(CheckViolation, match=match):
            yield
    else:
        with pytest.raises(InsufficientPrivilege):
            yield


def move(connection: Service, job: UUID, status: str, runs: int = 0, more: int = 0) -> None:
    values = {"job": job, "status": status, "runs": runs, "more": more, "final": status in FINAL}
    statement = MOVE if runs or more or connection.info.user in STARTERS else MOVE_WITHIN
    assert connection.execute(statement, values).fetchone() == (status,)


def add_job(connection: Service, status: str = "pending") -> UUID:
    """A new job, brought to this status by the transitions that lead there."""
    job = uuid4()
    connection.execute(ADD_JOB, [job])
    if status in ("processing", "completed"):
        move(connection, job, "processing")
    if status in FINAL:
        move(connection, job, status)
    return job


def add_search(connection: Service, job: UUID) -> UUID:
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


def test_every_illegal_transition_is_refused(service: Service, everything: Service) -> None:
    """Also with another run and a higher target, which lead out of an end where the table says so."""
    assert len(ILLEGAL) == 6 * 5 - 11
    for (before, after), runs in product(ILLEGAL, (0, 1)):
        job = add_job(everything, before)
        with refusal(service, f"illegal transition of a job: {before} to {after}", STARTERS if runs else ALL):
            move(service, job, after, runs, runs)
        assert status_of(service, job) == before


def test_every_legal_transition_works(service: Service, everything: Service) -> None:
    """Out of an end for those only who start another run."""
    assert set(service.execute("select from_status, to_status from job_transitions").fetchall()) == LEGAL
    for before, after in LEGAL:
        again = int(after == "pending")
        job = add_job(everything, before)
        if again and service.info.user not in STARTERS:
            with pytest.raises(InsufficientPrivilege):
                move(service, job, after, again, again)
            continue
        move(service, job, after, again, again)


def test_a_job_lives_ends_and_is_extended(service: Service, everything: Service) -> None:
    job = add_job(everything)
    for status in ("processing", "completed"):
        move(service, job, status)
    move(service if service.info.user in STARTERS else everything, job, "pending", runs=1, more=50)
    for status in ("processing", "completed"):
        move(service, job, status)


@pytest.mark.parametrize(
    ("before", "runs", "more"),
    [("completed", 0, 1), ("completed", 2, 1), ("completed", 1, 0), ("completed", 1, -1), ("error", 0, 0)],
)
def test_out_of_an_end_leads_only_another_run(
    service: Service, everything: Service, before: str, runs: int, more: int
) -> None:
    job = add_job(everything, before)
    match = r"another run only out of an end|needs a higher target"
    with refusal(service, match, STARTERS if runs or more else ALL):
        move(service, job, "pending", runs, more)
    assert status_of(service, job) == before


@pytest.mark.parametrize("status", FINAL)
def test_a_final_job_does_not_change(service: Service, everything: Service, status: str) -> None:
    job = add_job(everything, status)
    changes: tuple[LiteralString, ...] = (
        *("run = run + 1", "target_results = 101", "stop_reason = 'deadline'", "error = 'x'", "ended_at = 'infinity'"),
        *("progress = 99", "delivered_count = 1", "pending_count = 1", "reserve_count = 1", "admitted_at = now()"),
        *("started_at = now()", "deadline_at = now()"),
    )
    for change in changes:
        is_of_a_run = change.startswith(("run", "target_results"))
        with refusal(service, "a final job does not change", STARTERS if is_of_a_run else ALL):
            service.execute(sql.SQL("update jobs set {} where id = %s").format(sql.SQL(change)), [job])


@pytest.mark.parametrize("status", STATUSES[1:])
def test_a_job_is_not_born_late(service: Service, status: str) -> None:
    with refusal(service, "a job begins as pending", ("gateway", EVERYTHING)):
        service.execute(
            """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
                   parallel_searches_max, timeout, delay_between_calls, queue_until, status, ended_at, stop_reason)
               values (gen_random_uuid(), 'user:1', 'u', 'tiktok', 'keyword', '{}', 1, 1, 1, 1, '1 h', '0', now(),
                   %(status)s, case when %(final)s then now() end, case when %(final)s then 'exhausted' end)""",
            {"status": status, "final": status in FINAL},
        )


def test_two_jobs_do_not_exchange_their_ids(service: Service, everything: Service) -> None:
    """Which would move each to the other's status."""
    ended, new = add_job(everything, "cancelled"), add_job(everything)
    exchange = """update jobs set id = case id when %(ended)s then gen_random_uuid() else %(ended)s end
                  where id in (%(ended)s, %(new)s)"""
    with refusal(service, "a row of jobs keeps its identity"):
        service.execute(exchange, {"ended": ended, "new": new})
    assert status_of(service, ended) == "cancelled"


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
        "delete from owners",
        "alter table jobs disable row level security",
        "alter table jobs no force row level security",
        "drop policy of_owner on jobs",
        "create policy mine on jobs using (true)",
        "alter policy of_owner on jobs using (true)",
        "alter role current_user bypassrls",
        "create or replace function read_version(text, text, uuid) returns int language sql as 'select 1'",
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
def test_a_funnel_that_does_not_add_up_is_refused(everything: Service, items: int, outcomes: tuple[int, ...]) -> None:
    """Where there are two outcomes, the second is another job's and does not count."""
    service = everything
    job, other = add_job(service), add_job(service)
    search = add_search(service, job)
    service.execute("begin")
    service.execute(ADD_STEP, [search, 0, job, "page", None])
    service.execute("update steps set phase = 'enrichment', items_count = %s where search_id = %s", [items, search])
    for its_job, outcome, count in zip((job, other), ("surplus", "filtered"), outcomes, strict=False):
        service.execute(ADD_OUTCOME, [search, 0, its_job, outcome, count])
    with pytest.raises(CheckViolation, match="outcomes of a step do not add up"):
        service.execute("commit")
    assert service.execute("select from steps").fetchall() == []


def test_a_step_that_is_born_with_items_has_their_outcomes(service: Service, everything: Service) -> None:
    job = add_job(everything)
    search = add_search(everything, job)
    with pytest.raises(CheckViolation, match="do not add up: 3 items, 0 outcomes"):
        service.execute(ADD_STEP, [search, 0, job, "enrichment", 3])
    with service.transaction():
        service.execute(ADD_STEP, [search, 0, job, "enrichment", 3])
        service.execute(ADD_OUTCOME, [search, 0, job, "surplus", 3])


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
def test_a_funnel_that_adds_up_stays_so(service: Service, everything: Service, statement: LiteralString) -> None:
    """Two steps, of three items and of none. Who may write the column is told by the guard."""
    job = add_job(everything)
    search = add_search(everything, job)
    with everything.transaction():
        for step, items in ((0, 3), (1, 0)):
            everything.execute(ADD_STEP, [search, step, job, "enrichment", items])
        everything.execute(ADD_OUTCOME, [search, 0, job, "surplus", 3])
    guarded = [EVERYTHING]
    if statement.startswith("update steps set items_count = 4"):
        guarded.append("worker")
    if statement.startswith(("update step_outcomes set count", "insert")):
        guarded.extend(ROLES)
    if "items_count = null" in statement:
        guarded.append("worker")
    with refusal(service, r"do not add up|keeps its identity", guarded):
        service.execute(statement)


def test_the_funnel_is_counted_whoever_the_gateway_says_it_is_at_the_commit(
    postgres_server: Postgres, module_database_url: str, everything: Service
) -> None:
    """The guard sees the step though whoever commits does not any more."""
    job = add_job(everything)
    search = add_search(everything, job)
    with everything.transaction():
        everything.execute(ADD_STEP, [search, 0, job, "enrichment", 3])
        everything.execute(ADD_OUTCOME, [search, 0, job, "surplus", 3])
    url = postgres_server.database_url(module_database_url.rpartition("/")[2], "gateway")
    with psycopg.connect(url, autocommit=True) as gateway:
        gateway.execute("set app.owner = 'user:1'")
        gateway.execute("begin")
        gateway.execute("update step_outcomes set count = 2 where search_id = %s", [search])
        gateway.execute("set app.owner = 'user:nobody'")
        with pytest.raises(CheckViolation, match="do not add up: 3 items, 2 outcomes"):
            gateway.execute("commit")


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


def test_a_job_that_runs_cannot_be_deleted(service: Service, everything: Service) -> None:
    """By the gateway's role neither: the others may delete none at all."""
    for status in ("pending", "processing"):
        job = add_job(everything, status)
        with refusal(service, "only a job that has ended", ("gateway", EVERYTHING)):
            service.execute("delete from jobs where id = %s", [job])


def test_only_the_gateway_deletes_jobs_and_only_those_whose_calls_are_settled(
    service: Service, everything: Service
) -> None:
    job = add_job(everything, "completed")
    service.execute("update jobs set credits_reserved = 1 where id = %s", [job])
    with refusal(service, "with all its calls settled", ("gateway", EVERYTHING)):
        service.execute("delete from jobs where id = %s", [job])
    service.execute("update jobs set credits_reserved = 0 where id = %s", [job])
    if service.info.user in ("gateway", EVERYTHING):
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
