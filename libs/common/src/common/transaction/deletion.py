"""Deleting what an owner wants to be gone: a job with its creators, or all the jobs of a campaign."""

from uuid import UUID

from common.db import deletion as deletion_table
from common.db.pool import Connection
from common.engine.deletion import Refusal, refuse
from common.transaction.lock import LockedWork, Unit, under_lock


class NotDeletedError(Exception):
    """Nothing was deleted."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


async def delete_job(unit: Unit, job_id: UUID, *, by: str) -> None:
    """Remove a final job and its creators; its rows of the ledger stay. Raises NotDeletedError, UnknownJobError."""

    async def work(locked: LockedWork) -> None:
        open_calls = await deletion_table.count_open_calls(locked.connection, job_id=job_id)
        refusal = refuse(locked.job.status, open_calls=open_calls)
        if refusal is not None:
            raise NotDeletedError(refusal)
        await _delete(locked.connection, job_id, by)

    await under_lock(unit, job_id, work)


async def _delete(connection: Connection, job_id: UUID, by: str) -> None:
    await deletion_table.discard_letters(connection, job_id=job_id, by=by)
    await deletion_table.delete_job(connection, job_id=job_id)
