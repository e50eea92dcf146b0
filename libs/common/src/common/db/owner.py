"""Owners, and the turn of their jobs."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model


class Standing(Model):
    """What an owner's jobs use of the limits; `resets_at` is when the day (UTC) of `credits_granted_today` is over."""

    active_jobs: int
    waiting_jobs: int
    credits_granted_today: int
    resets_at: datetime


async def add_owner(connection: Connection, *, owner: str) -> None:
    """Make sure that the owner's row exists."""
    await connection.execute(
        "insert into owners (owner) values (%(owner)s) on conflict do nothing",
        {"owner": owner},
    )


async def lock_owner(connection: Connection, *, owner: str) -> bool:
    """Hold the owner's row until the transaction ends; False if there is none. First in the lock order."""
    cursor = await connection.execute("select from owners where owner = %(owner)s for no key update", {"owner": owner})
    return cursor.rowcount == 1


async def count_admitted(connection: Connection, *, owner: str) -> int:
    """How many jobs of the owner run now."""
    cursor = await connection.execute(
        """select count(*) from jobs
           where owner = %(owner)s and status in ('pending', 'processing') and admitted_at is not null""",
        {"owner": owner},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def next_waiting(connection: Connection, *, owner: str, count_max: int) -> list[UUID]:
    """The owner's oldest jobs that wait for their turn, locked, at most `count_max`."""
    cursor = await connection.execute(
        """select id from jobs
           where owner = %(owner)s and status = 'pending' and admitted_at is null and queue_until > now()
           order by queued_at, id limit %(count_max)s for no key update""",
        {"owner": owner, "count_max": count_max},
    )
    return [row[0] for row in await cursor.fetchall()]


async def owners_with_a_turn(connection: Connection, *, active_jobs_max: int, count_max: int) -> list[str]:
    """Owners who have a job that waits though fewer of theirs run than may."""
    cursor = await connection.execute(
        """select owner from jobs
           where status in ('pending', 'processing')
           group by owner
           having count(*) filter (where admitted_at is not null) < %(active_jobs_max)s
              and count(*) filter (where admitted_at is null and status = 'pending' and queue_until > now()) > 0
           order by min(queued_at) limit %(count_max)s""",
        {"active_jobs_max": active_jobs_max, "count_max": count_max},
    )
    return [row[0] for row in await cursor.fetchall()]


async def view_standing(connection: Connection, *, owner: str) -> Standing:
    """Also of an owner who has nothing yet."""
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(
            """select count(*) filter (where j.admitted_at is not null) as active_jobs,
                   count(*) filter (where j.admitted_at is null) as waiting_jobs,
                   coalesce((select d.credits_granted from owner_days d where d.owner = %(owner)s
                       and d.day = (now() at time zone 'UTC')::date), 0) as credits_granted_today,
                   ((now() at time zone 'UTC')::date + 1)::timestamp at time zone 'UTC' as resets_at
               from jobs j where j.owner = %(owner)s and j.status in ('pending', 'processing')""",
            {"owner": owner},
        )
        row = await cursor.fetchone()
    assert row is not None
    return row
