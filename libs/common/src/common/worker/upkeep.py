"""Whether the platform's upstream may be called now: the row in Postgres, kept for a second.

After a pause one call tries, alone over all replicas; when it went well, pulling grows from one step at a time.
"""

import asyncio
import time
from datetime import timedelta
from uuid import UUID

import structlog

from common.crash import Crash, CrashPoint
from common.db.platform_state import (
    PlatformRow,
    open_platform,
    pause_platform,
    read_platform,
    return_probe,
    take_probe,
)
from common.db.pool import DATABASE_UNAVAILABLE, Database
from common.engine.failure import Pause
from common.engine.resumption import steps_allowed
from common.upstream.client import CALL_MAX_S

log = structlog.get_logger()

KEPT_S = 1.0
PROBE_AGAIN_AFTER = timedelta(seconds=1)
PROBE_LASTS = timedelta(seconds=CALL_MAX_S + 15)


class PlatformGate:
    """The shared state of a platform as this process sees it."""

    def __init__(self, database: Database, platform: str, crash: Crash) -> None:
        self._database = database
        self._crash = crash
        self._platform = platform
        self._row: PlatformRow | None = None
        self._read_at = -KEPT_S
        self._prober: UUID | None = None
        self._probe_is_over = asyncio.Event()

    async def steps_allowed(self, steps_max: int) -> int:
        """How many steps this process may have in hand now, 0: none is to be pulled. At most a second old."""
        if time.monotonic() - self._read_at >= KEPT_S:
            async with self._database.connection() as connection:
                self._row = await read_platform(connection, platform=self._platform)
            self._read_at = time.monotonic()
        row = self._row
        if row is None or row.is_held:
            return 0
        return steps_allowed(
            is_open=row.is_open, is_probe_due=row.is_probe_due, resumed_for=row.resumed_for, steps_max=steps_max
        )

    async def pause(self, pause: Pause) -> None:
        """Let every worker of the platform wait."""
        async with self._database.connection() as connection:
            await pause_platform(
                connection, platform=self._platform, state=pause.state, reason=pause.reason, lasts=pause.lasts
            )
        self._read_at = -KEPT_S
        log.warning(
            "platform.paused", platform=self._platform, reason=pause.reason, seconds=pause.lasts.total_seconds()
        )

    async def may_try(self, call_id: UUID) -> bool:
        """Whether a call that found the platform paused may go to its gate again: it became the probe, or it waited
        for a probe of this process that is over now."""
        if self._prober is not None:
            await self._probe_is_over.wait()
            return True
        # Taken before anything is awaited, so that of this process's calls only one asks.
        self._prober = call_id
        self._probe_is_over.clear()
        async with self._database.connection() as connection:
            is_taken = await take_probe(connection, platform=self._platform, prober=call_id, lasts=PROBE_LASTS)
        if is_taken:
            log.info("probe.taken", platform=self._platform)
            self._crash.reach(CrashPoint.PROBE_TAKEN)
        return is_taken

    async def end_probe(self, call_id: UUID) -> None:
        """The call is over, whatever came of it. Without success another may try soon."""
        if self._prober != call_id:
            return
        try:
            async with self._database.connection() as connection:
                await return_probe(connection, platform=self._platform, prober=call_id, lasts=PROBE_AGAIN_AFTER)
        except DATABASE_UNAVAILABLE as error:
            log.warning("probe.not_returned", error=type(error).__name__)
        finally:
            self._prober = None
            self._probe_is_over.set()

    async def note_success(self, call_id: UUID) -> None:
        """The upstream answered a call well: if it was the probe, the platform is open again."""
        if self._prober != call_id:
            return
        async with self._database.connection() as connection:
            is_opened = await open_platform(connection, platform=self._platform, prober=call_id)
        self._read_at = -KEPT_S
        if is_opened:
            log.info("platform.opened", platform=self._platform)
        self._crash.reach(CrashPoint.PLATFORM_OPENED)
