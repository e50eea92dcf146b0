"""What happened to a job, in the order of its numbers: its events and its deliveries. Every statement carries the
owner.

Numbers are given under the job's lock, so nothing ever appears before a number that was read. They may have gaps.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from common.db.poll import JobVersion
from common.db.pool import Connection
from common.domain.creator import Creator
from common.domain.model import Model
from common.domain.outcome import Enrichment


class EventQuery(Model):
    """Which stretch of a job's events is asked for: those with a number above `after`."""

    owner: str
    job_id: UUID
    after: int
    count_max: int


class EventRow(JobVersion):
    """One event beside the job's state in the same snapshot. `kind` None: a creator, with `enrichment` and `details`.
    `seq` None: there is no event."""

    seq: int | None
    kind: str | None
    at: datetime | None
    data: dict[str, Any] | None
    enrichment: Enrichment | None
    details: Creator | None


class JobHead(JobVersion):
    """How far a job is."""

    id: UUID


async def list_events(connection: Connection, query: EventQuery) -> list[EventRow]:
    """In the order of their numbers. Empty if there is no such job or it is another's; one row without a number if the
    job has no further event."""
    async with connection.cursor(row_factory=class_row(EventRow)) as cursor:
        await cursor.execute(
            """select j.event_seq, j.status, e.seq, e.kind, e.at, e.data, e.enrichment, e.details
               from jobs j left join lateral (
                   (select seq, kind, at, data, null as enrichment, null::jsonb as details
                    from job_events where job_id = j.id and seq > %(after)s
                    order by seq limit %(count_max)s)
                   union all
                   (select seq, null, delivered_at, null, enrichment, details
                    from candidates where job_id = j.id and seq > %(after)s
                    order by seq limit %(count_max)s)
                   order by seq limit %(count_max)s) e on true
               where j.id = %(job_id)s and j.owner = %(owner)s
               order by e.seq""",
            query.model_dump(),
        )
        return await cursor.fetchall()


async def list_heads(connection: Connection, jobs: Sequence[tuple[UUID, str]]) -> list[JobHead]:
    """How far these jobs of these owners are, in one look; those that are not there, or another's, are left out."""
    async with connection.cursor(row_factory=class_row(JobHead)) as cursor:
        await cursor.execute(
            """select j.id, j.event_seq, j.status
               from unnest(%(ids)s::uuid[], %(owners)s::text[]) as w(id, owner)
               join jobs j on j.id = w.id and j.owner = w.owner""",
            {"ids": [job_id for job_id, _ in jobs], "owners": [owner for _, owner in jobs]},
        )
        return await cursor.fetchall()
