"""One paid call: through the gate, to the upstream, into the ledger."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from common.clock import Clock
from common.crash import Crash, CrashPoint
from common.db import ledger as ledger_table
from common.db.ledger import CallRequest, GateView, Settlement
from common.db.pool import Database
from common.db.step import Claim
from common.errors import CoolDownError, CreatorscoutError, FencedError, ShapeError, UnreachableError
from common.upstream.answer import Answer, charged, fault
from common.upstream.client import ScrapeCreators
from common.worker.upkeep import PlatformGate

_OPENED = {"page": CrashPoint.PAGE_OPENED, "profile": CrashPoint.PROFILE_OPENED}
_ANSWERED = {"page": CrashPoint.PAGE_ANSWERED, "profile": CrashPoint.PROFILE_ANSWERED}


class Shut(StrEnum):
    """Why the gate is shut."""

    FINAL = "final"
    OVERDUE = "overdue"
    PAGES = "call_limit"
    CREDITS = "credit_limit"
    PAUSED = "paused"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A readable 200. Whoever commits what it brought commits the settlement with it."""

    body: bytes
    settlement: Settlement


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerDoors:
    """What buying needs."""

    database: Database
    upstream: ScrapeCreators
    clock: Clock
    crash: Crash


class Buyer:
    """Buys for one platform."""

    def __init__(self, doors: BuyerDoors, gate: PlatformGate) -> None:
        self._database = doors.database
        self._upstream = doors.upstream
        self._clock = doors.clock
        self._crash = doors.crash
        self._gate = gate

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
        await self._open(request)
        self._crash.reach(_OPENED[order.kind])
        try:
            answer = await self._upstream.get(order.path, order.params)
        except UnreachableError as error:
            await self._close_failed(request, error)
            raise
        except ShapeError:
            await self._settle(_settlement(request, credits_charged=order.price, reason="unreadable"))
            raise
        self._crash.reach(_ANSWERED[order.kind])
        wrong = fault(answer)
        settlement = _settlement(
            request,
            credits_charged=charged(answer, price=order.price),
            answer=answer,
            reason=type(wrong).__name__ if wrong else None,
        )
        if wrong is not None:
            await self._settle(settlement)
            raise wrong
        await self._gate.note_success()
        return Bought(body=answer.body, settlement=settlement)

    async def settle_unreadable(self, bought: Bought) -> None:
        """A 200 that turned out not to be what the endpoint answers: paid for and useless."""
        await self._settle(bought.settlement.model_copy(update={"reason": "ShapeError"}))

    async def _open(self, request: CallRequest) -> None:
        async with self._database.connection() as connection:
            if await ledger_table.open_call(connection, request):
                return
            view = await ledger_table.view_gate(connection, request)
        raise _why(view)

    async def _close_failed(self, request: CallRequest, error: UnreachableError) -> None:
        settlement = _settlement(request, credits_charged=0, reason=str(error))
        async with self._database.connection() as connection:
            if error.is_sent:
                await ledger_table.lose_call(connection, settlement)
            else:
                await ledger_table.settle_call(connection, settlement)
        self._crash.reach(CrashPoint.FAILED_CALL_SETTLED)

    async def _settle(self, settlement: Settlement) -> None:
        async with self._database.connection() as connection:
            await ledger_table.settle_call(connection, settlement)
        self._crash.reach(CrashPoint.FAILED_CALL_SETTLED)


def fingerprint(order: Order) -> str:
    """The same for the same request, without telling what it asks."""
    text = "&".join(f"{name}={value}" for name, value in sorted(order.params.items()))
    return hashlib.sha256(f"{order.path}?{text}".encode()).hexdigest()


def _why(view: GateView | None) -> CreatorscoutError:
    match view:
        case None | GateView(is_current=False):
            return FencedError()
        case GateView(status=status) if status.is_final:
            return GateShutError(Shut.FINAL)
        case GateView(is_overdue=True):
            return GateShutError(Shut.OVERDUE)
        case GateView(is_within_credits=False):
            return GateShutError(Shut.CREDITS)
        case GateView(is_within_pages=False):
            return GateShutError(Shut.PAGES)
        case _:
            return GateShutError(Shut.PAUSED)


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


def is_platform_wide(error: BaseException) -> bool:
    """Whether the error concerns every worker of the platform."""
    return isinstance(error, CoolDownError) or (isinstance(error, GateShutError) and error.reason is Shut.PAUSED)
