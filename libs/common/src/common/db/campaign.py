"""Campaigns, as their owner sees them: whoever else asks learns nothing, not even that they exist."""

from datetime import datetime
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model

# What the creation of a job raises if its campaign is not its owner's: the second wall behind `is_campaign`.
UnknownCampaignError = ForeignKeyViolation


class NewCampaign(Model):
    id: UUID
    owner: str
    created_by: str
    name: str


class CampaignRow(Model):
    id: UUID
    name: str
    created_at: datetime
    updated_at: datetime


class CampaignView(CampaignRow):
    jobs_count: int


async def insert_campaign(connection: Connection, campaign: NewCampaign) -> CampaignRow:
    """Store it; its owner's row must be there."""
    async with connection.cursor(row_factory=class_row(CampaignRow)) as cursor:
        await cursor.execute(
            """insert into campaigns (id, owner, created_by, name)
               values (%(id)s, %(owner)s, %(created_by)s, %(name)s)
               returning id, name, created_at, updated_at""",
            campaign.model_dump(),
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


async def list_campaigns(
    connection: Connection, *, owner: str, before: UUID | None, count_max: int
) -> list[CampaignRow]:
    """The owner's campaigns, newest first, from after `before` on."""
    async with connection.cursor(row_factory=class_row(CampaignRow)) as cursor:
        await cursor.execute(
            """select id, name, created_at, updated_at from campaigns
               where owner = %(owner)s and id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
               order by id desc limit %(count_max)s""",
            {"owner": owner, "before": before, "count_max": count_max},
        )
        return await cursor.fetchall()


async def read_campaign(connection: Connection, *, owner: str, campaign_id: UUID) -> CampaignView | None:
    """None if there is no such campaign or it is another's."""
    async with connection.cursor(row_factory=class_row(CampaignView)) as cursor:
        await cursor.execute(
            """select c.id, c.name, c.created_at, c.updated_at,
                   (select count(*) from jobs j where j.campaign_id = c.id and j.owner = c.owner) as jobs_count
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
