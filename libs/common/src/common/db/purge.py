"""What is removed because it was kept long enough, a bounded number of rows at a time. No statement here carries an
owner: only the sweep may use them.

Each removes nothing when it is repeated, and `until` comes from whoever decides.
"""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model
from common.domain.retention import DataClass


class PurgeRow(Model):
    """The last look through a class."""

    data: DataClass
    at: datetime
    is_done: bool


class PurgeNote(Model):
    """What a look through a class did: `rows` are gone; if it `is_done`, nothing from before `until` is left."""

    data: DataClass
    until: datetime
    rows: int
    is_done: bool


class RemovedCreators(Model):
    """How many went, and how many of them had been delivered."""

    count: int
    delivered: int


async def last_purges(connection: Connection) -> list[PurgeRow]:
    """One for each class that was ever looked through."""
    async with connection.cursor(row_factory=class_row(PurgeRow)) as cursor:
        await cursor.execute(
            """select distinct on (class) class as data, at, is_done from purges order by class, day desc"""
        )
        return await cursor.fetchall()


async def note_purge(connection: Connection, note: PurgeNote) -> None:
    """The proof: one row for each class and day (UTC)."""
    await connection.execute(
        """insert into purges (class, day, until, rows, is_done)
           values (%(data)s, (now() at time zone 'UTC')::date, %(until)s, %(rows)s, %(is_done)s)
           on conflict (class, day) do update set until = excluded.until, rows = purges.rows + excluded.rows,
               is_done = excluded.is_done, at = now()""",
        note.model_dump(),
    )


async def jobs_with_old_creators(connection: Connection, *, until: datetime, count_max: int) -> list[UUID]:
    """Final jobs that may hold creators found before `until`, the oldest first."""
    cursor = await connection.execute(
        """select id from jobs where ended_at is not null and creators_since < %(until)s
           order by creators_since limit %(count_max)s""",
        {"until": until, "count_max": count_max},
    )
    return [row[0] for row in await cursor.fetchall()]


async def delete_creators(connection: Connection, *, job_id: UUID, until: datetime, count_max: int) -> RemovedCreators:
    """Remove so many of the job's creators, of whatever outcome, that were found before `until`."""
    async with connection.cursor(row_factory=class_row(RemovedCreators)) as cursor:
        await cursor.execute(
            """with gone as (
                   delete from candidates
                   where job_id = %(job_id)s and platform_id in (
                       select platform_id from candidates
                       where job_id = %(job_id)s and created_at < %(until)s limit %(count_max)s)
                   returning seq)
               select count(*)::int as count, count(seq)::int as delivered from gone""",
            {"job_id": job_id, "until": until, "count_max": count_max},
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


async def oldest_creator(connection: Connection, *, job_id: UUID) -> datetime | None:
    """When the oldest of the job's creators was found; None if it holds none."""
    cursor = await connection.execute(
        "select min(created_at) from candidates where job_id = %(job_id)s", {"job_id": job_id}
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def note_removal(
    connection: Connection, *, job_id: UUID, removed: RemovedCreators, since: datetime | None
) -> None:
    """The job's creators are now from `since` on; its counts stay, and its version moves if some are gone."""
    await connection.execute(
        """update jobs set creators_since = %(since)s, removed_count = removed_count + %(delivered)s,
               creators_removed_at = case when %(count)s > 0 then now() else creators_removed_at end,
               event_seq = event_seq + case when %(count)s > 0 then 1 else 0 end
           where id = %(job_id)s""",
        {"job_id": job_id, "since": since, **removed.model_dump()},
    )


async def tell_removal(connection: Connection, *, job_id: UUID) -> None:
    """An event with the number that `note_removal` took: whoever watches has a number to go on from."""
    await connection.execute(
        """insert into job_events (job_id, seq, kind)
           select id, event_seq, 'creators_removed' from jobs where id = %(job_id)s""",
        {"job_id": job_id},
    )


async def forget_target(connection: Connection, *, job_id: UUID) -> None:
    """What was read of the account that a similar job was given, and what was searched because of it. What the caller
    asked for in their own words stays."""
    await connection.execute("update jobs set target = null where id = %(job_id)s", {"job_id": job_id})
    await connection.execute(
        """update searches q set query = null from jobs j
           where q.job_id = %(job_id)s and j.id = q.job_id and j.mode = 'similar' and q.ordinal > 0""",
        {"job_id": job_id},
    )


async def forget_items(connection: Connection, *, job_id: UUID) -> None:
    """The ids of what stood on the job's pages, and the places between them."""
    await connection.execute(
        """update steps set item_ids = null, cursor = null
           where job_id = %(job_id)s and (item_ids is not null or cursor is not null)""",
        {"job_id": job_id},
    )


async def forget_questions(connection: Connection, *, job_id: UUID) -> None:
    """The fingerprints of the job's calls: a handle can be tried against them."""
    await connection.execute(
        "update upstream_calls set fingerprint = '' where job_id = %(job_id)s and fingerprint <> ''",
        {"job_id": job_id},
    )


async def delete_profiles(connection: Connection, *, until: datetime, count_max: int) -> int:
    """Cached profiles that were fetched before `until`, and what is left of claims that brought none. One that is
    being bought just now stays."""
    cursor = await connection.execute(
        """delete from profiles p using (
               select platform, platform_id from profiles
               where coalesce(fetched_at, claimed_until, '-infinity') < %(until)s
                 and coalesce(claimed_until, '-infinity') < now()
               order by coalesce(fetched_at, claimed_until, '-infinity') limit %(count_max)s
               for update skip locked) old
           where p.platform = old.platform and p.platform_id = old.platform_id""",
        {"until": until, "count_max": count_max},
    )
    return cursor.rowcount


async def delete_letters(connection: Connection, *, until: datetime, count_max: int) -> int:
    """Dead letters that were settled before `until`."""
    cursor = await connection.execute(
        """delete from dead_letters where id in (
               select id from dead_letters where resolved_at < %(until)s
               order by resolved_at limit %(count_max)s for update skip locked)""",
        {"until": until, "count_max": count_max},
    )
    return cursor.rowcount


async def delete_setting_changes(connection: Connection, *, until: datetime, count_max: int) -> int:
    """The history of settings from before `until`; what is in force stays."""
    cursor = await connection.execute(
        """delete from setting_changes where id in (
               select id from setting_changes where changed_at < %(until)s
               order by changed_at limit %(count_max)s for update skip locked)""",
        {"until": until, "count_max": count_max},
    )
    return cursor.rowcount


async def delete_owner_days(connection: Connection, *, until: datetime, count_max: int) -> int:
    """What owners were granted on days that were over before `until`."""
    cursor = await connection.execute(
        """delete from owner_days d using (
               select owner, day from owner_days where day < (%(until)s at time zone 'UTC')::date
               order by day limit %(count_max)s for update skip locked) old
           where d.owner = old.owner and d.day = old.day""",
        {"until": until, "count_max": count_max},
    )
    return cursor.rowcount
