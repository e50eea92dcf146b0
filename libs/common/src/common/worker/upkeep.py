"""Whether the platform's upstream may be called now: the row in Postgres, kept for a second."""

import time

import structlog

from common.crash import Crash, CrashPoint
from common.db.platform_state import open_platform, pause_platform, read_platform
from common.db.pool import Database
from common.engine.failure import Pause

log = structlog.get_logger()

KEPT_S = 1.0


class PlatformGate:
    """The shared state of a platform as this process sees it."""

    def __init__(self, database: Database, platform: str, crash: Crash) -> None:
        self._database = database
        self._crash = crash
        self._platform = platform
        self._is_open = True
        self._is_probing = False
        self._read_at = -KEPT_S

    async def is_open(self) -> bool:
        """At most a second old."""
        if time.monotonic() - self._read_at >= KEPT_S:
            async with self._database.connection() as connection:
                row = await read_platform(connection, platform=self._platform)
            self._is_open = row is not None and row.is_open
            self._is_probing = row is not None and row.is_open and row.reason is not None
            self._read_at = time.monotonic()
        return self._is_open

    async def pause(self, pause: Pause) -> None:
        """Let every worker of the platform wait."""
        async with self._database.connection() as connection:
            await pause_platform(
                connection, platform=self._platform, state=pause.state, reason=pause.reason, lasts=pause.lasts
            )
        self._is_open = False
        self._read_at = time.monotonic()
        log.warning(
            "platform.paused", platform=self._platform, reason=pause.reason, seconds=pause.lasts.total_seconds()
        )

    async def note_success(self) -> None:
        """A call went well: if it was the probe after a pause, the platform is open again."""
        if not self._is_probing:
            return
        self._is_probing = False
        async with self._database.connection() as connection:
            if await open_platform(connection, platform=self._platform):
                log.info("platform.opened", platform=self._platform)
        self._crash.reach(CrashPoint.PLATFORM_OPENED)
