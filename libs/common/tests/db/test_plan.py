"""The hot statements walk indexes: each is run as it is and explained among twenty thousand steps."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncCursor
from pydantic import SecretStr

from common.db import candidate, job, ledger, owner, poll, search, step, sweep
from common.db.pool import Connection, Database
from common.domain.step import DueStep
from common.settings import DatabaseSettings

LEASE = timedelta(seconds=30)

# 1,000 jobs of which 20 run, 5,000 searches, 20,000 steps of which 100 are due, 60,000 candidates.
FILL = (
    "insert into owners (owner) select 'user:u' || n from generate_series(1, 50) n",
    """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
           parallel_searches_max, timeout, delay_between_calls, queue_until, admitted_at)
       select md5('j' || n)::uuid, 'user:u' || n % 50 + 1, 'u', 'tiktok', 'keyword', '{}', 1000, 200, 5000, 5, '1 hour',
           '0', now() + interval '1 day', case when n <> 20 then now() end
       from generate_series(1, 1000) n""",
    """update jobs set status = 'error', stop_reason = 'failed', ended_at = now()
       where id not in (select md5('j' || n)::uuid from generate_series(1, 20) n)""",
    """insert into searches (id, job_id, ordinal, kind, query, status, end_reason)
       select md5('s' || n)::uuid, md5('j' || (n - 1) / 5 + 1)::uuid, (n - 1) % 5, 'keyword', 'q',
           case when n <= 100 then 'active' else 'ended' end, case when n > 100 then 'exhausted' end
       from generate_series(1, 5000) n""",
    """insert into steps (id, search_id, step, job_id, phase, item_ids)
       select gen_random_uuid(), md5('s' || n)::uuid, k, md5('j' || (n - 1) / 5 + 1)::uuid,
           case when n <= 100 and k = 3 then 'page' else 'done' end, array['a' || k, 'b' || n]
       from generate_series(1, 5000) n, generate_series(0, 3) k""",
    """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
           outcome, seq, delivered_at, handle, details)
       select job_id, search_id || step::text || n, search_id, step, n, search_id, step,
           case when n = 1 then 'delivered' when n = 2 then 'surplus' else 'filtered' end,
           case when n = 1 then row_number() over () end, case when n = 1 then now() end, 'h', '{}'
       from steps, generate_series(1, 3) n""",
    """with paged as (update steps set items_count = 1 where phase = 'done' returning search_id, step, job_id)
       insert into step_outcomes (search_id, step, job_id, outcome, count)
       select search_id, step, job_id, 'delivered', 1 from paged""",
    """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
           credits_reserved, credits_charged, settled_at)
       select gen_random_uuid(), job_id, search_id, step, 'tiktok', gen_random_uuid(), 'page', '/', 'f', 'settled', 1,
           1, now() from steps""",
    "analyze",
)
JOB, SEARCH, TOKEN = (UUID(text) for text in ("0" * 32, "1" * 32, "2" * 32))  # replaced by those that are there
PLACE: dict[str, Any] = {"search_id": SEARCH, "step": 3}
CALL = ledger.CallRequest(
    id=uuid4(),
    job_id=JOB,
    **PLACE,
    token=TOKEN,
    platform="tiktok",
    kind="page",
    path="/",
    fingerprint="f",
    credits=1,
    pages=1,
)
SETTLEMENT = ledger.Settlement(id=uuid4(), job_id=JOB, credits=1, http_status=200, reason=None, milliseconds=1, bytes=1)
CLAIM = step.ClaimRequest(**PLACE, generation=0, token=TOKEN, lease=LEASE, sequence=1, attempts_max=5)
DUE = DueStep(job_id=JOB, **PLACE, generation=0)
MINUTE = timedelta(minutes=1)

HOT: dict[str, Callable[[Connection], Awaitable[Any]]] = {
    "claim": lambda c: step.claim_step(c, CLAIM),
    "view a step": lambda c: step.view_step(c, **PLACE),
    "renew": lambda c: step.renew_lease(c, **PLACE, token=TOKEN, lease=LEASE),
    "lock a step": lambda c: step.lock_step(c, **PLACE, token=TOKEN),
    "due steps": lambda c: step.due_steps(c, job_id=JOB),
    "release held": lambda c: step.release_held(c, job_id=JOB),
    "successor": lambda c: step.unclaimed_successor(c, **PLACE),
    "published": lambda c: step.note_published(c, step=DUE, qstash_message_id="m"),
    "seen items": lambda c: step.seen_items(c, search_id=SEARCH, item_ids=["a1", "b2"]),
    "gate": lambda c: ledger.open_call(c, CALL),
    "view the gate": lambda c: ledger.view_gate(c, CALL),
    "settle a call": lambda c: ledger.settle_call(c, SETTLEMENT),
    "lose calls": lambda c: ledger.lose_open_calls(c, job_id=JOB, **PLACE, token=TOKEN),
    "known accounts": lambda c: candidate.known_accounts(c, job_id=JOB, platform_ids=["a", "b", "c"]),
    "pending": lambda c: candidate.pending_of_step(c, job_id=JOB, **PLACE),
    "open candidates": lambda c: candidate.open_candidates(c, job_id=JOB),
    "promote": lambda c: candidate.promote_reserve(c, job_id=JOB, **PLACE, count_max=5),
    "discard": lambda c: candidate.discard_reserve(c, job_id=JOB),
    "settle candidates": lambda c: candidate.settle_candidates(c, job_id=JOB, rows=[]),
    "lock a job": lambda c: job.lock_job(c, job_id=JOB),
    "tally": lambda c: search.tally(c, job_id=JOB),
    "start searches": lambda c: search.start_waiting(c, job_id=JOB, count_max=5),
    "count admitted": lambda c: owner.count_admitted(c, owner="user:u7"),
    "next waiting": lambda c: owner.next_waiting(c, owner="user:u7", count_max=5),
    "owners who wait": owner.owners_with_waiting_jobs,
    "overdue": sweep.overdue_jobs,
    "stalled": lambda c: sweep.stalled_steps(c, stalled_after=MINUTE, unpublished_after=MINUTE),
    "idle": lambda c: sweep.idle_jobs(c, idle_for=MINUTE),
    "raise": lambda c: sweep.raise_generation(c, **PLACE, generation=0),
    "version": lambda c: poll.read_version(c, owner="user:u7", platform="tiktok", job_id=JOB),
    "poll": lambda c: poll.read_poll(c, owner="user:u7", platform="tiktok", job_id=JOB),
    "read a job": lambda c: poll.read_job(c, owner="user:u7", job_id=JOB),
}


class Listener(AsyncCursor[Any]):
    """A cursor that remembers what it was asked."""

    asked: list[tuple[Any, Any]]

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        Listener.asked.append((query, params))
        return await super().execute(query, params, **options)


@pytest.fixture(scope="module")
async def connection(module_database_url: str) -> AsyncIterator[Connection]:
    database = Database(DatabaseSettings(database_url=SecretStr(module_database_url)), name="test", size_max=1)
    await database.open()
    async with database.connection() as connection:
        await connection.execute("set statement_timeout = '60s'")
        for statement in FILL:
            await connection.execute(statement)  # pyright: ignore
        cursor = await connection.execute("select job_id, search_id from steps where phase = 'page' limit 1")
        found = await cursor.fetchone()
        assert found is not None
        yield connection
    await database.close()


async def plans_of(connection: Connection, ask: Callable[[Connection], Awaitable[Any]]) -> list[str]:
    """How Postgres would run each statement of a function, its constants replaced by a job and step that are there."""
    cursor = await connection.execute(
        "select job_id, search_id from steps where phase = 'page' order by search_id limit 1"
    )
    row = await cursor.fetchone()
    assert row is not None
    real = dict(zip((JOB, SEARCH), row, strict=True))
    Listener.asked = []
    async with connection.transaction(force_rollback=True):
        connection.cursor_factory = Listener
        try:
            await ask(connection)
        finally:
            connection.cursor_factory = AsyncCursor
    plans: list[str] = []
    for query, params in Listener.asked:
        given = {
            name: real.get(value, value) if isinstance(value, UUID) else value for name, value in (params or {}).items()
        }
        cursor = await connection.execute(f"explain {query}", given)  # pyright: ignore
        plans.append("\n".join(line[0] for line in await cursor.fetchall()))
    return plans


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_statement_reads_no_table_from_end_to_end(connection: Connection, name: str) -> None:
    plans = await plans_of(connection, HOT[name])
    assert plans
    for plan in plans:
        scanned = re.findall(r"Seq Scan on (\w+)", plan)
        assert not {"jobs", "searches", "steps", "candidates", "step_outcomes", "upstream_calls"} & set(scanned), plan


async def test_the_sweep_reads_only_what_is_open(connection: Connection) -> None:
    """Its lists cost what is due, not what was ever done."""
    indexes = {"overdue": "jobs_(overdue|active)", "stalled": "steps_open", "idle": "jobs_(overdue|active)"}
    for name, index in indexes.items():
        [plan] = await plans_of(connection, HOT[name])
        assert re.search(index, plan), plan


async def test_the_guard_sees_a_scan(connection: Connection) -> None:
    """A statement without an index does show."""

    async def scan(connection: Connection) -> None:
        await connection.execute("select count(*) from steps where attempts > %(least)s", {"least": 3})

    [plan] = await plans_of(connection, scan)
    assert "Seq Scan on steps" in plan
