"""The statements behind a job's results on real Postgres: pages that join, one owner, three orders."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.clock import Clock
from common.db.owner import add_owner
from common.db.pool import Connection, Database
from common.db.result import (
    ResultPlace,
    ResultQuery,
    ResultRow,
    list_alike,
    list_followed,
    list_found,
    read_result_head,
)
from common.domain.creator import Account, Contact, Creator, Match
from common.domain.job import Mode, PlatformName
from common.settings import DatabaseSettings

ADA, BOB = "user:user_ada", "user:user_bob"
List = Callable[[Connection, ResultQuery], Awaitable[list[ResultRow]]]


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="test", size_max=1)
    await database.open()
    async with database.connection() as connection:
        for owner in (ADA, BOB):
            await add_owner(connection, owner=owner)
        yield connection
    await database.close()


async def add_job(connection: Connection, owner: str = ADA, mode: str = "similar") -> UUID:
    """A job with one search and one step."""
    job_id = Clock().new_id()
    await connection.execute(
        """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
               parallel_searches_max, timeout, delay_between_calls, queue_until)
           values (%s, %s, 'u', 'tiktok', %s, '{}', 1000, 10, 50, 1, '1 hour', '0', now() + interval '1 day')""",
        [job_id, owner, mode],
    )
    await connection.execute(
        "insert into searches (id, job_id, ordinal, kind, query, status) values (%s, %s, 0, 'target', 'q', 'active')",
        [job_id, job_id],
    )
    await connection.execute(
        "insert into steps (id, search_id, step, job_id, phase) values (%s, %s, 0, %s, 'page')",
        [uuid4(), job_id, job_id],
    )
    return job_id


async def add(
    connection: Connection,
    job_id: UUID,
    seq: int | None,
    likeness: float | None = None,
    followers: int | None = None,
) -> None:
    creator = Creator(
        account=Account(platform_id=str(uuid4()), handle=f"h{seq}"),
        contact=Contact(),
        content=None,
        matched=Match(kind="target", query="q"),
    )
    await connection.execute(
        """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
               outcome, seq, enrichment, handle, likeness, followers, details, delivered_at)
           values (%s, %s, %s, 0, 0, %s, 0, %s, %s, 'bought', %s, %s, %s, %s, case when %s then now() end)""",
        [
            job_id,
            creator.account.platform_id,
            job_id,
            job_id,
            "surplus" if seq is None else "delivered",
            seq,
            creator.account.handle,
            likeness,
            followers,
            Jsonb(creator.model_dump(mode="json")),
            seq is not None,
        ],
    )


async def walk(connection: Connection, read: List, job_id: UUID, size: int) -> list[int]:
    """All pages, one after the other."""
    seqs: list[int] = []
    after: ResultPlace | None = None
    while True:
        rows = await read(connection, ResultQuery(owner=ADA, job_id=job_id, after=after, count_max=size))
        if not rows:
            return seqs
        seqs += [row.seq for row in rows]
        after = ResultPlace(seq=rows[-1].seq, likeness=rows[-1].likeness, followers=rows[-1].followers)


async def test_the_head_is_its_owners(connection: Connection) -> None:
    job_id = await add_job(connection)
    head = await read_result_head(connection, owner=ADA, job_id=job_id)
    assert head is not None
    assert (head.platform, head.mode) == (PlatformName.TIKTOK, Mode.SIMILAR)
    assert await read_result_head(connection, owner=BOB, job_id=job_id) is None
    assert await read_result_head(connection, owner=ADA, job_id=uuid4()) is None


@pytest.mark.parametrize("read", [list_found, list_alike, list_followed])
async def test_only_what_the_owners_job_delivered_is_listed(connection: Connection, read: List) -> None:
    job_id, other = await add_job(connection), await add_job(connection)
    await add(connection, job_id, 3, 0.5)
    await add(connection, job_id, None, 0.9)
    await add(connection, other, 1, 0.7)
    query = ResultQuery(owner=ADA, job_id=job_id, after=None, count_max=10)
    (row,) = await read(connection, query)
    handle = Creator.model_validate_json(row.details).account.handle
    assert (row.seq, row.likeness, row.enrichment, handle) == (3, 0.5, "bought", "h3")
    assert await read(connection, query.model_copy(update={"owner": BOB})) == []


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_pages_join_without_a_gap_or_a_repetition(connection: Connection, size: int) -> None:
    """Equal likeness, numbers that a `real` only comes near to, the bounds, and none at all."""
    job_id = await add_job(connection)
    likeness = {9: 0.1, 2: 0.7, 5: None, 4: 0.7, 7: 1.0, 3: 0.1, 8: None, 6: 0.0, 10: 0.3333333}
    for seq, number in likeness.items():
        await add(connection, job_id, seq, number)
    assert await walk(connection, list_found, job_id, size) == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert await walk(connection, list_alike, job_id, size) == [7, 2, 4, 10, 3, 9, 6, 5, 8]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_pages_by_followers_join_too(connection: Connection, size: int) -> None:
    """Equal numbers, none, nobody told, and the most that a column holds."""
    job_id = await add_job(connection)
    followers = {9: 5, 2: 0, 5: None, 4: 10**10, 7: 5, 3: 2**63 - 1, 8: None, 6: 0, 10: 2**53 + 1}
    for seq, number in followers.items():
        await add(connection, job_id, seq, followers=number)
    assert await walk(connection, list_followed, job_id, size) == [3, 10, 4, 7, 9, 2, 6, 5, 8]


async def test_who_is_delivered_meanwhile_comes_later_by_delivery_and_may_be_missed_by_likeness(
    connection: Connection,
) -> None:
    job_id = await add_job(connection)
    for seq, number in [(1, 0.5), (2, 0.4)]:
        await add(connection, job_id, seq, number)
    place = ResultPlace(seq=1, likeness=0.5)
    await add(connection, job_id, 3, 0.9)
    query = ResultQuery(owner=ADA, job_id=job_id, after=place, count_max=10)
    assert [row.seq for row in await list_found(connection, query)] == [2, 3]
    assert [row.seq for row in await list_alike(connection, query)] == [2]
