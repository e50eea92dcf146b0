"""The statements around a delivery, on real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr

from common.clock import Clock
from common.db.delivery import (
    Delivered,
    Routed,
    accept_delivery,
    delete_old_deliveries,
    insert_delivery,
    is_replay,
    note_delivered,
    read_delivered,
    redrive_after_failure,
)
from common.db.job import NewJob
from common.db.pool import Database
from common.db.step import ClaimRequest, claim_step, note_published
from common.domain.job import JobStatus, Mode
from common.domain.step import DueStep
from common.platform import PlannedSearch
from common.settings import DatabaseSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def database(module_database_url: str) -> AsyncIterator[Database]:
    database = Database(DatabaseSettings(database_url=SecretStr(module_database_url)), name="test", size_max=8)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def step(database: Database) -> DueStep:
    """The first step of a new job."""
    clock = Clock()
    job = NewJob(
        id=clock.new_id(),
        owner=f"user:{uuid4().hex}",
        created_by="user_1",
        campaign_id=None,
        platform="youtube",
        mode=Mode.KEYWORD,
        input={},
        target_results=10,
        pages_max=10,
        credits_max=100,
        parallel_searches_max=5,
        timeout=timedelta(hours=1),
        delay_between_calls=timedelta(0),
        queue_until=clock.now() + timedelta(hours=1),
    )
    unit = Unit(database=database, clock=clock, active_jobs_max=5)
    [due] = await create_job(unit, job, [PlannedSearch(kind="keyword", query="cats")], region=None)
    return due


async def query(database: Database, statement: str, *values: Any) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        cursor = await connection.cursor(row_factory=dict_row).execute(statement, values)  # pyright: ignore
        return await cursor.fetchall() if cursor.description else []


async def change(database: Database, step: DueStep, assignments: str) -> None:
    await query(database, f"update steps set {assignments} where search_id = %s", step.search_id)


async def row_of(database: Database, step: DueStep) -> dict[str, Any]:
    return (await query(database, "select * from steps where search_id = %s", step.search_id))[0]


async def test_read_delivered(database: Database, step: DueStep) -> None:
    """Where to route a step and whether it is wanted; None for what is unknown."""
    async with database.connection() as connection:
        assert await read_delivered(connection, search_id=step.search_id, step=0) == Delivered(
            job_id=step.job_id,
            platform="youtube",
            generation=0,
            phase="page",
            job_status=JobStatus.PENDING,
            redrives_count=0,
            is_replay=False,
        )
        assert await read_delivered(connection, search_id=step.search_id, step=1) is None
        assert await read_delivered(connection, search_id=uuid4(), step=0) is None


async def test_note_delivered(database: Database, step: DueStep) -> None:
    """The sequence only grows, another generation's is not taken, and the connection stays synchronous."""

    async def note(generation: int, sequence: int) -> int | None:
        async with database.connection() as connection:
            await connection.execute("set synchronous_commit = 'on'")
            await note_delivered(
                connection, search_id=step.search_id, step=0, generation=generation, stream_sequence=sequence
            )
            [commit] = await (await connection.execute("show synchronous_commit")).fetchall()
            assert commit[0] == "on"
        return (await row_of(database, step))["stream_sequence"]

    assert await note(1, 5) is None
    assert await note(0, 5) == 5
    assert await note(0, 4) == 5
    assert await note(0, 6) == 6
    assert (await row_of(database, step))["delivered_at"] is not None


async def test_a_token_is_remembered_once(database: Database) -> None:
    """However many insert it at once, one was first."""
    jti = uuid4().hex

    async def insert() -> bool:
        async with database.connection() as connection:
            return await insert_delivery(connection, jti=jti, message_id="msg_1")

    async with database.connection() as connection:
        assert not await is_replay(connection, jti=jti)
    assert sorted(await asyncio.gather(*(insert() for _ in range(6)))) == [False] * 5 + [True]
    async with database.connection() as connection:
        assert await is_replay(connection, jti=jti)


async def test_a_delivery_is_accepted_once(database: Database, step: DueStep) -> None:
    """With its token and the step's place in the stream; another generation's place is not taken."""
    jti = uuid4().hex

    async def accept(generation: int, sequence: int, jti: str) -> bool:
        routed = Routed(
            search_id=step.search_id,
            step=0,
            generation=generation,
            stream_sequence=sequence,
            jti=jti,
            message_id="msg_1",
        )
        async with database.connection() as connection:
            return await accept_delivery(connection, routed)

    async def is_replay_told() -> bool:
        async with database.connection() as connection:
            row = await read_delivered(connection, search_id=step.search_id, step=0, jti=jti)
        assert row is not None
        return row.is_replay

    assert not await is_replay_told()
    assert sorted(await asyncio.gather(*(accept(0, 5, jti) for _ in range(6)))) == [False] * 5 + [True]
    assert await is_replay_told()
    assert (await row_of(database, step))["stream_sequence"] == 5
    assert await accept(1, 9, uuid4().hex)
    assert await accept(0, 4, uuid4().hex)
    row = await row_of(database, step)
    assert row["stream_sequence"] == 5
    assert row["delivered_at"] is not None


async def test_old_tokens_are_forgotten(database: Database) -> None:
    """Only those that are older."""
    old, young = uuid4().hex, uuid4().hex
    async with database.connection() as connection:
        await insert_delivery(connection, jti=old, message_id=None)
        await insert_delivery(connection, jti=young, message_id=None)
        await connection.execute(
            "update qstash_deliveries set received_at = now() - interval '11 minutes' where jti = %s", [old]
        )
        assert await delete_old_deliveries(connection, older_than=timedelta(minutes=10)) == 1
        assert not await is_replay(connection, jti=old)
        assert await is_replay(connection, jti=young)


async def redrive(database: Database, step: DueStep, generation: int = 0, redrives_max: int = 3) -> DueStep | None:
    async with database.connection() as connection:
        return await redrive_after_failure(
            connection, search_id=step.search_id, step=0, generation=generation, redrives_max=redrives_max
        )


async def test_redrive_raises_the_generation(database: Database, step: DueStep) -> None:
    """The step is due again under the next generation, and nobody has published that yet."""
    async with database.connection() as connection:
        await note_published(connection, step=step, qstash_message_id="msg_1")
    await change(database, step, "due_at = now() + interval '1 hour'")
    due = await redrive(database, step)
    assert due == step.model_copy(update={"generation": 1})
    row = await row_of(database, step)
    assert (row["generation"], row["redrives_count"], row["published_generation"]) == (1, 1, None)
    assert row["due_at"] < Clock().now() + timedelta(seconds=10)


@pytest.mark.parametrize(
    "assignments",
    [
        "generation = 1",
        "phase = 'done', done_at = now()",
        "phase = 'held'",
        "lease_until = now() + interval '1 second', token = gen_random_uuid()",
        "redrives_count = 3",
    ],
)
async def test_redrive_leaves_alone(database: Database, step: DueStep, assignments: str) -> None:
    """What moved on, is done, is held back, is in a worker's hands, or was driven often enough."""
    await change(database, step, assignments)
    before = await row_of(database, step)
    assert await redrive(database, step) is None
    assert await row_of(database, step) == before


@pytest.mark.parametrize("status", ["cancelled", "error", "timeout"])
async def test_redrive_leaves_final_jobs_alone(database: Database, step: DueStep, status: str) -> None:
    """A final job starts nothing."""
    await query(
        database,
        "update jobs set status = %s, stop_reason = 'failed', ended_at = now() where id = %s",
        status,
        step.job_id,
    )
    assert await redrive(database, step) is None


@pytest.mark.parametrize(
    "assignments",
    [
        "lease_until = now() - interval '1 second', token = gen_random_uuid()",
        "phase = 'enrichment', items_count = 0",
        "redrives_count = 2",
    ],
)
async def test_redrive_takes_up(database: Database, step: DueStep, assignments: str) -> None:
    """A dead worker's step, one whose page is paid for, and the last time that is allowed."""
    await change(database, step, assignments)
    assert await redrive(database, step) is not None


async def test_redrives_that_race(database: Database, step: DueStep) -> None:
    """One raises the generation."""
    answers = await asyncio.gather(*(redrive(database, step) for _ in range(8)))
    assert sum(answer is not None for answer in answers) == 1
    assert (await row_of(database, step))["generation"] == 1


async def test_redrive_and_claim_exclude_each_other(database: Database, step: DueStep) -> None:
    """A step is either claimed at its generation or driven again under the next one."""

    async def claim() -> bool:
        request = ClaimRequest(
            search_id=step.search_id,
            step=0,
            generation=0,
            token=uuid4(),
            lease=timedelta(minutes=1),
            sequence=1,
            attempts_max=5,
        )
        async with database.connection() as connection:
            return await claim_step(connection, request) is not None

    for _ in range(20):
        await change(
            database, step, "generation = 0, redrives_count = 0, attempts = 0, token = null, lease_until = null"
        )
        is_claimed, due = await asyncio.gather(claim(), redrive(database, step))
        assert is_claimed != (due is not None)
