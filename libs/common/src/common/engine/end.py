"""Decides whether a job is over, why, and how far it got."""

from collections.abc import Set
from dataclasses import dataclass

from common.domain.job import JobStatus, StopReason
from common.engine.fact import JobFacts

FAILED_ENDS: Set[str] = frozenset({"failed", "shape", "refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a job ends. `error` is a reason that a user can read; only status `error` has one."""

    status: JobStatus
    stop_reason: StopReason
    error: str | None = None


def decide_end(job: JobFacts, *, open_searches: int, ends: Set[str]) -> End | None:
    """The end of an active job with nothing pending, or None if it goes on.

    `open_searches` counts those waiting or active, `ends` holds the reasons of those that ended.
    """
    if job.status.is_final or job.pending:
        return None
    if job.delivered >= job.target:
        return End(status=JobStatus.COMPLETED, stop_reason=StopReason.TARGET_REACHED)
    if open_searches:
        return None
    if job.delivered == 0 and ends & FAILED_ENDS:
        return End(
            status=JobStatus.ERROR,
            stop_reason=StopReason.FAILED,
            error="the search failed: the platform's data source did not give usable answers",
        )
    return End(status=JobStatus.COMPLETED, stop_reason=_limit(ends))


def target_missing(query: str, label: str) -> End:
    """The end of a similar job whose target the platform does not know."""
    return End(
        status=JobStatus.ERROR,
        stop_reason=StopReason.TARGET_NOT_FOUND,
        error=f"{label} has no account named {query}",
    )


def target_private(query: str, label: str) -> End:
    """The end of a similar job whose target shows its posts and connections to nobody."""
    return End(
        status=JobStatus.ERROR,
        stop_reason=StopReason.TARGET_PRIVATE,
        error=f"the {label} account {query} is private, so nobody can be compared with it",
    )


def decide_broken(job: JobFacts) -> End:
    """The end of a job that cannot go on through a fault of ours: what was found counts."""
    if job.delivered or job.pending:
        return End(status=JobStatus.COMPLETED, stop_reason=StopReason.FAILED)
    return End(
        status=JobStatus.ERROR,
        stop_reason=StopReason.FAILED,
        error="something went wrong on our side; please try again or give us the reference",
    )


def _limit(ends: Set[str]) -> StopReason:
    if "credit_limit" in ends:
        return StopReason.CREDIT_LIMIT
    if "call_limit" in ends:
        return StopReason.CALL_LIMIT
    return StopReason.EXHAUSTED


def progress(job: JobFacts) -> float:
    """Percent: 30 by pages against their limit, 70 by creators against the target; 100 only when completed."""
    if job.status is JobStatus.COMPLETED:
        return 100.0
    share = 30 * min(1.0, job.pages / job.pages_max) + 70 * min(1.0, job.delivered / job.target)
    return min(100.0, share)
