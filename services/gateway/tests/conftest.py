"""A gateway as a real process, with a real Postgres, NATS and issuer, and a QStash that remembers what it was told."""

import asyncio
import json
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from pydantic import SecretStr

from common.clock import Clock
from common.db import ledger as ledger_table
from common.db import step as step_table
from common.db.ledger import CallRequest, Settlement
from common.db.platform_state import Ability, announce_platform
from common.db.pool import Database
from common.db.step import ClaimRequest
from common.domain.creator import Item
from common.domain.filter import FilterName
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.platform import Page, Platform, SearchKind, Unparsable
from common.settings import DatabaseSettings
from common.transaction.lock import Unit
from common.transaction.page import PaidPage, commit_page
from local.child import Child, Command, plain_environment
from local.issuer.client import mint
from local.loopback import PLAIN_HTTP
from local.nats import Nats
from local.port import free_port
from local.process import Part, Supervisor

COMMANDS = Path(sys.executable).parent
ORIGIN = "http://localhost:3000"
LOOPBACK = "http://127.0.0.1"


class QStash:
    """A QStash on a real socket: takes what is published, or does not."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.mode = "good"
        self.released = threading.Event()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = recorder.take(dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{LOOPBACK}:{self._server.server_address[1]}"

    def take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        match self.mode:
            case "hang":
                self.released.wait(30)
                return 503, b"{}"
            case "error":
                return 500, b'{"error": "internal"}'
            case "garbage":
                return 200, b"<html>"
        self.published.append(json.loads(body))
        self.headers.append({name.lower(): value for name, value in headers.items()})
        return 201, json.dumps({"messageId": f"msg_{len(self.published)}"}).encode()

    def reset(self) -> None:
        self.released.set()
        self.released = threading.Event()
        self.mode = "good"
        self.published.clear()
        self.headers.clear()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@dataclass(kw_only=True)
class Running:
    """A running gateway and what stands around it."""

    url: str
    issuer_url: str
    database_url: str
    qstash: QStash
    child: Child

    def token(self, user: str = "user_ada", org: str | None = None, **wish: Any) -> str:
        return mint(self.issuer_url, user, org, **wish)

    def client(self, user: str = "user_ada", org: str | None = None, **wish: Any) -> httpx.AsyncClient:
        """A client that is signed in."""
        return self.stranger(headers={"Authorization": f"Bearer {self.token(user, org, **wish)}"})

    def stranger(self, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
        """A client that is not."""
        return httpx.AsyncClient(base_url=self.url, headers=headers, **PLAIN_HTTP, timeout=30)

    def rows(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    @contextmanager
    def holding(self, statement: str) -> Iterator[None]:
        """Whoever else wants the rows that this statement locks waits."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(statement.encode())
            yield

    def count(self, table: str) -> int:
        return int(self.rows(f"select count(*) as n from {table}")[0]["n"])

    def log_lines(self) -> list[dict[str, Any]]:
        """What it has logged; every line is JSON."""
        return [json.loads(line) for line in self.child.log.read_text().splitlines()]


@pytest.fixture(scope="session")
def issuer_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = f"{LOOPBACK}:{(port := free_port())}"
    log = tmp_path_factory.mktemp("issuer") / "issuer.log"
    argv = [sys.executable, "-m", "local.issuer.main", "--port", str(port)]
    with Supervisor() as supervisor:
        supervisor.start(Part(Command("issuer", argv, plain_environment(), log), f"{url}/readyz"))
        yield url


@pytest.fixture(scope="session")
def qstash_server() -> Iterator[QStash]:
    server = QStash()
    yield server
    server.close()


@pytest.fixture
def qstash(qstash_server: QStash) -> Iterator[QStash]:
    qstash_server.reset()
    yield qstash_server
    qstash_server.reset()


def environment(database_url: str, nats_url: str, issuer_url: str, qstash_url: str, port: int) -> dict[str, str]:
    return plain_environment(
        {
            "DATABASE_URL": database_url,
            "NATS_URL": nats_url,
            "QSTASH_URL": qstash_url,
            "QSTASH_TOKEN": "token",
            "PUBLIC_WEBHOOK_URL": f"{LOOPBACK}:1",
            "CLERK_ISSUER": issuer_url,
            "CLERK_AUTHORIZED_PARTIES": f"{ORIGIN},https://app.example.com",
            "HOST": "127.0.0.1",
            "PORT": str(port),
        }
    )


HANDLES = HandleRule(
    hosts=("tiktok.com",),
    paths=(r"/@([^/]+)", r"/@([^/]+)/video/[0-9]+"),
    pattern=r"[a-z0-9_.]{1,30}",
    is_lower=True,
    example="mira.ovens",
)
TIKTOK = Ability(
    platform="tiktok",
    label="TikTok",
    modes=("keyword", "similar"),
    search_kinds=("keyword", "hashtag", "target"),
    filters=tuple(FilterName),
    handles=HANDLES,
)

GATEWAY = (str(COMMANDS / "gateway"),)

StartGateway = Callable[..., Running]


@pytest.fixture(scope="module")
def start_gateway(
    nats_server: Nats,
    issuer_url: str,
    qstash_server: QStash,
    tmp_path_factory: pytest.TempPathFactory,
    role_url: Callable[[str, str], str],
) -> Iterator[StartGateway]:
    """Starts gateways, each with the gateway's role; `given` is laid over their environment. They are stopped at the
    end."""
    with ExitStack() as stack:

        def start(database_url: str, *, ready: str = "/readyz", argv: Sequence[str] = GATEWAY, **given: str) -> Running:
            port = free_port()
            own_url = role_url(database_url, "gateway")
            values = environment(own_url, nats_server.url, issuer_url, qstash_server.url, port) | given
            log = tmp_path_factory.mktemp("gateway") / "gateway.log"
            supervisor = stack.enter_context(Supervisor())
            command = Command("gateway", [*argv], values, log)
            url = f"{LOOPBACK}:{port}"
            supervisor.start(Part(command, f"{url}{ready}", 30))
            return Running(
                url=url,
                issuer_url=values["CLERK_ISSUER"],
                database_url=database_url,
                qstash=qstash_server,
                child=supervisor.child("gateway"),
            )

        yield start


@pytest.fixture(scope="module")
def module_gateway(start_gateway: StartGateway, module_database_url: str) -> Running:
    return start_gateway(module_database_url)


# All rows but those that migrations made, without asking a trigger. Truncating takes thirty times as long.
EMPTY = """
set session_replication_role = replica;
do $$
declare name text;
begin
    for name in select tablename from pg_tables
                where schemaname = 'public' and tablename not in ('schema_version', 'job_transitions')
    loop
        execute format('delete from %I', name);
    end loop;
end $$;
reset session_replication_role
"""


@pytest.fixture
async def gateway(module_gateway: Running, qstash: QStash) -> Running:
    """The gateway of this test file, with its tables empty and TikTok announced."""
    async with await AsyncConnection.connect(module_gateway.database_url, autocommit=True) as connection:
        await connection.execute(EMPTY)
        await announce_platform(connection, TIKTOK)
    return module_gateway


ADMINISTRATORS = ("user_root", "user_deputy")


@pytest.fixture
async def administered(gateway: Running) -> Running:
    """The same gateway, which knows its administrators."""
    gateway.rows(
        """insert into system_settings (category, key, value) values ('limits', 'admin_user_ids', to_jsonb(%s::text[]))
           returning 1""",
        list(ADMINISTRATORS),
    )
    async with gateway.client("user_root") as client:
        while not (await client.get("/api/v1/me")).json()["isAdministrator"]:
            await asyncio.sleep(0.1)
    return gateway


async def open_database(url: str) -> Database:
    database = Database(DatabaseSettings(database_url=SecretStr(url)), name="test", size_max=2)
    await database.open()
    return database


@dataclass
class Worker:
    """Does a worker's turns with the pages that a test gives it, by the transactions that workers use."""

    unit: Unit
    sequences: dict[UUID, int] = field(default_factory=dict[UUID, int])

    async def deliver(
        self, message: Mapping[str, Any], items: Sequence[Item | Unparsable], cursor: str | None = None
    ) -> None:
        """Perform the step that was published: its page holds `items`."""
        token = uuid.uuid4()
        request = ClaimRequest(
            search_id=UUID(message["searchId"]),
            step=message["step"],
            generation=message["generation"],
            token=token,
            lease=timedelta(seconds=30),
            sequence=1,
            attempts_max=5,
        )
        async with self.unit.database.connection() as connection:
            claim = await step_table.claim_step(connection, request)
            assert claim is not None
            call = CallRequest(
                id=self.unit.clock.new_id(),
                job_id=claim.job_id,
                search_id=claim.search_id,
                step=claim.step,
                token=token,
                platform="tiktok",
                kind="page",
                path="/search",
                fingerprint="f",
                credits=1,
                pages=1,
            )
            assert await ledger_table.open_call(connection, call)
        settlement = Settlement(
            id=call.id, job_id=claim.job_id, credits=1, http_status=200, reason=None, milliseconds=1, bytes=1
        )
        page = Page(items=tuple(items), cursor=cursor)
        await commit_page(self.unit, PLATFORM, claim, token, PaidPage(page=page, settlement=settlement))


def unread(_: bytes) -> Page:
    raise AssertionError("tests give pages themselves")


PLATFORM = Platform(
    name=PlatformName.TIKTOK,
    label="TikTok",
    handles=HANDLES,
    modes=frozenset(Mode),
    searches={kind: SearchKind(path="/search", ask=lambda _, __: {}, read=unread) for kind in ("keyword", "target")},
)


@pytest.fixture
async def worker(gateway: Running) -> AsyncIterator[Worker]:
    async with AsyncExitStack() as stack:
        database = await open_database(gateway.database_url)
        stack.push_async_callback(database.close)
        yield Worker(Unit(database=database, clock=Clock(), active_jobs_max=5))
