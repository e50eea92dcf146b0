"""The statements of campaigns on real Postgres: who does not own one learns nothing of it."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from psycopg.errors import ForeignKeyViolation
from pydantic import SecretStr

from common.clock import Clock
from common.db.campaign import (
    CampaignRow,
    NewCampaign,
    UnknownCampaignError,
    insert_campaign,
    is_campaign,
    list_campaigns,
    read_campaign,
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


async def make(connection: Connection, owner: str, name: str = "c") -> CampaignRow:
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


async def test_the_list_is_the_owners_newest_first_and_goes_on_after_the_last(connection: Connection) -> None:
    mine = [await make(connection, ADA, f"c{number}") for number in range(5)]
    await make(connection, BOB)
    assert await list_campaigns(connection, owner=ADA, before=None, count_max=10) == mine[::-1]
    first = await list_campaigns(connection, owner=ADA, before=None, count_max=2)
    assert first == [mine[4], mine[3]]
    assert await list_campaigns(connection, owner=ADA, before=first[-1].id, count_max=2) == [mine[2], mine[1]]
    assert await list_campaigns(connection, owner=ADA, before=mine[0].id, count_max=2) == []


async def test_a_cursor_of_another_owner_opens_nothing(connection: Connection) -> None:
    theirs = await make(connection, BOB)
    assert await list_campaigns(connection, owner=ADA, before=theirs.id, count_max=10) == []
    assert await list_campaigns(connection, owner=ADA, before=UUID(int=0), count_max=10) == []


async def test_the_list_walks_its_index(connection: Connection) -> None:
    await connection.execute(
        """insert into campaigns (id, owner, created_by, name)
           select gen_random_uuid(), 'user:user_ada', 'user_ada', 'c' from generate_series(1, 5000)"""
    )
    await connection.execute("analyze campaigns")
    cursor = await connection.execute(
        """explain select id from campaigns where owner = 'user:user_ada'
               and id < coalesce(null::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') order by id desc limit 50"""
    )
    plan = "\n".join(row[0] for row in await cursor.fetchall())
    assert "campaigns_owner_id_key" in plan
    assert "Sort" not in plan


async def test_its_jobs_are_counted(connection: Connection) -> None:
    row, other = await make(connection, ADA), await make(connection, ADA)
    for campaign_id in (row.id, row.id, other.id, None):
        await insert_job(connection, ADA, campaign_id)
    view = await read_campaign(connection, owner=ADA, campaign_id=row.id)
    assert view is not None
    assert view.jobs_count == 2


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
