"""One paid call: through the gate, to the upstream, into the ledger."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from common.clock import Clock
from common.crash import Crash, CrashPoint
from common.db import ledger as ledger_table
from common.db.ledger import CallRequest, GateView, Settlement
from common.db.pool import Connection, Database
from common.db.step import Claim
from common.errors import (
    CoolDownError,
    CreatorscoutError,
    FencedError,
    KeyRefusedError,
    NotFoundError,
    OutOfCreditsError,
    RateLimitedError,
    RefusedRequestError,
    ShapeError,
    UnreachableError,
    UpstreamFailedError,
)
from common.metric.work import Result, WorkMetrics
from common.tracing.span import SpanKind, span
from common.upstream.answer import Answer, charged, fault, seen_at
from common.upstream.client import ScrapeCreators
from common.worker.completion import completed
from common.worker.slot import JobTurns
from common.worker.upkeep import PlatformGate

_OPENED = {"page": CrashPoint.PAGE_OPENED, "profile": CrashPoint.PROFILE_OPENED}
_ANSWERED = {"page": CrashPoint.PAGE_ANSWERED, "profile": CrashPoint.PROFILE_ANSWERED}


GATE_TRIES = 4  # others take what was granted meanwhile
TURNS = 3  # so many profiles of one job at its row's lock: one has it, the next follow without delay


T = TypeVar("T")

_RESULTS: Mapping[type[CreatorscoutError], Result] = {
    RateLimitedError: Result.RATE_LIMITED,
    OutOfCreditsError: Result.OUT_OF_CREDITS,
    KeyRefusedError: Result.KEY_REFUSED,
    NotFoundError: Result.NOT_FOUND,
    UpstreamFailedError: Result.FAILED,
    ShapeError: Result.UNREADABLE,
    RefusedRequestError: Result.REFUSED,
}


class Shut(StrEnum):
    """Why the gate is shut."""

    FINAL = "final"
    OVERDUE = "overdue"
    PAGES = "call_limit"
    CREDITS = "credit_limit"
    GRANT = "quota"
    PAUSED = "paused"
    STOPPED = "stopped"
    MINUTE = "minute"
    RACED = "raced"  # what kept it shut was gone a moment later


class GateShutError(CreatorscoutError):
    """The call was not made and nothing was reserved."""

    def __init__(self, reason: Shut) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to buy. `kind` is page or profile."""

    kind: str
    path: str
    params: Mapping[str, str]
    price: int


@dataclass(slots=True, kw_only=True)
class Bought:
    """A readable 200. Whoever commits what it brought commits the settlement with it.

    `seen_at` is when the upstream looked, None for just now.
    """

    body: bytes
    settlement: Settlement
    seen_at: datetime | None = None

    def read(self, reader: Callable[[bytes], T]) -> T:
        """What the body says; raises as `reader`. The body is gone then: it may be large, and neither what comes next
        nor an error's traceback is to keep it."""
        body, self.body = self.body, b""
        try:
            return reader(body)
        except CreatorscoutError as error:
            raise error.with_traceback(None) from None
        finally:
            del body


# Asks the owner's quota for more for this job, at least this price; False if there is no more.
RaiseGrant = Callable[[UUID, int], Awaitable[bool]]

_Close = Callable[[Connection, Settlement], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerDoors:
    """What buying needs."""

    database: Database
    upstream: ScrapeCreators
    clock: Clock
    crash: Crash
    raise_grant: RaiseGrant
    metrics: WorkMetrics


@dataclass(slots=True)
class Bill:
    """What one turn bought, for its line in the log. Calls run beside each other: together they may last longer."""

    calls: int = 0
    credits: int = 0
    seconds: float = 0.0

    def add(self, credits_charged: int, seconds: float) -> None:
        self.calls += 1
        self.credits += credits_charged
        self.seconds += seconds

    @property
    def facts(self) -> dict[str, int]:
        return {"calls": self.calls, "credits": self.credits, "upstream_ms": round(self.seconds * 1000)}


class _Meter:
    """Times one call and counts what came of it."""

    def __init__(self, metrics: WorkMetrics, endpoint: str, bill: Bill) -> None:
        self._metrics = metrics
        self._bill = bill
        self._endpoint = endpoint
        self._began = time.perf_counter()

    def note(self, wrong: CreatorscoutError | None, *, credits_charged: int) -> None:
        seconds = time.perf_counter() - self._began
        self._bill.add(credits_charged, seconds)
        self._metrics.count_call(
            endpoint=self._endpoint,
            result=result_of(wrong),
            seconds=seconds,
            credits_charged=credits_charged,
        )


def result_of(wrong: CreatorscoutError | None) -> Result:
    """The bounded name of what a call raised; None: it went well."""
    match wrong:
        case None:
            return Result.OK
        case UnreachableError(is_sent=is_sent):
            return Result.UNANSWERED if is_sent else Result.UNREACHABLE
        case _:
            return _RESULTS.get(type(wrong), Result.REFUSED)


class Buyer:
    """Buys for one platform."""

    def __init__(self, doors: BuyerDoors, gate: PlatformGate) -> None:
        self._database = doors.database
        self._upstream = doors.upstream
        self._clock = doors.clock
        self._crash = doors.crash
        self._raise_grant = doors.raise_grant
        self._metrics = doors.metrics
        self._gate = gate
        self._bills: dict[UUID, Bill] = {}
        self.turns = JobTurns(TURNS)

    @contextmanager
    def bill(self, token: UUID) -> Generator[Bill]:
        """What is bought under this token meanwhile."""
        self._bills[token] = Bill()
        try:
            yield self._bills[token]
        finally:
            del self._bills[token]

    async def buy(self, platform: str, claim: Claim, token: UUID, order: Order) -> Bought:
        """Make the call. Raises GateShutError, FencedError and what `fault` and the client raise.

        Every failure is in the ledger when this raises. After a success the row is open until the settlement is
        committed; if that never happens the next claim counts it as unknown and charged.
        """
        request = CallRequest(
            id=self._clock.new_id(),
            job_id=claim.job_id,
            search_id=claim.search_id,
            step=claim.step,
            token=token,
            platform=platform,
            kind=order.kind,
            path=order.path,
            fingerprint=fingerprint(order),
            credits=order.price,
            pages=1 if order.kind == "page" else 0,
        )
        try:
            with span("pass gate"):
                await self._open(request)
            endpoint = claim.kind if order.kind == "page" else order.kind
            return await self._call(request, order, _Meter(self._metrics, endpoint, self._bills.get(token) or Bill()))
        finally:
            await self._gate.end_probe(request.id)

    async def _call(self, request: CallRequest, order: Order, meter: "_Meter") -> Bought:
        self._crash.reach(_OPENED[order.kind])
        try:
            answer, spent = await self._ask(order)
        except UnreachableError as error:
            meter.note(error, credits_charged=order.price if error.is_sent else 0)
            await self._close_failed(request, error)
            raise
        except ShapeError as error:
            meter.note(error, credits_charged=order.price)
            await self._settle(_settlement(request, credits_charged=order.price, reason="unreadable"))
            raise
        self._crash.reach(_ANSWERED[order.kind])
        wrong = fault(answer)
        settlement = _settlement(
            request,
            credits_charged=spent,
            answer=answer,
            reason=type(wrong).__name__ if wrong else None,
        )
        meter.note(wrong, credits_charged=settlement.credits)
        if wrong is None:
            bought = Bought(body=answer.body, settlement=settlement, seen_at=seen_at(answer, now=self._clock.now()))
            del answer
            await self._gate.note_success(request.id)
            return bought
        del answer  # the error's traceback keeps this frame
        await self._settle(settlement)
        if not isinstance(wrong, CoolDownError | UpstreamFailedError):
            await self._gate.note_success(request.id)
        raise wrong

    async def _ask(self, order: Order) -> tuple[Answer, int]:
        """The answer and the credits that it cost. Its span tells the endpoint, neither what is asked nor with which
        key; and the upstream is told of no trace."""
        facts = {"http.request.method": "GET", "url.template": order.path, "peer.service": "scrapecreators"}
        with span(f"GET {order.path}", facts, SpanKind.CLIENT) as call:
            answer = await self._upstream.get(order.path, order.params)
            spent = charged(answer, price=order.price)
            call.tell(
                {
                    "http.response.status_code": answer.status,
                    "http.response.size": answer.bytes_on_wire,
                    "creatorscout.credits": spent,
                }
            )
            if answer.status >= 400:
                call.fail(str(answer.status))
            return answer, spent

    async def settle_useless(self, bought: Bought, why: CreatorscoutError) -> None:
        """A 200 that is not what the endpoint answers, or says that there is nothing: paid for all the same."""
        self._metrics.count_useless(result_of(why))
        await self._settle(bought.settlement.model_copy(update={"reason": type(why).__name__}))

    async def _open(self, request: CallRequest) -> None:
        """Pass the gate. What can be had, a larger grant or the platform's probe, is asked for on the way."""
        for left in reversed(range(GATE_TRIES)):
            async with AsyncExitStack() as stack:
                if request.kind != "page":  # pages go first
                    await stack.enter_async_context(self.turns.of(request.job_id))
                connection = await stack.enter_async_context(self._database.connection())
                if await ledger_table.open_call(connection, request):
                    return
                view = await ledger_table.view_gate(connection, request)
            why = _why(view)
            if not left or not await self._is_mended(why, request):
                raise why

    async def _is_mended(self, why: CreatorscoutError, request: CallRequest) -> bool:
        match why:
            case GateShutError(reason=Shut.GRANT):
                is_raised = await self._raise_grant(request.job_id, request.credits)
                if is_raised:
                    self._crash.reach(CrashPoint.GRANT_RAISED)
                return is_raised
            case GateShutError(reason=Shut.PAUSED):
                return await self._gate.may_try(request.id)
            case GateShutError(reason=Shut.RACED):
                return True
            case _:
                return False

    async def _close_failed(self, request: CallRequest, error: UnreachableError) -> None:
        settlement = _settlement(request, credits_charged=0, reason=str(error))
        await self._settle(settlement, ledger_table.lose_call if error.is_sent else ledger_table.settle_call)

    async def _settle(self, settlement: Settlement, close: _Close = ledger_table.settle_call) -> None:
        await completed(self._close(settlement, close))
        self._crash.reach(CrashPoint.FAILED_CALL_SETTLED)

    async def _close(self, settlement: Settlement, close: _Close) -> None:
        async with self._database.connection() as connection:
            await close(connection, settlement)


def fingerprint(order: Order) -> str:
    """The same for the same request, without telling what it asks."""
    text = "&".join(f"{name}={value}" for name, value in sorted(order.params.items()))
    return hashlib.sha256(f"{order.path}?{text}".encode()).hexdigest()


# Why the gate is shut, in this order; what is behind a name is what the view must say for the gate to open.
_REASONS: Sequence[tuple[Shut, Callable[[GateView], bool]]] = (
    (Shut.FINAL, lambda view: not view.status.is_final),
    (Shut.OVERDUE, lambda view: not view.is_overdue),
    (Shut.CREDITS, lambda view: view.is_within_credits),
    (Shut.PAGES, lambda view: view.is_within_pages),
    (Shut.GRANT, lambda view: view.is_within_grant),
    (Shut.STOPPED, lambda view: not view.is_stopped),
    (Shut.MINUTE, lambda view: view.is_within_minute),
    (Shut.PAUSED, lambda view: view.is_open),
)


def _why(view: GateView | None) -> CreatorscoutError:
    if view is None or not view.is_current:
        return FencedError()
    return GateShutError(next((shut for shut, is_passed in _REASONS if not is_passed(view)), Shut.RACED))


def _settlement(
    request: CallRequest, *, credits_charged: int, answer: Answer | None = None, reason: str | None
) -> Settlement:
    return Settlement(
        id=request.id,
        job_id=request.job_id,
        credits=credits_charged,
        http_status=answer.status if answer else None,
        reason=reason,
        milliseconds=answer.milliseconds if answer else 0,
        bytes=answer.bytes_on_wire if answer else 0,
    )


def is_credit_limit(error: GateShutError) -> bool:
    """The job's credits are used up, or what its owner's quota grants."""
    return error.reason in (Shut.CREDITS, Shut.GRANT)
