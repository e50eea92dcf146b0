"""How things stand over all owners, for the metrics: counts by what is bounded, never of whom."""

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model


class JobCount(Model):
    """Active jobs of a kind. `waiting_on` is "none" if they wait for nothing."""

    platform: str
    state: str
    waiting_on: str
    count: int


class StepCount(Model):
    """Of the open steps of a platform: all, those that nobody holds and that are due, and those QStash never heard of.

    `oldest_due_s` is for how long the oldest is due that nobody holds; 0 if there is none.
    """

    platform: str
    open_count: int
    due_count: int
    unpublished_count: int
    oldest_due_s: float


class PlatformCount(Model):
    """`state` and `reason` ("none" if it is open)."""

    platform: str
    state: str
    reason: str


async def count_jobs(connection: Connection) -> list[JobCount]:
    """Active jobs; kinds of which there are none are left out."""
    async with connection.cursor(row_factory=class_row(JobCount)) as cursor:
        await cursor.execute(
            """select j.platform, j.status as state,
                   case when j.admitted_at is null then 'owner_limit' when s.is_stopped then 'operator'
                        else coalesce(p.reason, case when s.minute_credits >= s.minute_max then 'credits' end, 'none')
                   end as waiting_on, count(*)::int as count
               from jobs j left join platform_states p on p.platform = j.platform and p.state <> 'open'
               cross join spending s
               where j.status in ('pending', 'processing')
               group by 1, 2, 3 order by 1, 2, 3"""
        )
        return await cursor.fetchall()


async def count_steps(connection: Connection) -> list[StepCount]:
    """Open steps of active jobs; platforms without one are left out."""
    async with connection.cursor(row_factory=class_row(StepCount)) as cursor:
        await cursor.execute(
            """select j.platform, count(*)::int as open_count,
                   count(*) filter (where due.is_due)::int as due_count,
                   count(*) filter (where due.is_due
                       and s.published_generation is distinct from s.generation)::int as unpublished_count,
                   coalesce(extract(epoch from now() - min(s.due_at) filter (where due.is_due)), 0)::float8
                       as oldest_due_s
               from steps s join jobs j on j.id = s.job_id
               cross join lateral (
                   select s.due_at <= now() and (s.lease_until is null or s.lease_until < now()) as is_due) due
               where s.phase in ('page', 'enrichment') and j.status in ('pending', 'processing')
                 and j.admitted_at is not null
               group by 1 order by 1"""
        )
        return await cursor.fetchall()


async def count_letters(connection: Connection) -> int:
    """Dead letters that nobody has resolved."""
    cursor = await connection.execute("select count(*)::int from dead_letters where resolved_at is null")
    row = await cursor.fetchone()
    return row[0] if row else 0


async def platform_counts(connection: Connection) -> list[PlatformCount]:
    """Each platform that ever had a worker."""
    async with connection.cursor(row_factory=class_row(PlatformCount)) as cursor:
        await cursor.execute(
            """select platform, state, coalesce(reason, 'none') as reason from platform_states order by platform"""
        )
        return await cursor.fetchall()
