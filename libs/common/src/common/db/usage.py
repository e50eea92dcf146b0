"""What an owner's calls cost, from the ledger, which outlives the jobs. Every statement carries the owner.

A day is a day of UTC, and a call belongs to that on which it was opened.
"""

from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model


class UsageSum(Model):
    """`credits_charged` is what was spent, with `credits_unknown`: of calls that were charged without an answer.
    `credits_reserved` is what open calls may still cost."""

    calls: int
    pages: int
    profiles: int
    credits_charged: int
    credits_reserved: int
    credits_unknown: int


class UsageKey(Model):
    """What a row stands for; None: the rows are not told apart by it."""

    day: date | None = None
    platform: str | None = None
    job_id: UUID | None = None


class UsageRow(UsageSum, UsageKey):
    """The calls of one day, platform or job."""


class UsageQuery(Model):
    """Which days, both included, and by what the rows are told apart; `after` None: the first rows."""

    owner: str
    since: date
    until: date
    by_day: bool
    by_platform: bool
    by_job: bool
    after: UsageKey | None
    count_max: int


async def list_usage(connection: Connection, query: UsageQuery) -> list[UsageRow]:
    """In the order of day, platform and job. Days before the place that was reached are not read again."""
    async with connection.cursor(row_factory=class_row(UsageRow)) as cursor:
        await cursor.execute(
            """select * from (
                   select case when %(by_day)s then (opened_at at time zone 'UTC')::date end as day,
                       case when %(by_platform)s then platform end as platform,
                       case when %(by_job)s then job_id end as job_id,
                       count(*) as calls,
                       count(*) filter (where kind = 'page') as pages,
                       count(*) filter (where kind = 'profile') as profiles,
                       coalesce(sum(credits_charged), 0)::bigint as credits_charged,
                       coalesce(sum(credits_reserved) filter (where status = 'open'), 0)::bigint as credits_reserved,
                       coalesce(sum(credits_charged) filter (where status = 'unknown'), 0)::bigint as credits_unknown
                   from upstream_calls
                   where owner = %(owner)s
                     and opened_at >= greatest(%(since)s::date, %(after_day)s::date)::timestamp at time zone 'UTC'
                     and opened_at < (%(until)s::date + 1)::timestamp at time zone 'UTC'
                   group by 1, 2, 3) u
               where %(is_first)s
                  or (coalesce(day, '-infinity'), coalesce(platform, ''), coalesce(job_id, %(no_job)s::uuid))
                     > (coalesce(%(after_day)s::date, '-infinity'), coalesce(%(after_platform)s::text, ''),
                        coalesce(%(after_job)s::uuid, %(no_job)s::uuid))
               order by day, platform, job_id limit %(count_max)s""",
            _parameters(query),
        )
        return await cursor.fetchall()


async def sum_usage(connection: Connection, *, owner: str, since: date, until: date) -> UsageSum:
    """All calls of these days, both included."""
    async with connection.cursor(row_factory=class_row(UsageSum)) as cursor:
        await cursor.execute(
            """select count(*) as calls,
                   count(*) filter (where kind = 'page') as pages,
                   count(*) filter (where kind = 'profile') as profiles,
                   coalesce(sum(credits_charged), 0)::bigint as credits_charged,
                   coalesce(sum(credits_reserved) filter (where status = 'open'), 0)::bigint as credits_reserved,
                   coalesce(sum(credits_charged) filter (where status = 'unknown'), 0)::bigint as credits_unknown
               from upstream_calls
               where owner = %(owner)s and opened_at >= %(since)s::date::timestamp at time zone 'UTC'
                 and opened_at < (%(until)s::date + 1)::timestamp at time zone 'UTC'""",
            {"owner": owner, "since": since, "until": until},
        )
        row = await cursor.fetchone()
        assert row is not None
        return row


def _parameters(query: UsageQuery) -> dict[str, Any]:
    after = query.after or UsageKey()
    return {
        **query.model_dump(exclude={"after"}),
        "is_first": query.after is None,
        "after_day": after.day,
        "after_platform": after.platform,
        "after_job": after.job_id,
        "no_job": UUID(int=0),
    }
