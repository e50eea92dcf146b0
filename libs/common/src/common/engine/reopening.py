"""Decides whether a final job may start another run, and which of its searches go on in it."""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum

from common.domain.job import TRANSITIONS, Action, JobStatus


class Refusal(StrEnum):
    """Why there is no other run."""

    NOT_FINAL = "the job has not ended yet"
    NOT_RETRYABLE = "only a job that ended in error or timeout can be retried"
    NOT_EXTENDABLE = "only a completed job can be extended"
    TARGET_NOT_HIGHER = "targetResults must be higher than it was"
    CREATORS_REMOVED = "the job's creators were removed, as they were kept long enough: create a new job"
    ACCOUNT_LEAVES = "the account is being deleted"
    NOTHING_LEFT = "there is nothing left to go on with: its searches are exhausted, or its limits are used up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the job has used and may use in all; the limits are those of the new run."""

    pages: int
    pages_max: int
    credits: int
    credits_max: int


def refuse(status: JobStatus, action: Action, *, target_before: int, target: int) -> Refusal | None:
    """None if the action may lead out of this status. For a retry the target stays."""
    if not status.is_final:
        return Refusal.NOT_FINAL
    if TRANSITIONS.get((status, JobStatus.PENDING)) is not action:
        return Refusal.NOT_RETRYABLE if action is Action.RETRY else Refusal.NOT_EXTENDABLE
    if action is Action.EXTEND and target <= target_before:
        return Refusal.TARGET_NOT_HIGHER
    return None


def limit_reached(budget: Budget) -> str | None:
    """The limit that lets no page be bought, as the end of a search; None: one can be bought."""
    if budget.credits >= budget.credits_max:
        return "credit_limit"
    return "call_limit" if budget.pages >= budget.pages_max else None


def resumable_ends(budget: Budget) -> Set[str]:
    """The ends after which a search has something left: the job ended first, it failed, or a limit stopped it that
    leaves room now. What the upstream ended stays ended."""
    if limit_reached(budget) is not None:
        return frozenset()
    return frozenset({"job_ended", "failed", "shape", "refused", "deadline", "call_limit", "credit_limit"})
