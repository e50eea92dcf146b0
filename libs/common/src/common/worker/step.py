"""A worker's turn: claim, page, enrichment, publish, and the answer to the message."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from common.crash import CrashPoint
from common.db import candidate as candidate_table
from common.db.candidate import PendingCandidate
from common.db.step import Claim
from common.domain.outcome import Enrichment
from common.domain.setting import SystemSettings
from common.domain.step import DueStep
from common.engine.cache import cache_max_age
from common.engine.enrichment import Enriched
from common.engine.failure import decide_pause, search_end_for
from common.engine.page import numbered
from common.errors import CoolDownError, FencedError, NotFoundError, RetryError, ShapeError, SkipError
from common.platform import Page, SearchKind
from common.tracing.span import span
from common.transaction.enrichment import commit_enrichment
from common.transaction.failure import SearchEnd, commit_search_end, end_if_overdue
from common.transaction.lead import asked_of
from common.transaction.page import PageResult, PaidPage, commit_page
from common.worker.claiming import NAK_MAX_S, Answer, Delivery, Reply, claim, pass_on
from common.worker.enrichment import as_known
from common.worker.purchase import Bought, GateShutError, Order, Shut, is_credit_limit
from common.worker.report import report
from common.worker.retry import with_retries
from common.worker.turn import Beat, Tools, Turn, keep_alive, release

log = structlog.get_logger()


async def perform(tools: Tools, delivery: Delivery, beat: Beat) -> Reply:
    """Do the delivered step as far as it can be done now, and as many pages after it as one message may bring.
    Repeating it changes nothing.

    `beat` keeps the message alive. Errors that are nobody's fault but ours come through; the step is released then.
    """
    settings = await tools.resources.settings.current()
    reply = await _take_turn(tools, delivery, beat, settings.api.pages_per_delivery - 1)
    if reply.answer is Answer.ACK and reply.facts.get("phase") == "enrichment":
        # Somebody else fetched its page, and may have left more behind.
        handed_on = await pass_on(tools.resources, delivery, reply.reason)
        return replace(handed_on, facts=reply.facts)
    return reply


async def _take_turn(tools: Tools, delivery: Delivery, beat: Beat, pages_left: int) -> Reply:
    token = tools.resources.clock.new_id()
    with span("claim step"):
        claimed = await claim(tools.resources, delivery, token)
    if isinstance(claimed, Reply):
        return claimed
    turn = Turn(
        claim=claimed,
        token=token,
        sequence=delivery.sequence,
        beat=beat,
        pages_left=pages_left,
        facts={"phase": claimed.phase, "attempt": claimed.attempts},
    )
    with tools.buyer.bill(token) as bill:
        reply = await _perform(tools, turn)
    return replace(reply, facts={**turn.facts, **bill.facts})


async def _perform(tools: Tools, turn: Turn) -> Reply:
    work = asyncio.ensure_future(_work(tools, turn))
    heart = asyncio.ensure_future(keep_alive(tools, turn))
    try:
        await asyncio.wait({work, heart}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await _cancel(work)
            return Reply(answer=Answer.LEAVE, reason="fenced")
        return await _conclude(tools, turn, work)
    except BaseException:
        # Shutdown or a fault of ours: whoever comes next need not wait for the lease.
        await _cancel(work, turn.ahead)
        await release(tools, turn, is_attempt_returned=work.cancelled())
        raise
    finally:
        heart.cancel()


async def _cancel(*tasks: "asyncio.Future[Any] | None") -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*filter(None, tasks), return_exceptions=True)


async def _conclude(tools: Tools, turn: Turn, work: "asyncio.Future[str]") -> Reply:
    try:
        reason = await work
    except FencedError:
        return Reply(answer=Answer.LEAVE, reason="fenced")
    except CoolDownError as error:
        pause = decide_pause(error)
        await tools.gate.pause(pause)
        tools.metrics.count_pause(pause.reason.value)
        tools.resources.crash.reach(CrashPoint.PLATFORM_PAUSED)
        await release(tools, turn, is_attempt_returned=True)
        return Reply(answer=Answer.NAK, reason="paused", delay_s=min(pause.lasts.total_seconds(), NAK_MAX_S))
    except GateShutError as error:
        return await _stand_down(tools, turn, error)
    except RetryError as error:
        await release(tools, turn, is_attempt_returned=False)
        delay_s = min(tools.resources.clock.jitter(2.0**turn.claim.attempts), NAK_MAX_S)
        log.warning("step.postponed", error=str(error), seconds=delay_s)
        return Reply(answer=Answer.NAK, reason="postponed", delay_s=delay_s)
    finally:
        if turn.publications:
            await asyncio.gather(*turn.publications)
        if turn.ahead is not None:
            await turn.ahead
    return Reply(answer=Answer.ACK, reason=reason)


async def _stand_down(tools: Tools, turn: Turn, error: GateShutError) -> Reply:
    match error.reason:
        case Shut.FINAL:
            await release(tools, turn, is_attempt_returned=True)
            return Reply(answer=Answer.ACK, reason="not_active")
        case Shut.OVERDUE:
            _, due = await end_if_overdue(await tools.resources.unit(), turn.claim.job_id)
            tools.resources.crash.reach(CrashPoint.OVERDUE_COMMITTED)
            await tools.resources.hints.give(turn.claim.job_id)
            await tools.resources.publication.publish(due)
            return Reply(answer=Answer.ACK, reason="overdue")
        case _:
            # The platform waits, an operator stopped all spending, or the minute's credits are used up.
            await release(tools, turn, is_attempt_returned=True)
            return Reply(answer=Answer.NAK, reason=error.reason.value, delay_s=NAK_MAX_S)


async def _work(tools: Tools, turn: Turn) -> str:
    is_enriching, found = turn.claim.phase == "enrichment", None
    if not is_enriching:
        result = await _page(tools, turn)
        if result is None:
            return "search_ended"
        is_enriching, found = bool(result.pending), result.pending
    while is_enriching:
        is_enriching, found = await _enrich(tools, turn, found), None
    return "performed"


async def _page(tools: Tools, turn: Turn) -> PageResult | None:
    kind = tools.platform.searches.get(turn.claim.kind)
    if kind is None:
        await _end_search(tools, turn, "refused")
        return None
    try:
        with span("fetch page", {"creatorscout.search_kind": turn.claim.kind}):
            paid = await _fetch(tools, turn, kind)
    except SkipError as error:
        await _end_search(tools, turn, search_end_for(error))
        return None
    except GateShutError as error:
        reason = _search_end(error)
        if reason is None:
            raise
        await _end_search(tools, turn, reason)
        return None
    with span("commit page"):
        result, due = await commit_page(await tools.resources.unit(), tools.platform, turn.claim, turn.token, paid)
    turn.is_committed = not result.pending
    tools.resources.crash.reach(CrashPoint.PAGE_COMMITTED)
    _publish(tools, turn, due)
    await tools.resources.hints.give(turn.claim.job_id)
    turn.facts |= {"items": len(paid.page.items), "search_end": result.search_end}
    turn.facts |= {outcome.value: count for (outcome, _), count in result.counts.items()}
    return result


def _search_end(error: GateShutError) -> str | None:
    """Why the search of a page that the gate did not let pass ends; None: it may pass later, or the job is over."""
    if is_credit_limit(error):
        return "credit_limit"
    return "call_limit" if error.reason is Shut.PAGES else None


async def _fetch(tools: Tools, turn: Turn, kind: SearchKind) -> PaidPage:
    """The page, read. One that cannot be read is bought once more (a declared retry), then ShapeError comes through."""
    settings = await tools.resources.settings.current()
    asked = replace(asked_of(turn.claim), cache_max_age=cache_max_age(settings.profiles.max_age))
    order = Order(kind="page", path=kind.path, params=kind.ask(asked, turn.claim.cursor), price=kind.price)

    async def buy() -> Bought:
        async with tools.pages.slot(turn.claim.owner):
            return await tools.buyer.buy(tools.platform.name, turn.claim, turn.token, order)

    async def fetch() -> PaidPage:
        # Its own frame: what could not be read does not stay in memory while it is bought again.
        bought = await with_retries(buy)
        page = numbered(await _read(tools, kind, bought), turn.claim.cursor, kind.numbered_pages_max)
        return PaidPage(page=page, settlement=bought.settlement, seen_at=bought.seen_at)

    for is_last in (False, True):
        try:
            return await fetch()
        except ShapeError:
            log.warning("page.unreadable", path=kind.path, is_last=is_last)
            if is_last:
                raise
    raise AssertionError("the loop ends by returning or raising")


async def _read(tools: Tools, kind: SearchKind, bought: Bought) -> Page:
    try:
        return bought.read(kind.read)
    except (NotFoundError, ShapeError) as error:
        await tools.buyer.settle_useless(bought, error)
        raise


async def _end_search(tools: Tools, turn: Turn, reason: str) -> None:
    reference = tools.resources.clock.new_id().hex[-12:] if reason in ("refused", "shape", "failed") else None
    log.info("search.ended", search_end=reason, reference=reference)
    end = SearchEnd(reason=reason, reference=reference)
    with span("commit search end", {"creatorscout.search_end": reason}):
        due = await commit_search_end(await tools.resources.unit(), tools.platform, turn.claim, turn.token, end)
    turn.is_committed = True
    tools.resources.crash.reach(CrashPoint.SEARCH_END_COMMITTED)
    _publish(tools, turn, due)
    await tools.resources.hints.give(turn.claim.job_id)


async def _enrich(tools: Tools, turn: Turn, found: Sequence[PendingCandidate] | None) -> bool:
    """One round over the step's pending candidates: those that its page just brought, or all that it is found to have.
    True if the reserve brought more."""
    settings = await tools.resources.settings.current()
    pending = await _pending(tools, turn.claim) if found is None else found
    with span("enrich candidates", {"creatorscout.pending": len(pending)}) as round_of:
        enriched = await _enriched(tools, turn, pending, settings)
        counts = Counter(one.enrichment.value for one in enriched)
        round_of.tell({f"creatorscout.{name}": count for name, count in counts.items()})
    turn.learnt += counts  # of all rounds
    turn.facts |= turn.learnt
    with span("commit enrichment"):
        is_enriching, due = await commit_enrichment(
            await tools.resources.unit(), tools.platform, turn.claim, turn.token, enriched
        )
    turn.is_committed = not is_enriching
    tools.resources.crash.reach(CrashPoint.ENRICHMENT_COMMITTED)
    _publish(tools, turn, due)
    await tools.resources.hints.give(turn.claim.job_id)
    return is_enriching


async def _pending(tools: Tools, claim: Claim) -> list[PendingCandidate]:
    async with tools.resources.database.connection() as connection:
        return await candidate_table.pending_of_step(
            connection, job_id=claim.job_id, search_id=claim.search_id, step=claim.step
        )


async def _enriched(
    tools: Tools, turn: Turn, pending: Sequence[PendingCandidate], settings: SystemSettings
) -> list[Enriched]:
    if tools.enricher is None:
        return [as_known(one, Enrichment.NOT_NEEDED) for one in pending]
    if turn.claim.attempts > settings.recovery.attempts_max:
        return await tools.enricher.give_up(turn.claim, pending, max_age=settings.profiles.max_age)
    return await tools.enricher.enrich(
        turn.claim,
        turn.token,
        pending,
        concurrency=settings.api.enrichment_concurrency,
        max_age=settings.profiles.max_age,
    )


def _publish(tools: Tools, turn: Turn, due: list[DueStep]) -> None:
    """Tell QStash at once, beside the work that goes on; awaited before the message is acknowledged. The next page of
    this search may be fetched here and now instead."""
    ahead = next((step for step in due if _is_next(turn, step)), None)
    if ahead is not None and turn.pages_left and turn.ahead is None and tools.hand.has_room:
        turn.ahead = asyncio.ensure_future(_go_on(tools, turn, ahead))
        due = [step for step in due if step is not ahead]
    if due:
        turn.publications.append(asyncio.ensure_future(tools.resources.publication.publish(due)))


def _is_next(turn: Turn, due: DueStep) -> bool:
    return due.search_id == turn.claim.search_id and due.step == turn.claim.step + 1 and not due.delay


async def _go_on(tools: Tools, turn: Turn, due: DueStep) -> None:
    """The step after this one, under this turn's message. What cannot be done of it now goes to QStash after all.

    If the process dies, the message comes again, and whoever gets it finds what its last holder left (`claiming`).
    """
    started = time.monotonic()
    delivery = Delivery(message=due.message, sequence=turn.sequence)
    structlog.contextvars.bind_contextvars(step=due.step, generation=due.generation)
    with tools.hand.held(), span("go on", {"creatorscout.step": due.step}):
        reply = await _take_turn(tools, delivery, turn.beat, turn.pages_left - 1)
    report(tools.metrics, reply, time.monotonic() - started, is_ahead=True)
    if reply.answer is not Answer.ACK:
        later = due.model_copy(update={"delay": timedelta(seconds=math.ceil(reply.delay_s))})
        await tools.resources.publication.publish([later])
