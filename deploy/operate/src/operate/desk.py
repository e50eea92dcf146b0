"""Where a command does its work: an open database, the settings in force, and one answer to each way it cannot work."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import typer

from common.clock import Clock
from common.db.pool import DATABASE_FAULTS, Database
from common.errors import ConfigurationError
from common.log import configure_logging
from common.resources.setting import SettingCache
from common.settings import DatabaseSettings, read_settings
from common.transaction.lock import Unit
from common.transaction.reopening import Renewal
from operate.terminal import complain

T = TypeVar("T")

REFUSED = 1
CANNOT_WORK = 2


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with."""

    database: Database
    settings: SettingCache
    clock: Clock = field(default_factory=Clock)

    async def unit(self) -> Unit:
        return Unit.under(await self.settings.current(), self.database, self.clock)

    async def renewal(self) -> Renewal:
        return Renewal.under(await self.settings.current())


def at_desk(work: Callable[[Desk], Awaitable[T]]) -> T:
    """Run `work`; what keeps it from working at all is one line, and exit code 2."""
    configure_logging(level="error", form="console", stream=sys.stderr)
    try:
        (settings,) = read_settings(DatabaseSettings)
        return asyncio.run(_work(settings, work))
    except ConfigurationError as error:
        complain(str(error))
    except DATABASE_FAULTS as error:
        complain(f"Postgres did not answer, or refused ({type(error).__name__}); is its schema up to date?")
    raise typer.Exit(CANNOT_WORK)


async def _work(settings: DatabaseSettings, work: Callable[[Desk], Awaitable[T]]) -> T:
    database = Database(settings, name="operate", size_max=1)
    await database.open()
    try:
        return await work(Desk(database, SettingCache(database)))
    finally:
        await database.close()
