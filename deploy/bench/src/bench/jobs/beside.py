"""The sequential flow takes minutes and nearly all of that it sleeps: it runs while the other parts measure, with a
database and a sandbox of its own."""

import json
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from bench.jobs.order import Order
from bench.jobs.sequential import Run
from bench.row import Bench, BenchError
from local.child import Child, Command, plain_environment
from local.port import LOOPBACK, free_port
from local.postgres import Postgres
from local.process import Part, Supervisor
from local.stack import COMMANDS

WAIT_MAX_S = 600.0


@dataclass(frozen=True, slots=True)
class Beside:
    """The flows under way, one for each order."""

    children: dict[str, Child]

    def result(self, order: Order, bench: Bench) -> Run:
        """Waits for it. Raises BenchError."""
        child = self.children[order.name]
        began = time.monotonic()
        while not child.await_exit(5):
            bench.report(f"waiting for the sequential flow: {order.name}")
            if time.monotonic() - began > WAIT_MAX_S:
                raise BenchError(f"the sequential flow of {order.name} did not end within {WAIT_MAX_S:.0f} s")
        lines = child.log.read_text().splitlines()
        if child.exit_code != 0 or not lines:
            raise BenchError(f"the sequential flow of {order.name} failed: {lines[-1] if lines else 'it said nothing'}")
        return Run(**json.loads(lines[-1]))


@contextmanager
def sequential_flows(bench: Bench, orders: Sequence[Order]) -> Generator[Beside]:
    """Start them all at once. Raises ProcessError."""
    folder = bench.folder / "sequential"
    with Supervisor() as supervisor:
        postgres = Postgres.start(folder / "postgres")
        supervisor.adopt(postgres.child)
        port = free_port()
        argv = [str(COMMANDS / "local"), "sandbox", "--host", LOOPBACK, "--port", str(port)]
        command = Command("sandbox", argv, plain_environment(), folder / "sandbox.log")
        supervisor.start(Part(command, f"http://{LOOPBACK}:{port}/readyz"))
        children: dict[str, Child] = {}
        for number, order in enumerate(orders):
            database = f"sequential_{number}"
            with psycopg.connect(postgres.database_url("postgres"), autocommit=True) as connection:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            url = postgres.database_url(database)
            argv = [sys.executable, "-m", "bench.jobs.sequential", f"http://{LOOPBACK}:{port}", url]
            argv += [str(order.target), *order.keywords]
            children[order.name] = Child.start(
                Command(f"sequential-{number}", argv, plain_environment(), folder / f"{number}.log")
            )
        try:
            yield Beside(children)
        finally:
            for child in children.values():
                child.kill()
