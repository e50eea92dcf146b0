"""A platform's worker as a process: `run_worker(table)` is all that a platform's main has to call."""

import asyncio
import contextlib
import gc
import signal
import sys
from uuid import UUID

import structlog
import uvloop

from common.db.ping import ping
from common.db.platform_state import Ability, announce_platform
from common.db.pool import DATABASE_UNAVAILABLE
from common.errors import ConfigurationError
from common.log import configure_logging
from common.messaging.pull import StepPuller
from common.metric.work import WorkMetrics
from common.platform import Platform
from common.resources.process import DoorSettings, Resources, open_resources
from common.settings import (
    CrashSettings,
    DatabaseSettings,
    NatsSettings,
    QStashSettings,
    ServerSettings,
    UpstreamSettings,
    read_settings,
)
from common.telemetry.setting import TelemetrySettings
from common.transaction import quota
from common.upstream.client import ScrapeCreators
from common.worker.enrichment import Enricher
from common.worker.health import Check, HealthServer
from common.worker.loop import SLOTS, WorkerLoop
from common.worker.purchase import Buyer, BuyerDoors, RaiseGrant
from common.worker.slot import FairSlots, Hand
from common.worker.turn import Tools
from common.worker.upkeep import PlatformGate

log = structlog.get_logger()

POOL_MAX = 12
PAGES_AT_ONCE = 16  # each can be megabytes in hand


def run_worker(platform: Platform, *, port: int) -> None:
    """Serve the platform's steps until SIGTERM. `port` is the default of PORT."""
    try:
        server, doors, upstream = _settings(port)
        configure_logging(level=server.log_level, form=server.log_format)
        uvloop.run(_serve(platform, server, doors, upstream))
    except ConfigurationError as error:
        sys.stderr.write(f"{platform.name}: {error}\n")
        sys.exit(2)


def _settings(port: int) -> tuple[ServerSettings, DoorSettings, UpstreamSettings]:
    server, database, nats, qstash, upstream, crash, telemetry = read_settings(
        ServerSettings,
        DatabaseSettings,
        NatsSettings,
        QStashSettings,
        UpstreamSettings,
        CrashSettings,
        TelemetrySettings,
        port=port,
    )
    assert isinstance(server, ServerSettings)
    assert isinstance(database, DatabaseSettings)
    assert isinstance(nats, NatsSettings)
    assert isinstance(qstash, QStashSettings)
    assert isinstance(upstream, UpstreamSettings)
    assert isinstance(crash, CrashSettings)
    assert isinstance(telemetry, TelemetrySettings)
    doors = DoorSettings(database=database, nats=nats, qstash=qstash, crash=crash.crash, telemetry=telemetry)
    return server, doors, upstream


async def _serve(
    platform: Platform, server: ServerSettings, doors: DoorSettings, upstream_settings: UpstreamSettings
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_resources(doors, name=platform.name, pool_max=POOL_MAX, on_lost=stop.set) as resources:
        upstream = ScrapeCreators(upstream_settings, resources.clock)
        puller = StepPuller(resources.messaging, platform.name)
        await puller.open()
        async with resources.database.connection() as connection:
            await announce_platform(connection, _ability(platform))
        health = HealthServer(
            host=server.host, port=server.port, is_ready=_readiness(resources, stop), show=resources.metrics.render
        )
        serving = asyncio.create_task(health.serve())
        # What is here now stays to the end; to look through it again for garbage costs a twentieth of all time.
        gc.collect()
        gc.freeze()
        log.info("service.started", service=platform.name.value, port=server.port, slots=SLOTS)
        try:
            await WorkerLoop(_tools(resources, platform, upstream), puller).run(stop)
        finally:
            await upstream.close()
            health.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await serving
    log.info("service.stopped", service=platform.name.value)


def _ability(platform: Platform) -> Ability:
    return Ability(
        platform=platform.name,
        label=platform.label,
        modes=tuple(sorted(platform.modes)),
        search_kinds=tuple(sorted(platform.searches)),
        filters=tuple(sorted(platform.filters)),
        handles=platform.handles,
    )


def _tools(resources: Resources, platform: Platform, upstream: ScrapeCreators) -> Tools:
    gate = PlatformGate(resources.database, platform.name, resources.crash)
    doors = BuyerDoors(
        database=resources.database,
        upstream=upstream,
        clock=resources.clock,
        crash=resources.crash,
        raise_grant=_raise_grant(resources),
        metrics=WorkMetrics(resources.metrics, platform.name.value),
    )
    buyer = Buyer(doors, gate)
    enricher = Enricher(doors, buyer, platform, platform.profile) if platform.profile else None
    return Tools(
        resources=resources,
        platform=platform,
        buyer=buyer,
        enricher=enricher,
        gate=gate,
        pages=FairSlots(PAGES_AT_ONCE),
        hand=Hand(),
        metrics=doors.metrics,
    )


def _raise_grant(resources: Resources) -> RaiseGrant:
    async def raise_grant(job_id: UUID, price: int) -> bool:
        return await quota.raise_grant(await resources.unit(), job_id, price)

    return raise_grant


def _readiness(resources: Resources, stop: asyncio.Event) -> Check:
    async def is_ready() -> bool:
        if stop.is_set() or not resources.messaging.is_connected:
            return False
        try:
            async with resources.database.connection() as connection:
                await ping(connection)
        except DATABASE_UNAVAILABLE:
            return False
        return True

    return is_ready
