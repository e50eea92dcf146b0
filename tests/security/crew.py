"""Workers as real processes, with Postgres and NATS around them; QStash is a socket that delivers at once."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import nats
from nats.js import JetStreamContext
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.clock import Clock
from common.db.job import NewJob
from common.db.pool import Database
from common.domain.job import Mode
from common.domain.message import StepMessage
from common.domain.step import DueStep
from common.messaging.publish import publish_step
from common.platform import PlannedSearch
from common.settings import DatabaseSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit
from local.child import Child, Command, plain_environment
from local.port import LOOPBACK, free_port
from local.process import Part, Supervisor
from local.stack import COMMANDS
from migrate.stream import provision

WAIT_MAX_S = 100.0
MEMORY_BYTES_MAX = 250 * 10**6


@dataclass(kw_only=True)
class Crew:
    """Everything that is open. `worker_url` is the database as a worker's role."""

    connection: AsyncConnection[DictRow]
    unit: Unit
    jetstream: JetStreamContext
    supervisor: Supervisor
    folder: Path
    environment: dict[str, str]
    workers: list[Child] = field(default_factory=list[Child])

    def start_worker(self, upstream_url: str) -> Child:
        """One more `tiktok`, ready."""
        port = free_port()
        name = f"tiktok{len(self.workers)}"
        environment = plain_environment(
            self.environment | {"SCRAPECREATORS_BASE_URL": upstream_url, "HOST": LOOPBACK, "PORT": str(port)}
        )
        command = Command(name, [str(COMMANDS / "tiktok")], environment, self.folder / f"{name}.log")
        self.supervisor.start(Part(command, f"http://{LOOPBACK}:{port}/readyz"))
        self.workers.append(self.supervisor.child(name))
        return self.workers[-1]

    async def query(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        cursor = await self.connection.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []

    async def set(self, name: str, value: Any) -> None:
        category, _, key = name.partition(".")
        await self.query(
            """insert into system_settings (category, key, value) values (%(category)s, %(key)s, %(value)s)
               on conflict (category, key) do update set value = excluded.value""",
            category=category,
            key=key,
            value=Jsonb(value),
        )

    async def create(self, word: str, *, owner: str = "user:crew", **limits: Any) -> UUID:
        """A job of one keyword, published."""
        clock = self.unit.clock
        job = NewJob(
            id=clock.new_id(),
            owner=owner,
            created_by="user_1",
            campaign_id=None,
            platform="tiktok",
            mode=Mode.KEYWORD,
            input={},
            target_results=limits.get("target", 10),
            pages_max=limits.get("pages_max", 20),
            credits_max=limits.get("credits_max", 500),
            parallel_searches_max=5,
            timeout=timedelta(hours=1),
            delay_between_calls=timedelta(0),
            queue_until=clock.now() + timedelta(hours=1),
        )
        searches = [PlannedSearch(kind="keyword", query=word)]
        for due in await create_job(self.unit, job, searches, region=None):
            await self.publish(due)
        return job.id

    async def publish(self, due: DueStep) -> None:
        await publish_step(self.jetstream, "tiktok", StepMessage.model_validate(due.model_dump(exclude={"delay"})))

    async def jobs(self) -> dict[UUID, dict[str, Any]]:
        return {row["id"]: row for row in await self.query("select * from jobs")}

    async def all_ended(self) -> bool:
        return all(job["ended_at"] is not None for job in (await self.jobs()).values())

    async def until(self, condition: Callable[[], Awaitable[object]], within_s: float = WAIT_MAX_S) -> None:
        async with asyncio.timeout(within_s):
            while not await condition():
                await asyncio.sleep(0.05)

    def peak_bytes(self, worker: Child) -> int:
        """The most memory that it ever held."""
        lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) * 1024

    def logs(self) -> str:
        return "\n".join(worker.log.read_text() for worker in self.workers)


@asynccontextmanager
async def open_crew(*, database_url: str, worker_url: str, nats_url: str, folder: Path) -> AsyncGenerator[Crew]:
    """No worker runs yet."""
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="crew", size_max=4)
    await database.open()
    client = await nats.connect(nats_url)
    jetstream = client.jetstream()
    await provision(jetstream, replicas=1)
    connection = await AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row)
    qstash = await asyncio.start_server(_delivering(jetstream), LOOPBACK, 0)
    environment = {
        "DATABASE_URL": worker_url,
        "NATS_URL": nats_url,
        "QSTASH_URL": f"http://{LOOPBACK}:{qstash.sockets[0].getsockname()[1]}",
        "QSTASH_TOKEN": "token",
        "PUBLIC_WEBHOOK_URL": "https://hooks.creatorscout.example",
        "SCRAPECREATORS_API_KEY": "upstream-key-of-the-crew",
    }
    try:
        with Supervisor() as supervisor:
            yield Crew(
                connection=connection,
                unit=Unit(database=database, clock=Clock(), active_jobs_max=100),
                jetstream=jetstream,
                supervisor=supervisor,
                folder=folder,
                environment=environment,
            )
    finally:
        qstash.close()
        await connection.close()
        await client.close()
        await database.close()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _delivering(jetstream: JetStreamContext) -> Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await publish_step(jetstream, "tiktok", StepMessage.model_validate_json(body))
                text = json.dumps({"messageId": "msg_1"}).encode()
                writer.write(b"HTTP/1.1 201 X\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n%s" % (len(text), text))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return serve
