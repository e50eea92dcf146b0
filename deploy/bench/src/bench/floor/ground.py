"""Where steps are measured: a Postgres with our schema and seeded jobs, a nats-server with our streams, the world
outside, all durable; and a tape of what our worker sends. Each turn has the same jobs, untouched, and empty streams.

To measure a peer: `turn()`, start its worker, then let it begin the first step of each of `jobs`; what it sends for a
step is `tape.of(job).steps[number]`, by `bench.floor.replay`; `turn.done()` counts.
"""

import asyncio
import pickle
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from bench.floor.assembly import assemble
from bench.floor.outside import PAGES, PORT
from bench.floor.seed import seed
from bench.floor.stream import empty_streams, publish_first
from bench.floor.tape import JobKey, Tape, write_tapes
from bench.floor.worker import CONNECTIONS, HTTP, TAPES
from bench.row import BenchError
from common.log import configure_logging
from common.settings import NatsSettings
from local.child import Command, plain_environment, wait_until
from local.keyring import Keyring
from local.nats import Nats
from local.port import LOOPBACK, free_port
from local.postgres import DATABASE, Postgres
from local.process import Part, Supervisor
from local.role import make_service_roles
from local.stack import COMMANDS, KEY_VARIABLE, QSTASH_TOKEN
from migrate.schema import upgrade

_RECORDED_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How many jobs at once; of how many steps there is a tape; how many pages the upstream has."""

    jobs: int = 100
    steps: int = 40
    pages: int = 120


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement's own database; the streams are empty."""

    ground: "Ground"
    database: str

    @property
    def database_url(self) -> str:
        """For the role that workers have."""
        return self.ground.postgres.database_url(self.database, "worker")

    @property
    def worker_environment(self) -> dict[str, str]:
        """What the worker needs, as deployed; its upstream and its QStash are the world outside."""
        outside = f"http://{LOOPBACK}:{self.ground.outside_port}"
        return plain_environment(
            {
                "DATABASE_URL": self.database_url,
                **self.ground.nats.client_environment("tiktok"),
                "QSTASH_URL": outside,
                "QSTASH_TOKEN": QSTASH_TOKEN,
                "PUBLIC_WEBHOOK_URL": f"http://{LOOPBACK}:1",
                KEY_VARIABLE: "bench",
                "SCRAPECREATORS_BASE_URL": outside,
                "HOST": LOOPBACK,
                "NO_PROXY": LOOPBACK,
            }
        )

    def start_worker(self, supervisor: Supervisor, name: str, argv: list[str]) -> None:
        """Our worker, or what is started in its place, until it is ready."""
        port = free_port()
        environment = {**self.worker_environment, "PORT": str(port)}
        command = Command(name, argv, environment, self.ground.folder / "log" / f"{name}.log")
        supervisor.start(Part(command, f"http://{LOOPBACK}:{port}/readyz"))

    def start_floor(self, supervisor: Supervisor, connections: int, *, has_http: bool = False) -> None:
        """What does the same without any code of ours, until it is ready. With HTTP it makes our calls as well."""
        port = free_port()
        given = {TAPES: str(self.ground.tapes_file), CONNECTIONS: str(connections), "PORT": str(port)}
        identity = self.ground.nats.client_environment("tester")
        if has_http:
            given[HTTP] = f"http://{LOOPBACK}:{self.ground.outside_port}"
        environment = plain_environment({"DATABASE_URL": self.database_url, **identity, **given})
        argv = [str(COMMANDS / "python"), "-m", "bench.floor.worker"]
        command = Command("floor", argv, environment, self.ground.folder / "log" / "floor.log")
        supervisor.start(Part(command, f"tcp://{LOOPBACK}:{port}"))

    def publish_first(self, jobs: tuple[JobKey, ...]) -> None:
        """Put the first step of each into the stream."""
        asyncio.run(publish_first(self.ground.tester, jobs))

    def done(self) -> int:
        """How many steps are done."""
        with psycopg.connect(self.ground.postgres.database_url(self.database)) as connection:
            row = connection.execute("select count(*) from steps where phase = 'done'").fetchone()
        assert row is not None
        return int(row[0])


@dataclass(frozen=True, slots=True)
class Ground:
    folder: Path
    postgres: Postgres
    nats: Nats
    outside_port: int
    jobs: tuple[JobKey, ...]
    tapes_file: Path

    @property
    def tester(self) -> NatsSettings:
        """An identity at NATS that may do everything."""
        return self.nats.client_settings("tester")

    @contextmanager
    def turn(self) -> Generator[Turn]:
        """The same beginning for everybody: a copy of the seeded database, streams as `migrate` makes them."""
        name = "turn"
        copy = sql.SQL("create database {} template {} strategy file_copy")
        asyncio.run(empty_streams(self.tester))
        with psycopg.connect(self.postgres.database_url("postgres"), autocommit=True) as connection:
            connection.execute(copy.format(sql.Identifier(name), sql.Identifier(DATABASE)))
            try:
                yield Turn(self, name)
            finally:
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def open_ground(folder: Path, scale: Scale, report: Callable[[str], None]) -> Generator[Ground]:
    """Start it all, seed it, record the tape. Raises ProcessError, BenchError."""
    configure_logging(level="ERROR", form="console")  # what the code of ours tells that works in this process
    keyring = Keyring.open(folder / "identities", has_tester=True)
    report("starting Postgres and NATS")
    with (
        Postgres.start(folder / "postgres", log=folder / "log" / "postgres.log") as postgres,
        Nats.start(folder / "nats", log=folder / "log" / "nats.log", keyring=keyring) as nats,
        Supervisor() as supervisor,
    ):
        report(f"seeding {scale.jobs} jobs and {scale.pages} pages of profiles")
        upgrade(postgres.url)
        make_service_roles(postgres)
        jobs = asyncio.run(seed(postgres.url, scale.jobs, scale.pages))
        ground = Ground(folder, postgres, nats, free_port(), jobs, folder / "tapes")
        asyncio.run(empty_streams(ground.tester))
        supervisor.start(_outside(ground, scale))
        report(f"recording {scale.steps} steps of our worker")
        write_tapes(ground.tapes_file, _record(ground, scale), jobs)
        yield ground


def _outside(ground: Ground, scale: Scale) -> Part:
    where = {PORT: str(ground.outside_port), PAGES: str(scale.pages)}
    environment = plain_environment({**ground.nats.client_environment("tester"), **where})
    argv = [str(COMMANDS / "python"), "-m", "bench.floor.outside"]
    command = Command("outside", argv, environment, ground.folder / "log" / "outside.log")
    return Part(command, f"tcp://{LOOPBACK}:{ground.outside_port}")


def _record(ground: Ground, scale: Scale) -> Tape:
    recording = ground.folder / "recording"
    first = ground.jobs[:1]
    with ground.turn() as turn:
        with Supervisor() as supervisor:
            turn.start_worker(
                supervisor, "recorder", [str(COMMANDS / "python"), "-m", "bench.floor.recorder", str(recording)]
            )
            turn.publish_first(first)
            is_enough = wait_until(lambda: turn.done() > scale.steps, _RECORDED_S)
        if not is_enough:
            raise BenchError(f"the worker did not make {scale.steps} steps in {_RECORDED_S:.0f} s")
    return assemble(pickle.loads(recording.read_bytes()), first[0], scale.steps)  # noqa: S301 (we wrote it)
