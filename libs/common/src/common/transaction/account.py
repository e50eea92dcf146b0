"""The deletion of an account, in steps that the sweep takes: each is a transaction, safe to repeat, bounded.

From the request on nothing new of the owner's comes to be. At the end the ledger is a made-up owner's, and nothing is
left that leads from it to who it was. The same person may begin anew, as somebody whom we do not know.
"""

from uuid import UUID, uuid4

from common.clock import Clock
from common.db import account as account_table
from common.db import owner as owner_table
from common.db.account import Departure, Estate
from common.db.pool import Connection, Door
from common.transaction.deletion import NotDeletedError, delete_job
from common.transaction.lock import Unit, UnknownJobError
from common.transaction.purge import remove_creators

ROWS_MAX = 1000  # of one transaction


class AccountLeavesError(Exception):
    """The owner's account is being deleted: nothing new of theirs comes to be."""


async def enter(connection: Connection, *, owner: str) -> None:
    """Make sure that the owner's row exists and hold it until the transaction ends. Raises AccountLeavesError."""
    await _hold(connection, owner=owner)
    if await account_table.is_leaving(connection, owner=owner):
        raise AccountLeavesError


async def _hold(connection: Connection, *, owner: str) -> None:
    await owner_table.add_owner(connection, owner=owner)
    while not await owner_table.lock_owner(connection, owner=owner):
        # The end of a deletion took it away between the two.
        await owner_table.add_owner(connection, owner=owner)


async def request_deletion(database: Door, clock: Clock, *, owner: str) -> tuple[Departure, Estate]:
    """From now on nothing new of the owner's comes to be; returns what will go. A repetition changes nothing."""
    departure = Departure(
        id=clock.new_id(),
        owner=owner,
        pseudonym=f"deleted_{uuid4().hex}",
        requested_at=clock.now(),
    )
    async with database.transaction() as connection:
        await _hold(connection, owner=owner)
        await account_table.begin_departure(connection, departure)
        noted = await account_table.read_departure(connection, owner=owner)
        assert noted is not None
        return noted, await account_table.view_estate(connection, owner=owner)


async def remove_some_of_job(unit: Unit, departure: Departure, job_id: UUID) -> bool:
    """Remove some of a final job's creators, or the job with the last of them; False if a call of it is still open."""
    now = unit.clock.now()
    try:
        removal = await remove_creators(unit, job_id, until=now, count_max=ROWS_MAX)
        if removal.is_done:
            await delete_job(unit, job_id, by=departure.pseudonym)
    except UnknownJobError:
        return True
    except NotDeletedError:
        return False
    if removal.is_done:
        async with unit.database.connection() as connection:
            await account_table.count_gone_job(connection, departure_id=departure.id)
    return True


async def clear_estate(database: Door, departure: Departure) -> int:
    """Remove the owner's campaigns and keys, hand their ledger over and forget who they were in what is others', so
    many rows at a time; returns how many it was."""
    owner, user_id = departure.owner, departure.user_id
    async with database.transaction() as connection:
        rows = await account_table.delete_campaigns(connection, owner=owner, count_max=ROWS_MAX)
        rows += await account_table.delete_keys(connection, owner=owner)
        await owner_table.add_owner(connection, owner=departure.heir)
        rows += await account_table.hand_over_calls(connection, owner=owner, heir=departure.heir, count_max=ROWS_MAX)
        if user_id is not None:
            rows += await account_table.rename_creator_of_jobs(
                connection, user_id=user_id, pseudonym=departure.pseudonym, count_max=ROWS_MAX
            )
        return rows


async def end_departure(database: Door, departure: Departure) -> bool:
    """Remove the last traces; False if something of the owner's is left, or they spent of today's quota: then they end
    when the day (UTC) does, lest who comes back at once gets another."""
    owner, user_id = departure.owner, departure.user_id
    async with database.transaction() as connection:
        await account_table.lock_for_deletion(connection, owner=owner)
        if await account_table.has_rest(connection, owner=owner):
            return False
        if await account_table.has_spent_today(connection, owner=owner):
            return False
        await account_table.delete_days(connection, owner=owner)
        if user_id is not None:
            who = {"user_id": user_id, "pseudonym": departure.pseudonym}
            if await account_table.rename_creator_of_jobs(connection, **who, count_max=ROWS_MAX) == ROWS_MAX:
                return False
            await account_table.rename_creator_of_campaigns(connection, **who)
            await account_table.rename_who_resolved(connection, **who)
            await account_table.rename_who_set(connection, **who)
        await account_table.delete_owner(connection, owner=owner)
        await account_table.end_departure(connection, departure_id=departure.id)
        return True
