"""An owner's jobs, a page at a time.

Their statements are never prepared: a plan for whatever conditions may be left out, and however many jobs the owner
has, reads all of the owner's.
"""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.job import JobStatus, Mode, PlatformName, StopReason
from common.domain.model import Model


class JobLine(Model):
    """A job in a list. `keywords` or `target` is what it was given."""

    id: UUID
    platform: PlatformName
    mode: Mode
    status: JobStatus
    stop_reason: StopReason | None
    error: str | None
    campaign_id: UUID | None
    tags: tuple[str, ...]
    keywords: tuple[str, ...] | None
    target: str | None
    target_results: int
    delivered: int
    progress: float
    credits_spent: int
    run: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class JobQuery(Model):
    """Which jobs of the owner: None leaves a condition out. `tags`: those that have all of them. `before`: the last of
    the page before."""

    owner: str
    statuses: list[JobStatus] | None = None
    platform: PlatformName | None = None
    mode: Mode | None = None
    campaign_id: UUID | None = None
    tags: list[str] | None = None
    before: UUID | None = None
    count_max: int


async def list_jobs(connection: Connection, query: JobQuery) -> list[JobLine]:
    """The jobs that fit, the newest first: ids sort by creation."""
    if query.statuses is not None:
        return await _list_jobs_of_statuses(connection, query)
    async with connection.cursor(row_factory=class_row(JobLine)) as cursor:
        await cursor.execute(
            """select id, platform, mode, status, stop_reason, error, campaign_id, tags,
                   input -> 'keywords' as keywords, input ->> 'targetUsername' as target,
                   target_results, delivered_count as delivered,
                   round(progress::numeric, 2)::float8 as progress, credits_spent, run, created_at, started_at, ended_at
               from jobs
               where owner = %(owner)s and id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                 and (%(platform)s::text is null or platform = %(platform)s)
                 and (%(mode)s::text is null or mode = %(mode)s)
                 and (%(campaign_id)s::uuid is null or campaign_id = %(campaign_id)s)
                 and (%(tags)s::text[] is null or tags @> %(tags)s)
               order by id desc limit %(count_max)s""",
            query.model_dump(exclude={"statuses"}),
            prepare=False,
        )
        return await cursor.fetchall()


async def _list_jobs_of_statuses(connection: Connection, query: JobQuery) -> list[JobLine]:
    """A page of each status and the newest of these: of what is rare the owner's other jobs are not read."""
    async with connection.cursor(row_factory=class_row(JobLine)) as cursor:
        await cursor.execute(
            """select j.id, j.platform, j.mode, j.status, j.stop_reason, j.error, j.campaign_id, j.tags,
                   j.input -> 'keywords' as keywords, j.input ->> 'targetUsername' as target,
                   j.target_results, j.delivered_count as delivered,
                   round(j.progress::numeric, 2)::float8 as progress, j.credits_spent, j.run, j.created_at,
                   j.started_at, j.ended_at
               from (select distinct wanted from unnest(%(statuses)s::text[]) wanted) one
               cross join lateral (
                   select * from jobs
                   where owner = %(owner)s and status = one.wanted
                     and id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                     and (%(platform)s::text is null or platform = %(platform)s)
                     and (%(mode)s::text is null or mode = %(mode)s)
                     and (%(campaign_id)s::uuid is null or campaign_id = %(campaign_id)s)
                     and (%(tags)s::text[] is null or tags @> %(tags)s)
                   order by id desc limit %(count_max)s) j
               order by j.id desc limit %(count_max)s""",
            query.model_dump(),
            prepare=False,
        )
        return await cursor.fetchall()
