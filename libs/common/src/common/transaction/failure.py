"""What ends early: a search that cannot go on, a job that is cancelled, late, or broken."""

from dataclasses import dataclass
from uuid import UUID

from common.db import job as job_table
from common.db import search as search_table
from common.db import step as step_table
from common.db.step import Claim
from common.domain.job import JobStatus, StopReason
from common.domain.step import DueStep
from common.engine.end import End, decide_broken, target_missing
from common.errors import FencedError
from common.platform import TARGET_KIND, Platform, Trail
from common.transaction.conclusion import conclude, end_job
from common.transaction.lead import add_leads, asked_of
from common.transaction.lock import LockedWork, Unit, under_lock

OVERDUE = End(status=JobStatus.TIMEOUT, stop_reason=StopReason.DEADLINE)
CANCELLED = End(status=JobStatus.CANCELLED, stop_reason=StopReason.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEnd:
    """Why a search ends without a further page; `reference` leads to the log."""

    reason: str
    reference: str | None = None


async def commit_search_end(unit: Unit, platform: Platform, claim: Claim, token: UUID, end: SearchEnd) -> list[DueStep]:
    """End the search of a step that will fetch no page. Raises FencedError.

    One that never had a page may lead to others in its place; a target that is not there ends the job.
    """

    async def work(locked: LockedWork) -> None:
        held = await step_table.lock_page(locked.connection, search_id=claim.search_id, step=claim.step, token=token)
        if held is None or held.phase != "page":
            raise FencedError
        await step_table.mark_done(locked.connection, search_id=claim.search_id, step=claim.step)
        await search_table.end_search(locked.connection, search_id=claim.search_id, reason=end.reason)
        if end.reference is not None:
            await job_table.note_reference(locked.connection, job_id=claim.job_id, reference=end.reference)
        is_missing = claim.kind == TARGET_KIND and claim.step == 0 and end.reason == "not_found"
        if is_missing and not locked.job.status.is_final:
            await end_job(locked, target_missing(claim.query, platform.label))
            return
        kind = platform.searches.get(claim.kind)
        if kind is not None and claim.step == 0:
            trail = Trail(search=asked_of(claim), page=None, target=locked.job.target)
            await add_leads(locked, platform, claim, kind.leads(trail))
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
