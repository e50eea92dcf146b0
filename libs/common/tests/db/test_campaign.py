"""The statements of campaigns on real Postgres: who does not own one learns nothing of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import ForeignKeyViolation, LockNotAvailable
from pydantic import SecretStr

from common.clock import Clock
from common.db.campaign import (
    CampaignChange,
    CampaignInUseError,
    CampaignQuery,
    CampaignState,
    CampaignView,
    NewCampaign,
    UnknownCampaignError,
    campaign_state,
    delete_campaign,
    insert_campaign,
    is_campaign,
    list_campaigns,
    lock_campaign,
    read_campaign,
    update_campaign,
)
from common.db.owner import add_owner
from common.db.pool import Connection, Database
from common.settings import DatabaseSettings

ADA, BOB = "user:user_ada", "org:org_bob"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="test", size_max=1)
    await database.open()
    async with database.connection() as connection:
        for owner in (ADA, BOB):
            await add_owner(connection, owner=owner)
        yield connection
    await database.close()


async def make(connection: Connection, owner: str, name: str = "c") -> CampaignView:
    campaign = NewCampaign(id=Clock().new_id(), owner=owner, created_by="user_ada", name=name)
    return await insert_campaign(connection, campaign)


async def test_a_campaign_is_read_by_its_owner_alone(connection: Connection) -> None:
    row = await make(connection, ADA, "Vegan")
    view = await read_campaign(connection, owner=ADA, campaign_id=row.id)
    assert view is not None
    assert view.model_dump() == {**row.model_dump(), "jobs_count": 0}
    assert row.created_at == row.updated_at
    assert await is_campaign(connection, owner=ADA, campaign_id=row.id)
    assert await read_campaign(connection, owner=BOB, campaign_id=row.id) is None
    assert not await is_campaign(connection, owner=BOB, campaign_id=row.id)
    assert not await is_campaign(connection, owner=ADA, campaign_id=uuid4())


async def page(
    connection: Connection, *, before: UUID | None = None, is_archived: bool | None = False, count_max: int = 10
) -> list[UUID]:
    """Ada's."""
    query = CampaignQuery(owner=ADA, is_archived=is_archived, before=before, count_max=count_max)
    return [row.id for row in await list_campaigns(connection, query)]


async def change(connection: Connection, campaign_id: UUID, owner: str = ADA, **given: Any) -> bool:
    values = {"name": None, "is_archived": None, **given}
    return await update_campaign(connection, CampaignChange(id=campaign_id, owner=owner, **values))


async def look(connection: Connection, campaign_id: UUID) -> CampaignView:
    view = await read_campaign(connection, owner=ADA, campaign_id=campaign_id)
    assert view is not None
    return view


async def test_the_list_is_the_owners_newest_first_and_goes_on_after_the_last(connection: Connection) -> None:
    mine = [(await make(connection, ADA, f"c{number}")).id for number in range(5)]
    await make(connection, BOB)
    assert await page(connection) == mine[::-1]
    first = await page(connection, count_max=2)
    assert first == [mine[4], mine[3]]
    assert await page(connection, before=first[-1], count_max=2) == [mine[2], mine[1]]
    assert await page(connection, before=mine[0], count_max=2) == []


async def test_a_cursor_of_another_owner_opens_nothing(connection: Connection) -> None:
    theirs = await make(connection, BOB)
    assert await page(connection, before=theirs.id) == []
    assert await page(connection, before=UUID(int=0)) == []


async def test_archived_campaigns_are_listed_when_asked_for(connection: Connection) -> None:
    one, other = (await make(connection, ADA)).id, (await make(connection, ADA)).id
    assert await change(connection, one, is_archived=True)
    assert await page(connection) == [other]
    assert await page(connection, is_archived=True) == [one]
    assert await page(connection, is_archived=None) == [other, one]
    assert await campaign_state(connection, owner=ADA, campaign_id=one) is CampaignState.ARCHIVED
    assert await campaign_state(connection, owner=ADA, campaign_id=other) is CampaignState.OPEN
    assert await campaign_state(connection, owner=BOB, campaign_id=one) is None
    assert await change(connection, one, is_archived=False)
    assert await campaign_state(connection, owner=ADA, campaign_id=one) is CampaignState.OPEN


async def test_a_change_leaves_the_rest_as_it_is_and_what_changes_nothing_leaves_no_trace(
    connection: Connection,
) -> None:
    row = await make(connection, ADA, "before")
    await change(connection, row.id, is_archived=True)
    archived = await look(connection, row.id)
    assert (archived.name, archived.archived_at is None) == ("before", False)
    assert archived.updated_at > row.updated_at
    await change(connection, row.id, is_archived=True, name="before")
    assert await look(connection, row.id) == archived
    await change(connection, row.id, name="after")
    renamed = await look(connection, row.id)
    assert (renamed.name, renamed.archived_at) == ("after", archived.archived_at)
    assert renamed.updated_at > archived.updated_at
    await change(connection, row.id, is_archived=False)
    assert (await look(connection, row.id)).archived_at is None


async def test_another_owner_changes_and_deletes_nothing(connection: Connection) -> None:
    row = await make(connection, ADA, "mine")
    before = await look(connection, row.id)
    assert not await change(connection, row.id, BOB, name="theirs", is_archived=True)
    assert not await delete_campaign(connection, owner=BOB, campaign_id=row.id)
    assert not await change(connection, uuid4(), name="nobody's")
    assert not await delete_campaign(connection, owner=ADA, campaign_id=uuid4())
    assert await look(connection, row.id) == before


async def test_a_campaign_is_deleted_only_without_jobs(connection: Connection) -> None:
    used, unused = await make(connection, ADA), await make(connection, ADA)
    await insert_job(connection, ADA, used.id)
    assert not await delete_campaign(connection, owner=ADA, campaign_id=used.id)
    assert await delete_campaign(connection, owner=ADA, campaign_id=unused.id)
    assert await page(connection) == [used.id]


async def test_a_job_that_comes_into_a_campaign_at_this_moment_keeps_it(
    connection: Connection, database_url: str
) -> None:
    """The job's transaction began first and is not over when the campaign is to be deleted."""
    row = await make(connection, ADA)
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="other", size_max=1)
    await database.open()
    async with database.transaction() as other:
        await insert_job(other, ADA, row.id)
        deletion = asyncio.create_task(delete_campaign(connection, owner=ADA, campaign_id=row.id))
        while not deletion.done():
            cursor = await other.execute("select from pg_stat_activity where wait_event_type = 'Lock'")
            if await cursor.fetchone() is not None:
                break
            await asyncio.sleep(0.01)
    with pytest.raises(CampaignInUseError):
        await deletion
    await database.close()
    assert (await look(connection, row.id)).jobs_count == 1


async def test_no_job_comes_into_a_campaign_that_is_held_and_others_campaigns_are_not(
    connection: Connection, database_url: str
) -> None:
    own, others = await make(connection, ADA), await make(connection, BOB)
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="other", size_max=1)
    await database.open()
    async with database.transaction() as holder:
        for row in (own, others):
            await lock_campaign(holder, owner=ADA, campaign_id=row.id)
        await connection.execute("set lock_timeout = '100ms'")
        await insert_job(connection, BOB, others.id)
        with pytest.raises(LockNotAvailable):
            await insert_job(connection, ADA, own.id)
    await database.close()


async def test_the_list_walks_its_index(connection: Connection) -> None:
    await connection.execute(
        """insert into campaigns (id, owner, created_by, name)
           select gen_random_uuid(), 'user:user_ada', 'user_ada', 'c' from generate_series(1, 5000)"""
    )
    await connection.execute("analyze campaigns")
    cursor = await connection.execute(
        """explain select id from campaigns where owner = 'user:user_ada'
               and id < coalesce(null::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
               and (false is null or (archived_at is not null) = false) order by id desc limit 50"""
    )
    plan = "\n".join(row[0] for row in await cursor.fetchall())
    assert "campaigns_owner_id_key" in plan
    assert "Sort" not in plan


async def test_its_jobs_are_counted(connection: Connection) -> None:
    row, other, empty = [await make(connection, ADA) for _ in range(3)]
    for campaign_id in (row.id, row.id, other.id, None):
        await insert_job(connection, ADA, campaign_id)
    assert (await look(connection, row.id)).jobs_count == 2
    query = CampaignQuery(owner=ADA, is_archived=False, before=None, count_max=10)
    counts = {listed.id: listed.jobs_count for listed in await list_campaigns(connection, query)}
    assert counts == {row.id: 2, other.id: 1, empty.id: 0}


async def test_a_job_cannot_stand_in_the_campaign_of_another(connection: Connection) -> None:
    theirs = await make(connection, BOB)
    for campaign_id in (theirs.id, uuid4()):
        with pytest.raises(UnknownCampaignError):
            await insert_job(connection, ADA, campaign_id)
    assert UnknownCampaignError is ForeignKeyViolation


async def insert_job(connection: Connection, owner: str, campaign_id: UUID | None) -> None:
    await connection.execute(
        """insert into jobs (id, owner, created_by, campaign_id, platform, mode, input, target_results, pages_max,
               credits_max, parallel_searches_max, timeout, delay_between_calls, queue_until)
           values (gen_random_uuid(), %s, 'user_ada', %s, 'tiktok', 'keyword', '{}', 10, 10, 10, 1, '1 hour', '0',
               now() + interval '1 day')""",
        [owner, campaign_id],
    )
