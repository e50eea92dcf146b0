"""The webhook on a real socket, in front of a real Postgres and a real nats-server; QStash is played by the tests."""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import nats
import pytest
import uvicorn
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from pydantic import SecretStr

from common.db.job import NewJob
from common.db.pool import Database
from common.db.step import ClaimRequest, claim_step
from common.domain.job import Mode
from common.domain.step import DueStep
from common.messaging.topology import STEPS, STREAMS
from common.platform import PlannedSearch
from common.resources.process import DoorSettings, open_resources
from common.settings import DatabaseSettings, NatsSettings, QStashSettings, ServerSettings, SignatureSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit
from local.child import Child, Command, plain_environment
from local.loopback import PLAIN_HTTP
from local.nats import Nats
from migrate.stream import provision
from webhook.app import create_app
from webhook.composition import FAILURE_PATH, STEP_PATH, Settings, Webhook, compose
from webhook.server import make_server

CURRENT_KEY = "sig_current_key_of_the_tests_000"
NEXT_KEY = "sig_next_key_of_the_tests_000000"
PUBLIC_URL = "https://hooks.example.com"


def sign(url: str, body: bytes, /, *, key: str = CURRENT_KEY, **claims: Any) -> str:
    """A token as QStash makes them; a claim given as None is left out."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "iss": "Upstash",
        "sub": url,
        "exp": now + 300,
        "iat": now,
        "nbf": 0,
        "jti": f"jwt_{uuid4().hex}",
        "body": base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode(),
    }
    kept = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(kept, key, algorithm="HS256")


@dataclass
class Published:
    """A publish that QStash received."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class QStash:
    """Takes publishes and keeps them; `is_down` answers 500."""

    published: list[Published] = field(default_factory=list)
    is_down: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        status, answer = (500, {"error": "down"}) if self.is_down else (200, self._take(scope, body))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _take(self, scope: Any, body: bytes) -> dict[str, Any]:
        url = scope["raw_path"].decode().removeprefix("/v2/publish/")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.published.append(Published(url=url, headers=headers, body=json.loads(body or b"{}")))
        return {"messageId": f"msg_{len(self.published)}", "scheduleId": "scd_1"}


@dataclass
class Site:
    """A webhook that runs, with hands on everything around it."""

    webhook: Webhook
    http: httpx.AsyncClient
    qstash: QStash
    database_url: str
    jetstream: JetStreamContext
    office: Database

    async def unit(self) -> Unit:
        """For what the gateway and the workers do."""
        return await self.webhook.resources.unit(self.office)

    async def post(self, path: str, body: bytes, token: str | None = None, **headers: str) -> httpx.Response:
        """Send a body, signed by the current key unless a token is given (blank: none at all)."""
        token = sign(PUBLIC_URL + path, body) if token is None else token
        signature = {"Upstash-Signature": token} if token else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, content=body, headers=signature | named)

    async def deliver(self, message: Any, **headers: str) -> httpx.Response:
        return await self.post(STEP_PATH, json.dumps(message).encode(), **headers)

    async def fail(self, message: Any, **more: Any) -> httpx.Response:
        """Tell the webhook that QStash gave up on a message."""
        source = base64.b64encode(json.dumps(message).encode()).decode()
        callback = {"status": 503, "retried": 3, "maxRetries": 3, "sourceMessageId": "msg_1", "sourceBody": source}
        return await self.post(FAILURE_PATH, json.dumps(callback | more).encode())

    async def new_job(self, *queries: str, owner: str | None = None) -> list[DueStep]:
        """A job of one search per query; the steps that are due."""
        job = NewJob(
            id=self.webhook.resources.clock.new_id(),
            owner=owner or f"user:{uuid4().hex}",
            created_by="user_1",
            campaign_id=None,
            platform="tiktok",
            mode=Mode.KEYWORD,
            input={},
            target_results=100,
            pages_max=10,
            credits_max=100,
            parallel_searches_max=5,
            timeout=timedelta(hours=1),
            delay_between_calls=timedelta(0),
            queue_until=self.webhook.resources.clock.now() + timedelta(hours=1),
        )
        searches = [PlannedSearch(kind="keyword", query=query) for query in queries or ("cats",)]
        return await create_job(await self.unit(), job, searches, region=None)

    async def claim(self, step: DueStep) -> None:
        """Hold the step as a living worker does."""
        request = ClaimRequest(
            search_id=step.search_id,
            step=step.step,
            generation=step.generation,
            token=uuid4(),
            lease=timedelta(minutes=1),
            sequence=1,
            attempts_max=5,
        )
        async with self.office.connection() as connection:
            assert await claim_step(connection, request) is not None

    async def query(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        async with await AsyncConnection.connect(self.database_url, autocommit=True) as connection:
            cursor = await connection.cursor(row_factory=dict_row).execute(statement, values)  # pyright: ignore
            return await cursor.fetchall() if cursor.description else []

    async def step_row(self, step: DueStep) -> dict[str, Any]:
        rows = await self.query(
            "select * from steps where search_id = %(search)s and step = %(step)s",
            search=step.search_id,
            step=step.step,
        )
        return rows[0]

    async def stream_count(self) -> int:
        return (await self.jetstream.stream_info(STEPS)).state.messages

    async def metric(self, line: str) -> float:
        """The value of a sample, 0 if there is none."""
        for text in (await self.http.get("/metrics")).text.splitlines():
            if text.startswith(line + " "):
                return float(text.rsplit(" ", 1)[1])
        return 0.0


@asynccontextmanager
async def serving(server: uvicorn.Server) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not task.done()
    try:
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def open_streams(nats_url: str) -> AsyncIterator[JetStreamContext]:
    """The streams, empty; gone afterwards if the server still is there."""
    client = await nats.connect(nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    try:
        jetstream = client.jetstream(timeout=5)
        await provision(jetstream, replicas=1)
        yield jetstream
        for stream in STREAMS if client.is_connected else ():
            with contextlib.suppress(NotFoundError):
                await jetstream.delete_stream(stream.name)
    finally:
        await client.close()


@asynccontextmanager
async def open_office(database_url: str) -> AsyncIterator[Database]:
    """A database in which everything may be done: what is not the service's own to do is done here."""
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="office", size_max=4)
    await database.open()
    yield database
    await database.close()


@asynccontextmanager
async def open_site(database_url: str, own_url: str, nats_url: str, ports: tuple[int, int]) -> AsyncIterator[Site]:
    qstash = QStash()
    settings = Settings(
        server=ServerSettings(host="127.0.0.1", port=ports[0]),
        doors=DoorSettings(
            database=DatabaseSettings(database_url=SecretStr(own_url)),
            nats=NatsSettings(nats_url=nats_url),
            qstash=QStashSettings(
                qstash_url=f"http://127.0.0.1:{ports[1]}", qstash_token=SecretStr("t"), public_webhook_url=PUBLIC_URL
            ),
        ),
        signature=SignatureSettings(
            qstash_current_signing_key=SecretStr(CURRENT_KEY),
            qstash_next_signing_key=SecretStr(NEXT_KEY),
            public_webhook_url=PUBLIC_URL,
        ),
    )
    recorder = uvicorn.Server(uvicorn.Config(qstash, port=ports[1], log_config=None, lifespan="off"))
    async with (
        open_streams(nats_url) as jetstream,
        open_office(database_url) as office,
        serving(recorder),
        open_resources(settings.doors, name="webhook", pool_max=4, on_lost=lambda: None) as resources,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}", timeout=30, **PLAIN_HTTP) as http,
    ):
        webhook = compose(settings, resources)
        async with serving(make_server(create_app(webhook), settings.server)):
            yield Site(
                webhook=webhook, http=http, qstash=qstash, database_url=database_url, jetstream=jetstream, office=office
            )


@pytest.fixture
def two_ports() -> tuple[int, int]:
    from local.port import free_port  # noqa: PLC0415

    first = free_port()
    second = free_port()
    assert first != second
    return first, second


@pytest.fixture
async def site(
    database_url: str, role_url: Callable[[str, str], str], nats_server: Nats, two_ports: tuple[int, int]
) -> AsyncIterator[Site]:
    async with open_site(database_url, role_url(database_url, "webhook"), nats_server.url, two_ports) as opened:
        yield opened


@pytest.fixture
async def own_site(
    database_url: str, role_url: Callable[[str, str], str], own_nats_server: Nats, two_ports: tuple[int, int]
) -> AsyncIterator[Site]:
    """A site whose nats-server the test may kill."""
    async with open_site(database_url, role_url(database_url, "webhook"), own_nats_server.url, two_ports) as opened:
        yield opened


@pytest.fixture
def signer() -> Callable[..., str]:
    return sign


@pytest.fixture
def environment(free_port: int) -> dict[str, str]:
    """What the command needs, but for DATABASE_URL and NATS_URL."""
    return {
        "HOST": "127.0.0.1",
        "PORT": str(free_port),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "NATS_URL": "nats://127.0.0.1:1",
        "QSTASH_URL": "http://127.0.0.1:1",
        "QSTASH_TOKEN": "t",
        "QSTASH_CURRENT_SIGNING_KEY": CURRENT_KEY,
        "QSTASH_NEXT_SIGNING_KEY": NEXT_KEY,
        "PUBLIC_WEBHOOK_URL": PUBLIC_URL,
    }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], Child]]:
    """Start the console command with exactly this environment; what still runs at the end is ended."""
    children: list[Child] = []

    def start_one(environment: dict[str, str]) -> Child:
        command = Command(
            "webhook",
            [os.path.join(os.path.dirname(sys.executable), "webhook")],
            plain_environment(environment),
            tmp_path / f"webhook-{len(children)}.log",
        )
        children.append(Child.start(command))
        return children[-1]

    yield start_one
    for child in children:
        child.kill()
