"""Steps as a worker does them, on a database of its own: claim, gate, the page's commit, the publication's note.

No upstream, no queue: what is measured is what Postgres needs for a step, and our code around it. A job's last page
ends it, with all that this brings.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from common.clock import Clock
from common.db.platform_state import announce_platform
from common.db.pool import Connection, Database
from common.db.step import note_published
from common.domain.step import DueStep
from common.platform import Page, PlannedSearch
from common.settings import DatabaseSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit
from local.bench.gateway.seed import ABILITY, deliver_page, make_item, make_job
from local.postgres import Postgres

ROWS: Final = 30
_CONNECTIONS: Final = 8
_TABLES: Final = ("jobs", "searches", "steps", "step_outcomes", "candidates", "upstream_calls")


@dataclass(frozen=True, slots=True)
class Load:
    """So many jobs beside each other, each with so many pages; the first of each is not timed."""

    jobs: int
    pages: int


@dataclass(frozen=True, slots=True)
class Turn:
    """`rate` in steps a second; the rest is for one step: buffers that were looked at, bytes of the log."""

    rate: float
    buffers: float
    log_bytes: float
    updates: dict[str, tuple[int, int]]
    """By table: rows updated, and how many of them without touching an index (HOT)."""


def do_steps(server: Postgres, database: str, load: Load) -> Turn:
    """On the jobs that it creates. They end, and stay."""
    return asyncio.run(_do_steps(server, database, load))


async def _do_steps(server: Postgres, name: str, load: Load) -> Turn:
    before = await _count(server.database_url(name))
    gateway, worker = (_database(server, name, role) for role in ("gateway", "worker"))
    await gateway.open()
    await worker.open()
    try:
        async with worker.connection() as connection:
            await announce_platform(connection, ABILITY)
        due = [await _create(gateway, number) for number in range(load.jobs)]
        unit = Unit(database=worker, clock=Clock(), active_jobs_max=1)
        due = await asyncio.gather(*(_step(unit, each, 0, load) for each in due))
        began = time.perf_counter()
        await asyncio.gather(*(_go_on(unit, each[0], load) for each in due))
        seconds = time.perf_counter() - began
    finally:
        await worker.close()
        await gateway.close()
    await asyncio.sleep(0.2)  # a backend tells what it did when it ends
    after = await _count(server.database_url(name))
    steps = load.jobs * load.pages
    return Turn(
        rate=load.jobs * (load.pages - 1) / seconds,
        buffers=(after.buffers - before.buffers) / steps,
        log_bytes=(after.log_bytes - before.log_bytes) / steps,
        updates={
            table: tuple(now - then for now, then in zip(after.updates[table], before.updates[table], strict=True))
            for table in _TABLES
        },  # pyright: ignore[reportArgumentType]
    )


def _database(server: Postgres, name: str, role: str) -> Database:
    url = SecretStr(server.database_url(name, role))
    return Database(DatabaseSettings(database_url=url), name="bench", size_max=_CONNECTIONS)


async def _create(database: Database, number: int) -> DueStep:
    clock = Clock()
    owner = f"user:busy{number}"
    job = make_job(clock, owner, target=10_000)
    unit = Unit(database=database.of(owner), clock=clock, active_jobs_max=5)
    [due] = await create_job(unit, job, [PlannedSearch(kind="keyword", query="vegan")], region=None)
    return due


async def _go_on(unit: Unit, due: DueStep, load: Load) -> None:
    for page in range(1, load.pages):
        [*next_due] = await _step(unit, due, page, load)
        if next_due:
            [due] = next_due


async def _step(unit: Unit, due: DueStep, page: int, load: Load) -> list[DueStep]:
    items = tuple(make_item(page * ROWS + number) for number in range(ROWS))
    cursor = str(page + 1) if page + 1 < load.pages else None
    next_due = await deliver_page(unit, due, Page(items=items, cursor=cursor))
    for each in next_due:
        async with unit.database.connection() as connection:
            await note_published(connection, step=each, qstash_message_id="msg_1")
    return next_due


@dataclass(frozen=True, slots=True)
class _Counts:
    buffers: int
    log_bytes: int
    updates: dict[str, tuple[int, int]]


async def _count(url: str) -> _Counts:
    async with await Connection.connect(url) as connection:
        cursor = await connection.execute(
            """select blks_hit + blks_read, pg_current_wal_insert_lsn() - '0/0'
               from pg_stat_database where datname = current_database()"""
        )
        row = await cursor.fetchone()
        assert row is not None
        cursor = await connection.execute(
            "select relname, n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = any(%s)", [list(_TABLES)]
        )
        updates = {name: (all_of_them, hot) for name, all_of_them, hot in await cursor.fetchall()}
    return _Counts(int(row[0]), int(row[1]), updates)
