"""A campaign's creators, each once over its jobs, the newest first, page by page; each statement carries the owner."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from common.db.export import MergedRow
from common.db.pool import Connection
from common.domain.model import Model


class MergedPlace(Model):
    """Where a page ended."""

    first_found_at: datetime
    platform: str
    platform_id: str


class NewestQuery(Model):
    """Which page is wanted: of those first found after `new_since` (None: of all), from after `after` on (None: the
    first)."""

    owner: str
    campaign_id: UUID
    new_since: datetime | None
    after: MergedPlace | None
    count_max: int


async def read_instant(
    connection: Connection, *, owner: str, campaign_id: UUID, in_flight_max: timedelta
) -> datetime | None:
    """The instant up to which everything that the campaign's jobs delivered can be seen: a creator's instant is that
    at which the transaction began that delivers it, which may take `in_flight_max` until it shows. None if there is no
    such campaign or it is another's."""
    cursor = await connection.execute(
        """select now() - %(in_flight_max)s::interval from campaigns
           where id = %(campaign_id)s and owner = %(owner)s""",
        {"owner": owner, "campaign_id": campaign_id, "in_flight_max": in_flight_max},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def list_newest(connection: Connection, query: NewestQuery) -> list[MergedRow]:
    """Who was found first last comes first; those found at once in the order of platform and id.

    All that the campaign's jobs delivered is merged for each page, from an index that holds what is merged.
    """
    async with connection.cursor(row_factory=class_row(MergedRow)) as cursor:
        await cursor.execute(
            """with firsts as (
                   select j.platform, c.platform_id, min(c.delivered_at) as first_found_at,
                       max(c.delivered_at) as last_found_at
                   from jobs j join candidates c on c.job_id = j.id and c.seq is not null
                   where j.campaign_id = %(campaign_id)s and j.owner = %(owner)s
                   group by j.platform, c.platform_id
                   having min(c.delivered_at) > coalesce(%(new_since)s::timestamptz, '-infinity')
                      and (%(first_found_at)s::timestamptz is null
                           or min(c.delivered_at) < %(first_found_at)s::timestamptz
                           or min(c.delivered_at) = %(first_found_at)s::timestamptz
                              and (j.platform, c.platform_id) > (%(platform)s::text, %(platform_id)s::text))
                   order by first_found_at desc, j.platform, c.platform_id limit %(count_max)s
               )
               select f.platform, f.platform_id, f.first_found_at, f.last_found_at, a.job_ids,
                   d.details::text as details
               from firsts f cross join lateral (
                   select array_agg(j.id order by c.delivered_at, j.id) as job_ids,
                       (array_agg(j.id order by c.delivered_at desc, j.id desc))[1] as last_job_id
                   from jobs j join candidates c
                       on c.job_id = j.id and c.platform_id = f.platform_id and c.seq is not null
                   where j.campaign_id = %(campaign_id)s and j.owner = %(owner)s and j.platform = f.platform) a
               join candidates d on d.job_id = a.last_job_id and d.platform_id = f.platform_id
               order by f.first_found_at desc, f.platform, f.platform_id""",
            _parameters(query),
        )
        return await cursor.fetchall()


def _parameters(query: NewestQuery) -> dict[str, Any]:
    place = query.after.model_dump() if query.after else dict.fromkeys(MergedPlace.model_fields)
    return query.model_dump(exclude={"after"}) | place
