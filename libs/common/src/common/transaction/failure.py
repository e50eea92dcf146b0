"""What ends early: a search that cannot go on, a job that is cancelled, late, or broken."""

from uuid import UUID

from common.db import job as job_table
from common.db import search as search_table
from common.db import step as step_table
from common.db.step import Claim
from common.domain.job import JobStatus, StopReason
from common.domain.step import DueStep
from common.engine.end import End, decide_broken
from common.errors import FencedError
from common.transaction.conclusion import conclude, end_job
from common.transaction.lock import LockedWork, Unit, under_lock

OVERDUE = End(status=JobStatus.TIMEOUT, stop_reason=StopReason.DEADLINE)
CANCELLED = End(status=JobStatus.CANCELLED, stop_reason=StopReason.CANCELLED)


async def commit_search_end(
    unit: Unit, claim: Claim, token: UUID, reason: str, *, reference: str | None = None
) -> list[DueStep]:
    """End the search of a step that will fetch no page. Raises FencedError."""

    async def work(locked: LockedWork) -> None:
        await search_table.lock_search(locked.connection, search_id=claim.search_id)
        phase = await step_table.lock_step(locked.connection, search_id=claim.search_id, step=claim.step, token=token)
        if phase != "page":
            raise FencedError
        await step_table.mark_done(locked.connection, search_id=claim.search_id, step=claim.step)
        await search_table.end_search(locked.connection, search_id=claim.search_id, reason=reason)
        if reference is not None:
            await job_table.note_reference(locked.connection, job_id=claim.job_id, reference=reference)
        await conclude(locked)

    _, due = await under_lock(unit, claim.job_id, work)
    return due


async def end_if_overdue(unit: Unit, job_id: UUID) -> tuple[bool, list[DueStep]]:
    """End a job that is past its deadline, or past its time in the queue. False if it is not."""

    async def work(locked: LockedWork) -> bool:
        if locked.job.status.is_final or not locked.job.is_overdue:
            return False
        await end_job(locked, OVERDUE)
        return True

    return await under_lock(unit, job_id, work)


async def cancel_job(unit: Unit, job_id: UUID) -> tuple[bool, list[DueStep]]:
    """Cancel an active job; what was found stays. False if it was final already."""

    async def work(locked: LockedWork) -> bool:
        if locked.job.status.is_final:
            return False
        await end_job(locked, CANCELLED)
        return True

    return await under_lock(unit, job_id, work)


async def break_job(unit: Unit, job_id: UUID, *, reference: str) -> tuple[bool, list[DueStep]]:
    """End an active job that cannot go on through a fault of ours. False if it was final already.

    `reference` leads an operator to the log.
    """

    async def work(locked: LockedWork) -> bool:
        if locked.job.status.is_final:
            return False
        await end_job(locked, decide_broken(locked.facts), reference=reference)
        return True

    return await under_lock(unit, job_id, work)


async def conclude_job(unit: Unit, job_id: UUID) -> tuple[bool, list[DueStep]]:
    """Ask again whether an active job that nobody works on is over, and release or start what may go on.

    True if that ended it or made something due.
    """

    async def work(locked: LockedWork) -> bool:
        await conclude(locked)
        return locked.is_ended or bool(locked.due)

    return await under_lock(unit, job_id, work)
