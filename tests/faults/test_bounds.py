"""A hundred thousand jobs, four thousand of them unfinished: by an index the sweep finds those and reads no others."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats
import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from common.resources.process import DoorSettings, Resources, open_resources
from common.settings import DatabaseSettings, NatsSettings, QStashSettings
from local.faults.record import Record
from local.nats import Nats
from local.postgres import Postgres
from local.qstash.testing import StandIn, run_stand_in
from migrate.stream import provision
from webhook.sweep import sweep_once

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(420)]

LISTS_MIN = 6
UNFINISHED = 4_000
PAGES_EACH_MAX = 10  # a list that went through the finished jobs too would read a hundred thousand
SWEEPS_MAX = 20
BIG = {"jobs", "searches", "steps", "upstream_calls", "qstash_deliveries"}
UNPUBLISHED = 200
OVERDUE = 20

# 400 owners have five jobs running and five that wait; the other 96,000 jobs are over. Of those that run none is idle,
# though nothing was heard of them for a while; what was published stays so while the test lasts.
FILL = (
    """create temporary table plan as
       select n, gen_random_uuid() as id, gen_random_uuid() as search_id,
           case when n < 2000 then 'active' when n < 4000 then 'waiting' else 'final' end as lot,
           'user:' || case when n < 4000 then n % 400 else 400 + n % 4600 end as owner
       from generate_series(0, 99999) n""",
    "insert into owners (owner) select distinct owner from plan",
    """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
           parallel_searches_max, timeout, delay_between_calls, created_at, queued_at, queue_until)
       select id, owner, 'user', 'tiktok', 'keyword', '{}', 100, 200, 5000, 5, '1 hour', '0',
           now() - n * interval '10 seconds', now() - n * interval '10 seconds', now() + interval '1 day' from plan""",
    """insert into searches (id, job_id, ordinal, kind, query, status, end_reason)
       select search_id, id, 0, 'keyword', 'vegan',
           case lot when 'final' then 'ended' else lot end, case lot when 'final' then 'job_ended' end from plan""",
    """insert into steps (id, search_id, step, job_id, phase, published_generation, published_at, due_at)
       select gen_random_uuid(), search_id, step, id, case when lot = 'active' and step = 1 then 'page' else 'done' end,
           case when n >= 200 then 0 end, now() + interval '1 hour', now() - interval '30 seconds'
       from plan cross join generate_series(0, 1) step where lot <> 'waiting'""",
    """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
           credits_reserved, credits_charged, settled_at)
       select gen_random_uuid(), id, search_id, 0, 'tiktok', gen_random_uuid(), 'page', '/', '', 'settled', 1, 1, now()
       from plan where lot <> 'waiting'""",
    """update jobs set status = 'processing', admitted_at = now(), started_at = now(), credits_spent = 1,
           credits_granted = 1, updated_at = now() - interval '2 minutes',
           deadline_at = now() + case when n between 1980 and 1999 then -1 else 1 end * interval '1 hour'
       from plan where plan.id = jobs.id and lot <> 'waiting'""",
    """update jobs set ended_at = now(), progress = 100,
           status = (array['completed', 'error', 'timeout', 'cancelled'])[n % 4 + 1],
           stop_reason = (array['target_reached', 'failed', 'deadline', 'cancelled'])[n % 4 + 1]
       from plan where plan.id = jobs.id and lot = 'final'""",
    "insert into qstash_deliveries (jti) select 'jwt_' || n from generate_series(1, 20000) n",
    "vacuum analyze",  # as autovacuum leaves it: a hundred thousand jobs are not moved at once
)
PLAN = re.compile(r"duration: [\d.]+ ms  plan:\n((?:\t.*\n)+)")


@pytest.fixture
def full_database_url(postgres_server: Postgres, database_url: str) -> str:
    """A database with a hundred thousand jobs that tells, from now on, how it carries out each statement."""
    name = sql.Identifier(database_url.rpartition("/")[2])
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in FILL:
            connection.execute(statement.encode())
        for setting, value in (
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_analyze", "on"),
            ("auto_explain.log_buffers", "on"),
            ("auto_explain.log_format", "json"),
        ):
            connection.execute(
                sql.SQL("alter database {} set {} = {}").format(name, sql.SQL(setting), sql.Literal(value))  # pyright: ignore
            )
    return database_url


@asynccontextmanager
async def opened(database_url: str, nats_url: str, qstash: StandIn) -> AsyncIterator[Resources]:
    """The webhook's doors."""
    client = await nats.connect(nats_url)
    await provision(client.jetstream(), replicas=1)
    await client.close()
    doors = DoorSettings(
        database=DatabaseSettings(database_url=SecretStr(database_url)),
        nats=NatsSettings(nats_url=nats_url),
        qstash=QStashSettings(
            qstash_url=qstash.url, qstash_token=SecretStr(qstash.user.token), public_webhook_url="http://127.0.0.1:1"
        ),
    )
    async with open_resources(doors, name="webhook", pool_max=4, on_lost=lambda: None) as resources:
        yield resources


async def test_the_sweep_finds_its_work_among_a_hundred_thousand_jobs(
    postgres_server: Postgres, full_database_url: str, own_nats_server: Nats, record: Record
) -> None:
    """What it reads is counted in pages, which a busy machine does not change. Sweeps go on until nothing is left: of
    what is published at once some may not get through in time, and the next sweep publishes it."""
    log = postgres_server.folder / "postgres.log"
    total: Counter[str] = Counter()
    with run_stand_in() as qstash:
        async with opened(full_database_url, own_nats_server.url, qstash) as resources:
            for number in range(1, SWEEPS_MAX + 1):
                seen = log.stat().st_size
                repairs = await sweep_once(resources)
                total.update(repairs)
                told = plans(log.read_bytes()[seen:].decode(errors="replace"))
                looked = [plan for plan in told if is_list(plan)]
                pages = sum(pages_read(plan["Plan"]) for plan in looked)
                record.note(
                    f"sweep {number} over 100,000 jobs, {UNFINISHED:,} of them not over: {pages:,} pages read for "
                    f"{len(looked)} lists; repairs {repairs}"
                )
                assert len(looked) >= LISTS_MIN
                scanned = [(plan["Query Text"], name) for plan in told for name in whole_scans(plan["Plan"])]
                assert scanned == [], "a statement reads a whole table"
                assert pages < PAGES_EACH_MAX * UNFINISHED
                if not repairs:
                    break
    assert not repairs
    assert total["ended_overdue"] == OVERDUE
    assert total["redriven"] >= UNPUBLISHED - OVERDUE
    record.confirm("every statement of a sweep over 100,000 jobs uses an index", number)


def plans(text: str) -> list[dict[str, Any]]:
    """The plan of each statement in the server's log."""
    return [json.loads(plan) for plan in PLAN.findall(text)]


def pages_read(node: dict[str, Any]) -> int:
    """By this node and those below, from memory or from disk, each time it was read."""
    return node["Shared Hit Blocks"] + node["Shared Read Blocks"]


def is_list(plan: dict[str, Any]) -> bool:
    """What the sweep looks for, before it repairs anything."""
    text = plan["Query Text"].strip()
    return " limit " in text or text.startswith("delete from qstash_deliveries")


def whole_scans(node: dict[str, Any]) -> list[str]:
    """The big tables that a plan reads from end to end."""
    own = [node["Relation Name"]] if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG else []
    return own + [name for below in node.get("Plans", ()) for name in whole_scans(below)]
