"""The enrichment commit: pending candidates get their outcome, the reserve moves up."""

from collections.abc import Sequence
from uuid import UUID

from common.db import candidate as candidate_table
from common.db import outcome as outcome_table
from common.db import step as step_table
from common.db.candidate import CandidateRow
from common.db.step import Claim
from common.domain.creator import Creator
from common.domain.outcome import Outcome
from common.domain.step import DueStep
from common.engine.enrichment import Enriched, decide_refill, judge
from common.engine.target import decide_branches
from common.errors import FencedError
from common.platform import Platform
from common.transaction.brief import brief_of
from common.transaction.conclusion import conclude
from common.transaction.lead import add_leads
from common.transaction.lock import LockedWork, Unit, under_lock
from common.transaction.row import settled_row


async def commit_enrichment(
    unit: Unit, platform: Platform, claim: Claim, token: UUID, enriched: Sequence[Enriched]
) -> tuple[bool, list[DueStep]]:
    """Settle the step's pending candidates under its token; True if the step got more of them from the reserve.

    Raises FencedError, and then nothing is written. What the job's end settled meanwhile stays as it is.
    """

    async def work(locked: LockedWork) -> bool:
        phase = await step_table.lock_step(locked.connection, search_id=claim.search_id, step=claim.step, token=token)
        if phase != "enrichment":
            raise FencedError
        still = await candidate_table.still_pending(
            locked.connection, job_id=claim.job_id, search_id=claim.search_id, step=claim.step
        )
        left = [one for one in enriched if one.found.account.platform_id in still]
        assert len(left) == len(still)
        moves, delivered = await settle_pending(locked, left)
        await add_leads(locked, platform, claim, decide_branches(delivered, platform.branch))
        refill = decide_refill(locked.facts)
        promoted = 0
        if refill.promoted_max:
            promotions = await candidate_table.promote_reserve(
                locked.connection,
                job_id=claim.job_id,
                search_id=claim.search_id,
                step=claim.step,
                count_max=refill.promoted_max,
            )
            promoted = sum(move.count for move in promotions)
            locked.count(pending=promoted, reserve=-promoted)
            moves += promotions
        if moves:
            await outcome_table.move_outcomes(locked.connection, job_id=claim.job_id, moves=moves)
        if not promoted:
            await step_table.mark_done(locked.connection, search_id=claim.search_id, step=claim.step)
        await conclude(locked)
        return promoted > 0

    return await under_lock(unit, claim.job_id, work)


async def settle_pending(
    locked: LockedWork, enriched: Sequence[Enriched]
) -> tuple[list[outcome_table.OutcomeMove], list[Creator]]:
    """Give each its outcome and move the counters; returns what that moves in the funnel, and who was delivered."""
    brief = brief_of(locked, None, locked.job.target)
    rows: list[CandidateRow] = []
    for one in enriched:
        creator = brief.completed(one.found, one.account, profile_seen_at=one.seen_at)
        verdict = judge(brief, creator)
        is_delivered = verdict.outcome is Outcome.DELIVERED
        rows.append(
            settled_row(
                creator,
                outcome=verdict.outcome,
                rule=verdict.rule,
                enrichment=one.enrichment,
                seq=locked.next_seq() if is_delivered else None,
            )
        )
    if not rows:
        return [], []
    delivered = [row.details for row in rows if row.outcome is Outcome.DELIVERED]
    locked.count(delivered=len(delivered), pending=-len(rows))
    moves = await candidate_table.settle_candidates(locked.connection, job_id=locked.job.id, rows=rows)
    return moves, delivered
