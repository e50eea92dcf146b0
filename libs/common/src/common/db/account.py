"""The deletion of an account: an owner with everything that is theirs. What has to outlive them, the ledger, goes over
to a made-up owner. Statements carry the owner, or the user whose id is to be forgotten.
"""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model


class Departure(Model):
    """A deletion that is under way: whose, and as who the rest goes on."""

    id: UUID
    owner: str
    pseudonym: str
    requested_at: datetime

    @property
    def heir(self) -> str:
        """Whose the ledger is from then on."""
        return f"user:{self.pseudonym}"

    @property
    def user_id(self) -> str | None:
        """Of an account of one user; None for an organisation's."""
        kind, _, name = self.owner.partition(":")
        return name if kind == "user" else None


class Estate(Model):
    """What an owner has."""

    jobs: int
    active_jobs: int
    campaigns: int


async def begin_departure(connection: Connection, departure: Departure) -> None:
    """Note that the owner leaves; nothing happens if they do so already. The caller holds the owner's lock."""
    await connection.execute(
        """insert into account_deletions (id, owner, pseudonym, requested_at)
           values (%(id)s, %(owner)s, %(pseudonym)s, %(requested_at)s)
           on conflict do nothing""",
        departure.model_dump(),
    )


async def read_departure(connection: Connection, *, owner: str) -> Departure | None:
    """None if the owner does not leave."""
    async with connection.cursor(row_factory=class_row(Departure)) as cursor:
        await cursor.execute(
            "select id, owner, pseudonym, requested_at from account_deletions where owner = %(owner)s",
            {"owner": owner},
        )
        return await cursor.fetchone()


async def is_leaving(connection: Connection, *, owner: str) -> bool:
    """Whether the owner's account is being deleted."""
    cursor = await connection.execute("select 1 from account_deletions where owner = %(owner)s", {"owner": owner})
    return await cursor.fetchone() is not None


async def list_departures(connection: Connection, *, count_max: int) -> list[Departure]:
    """Deletions that are under way, the oldest first."""
    async with connection.cursor(row_factory=class_row(Departure)) as cursor:
        await cursor.execute(
            """select id, owner, pseudonym, requested_at from account_deletions
               where owner is not null order by requested_at limit %(count_max)s""",
            {"count_max": count_max},
        )
        return await cursor.fetchall()


async def some_departures(connection: Connection, *, count_max: int) -> list[Departure]:
    """Some of those that are under way: first who need not wait for the end of the day (UTC), and of equals any.

    So whoever waits, or is refused again and again, keeps nobody from their turn.
    """
    async with connection.cursor(row_factory=class_row(Departure)) as cursor:
        await cursor.execute(
            """select id, owner, pseudonym, requested_at from account_deletions a where owner is not null
               order by exists (
                   select from owner_days d
                   where d.owner = a.owner and d.day = (now() at time zone 'UTC')::date and d.credits_granted > 0
               ), random() limit %(count_max)s""",
            {"count_max": count_max},
        )
        return await cursor.fetchall()


async def view_estate(connection: Connection, *, owner: str) -> Estate:
    async with connection.cursor(row_factory=class_row(Estate)) as cursor:
        await cursor.execute(
            """select count(*)::int as jobs, count(*) filter (where ended_at is null)::int as active_jobs,
                   (select count(*)::int from campaigns where owner = %(owner)s) as campaigns
               from jobs where owner = %(owner)s""",
            {"owner": owner},
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


async def active_jobs_of(connection: Connection, *, owner: str, count_max: int) -> list[UUID]:
    """The owner's jobs that have not ended, those that wait for their turn first: none of them shall get it."""
    cursor = await connection.execute(
        """select id from jobs where owner = %(owner)s and status in ('pending', 'processing')
           order by admitted_at is not null, id limit %(count_max)s""",
        {"owner": owner, "count_max": count_max},
    )
    return [row[0] for row in await cursor.fetchall()]


async def jobs_of(connection: Connection, *, owner: str, count_max: int) -> list[UUID]:
    """Some of the owner's jobs, those without an open call first."""
    cursor = await connection.execute(
        """select id from jobs where owner = %(owner)s and ended_at is not null
           order by credits_reserved > 0, id desc limit %(count_max)s""",
        {"owner": owner, "count_max": count_max},
    )
    return [row[0] for row in await cursor.fetchall()]


async def count_gone_job(connection: Connection, *, departure_id: UUID) -> None:
    await connection.execute(
        "update account_deletions set jobs_count = jobs_count + 1 where id = %(id)s", {"id": departure_id}
    )


async def hand_over_calls(connection: Connection, *, owner: str, heir: str, count_max: int) -> int:
    """When no job of the owner's is left, give so many of their settled calls to the heir, with nothing that tells what
    was asked; returns how many. The heir's row is there."""
    cursor = await connection.execute(
        """update upstream_calls set owner = %(heir)s, fingerprint = '' where id in (
               select c.id from upstream_calls c
               where c.owner = %(owner)s and c.status <> 'open'
                 and not exists (select from jobs where owner = %(owner)s)
               order by c.opened_at limit %(count_max)s)""",
        {"owner": owner, "heir": heir, "count_max": count_max},
    )
    return cursor.rowcount


async def delete_campaigns(connection: Connection, *, owner: str, count_max: int) -> int:
    """Campaigns of the owner in which no job is left; returns how many."""
    cursor = await connection.execute(
        """delete from campaigns where id in (
               select c.id from campaigns c
               where c.owner = %(owner)s and not exists (select from jobs j where j.campaign_id = c.id)
               limit %(count_max)s)""",
        {"owner": owner, "count_max": count_max},
    )
    return cursor.rowcount


async def delete_keys(connection: Connection, *, owner: str) -> int:
    """The owner's keys with the answers that were kept; returns how many."""
    cursor = await connection.execute("delete from idempotency_keys where owner = %(owner)s", {"owner": owner})
    return cursor.rowcount


async def rename_creator_of_jobs(connection: Connection, *, user_id: str, pseudonym: str, count_max: int) -> int:
    """In organisations' jobs that the user created; returns how many."""
    cursor = await connection.execute(
        """update jobs set created_by = %(pseudonym)s where id in (
               select id from jobs where created_by = %(user_id)s
               order by id limit %(count_max)s for no key update)""",
        {"user_id": user_id, "pseudonym": pseudonym, "count_max": count_max},
    )
    return cursor.rowcount


async def rename_creator_of_campaigns(connection: Connection, *, user_id: str, pseudonym: str) -> None:
    await connection.execute(
        "update campaigns set created_by = %(pseudonym)s where created_by = %(user_id)s",
        {"user_id": user_id, "pseudonym": pseudonym},
    )


async def rename_who_resolved(connection: Connection, *, user_id: str, pseudonym: str) -> None:
    await connection.execute(
        "update dead_letters set resolved_by = %(pseudonym)s where resolved_by = %(user_id)s",
        {"user_id": user_id, "pseudonym": pseudonym},
    )


async def rename_who_set(connection: Connection, *, user_id: str, pseudonym: str) -> None:
    """In the settings' history, as who changed and as whom it names. In the settings themselves as who changed; a list
    of users loses them."""
    await connection.execute(
        """update setting_changes set
               changed_by = case changed_by when %(user_id)s then %(pseudonym)s else changed_by end,
               old_value = replace(old_value::text, %(quoted)s, %(quoted_pseudonym)s)::jsonb,
               new_value = replace(new_value::text, %(quoted)s, %(quoted_pseudonym)s)::jsonb
           where changed_by = %(user_id)s or strpos(old_value::text, %(quoted)s) > 0
              or strpos(new_value::text, %(quoted)s) > 0""",
        {
            "user_id": user_id,
            "pseudonym": pseudonym,
            "quoted": f'"{user_id}"',
            "quoted_pseudonym": f'"{pseudonym}"',
        },
    )
    await connection.execute(
        """update system_settings set
               updated_by = case updated_by when %(user_id)s then %(pseudonym)s else updated_by end,
               value = case jsonb_typeof(value) when 'array' then value - %(user_id)s else value end
           where updated_by = %(user_id)s or jsonb_typeof(value) = 'array' and value ? %(user_id)s""",
        {"user_id": user_id, "pseudonym": pseudonym},
    )


async def has_spent_today(connection: Connection, *, owner: str) -> bool:
    """Whether the owner's jobs were granted anything on this day (UTC)."""
    cursor = await connection.execute(
        """select 1 from owner_days where owner = %(owner)s and day = (now() at time zone 'UTC')::date
               and credits_granted > 0""",
        {"owner": owner},
    )
    return await cursor.fetchone() is not None


async def delete_days(connection: Connection, *, owner: str) -> None:
    await connection.execute("delete from owner_days where owner = %(owner)s", {"owner": owner})


async def lock_for_deletion(connection: Connection, *, owner: str) -> None:
    """Nothing of the owner's comes to be until the transaction ends."""
    await connection.execute("select from owners where owner = %(owner)s for update", {"owner": owner})


async def has_rest(connection: Connection, *, owner: str) -> bool:
    """Whether anything is left that is the owner's: a job, a campaign, a key, a call."""
    cursor = await connection.execute(
        """select exists (select from jobs where owner = %(owner)s)
               or exists (select from campaigns where owner = %(owner)s)
               or exists (select from idempotency_keys where owner = %(owner)s)
               or exists (select from upstream_calls where owner = %(owner)s)""",
        {"owner": owner},
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def delete_owner(connection: Connection, *, owner: str) -> None:
    """The database refuses it unless the owner's account is being deleted and nothing is theirs any more."""
    await connection.execute("delete from owners where owner = %(owner)s", {"owner": owner})


async def end_departure(connection: Connection, *, departure_id: UUID) -> None:
    """Keep the proof, which says of nobody that they are gone."""
    await connection.execute(
        "update account_deletions set owner = null, done_at = now() where id = %(id)s and owner is not null",
        {"id": departure_id},
    )
