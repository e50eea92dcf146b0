"""The statements behind files and a campaign's creators on real Postgres: batches that join, each creator once, one
owner."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.clock import Clock
from common.db.campaign import NewCampaign, insert_campaign
from common.db.campaign_creator import MergedPlace, NewestQuery, list_newest, read_instant
from common.db.export import FoundQuery, MergedQuery, MergedRow, list_campaign_batch, list_job_batch
from common.db.owner import add_owner
from common.db.pool import Connection, Database
from common.domain.creator import Account, Contact, Creator, Match
from common.settings import DatabaseSettings

ADA, BOB = "user:user_ada", "user:user_bob"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
Person = tuple[str, str]


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="test", size_max=1)
    await database.open()
    async with database.connection() as connection:
        for owner in (ADA, BOB):
            await add_owner(connection, owner=owner)
        yield connection
    await database.close()


async def add_campaign(connection: Connection, owner: str = ADA) -> UUID:
    new = NewCampaign(id=Clock().new_id(), owner=owner, created_by="u", name="n")
    return (await insert_campaign(connection, new)).id


async def add_job(
    connection: Connection, campaign_id: UUID | None = None, platform: str = "tiktok", owner: str = ADA
) -> UUID:
    """A job with one search and one step."""
    job_id = Clock().new_id()
    await connection.execute(
        """insert into jobs (id, owner, created_by, campaign_id, platform, mode, input, target_results, pages_max,
               credits_max, parallel_searches_max, timeout, delay_between_calls, queue_until)
           values (%s, %s, 'u', %s, %s, 'keyword', '{}', 1000, 10, 50, 1, '1 hour', '0', now() + interval '1 day')""",
        [job_id, owner, campaign_id, platform],
    )
    await connection.execute(
        "insert into searches (id, job_id, ordinal, kind, query, status) values (%s, %s, 0, 'keyword', 'q', 'active')",
        [job_id, job_id],
    )
    await connection.execute(
        "insert into steps (id, search_id, step, job_id, phase) values (%s, %s, 0, %s, 'page')",
        [uuid4(), job_id, job_id],
    )
    return job_id


async def add(connection: Connection, job_id: UUID, platform_id: str, seq: int | None, minute: int = 0) -> None:
    """A candidate that was delivered so many minutes after noon, or not at all; its name tells the job."""
    creator = Creator(
        account=Account(platform_id=platform_id, handle="h", name=str(job_id)),
        contact=Contact(),
        content=None,
        matched=Match(kind="keyword", query="q"),
    )
    await connection.execute(
        """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
               outcome, seq, enrichment, handle, details, delivered_at)
           values (%s, %s, %s, 0, 0, %s, 0, %s, %s, 'bought', 'h', %s, %s)""",
        [
            job_id,
            platform_id,
            job_id,
            job_id,
            "surplus" if seq is None else "delivered",
            seq,
            Jsonb(creator.model_dump(mode="json")),
            None if seq is None else NOON + timedelta(minutes=minute),
        ],
    )


async def walk_campaign(connection: Connection, campaign_id: UUID, size: int, owner: str = ADA) -> list[MergedRow]:
    """All batches, one after the other."""
    found: list[MergedRow] = []
    query = MergedQuery(owner=owner, campaign_id=campaign_id, count_max=size)
    while rows := await list_campaign_batch(connection, query):
        assert len(rows) <= size
        found += rows
        query = query.model_copy(update={"platform": rows[-1].platform, "platform_id": rows[-1].platform_id})
    return found


async def walk_newest(
    connection: Connection, campaign_id: UUID, size: int, new_since: datetime | None = None
) -> list[MergedRow]:
    """All pages, one after the other."""
    found: list[MergedRow] = []
    query = NewestQuery(owner=ADA, campaign_id=campaign_id, new_since=new_since, after=None, count_max=size)
    while rows := await list_newest(connection, query):
        assert len(rows) <= size
        found += rows
        last = rows[-1]
        place = MergedPlace(first_found_at=last.first_found_at, platform=last.platform, platform_id=last.platform_id)
        query = query.model_copy(update={"after": place})
    return found


def named(rows: list[MergedRow]) -> list[Person]:
    return [(row.platform.value, row.platform_id) for row in rows]


async def mixed_campaign(connection: Connection) -> tuple[UUID, list[UUID]]:
    """Three jobs on two platforms, with creators in common; minutes after noon behind the ids."""
    campaign_id = await add_campaign(connection)
    jobs = [await add_job(connection, campaign_id, platform) for platform in ("tiktok", "tiktok", "instagram")]
    found: list[dict[str, int]] = [
        {"1": 5, "2": 1, "9": 7},
        {"2": 3, "3": 3, "1": 2},
        {"2": 9, "8": 3},
    ]
    for job_id, people in zip(jobs, found, strict=True):
        for seq, (platform_id, minute) in enumerate(people.items(), 1):
            await add(connection, job_id, platform_id, seq, minute)
        await add(connection, job_id, "5", None)
    return campaign_id, jobs


async def test_a_jobs_batches_are_its_owners_deliveries_in_order(connection: Connection) -> None:
    job_id, other = await add_job(connection), await add_job(connection)
    for seq in (4, 2, 9):
        await add(connection, job_id, f"u{seq}", seq)
    await add(connection, job_id, "not delivered", None)
    await add(connection, other, "other", 3)
    query = FoundQuery(owner=ADA, job_id=job_id, count_max=2)
    first = await list_job_batch(connection, query)
    assert [(row.seq, row.details.account.platform_id) for row in first] == [(2, "u2"), (4, "u4")]
    assert (first[0].delivered_at, first[0].enrichment) == (NOON, "bought")
    second = await list_job_batch(connection, query.model_copy(update={"seq": 4}))
    assert [row.seq for row in second] == [9]
    assert await list_job_batch(connection, query.model_copy(update={"owner": BOB})) == []


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_a_campaigns_batches_have_each_creator_once_with_all_jobs(connection: Connection, size: int) -> None:
    campaign_id, (a, b, c) = await mixed_campaign(connection)
    elsewhere = await add_job(connection, await add_campaign(connection))
    await add(connection, elsewhere, "0", 1)
    rows = await walk_campaign(connection, campaign_id, size)
    expected = [("instagram", "2"), ("instagram", "8"), ("tiktok", "1"), ("tiktok", "2"), ("tiktok", "3")]
    assert named(rows) == [*expected, ("tiktok", "9")]
    assert [row.job_ids for row in rows] == [(c,), (c,), (b, a), (a, b), (b,), (a,)]
    both = rows[2]
    assert (both.first_found_at, both.last_found_at) == (NOON + timedelta(minutes=2), NOON + timedelta(minutes=5))
    assert [row.details.account.name for row in rows] == [str(row.job_ids[-1]) for row in rows]
    assert await walk_campaign(connection, campaign_id, size, owner=BOB) == []


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_the_newest_pages_join_and_equals_have_an_order(connection: Connection, size: int) -> None:
    campaign_id, (a, b, c) = await mixed_campaign(connection)
    rows = await walk_newest(connection, campaign_id, size)
    assert named(rows) == [
        ("instagram", "2"),
        ("tiktok", "9"),
        ("instagram", "8"),
        ("tiktok", "3"),
        ("tiktok", "1"),
        ("tiktok", "2"),
    ]
    assert [row.job_ids for row in rows] == [(c,), (a,), (c,), (b,), (b, a), (a, b)]
    merged = {(row.platform, row.platform_id): row for row in await walk_campaign(connection, campaign_id, 100)}
    assert rows == [merged[(row.platform, row.platform_id)] for row in rows], "the same in both statements"


async def test_new_is_who_was_first_found_after_the_instant(connection: Connection) -> None:
    campaign_id, _ = await mixed_campaign(connection)
    three = NOON + timedelta(minutes=3)
    assert named(await walk_newest(connection, campaign_id, 1, three)) == [("instagram", "2"), ("tiktok", "9")]
    before = three - timedelta(microseconds=1)
    assert len(await walk_newest(connection, campaign_id, 100, before)) == 4
    found_again = ("tiktok", "1")
    assert found_again not in named(await walk_newest(connection, campaign_id, 100, before))


async def test_the_newest_are_their_owners(connection: Connection) -> None:
    campaign_id, _ = await mixed_campaign(connection)
    query = NewestQuery(owner=BOB, campaign_id=campaign_id, new_since=None, after=None, count_max=9)
    assert await list_newest(connection, query) == []


async def test_the_instant_lies_back_and_is_told_to_the_owner_alone(connection: Connection) -> None:
    campaign_id = await add_campaign(connection)
    back = timedelta(minutes=1)
    told = await read_instant(connection, owner=ADA, campaign_id=campaign_id, in_flight_max=back)
    cursor = await connection.execute("select now()")
    row = await cursor.fetchone()
    assert row is not None
    assert told is not None
    assert back <= row[0] - told < back + timedelta(seconds=30)
    assert await read_instant(connection, owner=BOB, campaign_id=campaign_id, in_flight_max=back) is None
    assert await read_instant(connection, owner=ADA, campaign_id=uuid4(), in_flight_max=back) is None
