"""What is taken out whole: a job's creators, and a campaign's merged over its jobs. Every statement carries the owner.

Read in batches, each by a connection of its own for a moment, so that who takes long to receive them holds nothing.
"""

import asyncio
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.rows import class_row
from pydantic import Json

from common.db.pool import Connection
from common.db.result import DeliveredRow
from common.domain.creator import Creator
from common.domain.job import PlatformName
from common.domain.model import Model

R = TypeVar("R", bound=Model)

_READ_MAX = 25


class FoundRow(DeliveredRow):
    """A creator of a job. `details` is read from text: in half the time that psycopg's own reading takes."""

    likeness: float | None
    followers: int | None
    details: Json[Creator]


class FoundQuery(Model):
    """Which batch is wanted: `seq` is where the one before ended."""

    owner: str
    job_id: UUID
    seq: int = -1
    count_max: int


class MergedRow(Model):
    """A creator of a campaign, once over its jobs: `job_ids` are those that delivered it, in the order in which they
    did; `details` is what the last of them knew."""

    platform: PlatformName
    platform_id: str
    first_found_at: datetime
    last_found_at: datetime
    job_ids: tuple[UUID, ...]
    details: Json[Creator]


class MergedQuery(Model):
    """Which batch is wanted: `platform` and `platform_id` are where the one before ended."""

    owner: str
    campaign_id: UUID
    platform: str = ""
    platform_id: str = ""
    count_max: int


async def list_job_batch(connection: Connection, query: FoundQuery) -> list[FoundRow]:
    """Creators in the order of their delivery: complete up to where the job is, as `seq` is given under its lock."""
    async with connection.cursor(row_factory=class_row(FoundRow)) as cursor:
        await cursor.execute(
            """select c.seq, c.delivered_at, c.enrichment, c.likeness, c.followers, c.details::text as details
               from jobs j join candidates c on c.job_id = j.id
               where j.id = %(job_id)s and j.owner = %(owner)s and c.seq > %(seq)s
               order by c.seq limit %(count_max)s""",
            query.model_dump(),
        )
        return await _all_of(cursor)


async def list_campaign_batch(connection: Connection, query: MergedQuery) -> list[MergedRow]:
    """Creators in the order of platform and id, each with all the jobs of the campaign that delivered it.

    Each job gives its next `count_max` from an index that holds all that is merged, so whoever is among the first
    `count_max` of the merged is among those, in every job that has them; only the merged are read whole. The job to
    read from is a column: under row-level security an element of an array does not enter an index.
    """
    async with connection.cursor(row_factory=class_row(MergedRow)) as cursor:
        await cursor.execute(
            """with merged as (
                   select j.platform, c.platform_id, min(c.delivered_at) as first_found_at,
                       max(c.delivered_at) as last_found_at,
                       array_agg(j.id order by c.delivered_at, j.id) as job_ids,
                       (array_agg(j.id order by c.delivered_at desc, j.id desc))[1] as last_job_id
                   from jobs j cross join lateral (
                       select k.platform_id, k.delivered_at from candidates k
                       where k.job_id = j.id and k.seq is not null
                         and k.platform_id > case when j.platform = %(platform)s then %(platform_id)s else '' end
                       order by k.platform_id limit %(count_max)s) c
                   where j.campaign_id = %(campaign_id)s and j.owner = %(owner)s and j.platform >= %(platform)s
                   group by j.platform, c.platform_id
                   order by j.platform, c.platform_id limit %(count_max)s
               )
               select m.platform, m.platform_id, m.first_found_at, m.last_found_at, m.job_ids,
                   d.details::text as details
               from merged m join candidates d
                   on d.job_id = m.last_job_id and d.platform_id = m.platform_id
               order by m.platform, m.platform_id""",
            query.model_dump(),
        )
        return await _all_of(cursor)


async def _all_of(cursor: AsyncCursor[R]) -> list[R]:
    """Documents take time to read: others are served between."""
    rows: list[R] = []
    while some := await cursor.fetchmany(_READ_MAX):
        rows += some
        await asyncio.sleep(0)
    return rows
