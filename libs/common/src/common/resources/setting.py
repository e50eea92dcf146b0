"""The dynamic settings in force, read from Postgres and kept for a few seconds."""

import asyncio
import time
from typing import Any

import structlog
from pydantic import ValidationError

from common.db.pool import DATABASE_FAULTS, DATABASE_UNAVAILABLE, Database
from common.db.setting import read_settings
from common.domain.setting import SystemSettings

log = structlog.get_logger()

KEPT_S = 3.0


class SettingCache:
    """`current()` never fails once it has read: after a fault in a stored value, or while Postgres does not answer,
    the last good set stays."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()
        self._value = SystemSettings()
        self._read_at = -KEPT_S
        self._has_read = False
        self._changes = 0
        self._refreshing: asyncio.Task[None] | None = None

    def forget(self) -> None:
        """A setting was changed here: who asks next reads anew, whatever is being read just now."""
        self._changes += 1
        self._read_at = -KEPT_S

    async def current(self) -> SystemSettings:
        """The settings, at most three seconds old."""
        if time.monotonic() - self._read_at < KEPT_S:
            return self._value
        async with self._lock:
            if time.monotonic() - self._read_at >= KEPT_S:
                await self._read()
        return self._value

    def latest(self) -> SystemSettings:
        """Those that were read last, without waiting; the defaults before that. If they are old, they are read anew
        behind the caller's back: for what every request asks, and may see late."""
        is_old = time.monotonic() - self._read_at >= KEPT_S
        if is_old and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.create_task(self._refresh())
        return self._value

    async def _refresh(self) -> None:
        try:
            await self.current()
        except DATABASE_FAULTS as error:
            log.warning("database.unavailable", error=type(error).__name__)

    async def _read(self) -> None:
        changes = self._changes
        try:
            async with self._database.connection() as connection:
                stored: dict[str, Any] = await read_settings(connection)
        except DATABASE_UNAVAILABLE as error:
            if not self._has_read:
                raise
            log.warning("database.unavailable", error=type(error).__name__)
            self._read_at = time.monotonic()
            return
        try:
            self._value = SystemSettings.model_validate(stored)
        except ValidationError as error:
            log.error("settings.refused", faults=[".".join(map(str, fault["loc"])) for fault in error.errors()])
        self._has_read = True
        if changes == self._changes:
            self._read_at = time.monotonic()
