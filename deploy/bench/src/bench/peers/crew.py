"""Starts a peer: its engine, its workers, what gives it the first steps. Each use has an engine of its own, empty."""

import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from bench.peers.peer import Engine, Peer
from bench.row import BenchError
from local.child import Child, Command, plain_environment, wait_until
from local.nats import Nats
from local.port import LOOPBACK, free_port
from local.postgres import Postgres
from local.process import Supervisor, probe

_PREPARED_S: Final = 60.0
_REDIS_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Crew:
    """`given` are the variables of what its worker does (work.py)."""

    peer: Peer
    root: Path
    folder: Path
    given: Mapping[str, str]

    def command(self, action: str, *arguments: str, name: str = "worker") -> Command:
        scripts = self.root / "deploy" / "bench" / "peers"
        path = f"{self.root / 'deploy' / 'bench' / 'src'}:{scripts}"
        environment = plain_environment({**self.given, "PEER_NAME": name, "PYTHONPATH": path, "NO_PROXY": LOOPBACK})
        argv = [str(python(self.root)), str(scripts / self.peer.script), action, *arguments]
        return Command(name, argv, environment, self.folder / f"{self.peer.name}-{name}.log")

    def start_worker(self, supervisor: Supervisor, name: str = "worker") -> Child:
        child = Child.start(self.command("worker", name=name))
        supervisor.adopt(child)
        return child

    def do(self, action: str, *arguments: str) -> None:
        """Run one of the script's other actions to its end. Raises BenchError."""
        command = self.command(action, *arguments, name="tool")
        done = subprocess.run(
            command.argv,
            env=command.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PREPARED_S,
        )
        if done.returncode != 0:
            raise BenchError(f"{self.peer.name} {action}: {done.stderr.strip()[-500:]}")


def python(root: Path) -> Path:
    """Of the environment that has the peers."""
    return root / ".venv-bench" / "bin" / "python"


@contextmanager
def open_engine(peer: Peer, postgres: Postgres, root: Path, folder: Path) -> Generator[str]:
    """The engine's address, for as long as it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    match peer.engine:
        case Engine.NATS:
            with Nats.start(folder / "nats", durable=True) as nats:
                yield nats.url
        case Engine.REDIS:
            with Supervisor() as supervisor:
                port = free_port()
                supervisor.adopt(_start_redis(root, folder, port))
                if not wait_until(lambda: probe(f"tcp://{LOOPBACK}:{port}") is None, _REDIS_S):
                    raise BenchError("Redis did not answer")
                yield f"redis://{LOOPBACK}:{port}/0"
        case Engine.POSTGRES:
            name = f"peer-{peer.name}"
            with psycopg.connect(postgres.database_url("postgres"), autocommit=True) as connection:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
                try:
                    yield postgres.database_url(name)
                finally:
                    connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _start_redis(root: Path, folder: Path, port: int) -> Child:
    program = root / ".venv-bench" / "bin" / "redis-server"
    options = {"port": str(port), "bind": LOOPBACK, "dir": str(folder), "appendonly": "yes", "appendfsync": "everysec"}
    argv = [str(program), *(part for name, value in options.items() for part in (f"--{name}", value))]
    return Child.start(Command("redis", argv, plain_environment(), folder / "redis.log"))
