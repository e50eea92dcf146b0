"""A database, and a QStash that takes everything or is not there."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import ClassVar

import psycopg
import pytest
from pydantic import SecretStr

from common.db.pool import Database
from common.qstash.publisher import QStashPublisher
from common.settings import DatabaseSettings, QStashSettings
from local.postgres import Postgres


@dataclass
class Taking:
    """How a QStash takes messages, and what it saw. It names a message after its deduplication id."""

    url: str = ""
    refused: set[str] = field(default_factory=set[str])
    let_go: Event | None = None
    """Nothing is answered before this is set."""
    at_once: int = 0
    at_once_max: int = 0
    asked: list[str] = field(default_factory=list[str])
    lock: Lock = field(default_factory=Lock)


class Taker(BaseHTTPRequestHandler):
    taking: ClassVar[Taking]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        name = self.headers["upstash-deduplication-id"]
        taking = self.taking
        with taking.lock:
            taking.asked.append(name)
            taking.at_once += 1
            taking.at_once_max = max(taking.at_once_max, taking.at_once)
        if taking.let_go is not None:
            taking.let_go.wait()
        with taking.lock:
            taking.at_once -= 1
        data = json.dumps({"messageId": f"msg_{name}"}).encode()
        with suppress(ConnectionError):  # who asked may have given up
            self.send_response(500 if name in taking.refused else 201)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def taking() -> Iterator[Taking]:
    taking = Taking()
    handler = type("OwnTaker", (Taker,), {"taking": taking})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        taking.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield taking
        if taking.let_go is not None:
            taking.let_go.set()
        server.shutdown()
        thread.join()


@pytest.fixture
async def publisher(taking: Taking) -> AsyncIterator[QStashPublisher]:
    settings = QStashSettings(
        qstash_url=taking.url, qstash_token=SecretStr("token"), public_webhook_url="https://hooks.example"
    )
    publisher = QStashPublisher(settings)
    yield publisher
    await publisher.close()


@pytest.fixture
def cut_off(postgres_server: Postgres, database_url: str) -> Callable[[], None]:
    """Makes the test's database unreachable: no connection stays, no new one is let in."""

    def cut_off() -> None:
        name = database_url.rpartition("/")[2]
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            connection.execute(f'alter database "{name}" allow_connections false')  # pyright: ignore
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])

    return cut_off


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="test", size_max=4)
    await database.open()
    yield database
    await database.close()
