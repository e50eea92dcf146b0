"""A job and its owner's quota: reserved with the job, raised as it turns out to need more, released at its end.

Within its grant a job spends without touching its owner's row: the gate looks at the job's alone.
"""

from datetime import date
from uuid import UUID

from common.db import quota as quota_table
from common.db.pool import Connection
from common.engine.quota import next_grant
from common.transaction.lock import LockedWork, Unit, under_both_locks


class QuotaExceededError(Exception):
    """What the owner may still spend today does not cover the job."""


async def reserve(connection: Connection, *, owner: str, amount: int, credits_per_day: int | None) -> date:
    """Count a new run's estimate against the owner's day. The caller holds the owner's lock. Raises
    QuotaExceededError."""
    day = await quota_table.add_to_day(connection, owner=owner, amount=amount, credits_per_day=credits_per_day)
    if day is None:
        raise QuotaExceededError
    return day


async def raise_grant(unit: Unit, job_id: UUID, price: int) -> bool:
    """Grant a job that cannot pay `price` some more; False if its own limit or its owner's quota is reached."""

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
        if view.credits_used + price > view.credits_granted + max(wanted, 0):
            return False
        day = await reserve(
            locked.connection, owner=locked.job.owner, amount=wanted, credits_per_day=locked.credits_per_day
        )
        await quota_table.grant(locked.connection, job_id=job_id, amount=wanted, day=day)
        return True

    is_raised, _ = await under_both_locks(unit, job_id, work)
    return is_raised


async def release_leftover(unit: Unit, job_id: UUID) -> int:
    """What a final job holds of the quota without having spent it; returns how much was given back."""

    async def work(locked: LockedWork) -> int:
        if not locked.job.status.is_final:
            return 0
        return await quota_table.release_grant(locked.connection, job_id=job_id)

    released, _ = await under_both_locks(unit, job_id, work)
    return released
