"""Who asks at one moment shares a look, each is told of their own jobs, and no failure leaves anybody waiting."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from common.db.poll import JobMark
from common.db.pool import Connection, Database
from common.settings import DatabaseSettings
from gateway.lookout import LOOKS_MAX, Lookout

ADA, BOB = "user:ada", "user:bob"
JOB = uuid4()


@pytest.fixture
async def database(module_database_url: str) -> AsyncGenerator[Database]:
    opened = Database(DatabaseSettings(database_url=SecretStr(module_database_url)), name="test", size_max=2)
    await opened.open()
    yield opened
    await opened.close()


class _Statement:
    def __init__(self) -> None:
        self.looks: list[tuple[list[str], list[UUID]]] = []
        self.may_end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, connection: Connection, *, owners: list[str], job_ids: list[UUID]) -> list[JobMark]:
        del connection
        self.looks.append((owners, job_ids))
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return [JobMark(job_id, ADA, "tiktok", 1, "pending") for job_id in set(job_ids)]  # all are Ada's


@pytest.mark.server
async def test_one_look_is_for_all_and_each_is_told_of_their_own(database: Database) -> None:
    statement = _Statement()
    statement.may_end.set()
    out = Lookout(database, statement)
    asked = [(ADA, JOB), (BOB, JOB), (ADA, JOB), (ADA, uuid4())]
    told = await asyncio.gather(*(out.read(owner=owner, job_id=job_id) for owner, job_id in asked))
    assert [mark is not None and mark.id == job_id for mark, (_, job_id) in zip(told, asked, strict=True)] == [
        True,
        False,
        True,
        True,
    ]
    assert len(statement.looks) == 1


@pytest.mark.server
async def test_who_asks_during_a_look_is_part_of_a_later_one(database: Database) -> None:
    statement = _Statement()
    out = Lookout(database, statement)
    tasks: list[asyncio.Task[JobMark | None]] = []
    for _ in range(LOOKS_MAX + 3):
        tasks.append(asyncio.create_task(out.read(owner=ADA, job_id=JOB)))
        await asyncio.sleep(0.05)
    assert len(statement.looks) == LOOKS_MAX
    tasks[0].cancel()
    statement.may_end.set()
    assert all(mark is not None for mark in await asyncio.gather(*tasks[1:]))
    assert len(statement.looks) == LOOKS_MAX + 1


@pytest.mark.server
async def test_all_hear_of_a_failure_and_the_next_look_is_made(database: Database) -> None:
    statement = _Statement()
    statement.may_end.set()
    statement.error = TimeoutError()
    out = Lookout(database, statement)
    told = await asyncio.gather(*(out.read(owner=ADA, job_id=JOB) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, TimeoutError) for each in told)
    statement.error = None
    assert await out.read(owner=ADA, job_id=JOB) is not None
