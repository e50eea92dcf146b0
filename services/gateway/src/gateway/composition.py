"""The gateway put together: the one place that opens its parts, in order, and closes them in reverse."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from common.crash import Crash
from common.db.poll import JobMark, JobState, read_marks, read_states
from common.db.pool import Door
from common.resources.process import DoorSettings, Resources, open_resources
from common.settings import (
    ClerkSettings,
    CrashSettings,
    DatabaseSettings,
    NatsSettings,
    QStashSettings,
    ServerSettings,
    read_settings,
)
from common.telemetry.setting import TelemetrySettings
from common.transaction.lock import Unit
from gateway.auth.jwks import JwksStore, KeySource, PemKey
from gateway.auth.principal import Principal
from gateway.auth.token import TokenPolicy
from gateway.export.slot import ExportSlots
from gateway.live.hub import Hub
from gateway.live.limit import LiveLimits
from gateway.lookout import Lookout
from gateway.metric import Metrics
from gateway.publishing import BoundedPublication
from gateway.setting import ClerkKeySettings
from gateway.shelf import JobShelf

NAME = "gateway"
PORT = 8000
POOL_MAX = 8
LIVE = LiveLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    server: ServerSettings
    database: DatabaseSettings
    nats: NatsSettings
    qstash: QStashSettings
    clerk: ClerkSettings
    key: ClerkKeySettings
    crash: Crash = field(default_factory=Crash)
    telemetry: TelemetrySettings | None = None


@dataclass(slots=True)
class Life:
    """Whether the process still wants requests; who balances load looks at it through /readyz."""

    is_draining: bool = False
    on_drain: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    def drain(self) -> None:
        """From now on it does not; who keeps requests open is told to end them."""
        self.is_draining = True
        for tell in self.on_drain:
            tell()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The open parts."""

    resources: Resources
    publication: BoundedPublication
    keys: KeySource
    policy: TokenPolicy
    origins: tuple[str, ...]
    metrics: Metrics
    hub: Hub
    marks: Lookout[JobMark]
    states: Lookout[JobState]
    shelf: JobShelf = field(default_factory=JobShelf)
    life: Life = field(default_factory=Life)
    exports: ExportSlots = field(default_factory=ExportSlots)

    def door(self, principal: Principal) -> Door:
        """To the rows of the caller's owner, and to no others."""
        return self.resources.database.of(principal.owner)

    async def unit(self, principal: Principal) -> Unit:
        """What a transaction on them needs, with the limits in force now."""
        return await self.resources.unit(self.door(principal))


def read_gateway_settings() -> Settings:
    """The environment. Raises ConfigurationError with all faults in one line."""
    server, database, nats, qstash, clerk, key, crash, telemetry = read_settings(
        ServerSettings,
        DatabaseSettings,
        NatsSettings,
        QStashSettings,
        ClerkSettings,
        ClerkKeySettings,
        CrashSettings,
        TelemetrySettings,
        port=PORT,
    )
    assert isinstance(server, ServerSettings)
    assert isinstance(database, DatabaseSettings)
    assert isinstance(nats, NatsSettings)
    assert isinstance(qstash, QStashSettings)
    assert isinstance(clerk, ClerkSettings)
    assert isinstance(key, ClerkKeySettings)
    assert isinstance(crash, CrashSettings)
    assert isinstance(telemetry, TelemetrySettings)
    return Settings(
        server=server,
        database=database,
        nats=nats,
        qstash=qstash,
        clerk=clerk,
        key=key,
        crash=crash.crash,
        telemetry=telemetry,
    )


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, on_lost: Callable[[], None], live: LiveLimits = LIVE
) -> AsyncGenerator[Gateway]:
    """Open everything; `on_lost` is called if NATS is gone for good."""
    doors = DoorSettings(
        database=settings.database,
        nats=settings.nats,
        qstash=settings.qstash,
        crash=settings.crash,
        telemetry=settings.telemetry,
    )
    async with AsyncExitStack() as stack:
        keys = await _open_keys(settings, stack)
        resources = await stack.enter_async_context(
            open_resources(doors, name=NAME, pool_max=POOL_MAX, on_lost=on_lost)
        )
        metrics = Metrics(resources.metrics)
        if isinstance(keys, JwksStore):
            metrics.show_keys(lambda: keys.age_s)
        publication = BoundedPublication(resources.publication, metrics, resources.crash)
        stack.push_async_callback(publication.close)
        hub = Hub(resources, metrics, live)
        await hub.open()
        stack.push_async_callback(hub.close)
        yield Gateway(
            resources=resources,
            publication=publication,
            keys=keys,
            policy=TokenPolicy(issuer=settings.clerk.clerk_issuer, parties=frozenset(settings.clerk.origins)),
            origins=settings.clerk.origins,
            metrics=metrics,
            hub=hub,
            marks=Lookout(resources.database, read_marks),
            states=Lookout(resources.database, read_states),
            life=Life(on_drain=[hub.drain]),
        )


async def _open_keys(settings: Settings, stack: AsyncExitStack) -> KeySource:
    if settings.key.clerk_jwt_key is not None:
        return PemKey(settings.key.clerk_jwt_key)
    store = JwksStore(settings.clerk.jwks_url, ca_file=settings.clerk.https_ca_file)
    stack.push_async_callback(store.close)
    await store.open()
    return store
