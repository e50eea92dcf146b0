"""Searches: the cursors of a job."""

from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.domain.model import Model


class NewSearch(Model):
    id: UUID
    ordinal: int
    kind: str
    query: str
    region: str | None
    wave: int = 0


class SearchTally(Model):
    """What the end of a job is decided on."""

    active: int
    waiting: int
    ends: list[str]


class LockedSearch(Model):
    barren_pages: int


async def insert_searches(connection: Connection, *, job_id: UUID, searches: list[NewSearch]) -> None:
    """Store the searches as waiting."""
    await connection.execute(
        """insert into searches (id, job_id, ordinal, kind, query, region, wave, status)
           select r.id, %(job_id)s, r.ordinal, r.kind, r.query, r.region, r.wave, 'waiting'
           from jsonb_to_recordset(%(searches)s)
               r(id uuid, ordinal int, kind text, query text, region text, wave int)""",
        {"job_id": job_id, "searches": Jsonb([search.model_dump(mode="json") for search in searches])},
    )


async def add_searches(
    connection: Connection, *, job_id: UUID, searches: list[NewSearch], count_max: int, is_ended: bool
) -> int:
    """Store further searches behind those that the job has, at most `count_max` in all; returns how many were new.

    The same kind and query is one search, whatever its case. `ordinal` orders them among themselves. `is_ended`: their
    job is over, another run of it goes on with them. The caller holds the job's lock.
    """
    cursor = await connection.execute(
        """with known as (
               select kind, lower(query) as query, ordinal from searches where job_id = %(job_id)s
           ), incoming as (
               select distinct on (r.kind, lower(r.query)) r.* from jsonb_to_recordset(%(searches)s)
                   r(id uuid, ordinal int, kind text, query text, region text, wave int)
               where not exists (select from known k where k.kind = r.kind and k.query = lower(r.query))
               order by r.kind, lower(r.query), r.ordinal
           ), numbered as (
               select i.*, row_number() over (order by i.wave, i.ordinal) as place from incoming i
           )
           insert into searches (id, job_id, ordinal, kind, query, region, wave, status, end_reason, ended_at)
           select n.id, %(job_id)s, coalesce((select max(ordinal) from known), -1) + n.place, n.kind, n.query, n.region,
               n.wave, case when %(is_ended)s then 'ended' else 'waiting' end,
               case when %(is_ended)s then 'job_ended' end, case when %(is_ended)s then now() end
           from numbered n where n.place <= %(count_max)s - (select count(*) from known)""",
        {
            "job_id": job_id,
            "searches": Jsonb([search.model_dump(mode="json") for search in searches]),
            "count_max": count_max,
            "is_ended": is_ended,
        },
    )
    return cursor.rowcount


async def lock_search(connection: Connection, *, search_id: UUID) -> LockedSearch | None:
    async with connection.cursor(row_factory=class_row(LockedSearch)) as cursor:
        await cursor.execute(
            "select barren_pages from searches where id = %(search_id)s for no key update", {"search_id": search_id}
        )
        return await cursor.fetchone()


async def start_waiting(connection: Connection, *, job_id: UUID, count_max: int) -> list[UUID]:
    """Make the first waiting searches of the job active and return them; those of a later wave only when every search
    of the earlier ones has ended."""
    cursor = await connection.execute(
        """update searches set status = 'active' where id in (
               select id from searches where job_id = %(job_id)s and status = 'waiting'
                 and wave = (select min(wave) from searches where job_id = %(job_id)s and status <> 'ended')
               order by ordinal limit %(count_max)s)
           returning id""",
        {"job_id": job_id, "count_max": count_max},
    )
    return [row[0] for row in await cursor.fetchall()]


async def note_page(connection: Connection, *, search_id: UUID, barren_pages: int) -> None:
    await connection.execute(
        """update searches set pages_count = pages_count + 1, barren_pages = %(barren_pages)s
           where id = %(search_id)s""",
        {"search_id": search_id, "barren_pages": barren_pages},
    )


async def end_search(connection: Connection, *, search_id: UUID, reason: str) -> None:
    """End it, or, if the end of its job ended it already, note the reason that the upstream gave."""
    await connection.execute(
        """update searches set status = 'ended', end_reason = %(reason)s, ended_at = coalesce(ended_at, now())
           where id = %(search_id)s and (status <> 'ended' or end_reason = 'job_ended')""",
        {"search_id": search_id, "reason": reason},
    )


async def end_all(connection: Connection, *, job_id: UUID) -> None:
    await connection.execute(
        """update searches set status = 'ended', end_reason = 'job_ended', ended_at = now()
           where job_id = %(job_id)s and status <> 'ended'""",
        {"job_id": job_id},
    )


async def tally(connection: Connection, *, job_id: UUID) -> SearchTally:
    async with connection.cursor(row_factory=class_row(SearchTally)) as cursor:
        await cursor.execute(
            """select count(*) filter (where status = 'active') as active,
                   count(*) filter (where status = 'waiting') as waiting,
                   coalesce(array_agg(distinct end_reason) filter (where end_reason is not null), '{}') as ends
               from searches where job_id = %(job_id)s""",
            {"job_id": job_id},
        )
        row = await cursor.fetchone()
    assert row is not None
    return row
