"""The page commit: what a page brought, its successor and its place in the ledger, or nothing at all."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.db import candidate as candidate_table
from common.db import job as job_table
from common.db import ledger as ledger_table
from common.db import outcome as outcome_table
from common.db import search as search_table
from common.db import step as step_table
from common.db.candidate import Exclusion, PendingCandidate
from common.db.ledger import Settlement
from common.db.outcome import OutcomeCount
from common.db.profile import SeenProfile, store_profile
from common.db.step import Claim, NewStep, PageMark
from common.domain.creator import Item, Match, Target
from common.domain.outcome import Outcome
from common.domain.step import DueStep
from common.engine.end import target_private
from common.engine.fact import SearchFacts
from common.engine.page import KnownBefore, PageDecision, decide_page
from common.engine.target import decide_branches, known_target
from common.errors import FencedError
from common.platform import TARGET_KIND, Page, Platform, Trail
from common.transaction.brief import brief_of
from common.transaction.conclusion import conclude, end_job
from common.transaction.lead import add_leads, asked_of
from common.transaction.lock import LockedWork, Unit, under_lock
from common.transaction.row import settled_row


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResult:
    """`pending`: with these the step goes on under the same token, the most promising first."""

    pending: tuple[PendingCandidate, ...]
    counts: dict[tuple[Outcome, str], int]
    search_end: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPage:
    """A page in hand and the call that brought it."""

    page: Page
    settlement: Settlement
    seen_at: datetime | None = None  # if the upstream's own cache answered


async def commit_page(
    unit: Unit, platform: Platform, claim: Claim, token: UUID, paid: PaidPage
) -> tuple[PageResult, list[DueStep]]:
    """Commit a page under the step's token. Raises FencedError, and then nothing is written.

    On a final job it only settles: cursor, ledger, items as surplus.
    """

    async def work(locked: LockedWork) -> PageResult:
        held = await step_table.lock_page(locked.connection, search_id=claim.search_id, step=claim.step, token=token)
        if held is None or held.phase != "page":
            raise FencedError
        target = known_target(locked.job.target, paid.page)
        decision = decide_page(
            locked.facts,
            SearchFacts(
                cursor=claim.cursor,
                barren_pages=held.barren_pages,
                match=Match(kind=claim.kind, query=claim.query),
            ),
            paid.page,
            await _known(locked, claim, paid.page),
            brief_of(locked, platform, target),
        )
        await ledger_table.settle_call(locked.connection, paid.settlement)
        await _write(locked, claim, decision, items_count=paid.page.items_count)
        await _learn_target(locked, platform, paid, target)
        await _lead_on(locked, platform, claim, decision, Trail(search=asked_of(claim), page=paid.page, target=target))
        await _conclude(locked, platform, claim, paid.page)
        return PageResult(
            pending=_pending(claim, decision),
            counts=decision.counts,
            search_end=decision.search_end,
        )

    return await under_lock(unit, claim.job_id, work)


def _pending(claim: Claim, decision: PageDecision) -> tuple[PendingCandidate, ...]:
    pending = [one for one in decision.candidates if one.outcome is Outcome.PENDING]
    return tuple(
        PendingCandidate(
            platform_id=one.creator.account.platform_id,
            search_id=claim.search_id,
            step=claim.step,
            details=one.creator,
        )
        for one in sorted(pending, key=lambda one: (-one.worth, one.ordinal))
    )


async def _learn_target(locked: LockedWork, platform: Platform, paid: PaidPage, target: Target | None) -> None:
    """Keep what the page said of the job's target, and its profile for all jobs."""
    if target is not None and paid.page.target_items_count:
        await job_table.set_target(locked.connection, job_id=locked.job.id, target=target)
        locked.job = locked.job.model_copy(update={"target": target})
    if paid.page.target is not None:
        profile = SeenProfile(
            platform=platform.name,
            platform_id=paid.page.target.platform_id,
            status="found",
            account=paid.page.target,
            seen_at=paid.seen_at,
        )
        await store_profile(locked.connection, profile)


async def _lead_on(locked: LockedWork, platform: Platform, claim: Claim, decision: PageDecision, trail: Trail) -> None:
    delivered = [one.creator for one in decision.candidates if one.outcome is Outcome.DELIVERED]
    planned = (*platform.searches[claim.kind].leads(trail), *decide_branches(delivered, platform.branch))
    await add_leads(locked, platform, claim, planned)


async def _conclude(locked: LockedWork, platform: Platform, claim: Claim, page: Page) -> None:
    is_active = not locked.job.status.is_final
    if is_active and claim.kind == TARGET_KIND and page.target is not None and page.target.private:
        await end_job(locked, target_private(claim.query, platform.label))
    else:
        await conclude(locked)


async def _known(locked: LockedWork, claim: Claim, page: Page) -> KnownBefore:
    items = [item for item in page.items if isinstance(item, Item)]
    seen = await step_table.seen_before(
        locked.connection,
        job_id=claim.job_id,
        search_id=claim.search_id,
        platform_ids=[item.account.platform_id for item in items],
        item_ids=[item.item_id for item in items],
    )
    elsewhere: set[str] = set()
    if locked.job.filters.exclude_campaigns:
        exclusion = Exclusion(
            owner=locked.job.owner,
            platform=locked.job.platform,
            job_id=locked.job.id,
            campaigns=locked.job.filters.exclude_campaigns,
        )
        elsewhere = await candidate_table.delivered_elsewhere(
            locked.connection, exclusion, platform_ids=[item.account.platform_id for item in items]
        )
    return KnownBefore(accounts=seen.accounts, items=seen.items, elsewhere=elsewhere)


async def _write(locked: LockedWork, claim: Claim, decision: PageDecision, *, items_count: int) -> None:
    connection, job_id, search_id, step = locked.connection, claim.job_id, claim.search_id, claim.step
    rows = [
        settled_row(
            candidate.creator,
            outcome=candidate.outcome,
            rule=candidate.rule,
            enrichment=candidate.enrichment,
            seq=locked.next_seq() if candidate.outcome is Outcome.DELIVERED else None,
        ).model_copy(update={"ordinal": candidate.ordinal, "worth": candidate.worth})
        for candidate in decision.candidates
    ]
    pending, delivered, reserve = (
        decision.counts.get((outcome, ""), 0) for outcome in (Outcome.PENDING, Outcome.DELIVERED, Outcome.RESERVE)
    )
    counts = [
        OutcomeCount(outcome=outcome, rule=rule, count=count) for (outcome, rule), count in decision.counts.items()
    ]
    mark = PageMark(
        search_id=search_id,
        step=step,
        phase="enrichment" if pending else "done",
        items_count=items_count,
        item_ids=list(decision.item_ids),
    )
    async with connection.pipeline():
        # One round trip for all that nobody asks the result of: the job's row is held meanwhile.
        if rows:
            await candidate_table.insert_candidates(
                connection, job_id=job_id, search_id=search_id, step=step, rows=rows
            )
        await outcome_table.insert_outcomes(connection, job_id=job_id, search_id=search_id, step=step, counts=counts)
        await step_table.mark_paged(connection, mark)
        await search_table.note_page(connection, search_id=search_id, barren_pages=decision.barren_pages)
        await _continue(locked, claim, decision)
    locked.count(delivered=delivered, pending=pending, reserve=reserve)


async def _continue(locked: LockedWork, claim: Claim, decision: PageDecision) -> None:
    if decision.search_end is not None:
        await search_table.end_search(locked.connection, search_id=claim.search_id, reason=decision.search_end)
    if decision.successor is None:
        return
    successor = NewStep(
        id=locked.clock.new_id(),
        search_id=claim.search_id,
        step=claim.step + 1,
        cursor=decision.successor.cursor,
        phase="held" if decision.successor.is_held else "page",
        delay=locked.job.delay_between_calls,
    )
    await step_table.insert_steps(locked.connection, job_id=claim.job_id, steps=[successor])
    if not decision.successor.is_held:
        due = DueStep(
            job_id=claim.job_id,
            search_id=claim.search_id,
            step=successor.step,
            generation=0,
            delay=successor.delay,
        )
        locked.due.append(due)
