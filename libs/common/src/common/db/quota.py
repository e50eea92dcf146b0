"""Quotas: what an owner's jobs were granted on a day (UTC), spent or reserved. The owner's row is locked first."""

from datetime import date
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
        """update jobs set credits_granted = credits_granted + %(credits)s, quota_day = %(day)s
           where id = %(job_id)s""",
        {"job_id": job_id, "credits": amount, "day": day},
    )


async def release_grant(connection: Connection, *, job_id: UUID) -> int:
    """Give back what the job was granted and has neither spent nor reserved; returns how much.

    A day never counts less than nothing: what is left may be of an earlier day's grant, and an end is not refused.
    """
    cursor = await connection.execute(
        """with job as (
               select id, owner, quota_day, credits_granted - credits_spent - credits_reserved as credits
               from jobs where id = %(job_id)s and credits_granted > credits_spent + credits_reserved
           ), day as (
               update owner_days d set credits_granted = greatest(0, d.credits_granted - job.credits)
               from job where d.owner = job.owner and d.day = job.quota_day
           )
           update jobs set credits_granted = jobs.credits_granted - job.credits
           from job where jobs.id = job.id returning job.credits""",
        {"job_id": job_id},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


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
