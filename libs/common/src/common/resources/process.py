"""What every service opens at start and closes at the end, in order."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from common.clock import Clock
from common.crash import Crash
from common.db.pool import Database, Door
from common.engine.end import End
from common.messaging.connection import Messaging, connect_messaging
from common.messaging.hint import Hints
from common.metric.process import Metrics
from common.qstash.publisher import QStashPublisher
from common.resources.publication import Publication
from common.resources.setting import SettingCache
from common.settings import DatabaseSettings, NatsSettings, QStashSettings
from common.telemetry.opening import open_telemetry
from common.telemetry.setting import TelemetrySettings
from common.transaction.lock import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The open doors of a process."""

    database: Database
    messaging: Messaging
    publisher: QStashPublisher
    publication: Publication
    hints: Hints
    settings: SettingCache
    metrics: Metrics
    clock: Clock
    crash: Crash

    async def unit(self, database: Door | None = None) -> Unit:
        """What a transaction needs, with the limits in force now; through our own door unless one is given."""
        settings = await self.settings.current()
        return Unit.under(settings, database or self.database, self.clock, self._count_ended)

    def _count_ended(self, platform: str, end: End) -> None:
        self.metrics.count_ended(platform, end.status.value, end.stop_reason.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """The environment that the doors need."""

    database: DatabaseSettings
    nats: NatsSettings
    qstash: QStashSettings
    crash: Crash = field(default_factory=Crash)
    telemetry: TelemetrySettings | None = None


@asynccontextmanager
async def open_resources(
    settings: DoorSettings, *, name: str, pool_max: int, on_lost: Callable[[], None]
) -> AsyncGenerator[Resources]:
    """Open telemetry, database, NATS and QStash; close them in reverse.

    `on_lost`: NATS is gone for good, the process must end.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(open_telemetry(settings.telemetry, service=name))
        metrics = Metrics(name)
        watch = asyncio.create_task(metrics.watch_loop())
        stack.callback(watch.cancel)
        database = Database(settings.database, name=name, size_max=pool_max, metrics=metrics)
        await database.open()
        stack.push_async_callback(database.close)
        messaging = await connect_messaging(settings.nats, name=name, on_lost=on_lost, on_change=metrics.count_link)
        stack.push_async_callback(messaging.close)
        metrics.show_link(lambda: messaging.is_connected)
        publisher = QStashPublisher(settings.qstash)
        stack.push_async_callback(publisher.close)
        yield Resources(
            database=database,
            messaging=messaging,
            publisher=publisher,
            publication=Publication(database, publisher, settings.crash, metrics),
            hints=Hints(messaging, settings.crash),
            settings=SettingCache(database),
            metrics=metrics,
            clock=Clock(),
            crash=settings.crash,
        )
