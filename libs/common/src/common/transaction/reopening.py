"""Another run of a final job: `retry` goes on after an error or a timeout, `extend` after completion towards a higher
target. Nothing that was bought is bought again: searches go on at their cursors, what was found too much is used first.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from common.db import account as account_table
from common.db import dead_letter as dead_letter_table
from common.db import outcome as outcome_table
from common.db import quota as quota_table
from common.db import reopening as reopening_table
from common.db.reopening import Reopening, Spent
from common.domain.job import Action
from common.domain.setting import SystemSettings
from common.domain.step import DueStep
from common.engine.enrichment import decide_refill
from common.engine.quota import estimate
from common.engine.reopening import Budget, Refusal, limit_reached, refuse, resumable_ends
from common.transaction.admission import admit_next
from common.transaction.conclusion import conclude, write_counters
from common.transaction.lock import LockedWork, Unit, under_both_locks
from common.transaction.quota import reserve, reserve_of_all


class NotReopenedError(Exception):
    """There is no other run; nothing was written."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The limits in force now. A job's own never shrink by another run. What is asked for with the run, else what its
    creation asked for, is less than they allow."""

    pages_max: int
    credits_max: int
    queue_timeout: timedelta
    pages_asked: int | None = None
    credits_asked: int | None = None

    def budget_after(self, spent: Spent) -> Budget:
        """What the job has used, and may use in all."""
        pages = self.pages_asked or spent.pages_asked or self.pages_max
        credit = self.credits_asked or spent.credits_asked or self.credits_max
        return Budget(
            pages=spent.pages_count,
            pages_max=max(spent.pages_max, min(self.pages_max, pages)),
            credits=spent.credits_used,
            credits_max=max(spent.credits_max, min(self.credits_max, credit)),
        )

    @classmethod
    def under(cls, settings: SystemSettings) -> "Renewal":
        return cls(
            pages_max=settings.api.max_api_calls,
            credits_max=settings.api.max_credits_per_job,
            queue_timeout=settings.timeouts.queue_timeout,
        )


async def retry_job(unit: Unit, job_id: UUID, renewal: Renewal) -> list[DueStep]:
    """Go on with a job that ended in error or timeout; returns what to publish now (none: it waits for its turn).

    Raises UnknownJobError, NotReopenedError, QuotaExceededError, DayUsedUpError.
    """
    return await _reopen(unit, job_id, Action.RETRY, renewal, None)


async def extend_job(unit: Unit, job_id: UUID, renewal: Renewal, *, target: int) -> list[DueStep]:
    """Go on with a completed job until it has `target` creators in all; returns what to publish now.

    Raises UnknownJobError, NotReopenedError, QuotaExceededError, DayUsedUpError.
    """
    return await _reopen(unit, job_id, Action.EXTEND, renewal, target)


async def _reopen(unit: Unit, job_id: UUID, action: Action, renewal: Renewal, new_target: int | None) -> list[DueStep]:
    async def work(locked: LockedWork) -> None:
        await reopen(locked, action, renewal, new_target)

    _, due = await under_both_locks(unit, job_id, work)
    return due


async def reopen(locked: LockedWork, action: Action, renewal: Renewal, new_target: int | None = None) -> None:
    """The same inside a transaction that holds the owner's and the job's lock."""
    job_id = locked.job.id
    target = locked.job.target_results if new_target is None else new_target
    refusal = refuse(locked.job.status, action, target_before=locked.job.target_results, target=target)
    if refusal is not None:
        raise NotReopenedError(refusal)
    if await account_table.is_leaving(locked.connection, owner=locked.job.owner):
        raise NotReopenedError(Refusal.ACCOUNT_LEAVES)
    await reopening_table.lose_all_open_calls(locked.connection, job_id=job_id)
    spent = await reopening_table.view_spent(locked.connection, job_id=job_id)
    assert spent is not None
    if spent.has_lost_creators:
        # It could not tell any more whom it found before: they would be found, paid for and counted a second time.
        raise NotReopenedError(Refusal.CREATORS_REMOVED)
    budget = renewal.budget_after(spent)
    await reopening_table.reopen_job(
        locked.connection,
        Reopening(
            job_id=job_id,
            target_results=target,
            pages_max=budget.pages_max,
            credits_max=budget.credits_max,
            queue_timeout=renewal.queue_timeout,
        ),
    )
    locked.begin_run(target=target, pages_max=budget.pages_max)
    await _resume(locked, budget)
    amount = await _reserve(locked, budget)
    await dead_letter_table.resolve_letters(locked.connection, job_id=job_id, resolution="retried")
    await locked.add_event(action.value, {"target": target})
    await write_counters(locked)
    is_over = locked.facts.open_places == 0 and locked.facts.pending == 0
    if not is_over:
        locked.due.extend(
            await admit_next(
                locked.connection, locked.clock, owner=locked.job.owner, active_jobs_max=locked.active_jobs_max
            )
        )
    await reserve_of_all(locked.connection, amount=amount, credits_per_day=locked.credits_per_day_of_all)
    if is_over:
        # Its time was over just when its target was full: nobody would find anything to do for it.
        await conclude(locked)


async def _resume(locked: LockedWork, budget: Budget) -> None:
    """Set going what is left: the reserve fills the open places first, each candidate at the step that found it."""
    connection, job_id = locked.connection, locked.job.id
    searches = await reopening_table.reopen_searches(connection, job_id=job_id, ends=sorted(resumable_ends(budget)))
    limit = limit_reached(budget)
    if limit is not None:
        await reopening_table.note_limit(connection, job_id=job_id, reason=limit)
    await reopening_table.hold_steps(connection, job_id=job_id)
    moves = await reopening_table.return_surplus(connection, job_id=job_id)
    locked.count(reserve=sum(move.count for move in moves))
    promotions = await reopening_table.promote_in_place(
        connection, job_id=job_id, count_max=decide_refill(locked.facts).promoted_max
    )
    promoted = sum(move.count for move in promotions)
    if not searches and not promoted:
        raise NotReopenedError(Refusal.NOTHING_LEFT)
    locked.count(pending=promoted, reserve=-promoted)
    await reopening_table.reopen_enrichments(connection, job_id=job_id)
    for step_moves in (moves, promotions):
        if step_moves:
            await outcome_table.move_outcomes(connection, job_id=job_id, moves=step_moves)


async def _reserve(locked: LockedWork, budget: Budget) -> int:
    """What the new run is likely to cost, of the owner's quota of today; returns it."""
    places = locked.facts.target - locked.facts.delivered
    amount = estimate(places=places, credits_left=budget.credits_max - budget.credits)
    owner = locked.job.owner
    day = await reserve(locked.connection, owner=owner, amount=amount, credits_per_day=locked.credits_per_day)
    await quota_table.grant(locked.connection, job_id=locked.job.id, amount=amount, day=day)
    return amount
