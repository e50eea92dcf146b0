"""What a job delivered, a page at a time. Every statement carries the owner."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.creator import Creator
from common.domain.job import Mode, PlatformName
from common.domain.model import Model
from common.domain.outcome import Enrichment


class ResultHead(Model):
    """The job whose results are asked for."""

    platform: PlatformName
    mode: Mode


class ResultRow(Model):
    """A creator. `likeness` is the number by which it is sorted, at the database's precision."""

    seq: int
    delivered_at: datetime
    enrichment: Enrichment | None
    likeness: float | None
    details: Creator


class ResultPlace(Model):
    """Where a page ended."""

    seq: int
    likeness: float | None


class ResultQuery(Model):
    """Which page is asked for; `after` None: the first."""

    owner: str
    job_id: UUID
    after: ResultPlace | None
    count_max: int


async def read_result_head(connection: Connection, *, owner: str, job_id: UUID) -> ResultHead | None:
    """None if there is no such job or it is another's."""
    async with connection.cursor(row_factory=class_row(ResultHead)) as cursor:
        await cursor.execute(
            "select platform, mode from jobs where id = %(job_id)s and owner = %(owner)s",
            {"owner": owner, "job_id": job_id},
        )
        return await cursor.fetchone()


async def list_found(connection: Connection, query: ResultQuery) -> list[ResultRow]:
    """Creators in the order of their delivery. `seq` is given under the job's lock, so that
    nothing ever appears before a place that was read: paging on is complete while the job runs."""
    async with connection.cursor(row_factory=class_row(ResultRow)) as cursor:
        await cursor.execute(
            """select c.seq, c.delivered_at, c.enrichment, c.likeness, c.details
               from jobs j join candidates c on c.job_id = j.id
               where j.id = %(job_id)s and j.owner = %(owner)s and c.seq > coalesce(%(seq)s::bigint, -1)
               order by c.seq limit %(count_max)s""",
            _parameters(query),
        )
        return await cursor.fetchall()


async def list_alike(connection: Connection, query: ResultQuery) -> list[ResultRow]:
    """The most alike first, those without likeness last, equals in the order of their delivery.

    Nothing is shown twice; but who is delivered while a reader pages on, and is more alike than the place that was
    reached, is missed: read again from the start for those, or by delivery.
    """
    async with connection.cursor(row_factory=class_row(ResultRow)) as cursor:
        await cursor.execute(
            """select c.seq, c.delivered_at, c.enrichment, c.likeness, c.details
               from jobs j join candidates c on c.job_id = j.id
               where j.id = %(job_id)s and j.owner = %(owner)s and c.seq is not null
                 and (%(seq)s::bigint is null
                      or (c.likeness = %(likeness)s::real or c.likeness is null and %(likeness)s::real is null)
                         and c.seq > %(seq)s::bigint
                      or c.likeness < %(likeness)s::real
                      or c.likeness is null and %(likeness)s::real is not null)
               order by c.likeness desc nulls last, c.seq limit %(count_max)s""",
            _parameters(query),
        )
        return await cursor.fetchall()


def _parameters(query: ResultQuery) -> dict[str, Any]:
    return {
        "owner": query.owner,
        "job_id": query.job_id,
        "seq": query.after.seq if query.after else None,
        "likeness": query.after.likeness if query.after else None,
        "count_max": query.count_max,
    }
