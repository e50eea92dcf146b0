"""Campaigns, as their owner sees them: whoever else asks learns nothing, not even that they exist."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model

# What the creation of a job raises if its campaign is not its owner's: the second wall behind `campaign_state`.
UnknownCampaignError = ForeignKeyViolation

# What the deletion of a campaign raises if a job came into it meanwhile.
CampaignInUseError = ForeignKeyViolation


class CampaignState(StrEnum):
    """An archived campaign keeps its jobs, but no job is created in it."""

    OPEN = "open"
    ARCHIVED = "archived"


class NewCampaign(Model):
    id: UUID
    owner: str
    created_by: str
    name: str


class CampaignView(Model):
    """A campaign with the number of its jobs."""

    id: UUID
    name: str
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    jobs_count: int


class CampaignQuery(Model):
    """Which of the owner's campaigns: `is_archived` None: all. `before` is the last campaign of the page before."""

    owner: str
    is_archived: bool | None
    before: UUID | None
    count_max: int


class CampaignChange(Model):
    """None leaves a thing as it is."""

    id: UUID
    owner: str
    name: str | None
    is_archived: bool | None


async def insert_campaign(connection: Connection, campaign: NewCampaign) -> CampaignView:
    """Store it; its owner's row must be there."""
    async with connection.cursor(row_factory=class_row(CampaignView)) as cursor:
        await cursor.execute(
            """insert into campaigns (id, owner, created_by, name)
               values (%(id)s, %(owner)s, %(created_by)s, %(name)s)
               returning id, name, archived_at, created_at, updated_at, 0 as jobs_count""",
            campaign.model_dump(),
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


async def list_campaigns(connection: Connection, query: CampaignQuery) -> list[CampaignView]:
    """The owner's campaigns with the number of their jobs, newest first, from after `before` on.

    The owner is no condition of the count, lest Postgres reads all of the owner's jobs for each campaign.
    """
    async with connection.cursor(row_factory=class_row(CampaignView)) as cursor:
        await cursor.execute(
            """select c.id, c.name, c.archived_at, c.created_at, c.updated_at,
                   (select count(*) filter (where j.owner = c.owner) from jobs j
                    where j.campaign_id = c.id) as jobs_count
               from campaigns c
               where c.owner = %(owner)s and c.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                 and (%(is_archived)s::boolean is null or (c.archived_at is not null) = %(is_archived)s)
               order by c.id desc limit %(count_max)s""",
            query.model_dump(),
        )
        return await cursor.fetchall()


async def read_campaign(connection: Connection, *, owner: str, campaign_id: UUID) -> CampaignView | None:
    """None if there is no such campaign or it is another's."""
    async with connection.cursor(row_factory=class_row(CampaignView)) as cursor:
        await cursor.execute(
            """select c.id, c.name, c.archived_at, c.created_at, c.updated_at,
                   (select count(*) filter (where j.owner = c.owner) from jobs j
                    where j.campaign_id = c.id) as jobs_count
               from campaigns c where c.id = %(campaign_id)s and c.owner = %(owner)s""",
            {"owner": owner, "campaign_id": campaign_id},
        )
        return await cursor.fetchone()


async def is_campaign(connection: Connection, *, owner: str, campaign_id: UUID) -> bool:
    """Whether the owner has this campaign."""
    cursor = await connection.execute(
        "select 1 from campaigns where id = %(campaign_id)s and owner = %(owner)s",
        {"owner": owner, "campaign_id": campaign_id},
    )
    return await cursor.fetchone() is not None


async def campaign_state(connection: Connection, *, owner: str, campaign_id: UUID) -> CampaignState | None:
    """Whether a job may be created in the owner's campaign; None if the owner has no such campaign."""
    cursor = await connection.execute(
        "select archived_at is not null from campaigns where id = %(campaign_id)s and owner = %(owner)s",
        {"owner": owner, "campaign_id": campaign_id},
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return CampaignState.ARCHIVED if row[0] else CampaignState.OPEN


async def lock_campaign(connection: Connection, *, owner: str, campaign_id: UUID) -> None:
    """Hold the owner's campaign until the transaction ends: no job comes into it meanwhile."""
    await connection.execute(
        "select from campaigns where id = %(campaign_id)s and owner = %(owner)s for update",
        {"owner": owner, "campaign_id": campaign_id},
    )


async def update_campaign(connection: Connection, change: CampaignChange) -> bool:
    """Rename it, archive it, take it back; False if the owner has no such campaign. `updated_at` tells when something
    did change; a campaign that is archived again keeps the time when it was."""
    cursor = await connection.execute(
        """update campaigns c set name = new.name, archived_at = new.archived_at,
               updated_at = case when (c.name, c.archived_at) is distinct from (new.name, new.archived_at) then now()
                   else c.updated_at end
           from (select id, coalesce(%(name)s, name) as name,
                     case when %(is_archived)s::boolean is null then archived_at
                         when %(is_archived)s then coalesce(archived_at, now()) end as archived_at
                 from campaigns where id = %(id)s and owner = %(owner)s for no key update) new
           where c.id = new.id and c.owner = %(owner)s returning 1""",
        change.model_dump(),
    )
    return await cursor.fetchone() is not None


async def delete_campaign(connection: Connection, *, owner: str, campaign_id: UUID) -> bool:
    """Delete the owner's campaign if no job is in it; False if there was nothing to delete.

    Raises CampaignInUseError if a job came into it at this moment.
    """
    cursor = await connection.execute(
        """delete from campaigns c
           where c.id = %(campaign_id)s and c.owner = %(owner)s
             and not exists (select from jobs j where j.campaign_id = c.id and j.owner = c.owner)
           returning 1""",
        {"owner": owner, "campaign_id": campaign_id},
    )
    return await cursor.fetchone() is not None
