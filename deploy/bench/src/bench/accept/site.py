"""What stands for the measurement: Postgres, NATS and the webhook as they run anywhere, and the bare handler."""

import asyncio
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from bench.accept.delivery import write_deliveries
from bench.accept.seed import seed_steps
from common.domain.message import StepMessage
from local.bench.gateway.load import Order, Report, put_load
from local.bench.gateway.site import Server, start_server
from local.postgres import DATABASE
from local.process import Supervisor
from local.stack import QSTASH_CURRENT_SIGNING_KEY, Options, Stack, services_named

_TURN_MAX_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Site:
    """Both servers, and the steps that are left to deliver. Which of the two takes a step is all one: the bare handler
    does not know what a step is."""

    webhook: Server
    bare: Server
    url: str
    messages: Iterator[StepMessage]

    def deliver(self, server: Server, count: int, connections: int) -> Report:
        """Send so many deliveries. Raises LoadError, also if one is not answered with 200."""
        messages = list(islice(self.messages, count))
        requests = list(write_deliveries(messages, url=self.url, key=QSTASH_CURRENT_SIGNING_KEY, now_s=time.time()))
        order = Order(
            port=server.port,
            requests=requests,
            uses=1,
            status=200,
            seconds=_TURN_MAX_S,
            connections=connections,
            is_once=True,
        )
        return put_load(order)


@contextmanager
def open_site(folder: Path, step_count: int, report: Callable[[str], None]) -> Generator[Site]:
    """Start it all, with so many steps to deliver. Raises ProcessError."""
    with Stack.start(Options(folder, services=services_named("webhook")), report) as stack, Supervisor() as others:
        assert stack.postgres is not None
        assert stack.nats is not None
        report(f"making {step_count:,} steps")
        messages = asyncio.run(seed_steps(stack.postgres.database_url(DATABASE), step_count))
        environment = {
            "DATABASE_URL": stack.postgres.database_url(DATABASE, "webhook"),
            **stack.nats.client_environment("webhook"),
        }
        yield Site(
            webhook=Server(stack.ports["webhook"], stack.supervisor.child("webhook")),
            bare=start_server(others, "bench.accept.bare", folder, environment),
            url=stack.url("webhook"),
            messages=iter(messages),
        )
