"""A database, and a QStash that takes everything or is not there."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import psycopg
import pytest
from pydantic import SecretStr

from common.db.pool import Database
from common.qstash.publisher import QStashPublisher
from common.settings import DatabaseSettings, QStashSettings
from local.postgres import Postgres


class Taker(BaseHTTPRequestHandler):
    """Takes every message and names it after its deduplication id; refuses those in `refused`."""

    refused: ClassVar[set[str]]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        name = self.headers["upstash-deduplication-id"]
        data = json.dumps({"messageId": f"msg_{name}"}).encode()
        self.send_response(500 if name in self.refused else 201)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def taker() -> Iterator[tuple[str, set[str]]]:
    """The URL of a QStash and the deduplication ids that it refuses."""
    refused: set[str] = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("OwnTaker", (Taker,), {"refused": refused})) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", refused
        server.shutdown()
        thread.join()


@pytest.fixture
async def publisher(taker: tuple[str, set[str]]) -> AsyncIterator[QStashPublisher]:
    settings = QStashSettings(
        qstash_url=taker[0], qstash_token=SecretStr("token"), public_webhook_url="https://hooks.example"
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
