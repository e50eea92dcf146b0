"""What an operator does with a dead letter: drive its step again, or put it away."""

from enum import StrEnum
from uuid import UUID

from common.db import dead_letter as letter_table
from common.db import reopening as reopening_table
from common.domain.job import Action, JobStatus
from common.domain.step import DueStep
from common.transaction.conclusion import conclude
from common.transaction.lock import LockedWork, Unit, under_both_locks
from common.transaction.reopening import Renewal, reopen


class LetterRefusal(StrEnum):
    """Why nothing was done with a letter."""

    UNKNOWN = "there is no such open letter"
    COMPLETED = "its job is completed: extend the job to look for more"
    CANCELLED = "its job is cancelled"
    DELIVERED = "its step is settled: the creators were delivered as known"


class LetterRefusedError(Exception):
    """Nothing was written."""

    def __init__(self, refusal: LetterRefusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


async def redrive_letter(unit: Unit, letter_id: UUID, renewal: Renewal, *, by: str) -> list[DueStep]:
    """Drive the step of a letter again, with its tries counted anew; returns what to publish now.

    A search of a job that still runs goes on at the page that failed; a job that ended in error or timeout is retried
    as a whole. Raises LetterRefusedError, UnknownJobError, NotReopenedError, QuotaExceededError,
    DayUsedUpError.
    """
    async with unit.database.connection() as connection:
        letter = await letter_table.job_of_letter(connection, letter_id=letter_id)
    if letter is None or not letter.is_open or letter.job_id is None:
        raise LetterRefusedError(LetterRefusal.UNKNOWN)

    async def work(locked: LockedWork) -> None:
        if not await letter_table.resolve_letter(locked.connection, letter_id=letter_id, resolution="redriven", by=by):
            raise LetterRefusedError(LetterRefusal.UNKNOWN)
        match locked.job.status:
            case JobStatus.COMPLETED:
                raise LetterRefusedError(LetterRefusal.COMPLETED)
            case JobStatus.CANCELLED:
                raise LetterRefusedError(LetterRefusal.CANCELLED)
            case JobStatus.ERROR | JobStatus.TIMEOUT:
                await reopen(locked, Action.RETRY, renewal)
            case JobStatus.PENDING | JobStatus.PROCESSING:
                assert letter.search_id is not None
                assert letter.step is not None
                await _resume_search(locked, letter.search_id, letter.step)

    _, due = await under_both_locks(unit, letter.job_id, work)
    return due


async def discard_letter(unit: Unit, letter_id: UUID, *, by: str) -> None:
    """Put a letter away; its job stays as it is. Raises LetterRefusedError."""
    async with unit.database.connection() as connection:
        if not await letter_table.resolve_letter(connection, letter_id=letter_id, resolution="discarded", by=by):
            raise LetterRefusedError(LetterRefusal.UNKNOWN)


async def _resume_search(locked: LockedWork, search_id: UUID, step: int) -> None:
    if not await reopening_table.reopen_failed_search(locked.connection, search_id=search_id, step=step):
        raise LetterRefusedError(LetterRefusal.DELIVERED)
    await reopening_table.hold_step(locked.connection, search_id=search_id, step=step)
    await conclude(locked)
