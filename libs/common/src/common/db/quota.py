"""Quotas: what an owner's jobs, and what all jobs, were granted on a day (UTC), spent or reserved.

The owner's row is locked first. The row of all jobs' day is one for everybody, so a transaction touches it last.
"""

from datetime import date, timedelta
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model


class GrantView(Model):
    """What a job may spend (`granted`, with what is spent), and what its own limit is."""

    credits_granted: int
    credits_used: int
    credits_max: int


async def add_to_day(connection: Connection, *, owner: str, amount: int, credits_per_day: int | None) -> date | None:
    """Count a grant against today's quota; None if that would exceed it, and then nothing is written."""
    cursor = await connection.execute(
        """insert into owner_days (owner, day, credits_granted)
           select %(owner)s, (now() at time zone 'UTC')::date, %(credits)s
           where %(credits_per_day)s::int is null or %(credits)s <= %(credits_per_day)s
           on conflict (owner, day) do update
               set credits_granted = owner_days.credits_granted + excluded.credits_granted
               where %(credits_per_day)s::int is null
                  or owner_days.credits_granted + excluded.credits_granted <= %(credits_per_day)s
           returning day""",
        {"owner": owner, "credits": amount, "credits_per_day": credits_per_day},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def granted_today(connection: Connection, *, owner: str) -> int:
    cursor = await connection.execute(
        """select credits_granted from owner_days
           where owner = %(owner)s and day = (now() at time zone 'UTC')::date""",
        {"owner": owner},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def view_grant(connection: Connection, *, job_id: UUID) -> GrantView | None:
    async with connection.cursor(row_factory=class_row(GrantView)) as cursor:
        await cursor.execute(
            """select credits_granted, credits_spent + credits_reserved as credits_used, credits_max
               from jobs where id = %(job_id)s""",
            {"job_id": job_id},
        )
        return await cursor.fetchone()


async def grant(connection: Connection, *, job_id: UUID, amount: int, day: date) -> None:
    """Let the job spend so much more; what it leaves of it goes back to this day's quota."""
    await connection.execute(
        """update jobs set credits_granted = credits_granted + %(credits)s, quota_day = %(day)s,
               credits_of_day = %(credits)s + case when quota_day = %(day)s then credits_of_day else 0 end
           where id = %(job_id)s""",
        {"job_id": job_id, "credits": amount, "day": day},
    )


class Leftover(Model):
    """What a job gave back: `credits` in all, of which `of_day` were granted on `day`."""

    credits: int
    day: date
    of_day: int


async def release_grant(connection: Connection, *, job_id: UUID) -> Leftover | None:
    """Give back what the job was granted and has neither spent nor reserved; None if there is nothing.

    A day gets back no more than it gave: what is left may be of an earlier day's grant.
    """
    async with connection.cursor(row_factory=class_row(Leftover)) as cursor:
        await cursor.execute(
            """with job as (
                   select id, owner, quota_day, credits_granted - credits_spent - credits_reserved as credits,
                       least(credits_of_day, credits_granted - credits_spent - credits_reserved) as of_day
                   from jobs where id = %(job_id)s and credits_granted > credits_spent + credits_reserved
               ), day as (
                   update owner_days d set credits_granted = greatest(0, d.credits_granted - job.of_day)
                   from job where d.owner = job.owner and d.day = job.quota_day
               )
               update jobs set credits_granted = jobs.credits_granted - job.credits,
                   credits_of_day = jobs.credits_of_day - job.of_day
               from job where jobs.id = job.id
               returning job.credits, job.quota_day as day, job.of_day""",
            {"job_id": job_id},
        )
        return await cursor.fetchone()


async def add_to_all(connection: Connection, *, amount: int, credits_per_day: int | None) -> bool:
    """Count a grant against the day of all jobs; False if that would exceed its cap, and then nothing is written."""
    cursor = await connection.execute(
        """insert into spending_days (day, credits_granted)
           select (now() at time zone 'UTC')::date, %(credits)s
           where %(credits_per_day)s::int is null or %(credits)s <= %(credits_per_day)s
           on conflict (day) do update
               set credits_granted = spending_days.credits_granted + excluded.credits_granted
               where %(credits_per_day)s::int is null
                  or spending_days.credits_granted + excluded.credits_granted <= %(credits_per_day)s
           returning 1""",
        {"credits": amount, "credits_per_day": credits_per_day},
    )
    return await cursor.fetchone() is not None


async def give_back_to_all(connection: Connection, *, day: date, amount: int) -> None:
    """What a job left of what it was granted on that day."""
    await connection.execute(
        "update spending_days set credits_granted = greatest(0, credits_granted - %(credits)s) where day = %(day)s",
        {"credits": amount, "day": day},
    )


async def granted_to_all_today(connection: Connection) -> int:
    cursor = await connection.execute(
        "select credits_granted from spending_days where day = (now() at time zone 'UTC')::date"
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def forget_minutes(connection: Connection, *, older_than: timedelta) -> None:
    """Minutes of which nobody needs to know any more what was spent in them."""
    await connection.execute(
        "delete from spending_minutes where minute < now() - %(older_than)s", {"older_than": older_than}
    )


async def unreleased_jobs(connection: Connection, *, count_max: int) -> list[UUID]:
    """Final jobs that still hold more of the quota than they spent, with no call open: their last call was settled
    after their end, for less than was reserved."""
    cursor = await connection.execute(
        """select id from jobs
           where ended_at is not null and credits_granted > credits_spent and credits_reserved = 0
           order by id limit %(count_max)s""",
        {"count_max": count_max},
    )
    return [row[0] for row in await cursor.fetchall()]
