"""Decides whether a job can be deleted."""

from enum import StrEnum

from common.domain.job import JobStatus

# More jobs than these are not deleted with their campaign at once: their owner's other work waits meanwhile.
CAMPAIGN_JOBS_MAX = 200


class Refusal(StrEnum):
    """Why a job stays."""

    NOT_FINAL = "the job has not ended yet: cancel it first"
    CALLS_OPEN = "a call of the job is still to be settled: try again in a minute"
    TOO_MANY = f"the campaign has more than {CAMPAIGN_JOBS_MAX} jobs: delete some of them first"


def refuse(status: JobStatus, *, open_calls: int) -> Refusal | None:
    """None if nothing is under way any more, neither the job nor a call that somebody has to settle."""
    if not status.is_final:
        return Refusal.NOT_FINAL
    return Refusal.CALLS_OPEN if open_calls else None
