"""Removing a job's creators when they were kept long enough: the job and its counts stay, the people are gone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.db import purge as purge_table
from common.transaction.lock import LockedWork, Unit, under_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """How many creators went. `is_done`: none that was found before is left."""

    count: int
    is_done: bool


async def remove_creators(unit: Unit, job_id: UUID, *, until: datetime, count_max: int) -> Removal:
    """Remove at most `count_max` of a final job's creators that were found before `until`, and with the last of all
    what else was kept because of them. A job that goes on is left alone. Raises UnknownJobError."""

    async def work(locked: LockedWork) -> Removal:
        if not locked.job.status.is_final:
            return Removal(count=0, is_done=True)
        connection = locked.connection
        removed = await purge_table.delete_creators(connection, job_id=job_id, until=until, count_max=count_max)
        since = await purge_table.oldest_creator(connection, job_id=job_id)
        await purge_table.note_removal(connection, job_id=job_id, removed=removed, since=since)
        if removed.count > 0:
            await purge_table.tell_removal(connection, job_id=job_id)
        if since is None:
            await purge_table.forget_target(connection, job_id=job_id)
            await purge_table.forget_items(connection, job_id=job_id)
            await purge_table.forget_questions(connection, job_id=job_id)
        return Removal(count=removed.count, is_done=since is None or since >= until)

    removal, _ = await under_lock(unit, job_id, work)
    return removal
