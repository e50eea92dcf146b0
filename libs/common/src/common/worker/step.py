"""A worker's turn: claim, page, enrichment, publish, and the answer to the message."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from nats.errors import Error as NatsError

from common.crash import CrashPoint
from common.db import candidate as candidate_table
from common.db import step as step_table
from common.db.candidate import PendingCandidate
from common.db.pool import DATABASE_UNAVAILABLE
from common.db.step import Claim
from common.domain.outcome import Enrichment
from common.domain.setting import SystemSettings
from common.domain.step import DueStep
from common.engine.cache import cache_max_age
from common.engine.enrichment import Enriched
from common.engine.failure import decide_pause, search_end_for
from common.engine.page import numbered
from common.errors import CoolDownError, FencedError, NotFoundError, RetryError, ShapeError, SkipError
from common.messaging.topology import HEARTBEAT_AGAIN_S, HEARTBEAT_S
from common.metric.work import WorkMetrics
from common.platform import Page, Platform, SearchKind
from common.resources.process import Resources
from common.tracing.span import span
from common.transaction.enrichment import commit_enrichment
from common.transaction.failure import SearchEnd, commit_search_end, end_if_overdue
from common.transaction.lead import asked_of
from common.transaction.page import PageResult, PaidPage, commit_page
from common.worker.claiming import LEASE, NAK_MAX_S, Answer, Delivery, Reply, claim, pass_on
from common.worker.enrichment import Enricher, as_known
from common.worker.purchase import Bought, Buyer, GateShutError, Order, Shut, is_credit_limit
from common.worker.report import report
from common.worker.retry import with_retries
from common.worker.slot import FairSlots, Hand
from common.worker.upkeep import PlatformGate

log = structlog.get_logger()

Beat = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a worker works with."""

    resources: Resources
    platform: Platform
    buyer: Buyer
    enricher: Enricher | None
    gate: PlatformGate
    pages: FairSlots
    hand: Hand
    metrics: WorkMetrics


@dataclass(slots=True)
class _Turn:
    """A claimed step on its way."""

    claim: Claim
    token: UUID
    sequence: int
    beat: Beat
    pages_left: int  # that may follow in this turn
    ahead: asyncio.Task[None] | None = None
    publications: list[asyncio.Task[list[str | None]]] = field(default_factory=list[asyncio.Task[list[str | None]]])
    facts: dict[str, object] = field(default_factory=dict[str, object])
    learnt: Counter[str] = field(default_factory=Counter[str])
    is_committed: bool = False  # nothing of it is left to be held: its token is gone with the last commit


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
    turn = _Turn(
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


async def _perform(tools: Tools, turn: _Turn) -> Reply:
    work = asyncio.ensure_future(_work(tools, turn))
    heart = asyncio.ensure_future(_keep_alive(tools, turn, turn.beat))
    try:
        await asyncio.wait({work, heart}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await _cancel(work)
            return Reply(answer=Answer.LEAVE, reason="fenced")
        return await _conclude(tools, turn, work)
    except BaseException:
        # Shutdown or a fault of ours: whoever comes next need not wait for the lease.
        await _cancel(work, turn.ahead)
        await _release(tools, turn, is_attempt_returned=work.cancelled())
        raise
    finally:
        heart.cancel()


async def _cancel(*tasks: "asyncio.Future[Any] | None") -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*filter(None, tasks), return_exceptions=True)


async def _conclude(tools: Tools, turn: _Turn, work: "asyncio.Future[str]") -> Reply:
    try:
        reason = await work
    except FencedError:
        return Reply(answer=Answer.LEAVE, reason="fenced")
    except CoolDownError as error:
        pause = decide_pause(error)
        await tools.gate.pause(pause)
        tools.metrics.count_pause(pause.reason.value)
        tools.resources.crash.reach(CrashPoint.PLATFORM_PAUSED)
        await _release(tools, turn, is_attempt_returned=True)
        return Reply(answer=Answer.NAK, reason="paused", delay_s=min(pause.lasts.total_seconds(), NAK_MAX_S))
    except GateShutError as error:
        return await _stand_down(tools, turn, error)
    except RetryError as error:
        await _release(tools, turn, is_attempt_returned=False)
        delay_s = min(tools.resources.clock.jitter(2.0**turn.claim.attempts), NAK_MAX_S)
        log.warning("step.postponed", error=str(error), seconds=delay_s)
        return Reply(answer=Answer.NAK, reason="postponed", delay_s=delay_s)
    finally:
        if turn.publications:
            await asyncio.gather(*turn.publications)
        if turn.ahead is not None:
            await turn.ahead
    return Reply(answer=Answer.ACK, reason=reason)


async def _stand_down(tools: Tools, turn: _Turn, error: GateShutError) -> Reply:
    match error.reason:
        case Shut.FINAL:
            await _release(tools, turn, is_attempt_returned=True)
            return Reply(answer=Answer.ACK, reason="not_active")
        case Shut.OVERDUE:
            _, due = await end_if_overdue(await tools.resources.unit(), turn.claim.job_id)
            tools.resources.crash.reach(CrashPoint.OVERDUE_COMMITTED)
            await tools.resources.hints.give(turn.claim.job_id)
            await tools.resources.publication.publish(due)
            return Reply(answer=Answer.ACK, reason="overdue")
        case _:
            # The platform waits, an operator stopped all spending, or the minute's credits are used up.
            await _release(tools, turn, is_attempt_returned=True)
            return Reply(answer=Answer.NAK, reason=error.reason.value, delay_s=NAK_MAX_S)


async def _work(tools: Tools, turn: _Turn) -> str:
    is_enriching = turn.claim.phase == "enrichment"
    if not is_enriching:
        result = await _page(tools, turn)
        if result is None:
            return "search_ended"
        is_enriching = result.is_enriching
    while is_enriching:
        is_enriching = await _enrich(tools, turn)
    return "performed"


async def _page(tools: Tools, turn: _Turn) -> PageResult | None:
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
    turn.is_committed = not result.is_enriching
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


async def _fetch(tools: Tools, turn: _Turn, kind: SearchKind) -> PaidPage:
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


async def _end_search(tools: Tools, turn: _Turn, reason: str) -> None:
    reference = tools.resources.clock.new_id().hex[-12:] if reason in ("refused", "shape", "failed") else None
    log.info("search.ended", search_end=reason, reference=reference)
    end = SearchEnd(reason=reason, reference=reference)
    with span("commit search end", {"creatorscout.search_end": reason}):
        due = await commit_search_end(await tools.resources.unit(), tools.platform, turn.claim, turn.token, end)
    turn.is_committed = True
    tools.resources.crash.reach(CrashPoint.SEARCH_END_COMMITTED)
    _publish(tools, turn, due)
    await tools.resources.hints.give(turn.claim.job_id)


async def _enrich(tools: Tools, turn: _Turn) -> bool:
    """One round over the step's pending candidates; True if the reserve brought more."""
    settings = await tools.resources.settings.current()
    async with tools.resources.database.connection() as connection:
        pending = await candidate_table.pending_of_step(
            connection, job_id=turn.claim.job_id, search_id=turn.claim.search_id, step=turn.claim.step
        )
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


async def _enriched(
    tools: Tools, turn: _Turn, pending: Sequence[PendingCandidate], settings: SystemSettings
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


def _publish(tools: Tools, turn: _Turn, due: list[DueStep]) -> None:
    """Tell QStash at once, beside the work that goes on; awaited before the message is acknowledged. The next page of
    this search may be fetched here and now instead."""
    ahead = next((step for step in due if _is_next(turn, step)), None)
    if ahead is not None and turn.pages_left and turn.ahead is None and tools.hand.has_room:
        turn.ahead = asyncio.ensure_future(_go_on(tools, turn, ahead))
        due = [step for step in due if step is not ahead]
    if due:
        turn.publications.append(asyncio.ensure_future(tools.resources.publication.publish(due)))


def _is_next(turn: _Turn, due: DueStep) -> bool:
    return due.search_id == turn.claim.search_id and due.step == turn.claim.step + 1 and not due.delay


async def _go_on(tools: Tools, turn: _Turn, due: DueStep) -> None:
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


async def _release(tools: Tools, turn: _Turn, *, is_attempt_returned: bool) -> None:
    """Hand the step back. If Postgres cannot be told, the lease runs out by itself."""
    try:
        async with tools.resources.database.connection() as connection:
            await step_table.release_step(
                connection,
                search_id=turn.claim.search_id,
                step=turn.claim.step,
                token=turn.token,
                is_attempt_returned=is_attempt_returned,
            )
    except DATABASE_UNAVAILABLE as error:
        log.warning("lease.not_released", error=type(error).__name__)
    tools.resources.crash.reach(CrashPoint.STEP_RELEASED)


async def _keep_alive(tools: Tools, turn: _Turn, beat: Beat) -> None:
    """Renew lease and message together; returns when the step is somebody else's, or nobody could be told for a
    whole lease."""
    loop = asyncio.get_running_loop()
    renewed_at = loop.time()
    pause_s = float(HEARTBEAT_S)
    while loop.time() - renewed_at < LEASE.total_seconds():
        await asyncio.sleep(pause_s)
        pause_s = HEARTBEAT_S
        try:
            if turn.is_committed:
                await beat()
                renewed_at = loop.time()
                continue
            async with tools.resources.database.connection() as connection:
                is_ours = await step_table.renew_lease(
                    connection,
                    search_id=turn.claim.search_id,
                    step=turn.claim.step,
                    token=turn.token,
                    lease=LEASE,
                )
            await beat()
        except (NatsError, OSError, *DATABASE_UNAVAILABLE) as error:
            log.warning("lease.not_renewed", error=type(error).__name__)
            pause_s = HEARTBEAT_AGAIN_S
            continue
        if not is_ours and not turn.is_committed:
            return
        renewed_at = loop.time()
