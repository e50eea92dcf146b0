"""A worker on a bench: real Postgres, nats-server and sandbox around it; QStash is a socket that remembers."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, LiteralString
from urllib.parse import parse_qs
from uuid import UUID

import httpx
import pytest
import stamina
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.js.errors import NotFoundError
from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.db.job import NewJob
from common.db.platform_state import Ability, announce_platform
from common.db.pool import Database
from common.domain.job import Mode
from common.domain.message import StepMessage
from common.messaging.publish import publish_step
from common.messaging.pull import StepPuller
from common.messaging.topology import STEPS, STREAMS
from common.metric.process import Metrics
from common.metric.work import WorkMetrics
from common.platform import PlannedSearch
from common.resources.process import DoorSettings, Resources, open_resources
from common.settings import DatabaseSettings, NatsSettings, QStashSettings, UpstreamSettings
from common.transaction import quota
from common.transaction.creation import create_job
from common.transaction.failure import cancel_job
from common.transaction.lock import Unit
from common.upstream.client import ScrapeCreators
from common.worker.claiming import Answer, Delivery, Reply
from common.worker.enrichment import Enricher
from common.worker.loop import WorkerLoop
from common.worker.purchase import Buyer, BuyerDoors
from common.worker.slot import FairSlots, Hand
from common.worker.step import perform
from common.worker.turn import Tools
from common.worker.upkeep import PlatformGate
from local.loopback import PLAIN_HTTP
from local.nats import Nats
from migrate.stream import provision
from tiktok.table import TIKTOK

LOOPBACK = "127.0.0.1"
PUBLIC_URL = "https://hooks.example.com"
PROFILE_PATH = "/v1/tiktok/profile"
PAGE_PATH = "/v1/tiktok/search/keyword"
WAIT_MAX_S = 20.0
TURNS_MAX = 200
NAKED = f"$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.{STEPS}.tiktok"


class QStash:
    """Takes what is published and, like QStash, a deduplication id only once: `waiting` is what it would deliver.

    While `is_answering` is not set publishers wait, and what waited is lost; while `is_down` it refuses.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.waiting: deque[StepMessage] = deque()
        self.is_down = False
        self.is_answering = asyncio.Event()
        self.is_answering.set()
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen on loopback; returns the base URL."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        return f"http://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        assert self._server is not None
        self.is_answering.set()
        self._server.close()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                assert head[0].startswith(f"POST /v2/publish/{PUBLIC_URL}/api/qstash/process-scraping ")
                if not self.is_answering.is_set():
                    await self.is_answering.wait()
                    return
                status, answer = (500, {"error": "down"}) if self.is_down else (201, self._take(headers, body))
                text = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n" % status)
                writer.write(b"content-length: %d\r\n\r\n%s" % (len(text), text))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _take(self, headers: dict[str, str], body: bytes) -> dict[str, object]:
        identity = headers["upstash-deduplication-id"]
        is_known = identity in self.ids
        self.ids.append(identity)
        if not is_known:
            self.waiting.append(StepMessage.model_validate_json(body))
        return {"messageId": f"msg_{identity[:12]}", "deduplicated": is_known}


class Sandbox:
    """The hands on the ScrapeCreators sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=f"{url}/_sandbox", **PLAIN_HTTP)

    async def fault(self, fault: str, path: str, **more: Any) -> None:
        (await self._http.post("/faults", json={"fault": fault, "path": path, **more})).raise_for_status()

    async def mend(self) -> None:
        (await self._http.delete("/faults")).raise_for_status()

    async def latency(self, **seconds: float) -> None:
        (await self._http.post("/latency", json=seconds)).raise_for_status()

    async def credits(self, remaining: int) -> None:
        (await self._http.post("/credits", json={"remaining": remaining})).raise_for_status()

    async def calls(self, path: str | None = None) -> dict[str, Any]:
        return (await self._http.get("/calls", params={"path": path} if path else {})).json()

    async def asked_handles(self) -> list[str]:
        """Whose profiles were asked for, in order."""
        calls = (await self.calls(PROFILE_PATH))["calls"]
        return [parse_qs(call["query"])["handle"][0] for call in calls]

    async def people(self, handles: list[str]) -> dict[str, dict[str, Any]]:
        """The truth about people, by handle."""
        found = (await self._http.get("/people", params={"handle": handles})).json()
        return {person["handle"]: person for person in found}

    async def close(self) -> None:
        await self._http.aclose()


@dataclass(kw_only=True)
class Bench:
    """A worker and everything around it. `perform` is one delivery, `run` delivers whatever is published."""

    resources: Resources
    office: Database
    qstash: QStash
    sandbox: Sandbox
    connection: AsyncConnection[DictRow]
    stack: AsyncExitStack
    tools: Tools = field(init=False)
    beats: int = 0
    beats_lost: int = 0  # so many do not get through
    page_path: str = PAGE_PATH
    profile_path: str = PROFILE_PATH

    def new_tools(self, upstream_url: str | None = None) -> Tools:
        """What another process would have: its own gate, slots and connections to the upstream."""

        async def raise_grant(job_id: UUID, price: int) -> bool:
            return await quota.raise_grant(await self.resources.unit(), job_id, price)

        settings = UpstreamSettings(
            scrapecreators_api_key=SecretStr("key"), scrapecreators_base_url=upstream_url or self.sandbox.url
        )
        upstream = ScrapeCreators(settings, self.resources.clock)
        self.stack.push_async_callback(upstream.close)
        gate = PlatformGate(self.resources.database, TIKTOK.name, self.resources.crash)
        doors = BuyerDoors(
            database=self.resources.database,
            upstream=upstream,
            clock=self.resources.clock,
            crash=self.resources.crash,
            raise_grant=raise_grant,
            metrics=WorkMetrics(Metrics("tiktok"), "tiktok"),
        )
        buyer = Buyer(doors, gate)
        assert TIKTOK.profile is not None
        enricher = Enricher(doors, buyer, TIKTOK, TIKTOK.profile)
        return Tools(
            resources=self.resources,
            platform=TIKTOK,
            buyer=buyer,
            enricher=enricher,
            gate=gate,
            pages=FairSlots(16),
            hand=Hand(),
            metrics=doors.metrics,
        )

    async def set(self, category: str, key: str, value: Any) -> None:
        """A dynamic setting; before the first step, because settings are kept for seconds."""
        await self.query(
            "insert into system_settings (category, key, value) values (%(category)s, %(key)s, %(value)s)",
            category=category,
            key=key,
            value=Jsonb(value),
        )

    async def new_job(
        self, *queries: str, target: int = 20, kind: str = "keyword", owner: str = "user:bench", **limits: Any
    ) -> UUID:
        """Create and publish a job of one search per query, as the gateway does."""
        job = NewJob(
            id=self.resources.clock.new_id(),
            owner=owner,
            created_by="user_1",
            campaign_id=None,
            platform="tiktok",
            mode=Mode.KEYWORD,
            input={},
            target_results=target,
            pages_max=limits.get("pages_max", 50),
            credits_max=limits.get("credits_max", 500),
            parallel_searches_max=limits.get("parallel", 5),
            timeout=timedelta(hours=1),
            delay_between_calls=timedelta(0),
            queue_until=self.resources.clock.now() + timedelta(hours=24),
        )
        searches = [PlannedSearch(kind=kind, query=query) for query in queries]
        await self.resources.publication.publish(await create_job(await self.unit(), job, searches, region=None))
        return job.id

    async def cancel(self, job_id: UUID) -> bool:
        is_cancelled, due = await cancel_job(await self.unit(), job_id)
        await self.resources.publication.publish(due)
        return is_cancelled

    async def perform(self, message: StepMessage, sequence: int = 1, tools: Tools | None = None) -> Reply:
        async def beat() -> None:
            if self.beats_lost:
                self.beats_lost -= 1
                raise ConnectionClosedError
            self.beats += 1

        return await perform(tools or self.tools, Delivery(message=message, sequence=sequence), beat)

    async def run(self, *, at_once: int = 1, tools: Tools | None = None) -> list[Reply]:
        """Deliver what is published, and again what is naked, until nothing waits."""
        replies: list[Reply] = []
        tasks: dict[asyncio.Task[Reply], StepMessage] = {}
        while self.qstash.waiting or tasks:
            while self.qstash.waiting and len(tasks) < at_once:
                message = self.qstash.waiting.popleft()
                tasks[asyncio.create_task(self.perform(message, tools=tools))] = message
            # Other work publishes while this goes on, so look again soon.
            done, _ = await asyncio.wait(tasks, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                message = tasks.pop(task)
                replies.append(await task)
                if replies[-1].answer is Answer.NAK:
                    self.qstash.waiting.append(message)
            assert len(replies) <= TURNS_MAX, f"it does not end: {replies[-3:]}"
        return replies

    async def unit(self) -> Unit:
        """For what the gateway does."""
        return await self.resources.unit(self.office)

    async def query(self, statement: LiteralString, **values: Any) -> list[dict[str, Any]]:
        cursor = await self.connection.execute(statement, values)
        return await cursor.fetchall() if cursor.description else []

    async def job(self, job_id: UUID) -> dict[str, Any]:
        return (await self.query("select * from jobs where id = %(id)s", id=job_id))[0]

    async def creators(self, job_id: UUID) -> list[dict[str, Any]]:
        return await self.query(
            "select * from candidates where job_id = %(id)s and outcome = 'delivered' order by seq", id=job_id
        )

    async def funnel(self, job_id: UUID) -> dict[str, int]:
        rows = await self.query(
            """select outcome, sum(count)::int as count from step_outcomes where job_id = %(id)s
               group by outcome having sum(count) > 0""",
            id=job_id,
        )
        return {row["outcome"]: row["count"] for row in rows}

    async def ledger(self, job_id: UUID, kind: str | None = None) -> list[dict[str, Any]]:
        rows = await self.query("select * from upstream_calls where job_id = %(id)s order by id", id=job_id)
        return [row for row in rows if kind in (None, row["kind"])]

    async def step(self, message: StepMessage) -> dict[str, Any]:
        rows = await self.query(
            "select * from steps where search_id = %(search_id)s and step = %(step)s",
            search_id=message.search_id,
            step=message.step,
        )
        return rows[0]

    async def search(self, message: StepMessage) -> dict[str, Any]:
        return (await self.query("select * from searches where id = %(id)s", id=message.search_id))[0]

    async def platform(self) -> dict[str, Any]:
        rows = await self.query(
            """select *, extract(epoch from until - now())::float as seconds_left from platform_states
               where platform = 'tiktok'"""
        )
        return rows[0]

    async def end_pause(self) -> None:
        """As if its time were over."""
        await self.query("update platform_states set until = now() - interval '1 second' where until is not null")

    async def let_lease_run_out(self, message: StepMessage) -> None:
        await self.query(
            """update steps set lease_until = now() - interval '1 second'
               where search_id = %(search_id)s and step = %(step)s""",
            search_id=message.search_id,
            step=message.step,
        )

    async def steal(self, message: StepMessage) -> None:
        """Another worker, somewhere else, holds the step from now on."""
        await self.query(
            """update steps set token = gen_random_uuid(), lease_until = now() + interval '20 seconds'
               where search_id = %(search_id)s and step = %(step)s""",
            search_id=message.search_id,
            step=message.step,
        )

    async def let_deadline_pass(self, job_id: UUID) -> None:
        await self.query("update jobs set deadline_at = now() - interval '1 second' where id = %(id)s", id=job_id)

    async def open_calls(self, kind: str) -> list[dict[str, Any]]:
        return await self.query("select * from upstream_calls where status = 'open' and kind = %(kind)s", kind=kind)

    async def until(self, condition: Callable[[], Awaitable[object]]) -> None:
        """Wait for what is about to happen."""
        async with asyncio.timeout(WAIT_MAX_S):
            while not await condition():
                await asyncio.sleep(0.01)

    async def dump(self) -> dict[str, list[str]]:
        """Every row of every table, as text."""
        tables = await self.query("select tablename from pg_tables where schemaname = 'public' order by 1")
        rows: dict[str, list[str]] = {}
        for name in (table["tablename"] for table in tables):
            query = sql.SQL("select t::text as row from {} t order by 1").format(sql.Identifier(name))
            rows[name] = [row["row"] for row in await (await self.connection.execute(query)).fetchall()]
        return rows

    async def check_books(self, job_id: UUID) -> None:
        """What holds for a job in every state, once nobody works on it."""
        job = await self.job(job_id)
        calls = await self.ledger(job_id)
        funnel = await self.funnel(job_id)
        creators = await self.creators(job_id)
        items = await self.query(
            "select coalesce(sum(items_count), 0)::int as count from steps where job_id = %(id)s", id=job_id
        )
        assert items[0]["count"] == sum(funnel.values()), "the funnel adds up"
        assert len(creators) == job["delivered_count"] == funnel.get("delivered", 0)
        assert len({creator["platform_id"] for creator in creators}) == len(creators)
        assert job["delivered_count"] <= job["target_results"]
        assert job["calls_count"] == len(calls)
        assert job["credits_reserved"] == 0
        assert not [call for call in calls if call["status"] == "open"]
        assert job["credits_spent"] == sum(call["credits_charged"] for call in calls) <= job["credits_max"]
        if job["ended_at"] is not None:
            assert job["pending_count"] == job["reserve_count"] == 0
            assert not {"pending", "reserve"} & funnel.keys()


@pytest.fixture(autouse=True)
def impatience() -> Iterator[None]:
    """The retries inside a step do not wait."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
async def bench(
    database_url: str, role_url: Callable[[str, str], str], nats_server: Nats, sandbox_url: str
) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        qstash = QStash()
        qstash_url = await qstash.open()
        stack.push_async_callback(qstash.close)
        settings = DoorSettings(
            database=DatabaseSettings(database_url=SecretStr(role_url(database_url, "worker"))),
            nats=NatsSettings(nats_url=nats_server.url),
            qstash=QStashSettings(qstash_url=qstash_url, qstash_token=SecretStr("t"), public_webhook_url=PUBLIC_URL),
        )
        resources = await stack.enter_async_context(
            open_resources(settings, name="tiktok", pool_max=8, on_lost=lambda: None)
        )
        sandbox = Sandbox(sandbox_url)
        stack.push_async_callback(sandbox.close)
        connection = await stack.enter_async_context(
            await AsyncConnection[DictRow].connect(database_url, autocommit=True, row_factory=dict_row)
        )
        async with resources.database.connection() as pooled:
            await announce_platform(
                pooled,
                Ability(platform="tiktok", label="TikTok", modes=("keyword",), search_kinds=("hashtag", "keyword")),
            )
        office = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="office", size_max=4)
        await office.open()
        stack.push_async_callback(office.close)
        bench = Bench(
            resources=resources, office=office, qstash=qstash, sandbox=sandbox, connection=connection, stack=stack
        )
        bench.tools = bench.new_tools()
        yield bench


@dataclass(kw_only=True)
class Plant:
    """Worker loops on a real stream, and a postman who carries what QStash took into it, as the webhook does."""

    bench: Bench
    jetstream: Any
    nak_count: int = 0  # by the server's advisories

    async def put(self, data: bytes) -> None:
        """Something that no postman would write."""
        await self.jetstream.publish("steps.tiktok", data)

    async def until_left(self, count: int) -> None:
        """Wait until so many messages are in the stream, in hand or waiting: the server takes an ack when it can."""

        async def is_so() -> bool:
            return (await self.jetstream.stream_info(STEPS)).state.messages == count

        await self.bench.until(is_so)

    async def stored(self) -> int:
        """How many messages the stream ever took."""
        return (await self.jetstream.stream_info(STEPS)).state.last_seq

    async def pulled(self) -> int:
        """How many deliveries were made so far."""
        return (await self.jetstream.consumer_info(STEPS, "tiktok")).delivered.consumer_seq

    @asynccontextmanager
    async def loop(self, *, grace_s: float = 15.0) -> AsyncIterator[asyncio.Event]:
        """A worker's loop that runs; the event, set at the end at the latest, stops it as SIGTERM does."""
        puller = StepPuller(self.bench.resources.messaging, "tiktok")
        await puller.open()
        stop = asyncio.Event()
        running = asyncio.create_task(WorkerLoop(self.bench.new_tools(), puller, grace_s=grace_s).run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await running

    async def deliver(self) -> None:
        while True:
            while self.bench.qstash.waiting:
                await publish_step(self.jetstream, "tiktok", self.bench.qstash.waiting.popleft())
            await asyncio.sleep(0.01)

    async def is_ended(self, job_id: UUID) -> bool:
        return (await self.bench.job(job_id))["ended_at"] is not None


@pytest.fixture
async def plant(bench: Bench) -> AsyncIterator[Plant]:
    jetstream = bench.resources.messaging.client.jetstream(timeout=5)
    await provision(jetstream, replicas=1)
    plant = Plant(bench=bench, jetstream=jetstream)
    postman = asyncio.create_task(plant.deliver())

    async def count(_: Msg) -> None:
        plant.nak_count += 1

    advisories = await bench.resources.messaging.client.subscribe(NAKED, cb=count)
    try:
        yield plant
    finally:
        await advisories.unsubscribe()
        postman.cancel()
        await asyncio.gather(postman, return_exceptions=True)
        for stream in STREAMS:
            try:
                await jetstream.delete_stream(stream.name)
            except NotFoundError:
                continue
