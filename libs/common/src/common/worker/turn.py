"""What a worker's turn works with and holds, how it is kept alive, and how it is handed back."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from nats.errors import Error as NatsError

from common.crash import CrashPoint
from common.db import step as step_table
from common.db.pool import DATABASE_UNAVAILABLE
from common.db.step import Claim
from common.messaging.topology import HEARTBEAT_AGAIN_S, HEARTBEAT_S
from common.metric.work import WorkMetrics
from common.platform import Platform
from common.resources.process import Resources
from common.worker.claiming import LEASE
from common.worker.enrichment import Enricher
from common.worker.purchase import Buyer
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
class Turn:
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


async def release(tools: Tools, turn: Turn, *, is_attempt_returned: bool) -> None:
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


async def keep_alive(tools: Tools, turn: Turn) -> None:
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
                await turn.beat()
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
            await turn.beat()
        except (NatsError, OSError, *DATABASE_UNAVAILABLE) as error:
            log.warning("lease.not_renewed", error=type(error).__name__)
            pause_s = HEARTBEAT_AGAIN_S
            continue
        if not is_ours and not turn.is_committed:
            return
        renewed_at = loop.time()
