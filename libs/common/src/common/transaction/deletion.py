"""Deleting what an owner wants to be gone: a job with its creators, or all the jobs of a campaign."""

from contextlib import suppress
from uuid import UUID

from common.db import campaign as campaign_table
from common.db import deletion as deletion_table
from common.db import purge as purge_table
from common.db.job import LockedJob, lock_job
from common.db.pool import Connection
from common.engine.deletion import CAMPAIGN_JOBS_MAX, Refusal, refuse
from common.transaction.lock import LockedWork, Unit, UnknownJobError, under_lock
from common.transaction.quota import release_leftover


class NotDeletedError(Exception):
    """Nothing was deleted."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


async def delete_job(unit: Unit, job_id: UUID, *, by: str) -> None:
    """Remove a final job and its creators; its rows of the ledger stay. Raises NotDeletedError, UnknownJobError."""

    async def work(locked: LockedWork) -> None:
        await _check(locked.connection, locked.job)
        await _delete(locked.connection, job_id, by)

    # Of its own, because it needs the owner's lock: nobody shall wait for that while all the rest is removed.
    await release_leftover(unit, job_id)
    await under_lock(unit, job_id, work)


async def delete_campaign(unit: Unit, campaign_id: UUID, *, owner: str, by: str) -> bool:
    """Remove the owner's campaign with all its jobs, in one transaction; False if the owner has no such campaign.

    Raises NotDeletedError if one of the jobs cannot go: then all stay.
    """
    await _release_leftovers(unit, campaign_id, owner)
    async with unit.database.transaction() as connection:
        # The campaign's lock keeps new jobs out. Not the owner's: this takes long, and whoever ends another of the
        # owner's jobs meanwhile waits for that one with a paid page in hand.
        await campaign_table.lock_campaign(connection, owner=owner, campaign_id=campaign_id)
        job_ids = await deletion_table.jobs_of_campaign(connection, owner=owner, campaign_id=campaign_id)
        if len(job_ids) > CAMPAIGN_JOBS_MAX:
            raise NotDeletedError(Refusal.TOO_MANY)
        for job_id in job_ids:
            job = await lock_job(connection, job_id=job_id)
            if job is not None:
                await _check(connection, job)
                await _delete(connection, job_id, by)
        return await campaign_table.delete_campaign(connection, owner=owner, campaign_id=campaign_id)


async def _release_leftovers(unit: Unit, campaign_id: UUID, owner: str) -> None:
    async with unit.database.connection() as connection:
        job_ids = await deletion_table.leftovers_of_campaign(connection, owner=owner, campaign_id=campaign_id)
    for job_id in job_ids[:CAMPAIGN_JOBS_MAX]:
        with suppress(UnknownJobError):
            await release_leftover(unit, job_id)


async def _check(connection: Connection, job: LockedJob) -> None:
    open_calls = await deletion_table.count_open_calls(connection, job_id=job.id)
    refusal = refuse(job.status, open_calls=open_calls)
    if refusal is not None:
        raise NotDeletedError(refusal)


async def _delete(connection: Connection, job_id: UUID, by: str) -> None:
    await deletion_table.discard_letters(connection, job_id=job_id, by=by)
    await purge_table.forget_questions(connection, job_id=job_id)
    await deletion_table.delete_job(connection, job_id=job_id)
