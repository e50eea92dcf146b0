"""The page commit: what a page brought, its successor and its place in the ledger, or nothing at all."""

from dataclasses import dataclass
from uuid import UUID

from common.db import candidate as candidate_table
from common.db import ledger as ledger_table
from common.db import outcome as outcome_table
from common.db import search as search_table
from common.db import step as step_table
from common.db.ledger import Settlement
from common.db.outcome import OutcomeCount
from common.db.step import Claim, NewStep, PageMark
from common.domain.creator import Item
from common.domain.outcome import Outcome
from common.domain.step import DueStep
from common.engine.fact import SearchFacts
from common.engine.page import KnownBefore, PageDecision, decide_page
from common.errors import FencedError
from common.platform import Page, Platform
from common.transaction.conclusion import conclude
from common.transaction.lock import LockedWork, Unit, under_lock
from common.transaction.row import details_of, settled_row


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResult:
    """`is_enriching`: the step goes on with its pending candidates under the same token."""

    is_enriching: bool
    counts: dict[tuple[Outcome, str], int]
    search_end: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPage:
    """A page in hand and the call that brought it."""

    page: Page
    settlement: Settlement


async def commit_page(
    unit: Unit, platform: Platform, claim: Claim, token: UUID, paid: PaidPage
) -> tuple[PageResult, list[DueStep]]:
    """Commit a page under the step's token. Raises FencedError, and then nothing is written.

    On a final job it only settles: cursor, ledger, items as surplus.
    """

    async def work(locked: LockedWork) -> PageResult:
        search = await search_table.lock_search(locked.connection, search_id=claim.search_id)
        phase = await step_table.lock_step(locked.connection, search_id=claim.search_id, step=claim.step, token=token)
        if search is None or phase != "page":
            raise FencedError
        decision = decide_page(
            locked.facts,
            SearchFacts(cursor=claim.cursor, barren_pages=search.barren_pages),
            paid.page,
            await _known(locked, claim, paid.page),
            platform.profile.is_needed if platform.profile else lambda _: False,
        )
        await ledger_table.settle_call(locked.connection, paid.settlement)
        await _write(locked, claim, decision, items_count=len(paid.page.items))
        await conclude(locked)
        return PageResult(
            is_enriching=decision.counts.get((Outcome.PENDING, ""), 0) > 0,
            counts=decision.counts,
            search_end=decision.search_end,
        )

    return await under_lock(unit, claim.job_id, work)


async def _known(locked: LockedWork, claim: Claim, page: Page) -> KnownBefore:
    items = [item for item in page.items if isinstance(item, Item)]
    accounts = await candidate_table.known_accounts(
        locked.connection, job_id=claim.job_id, platform_ids=[item.account.platform_id for item in items]
    )
    seen = await step_table.seen_items(
        locked.connection, search_id=claim.search_id, item_ids=[item.item_id for item in items]
    )
    return KnownBefore(accounts=accounts, items=seen)


async def _write(locked: LockedWork, claim: Claim, decision: PageDecision, *, items_count: int) -> None:
    connection, job_id, search_id, step = locked.connection, claim.job_id, claim.search_id, claim.step
    rows = [
        settled_row(
            candidate.item.account.platform_id,
            details_of(candidate.item),
            outcome=candidate.outcome,
            enrichment=candidate.enrichment,
            seq=locked.next_seq() if candidate.outcome is Outcome.DELIVERED else None,
        ).model_copy(update={"ordinal": candidate.ordinal})
        for candidate in decision.candidates
    ]
    pending, delivered, reserve = (
        decision.counts.get((outcome, ""), 0) for outcome in (Outcome.PENDING, Outcome.DELIVERED, Outcome.RESERVE)
    )
    if rows:
        await candidate_table.insert_candidates(connection, job_id=job_id, search_id=search_id, step=step, rows=rows)
    await outcome_table.insert_outcomes(
        connection,
        job_id=job_id,
        search_id=search_id,
        step=step,
        counts=[
            OutcomeCount(outcome=outcome, rule=rule, count=count) for (outcome, rule), count in decision.counts.items()
        ],
    )
    mark = PageMark(
        search_id=search_id,
        step=step,
        phase="enrichment" if pending else "done",
        items_count=items_count,
        item_ids=list(decision.item_ids),
    )
    await step_table.mark_paged(connection, mark)
    await search_table.note_page(connection, search_id=search_id, barren_pages=decision.barren_pages)
    locked.count(delivered=delivered, pending=pending, reserve=reserve)
    await _continue(locked, claim, decision)


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
