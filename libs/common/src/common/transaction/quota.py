"""A job and its owner's quota: reserved with the job, raised as it turns out to need more, released at its end.

Within its grant a job spends without touching its owner's row or that of all jobs' day: the gate looks at the job's
alone. All jobs' day is one row for everybody: it is touched when a grant is made, raised or given back, as the last
thing of a transaction that may be long.
"""

from datetime import date
from uuid import UUID

from common.db import quota as quota_table
from common.db.pool import Connection
from common.engine.quota import next_grant
from common.transaction.lock import LockedWork, Unit, under_both_locks

RAISE_TRIES = 3  # others take what is left of all jobs' day


class QuotaExceededError(Exception):
    """What the owner may still spend today does not cover the job."""


class DayUsedUpError(Exception):
    """What all jobs together may still spend today does not cover the job."""


async def reserve(connection: Connection, *, owner: str, amount: int, credits_per_day: int | None) -> date:
    """Count a new run's estimate against the owner's day. The caller holds the owner's lock. Raises
    QuotaExceededError."""
    day = await quota_table.add_to_day(connection, owner=owner, amount=amount, credits_per_day=credits_per_day)
    if day is None:
        raise QuotaExceededError
    return day


async def reserve_of_all(connection: Connection, *, amount: int, credits_per_day: int | None) -> None:
    """Count a new run's estimate against the day of all jobs, last in its transaction. Raises DayUsedUpError."""
    if not await quota_table.add_to_all(connection, amount=amount, credits_per_day=credits_per_day):
        raise DayUsedUpError


async def raise_grant(unit: Unit, job_id: UUID, price: int) -> bool:
    """Grant a job that cannot pay `price` some more; False if its own limit, its owner's quota or the cap of all is
    reached."""

    async def work(locked: LockedWork) -> bool:
        view = await quota_table.view_grant(locked.connection, job_id=job_id)
        if view is None or locked.job.status.is_final:
            return False
        if view.credits_used + price <= view.credits_granted:
            return True  # another call of the job was faster
        wanted = next_grant(granted=view.credits_granted, credits_max=view.credits_max)
        if locked.credits_per_day is not None:
            today = await quota_table.granted_today(locked.connection, owner=locked.job.owner)
            wanted = min(wanted, locked.credits_per_day - today)
        amount = await _take_of_all(locked, wanted, needed=view.credits_used + price - view.credits_granted)
        if amount is None:
            return False
        day = await reserve(
            locked.connection, owner=locked.job.owner, amount=amount, credits_per_day=locked.credits_per_day
        )
        await quota_table.grant(locked.connection, job_id=job_id, amount=amount, day=day)
        return True

    is_raised, _ = await under_both_locks(unit, job_id, work)
    return is_raised


async def _take_of_all(locked: LockedWork, wanted: int, *, needed: int) -> int | None:
    """So much of all jobs' day, or what is left of it; None if that is less than `needed`."""
    cap = locked.credits_per_day_of_all
    for _ in range(RAISE_TRIES):
        if cap is not None:
            wanted = min(wanted, cap - await quota_table.granted_to_all_today(locked.connection))
        if wanted < needed:
            return None
        if await quota_table.add_to_all(locked.connection, amount=wanted, credits_per_day=cap):
            return wanted
    return None


async def release(connection: Connection, *, job_id: UUID) -> int:
    """Give back to both days what the job holds and has not spent; returns how much. Last in its transaction."""
    leftover = await quota_table.release_grant(connection, job_id=job_id)
    if leftover is None:
        return 0
    await quota_table.give_back_to_all(connection, day=leftover.day, amount=leftover.of_day)
    return leftover.credits


async def release_leftover(unit: Unit, job_id: UUID) -> int:
    """What a final job holds of the quota without having spent it; returns how much was given back."""

    async def work(locked: LockedWork) -> int:
        if not locked.job.status.is_final:
            return 0
        return await release(locked.connection, job_id=job_id)

    released, _ = await under_both_locks(unit, job_id, work)
    return released
