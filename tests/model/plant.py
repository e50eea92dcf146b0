"""What all examples share: one loop, one migrated database, streams, and the sockets that play the world."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import stamina
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.clock import Clock
from common.db.platform_state import Ability, announce_platform
from common.db.pool import Database
from common.messaging.connection import Messaging, connect_messaging
from common.messaging.topology import ADVISORIES, STEPS, STREAMS
from common.metric.process import Metrics
from common.metric.work import WorkMetrics
from common.qstash.publisher import QStashPublisher
from common.settings import DatabaseSettings, NatsSettings, QStashSettings, UpstreamSettings
from common.transaction import quota
from common.upstream.client import ScrapeCreators
from common.worker.enrichment import Enricher
from common.worker.purchase import Buyer, BuyerDoors
from common.worker.slot import FairSlots, Hand
from common.worker.turn import Tools
from common.worker.upkeep import PlatformGate
from migrate.stream import provision
from webhook.composition import Webhook
from webhook.metric import Metrics as WebhookMetrics
from webhook.signature import Keys

from .process import MortalUpstream, Process, make_task
from .qstash import QStash
from .upstream import PLATFORM, Upstream

T = TypeVar("T")

PUBLIC_URL = "https://hooks.example.com"
OWNER_LIMIT = 2
CREDITS_PER_DAY = 90
CREDITS_OF_ALL = 130  # of both owners
PAGES_AT_ONCE = 16
POOL_MAX = 12
SETTINGS = (
    ("limits", "active_jobs_per_owner", OWNER_LIMIT),
    ("limits", "credits_per_owner_per_day", CREDITS_PER_DAY),
    ("limits", "credits_per_day", CREDITS_OF_ALL),
    ("api", "enrichment_concurrency", 3),
)


@dataclass(kw_only=True)
class Plant:
    """Everything that is open. `observer` sees what is committed; the loop stands still while it looks."""

    runner: asyncio.Runner
    stack: AsyncExitStack
    database_settings: DatabaseSettings
    messaging: Messaging
    qstash_settings: QStashSettings
    upstream_settings: UpstreamSettings
    upstream: Upstream
    qstash: QStash
    observer: psycopg.Connection[DictRow]
    metrics: WebhookMetrics
    activity: Counter[str]
    tally: Counter[str] = field(default_factory=Counter[str])  # what all examples saw
    examples: int = 0
    database: Database = field(init=False)
    publisher: QStashPublisher = field(init=False)
    client: ScrapeCreators = field(init=False)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def process(self) -> Process:
        return Process(self.database, self.messaging, self.publisher, self.activity, self.tally)

    def tools(self, process: Process) -> Tools:
        """A worker's, as its composition root makes them."""
        resources = process.resources
        gate = PlatformGate(resources.database, PLATFORM.name, resources.crash)

        async def raise_grant(job_id: UUID, price: int) -> bool:
            return await quota.raise_grant(await resources.unit(), job_id, price)

        doors = BuyerDoors(
            database=resources.database,
            upstream=MortalUpstream(self.client, process.life),
            clock=resources.clock,
            crash=resources.crash,
            raise_grant=raise_grant,
            metrics=WorkMetrics(resources.metrics, PLATFORM.name.value),
        )
        buyer = Buyer(doors, gate)
        assert PLATFORM.profile is not None
        enricher = Enricher(doors, buyer, PLATFORM, PLATFORM.profile)
        return Tools(
            resources=resources,
            platform=PLATFORM,
            buyer=buyer,
            enricher=enricher,
            gate=gate,
            pages=FairSlots(PAGES_AT_ONCE),
            hand=Hand(),
            metrics=doors.metrics,
        )

    def webhook(self, process: Process) -> Webhook:
        keys = Keys(current="unused", next="unused")
        return Webhook(resources=process.resources, keys=keys, public_url=PUBLIC_URL, metrics=self.metrics)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        """A statement of the test's own, which may have to wait for a lock."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(statement, values)  # pyright: ignore
            return await cursor.fetchall() if cursor.description else []

    async def renew_doors(self) -> None:
        """The processes of an example share pools of connections, which those who are killed may leave in disorder."""
        await self.close_doors()
        await self.open_doors()

    async def open_doors(self) -> None:
        self.database = Database(self.database_settings, name="model", size_max=POOL_MAX)
        await self.database.open()
        self.publisher = QStashPublisher(self.qstash_settings)
        self.client = ScrapeCreators(self.upstream_settings, Clock())

    async def close_doors(self) -> None:
        await self.client.close()
        await self.publisher.close()
        await self.database.close()

    async def empty_streams(self) -> None:
        for stream in (STEPS, ADVISORIES):
            await self.messaging.jetstream.purge_stream(stream)


async def _open(stack: AsyncExitStack, runner: asyncio.Runner, database_url: str, nats_url: str) -> Plant:
    activity: Counter[str] = Counter()
    upstream = Upstream(activity)
    qstash = QStash(activity)
    upstream_url = await upstream.open()
    stack.push_async_callback(upstream.close)
    qstash_url = await qstash.open()
    stack.push_async_callback(qstash.close)
    messaging = await connect_messaging(NatsSettings(nats_url=nats_url), name="model", on_lost=lambda: None)
    stack.push_async_callback(messaging.close)
    await provision(messaging.jetstream, replicas=1)
    for stream in STREAMS:
        stack.push_async_callback(messaging.jetstream.delete_stream, stream.name)
    observer = stack.enter_context(psycopg.connect(database_url, autocommit=True, row_factory=dict_row))
    for category, key, value in SETTINGS:
        observer.execute(
            "insert into system_settings (category, key, value) values (%s, %s, %s)", [category, key, Jsonb(value)]
        )
    plant = Plant(
        runner=runner,
        stack=stack,
        database_settings=DatabaseSettings(database_url=SecretStr(database_url)),
        messaging=messaging,
        qstash_settings=QStashSettings(
            qstash_url=qstash_url, qstash_token=SecretStr("t"), public_webhook_url=PUBLIC_URL
        ),
        upstream_settings=UpstreamSettings(
            scrapecreators_api_key=SecretStr("key"), scrapecreators_base_url=upstream_url
        ),
        upstream=upstream,
        qstash=qstash,
        observer=observer,
        metrics=WebhookMetrics(Metrics("webhook")),
        activity=activity,
    )
    await plant.open_doors()
    stack.push_async_callback(plant.close_doors)
    async with plant.database.connection() as connection:
        await announce_platform(
            connection,
            Ability(platform=PLATFORM.name, label=PLATFORM.label, modes=("keyword",), search_kinds=("keyword",)),
        )
    return plant


@contextmanager
def open_plant(database_url: str, nats_url: str) -> Generator[Plant]:
    """Open everything in a loop of its own."""
    with asyncio.Runner() as runner, stamina.set_testing(True, attempts=3):
        runner.get_loop().set_task_factory(make_task)
        stack = AsyncExitStack()
        try:
            yield runner.run(_open(stack, runner, database_url, nats_url))
        finally:
            runner.run(stack.aclose())
