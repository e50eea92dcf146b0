"""The floor: bare nats-py and psycopg sending what our worker sends, and nothing else: `python -m bench.floor.worker`.

One fetch(1) after the other; each message goes to whichever connection is free. The next step's message is published to
JetStream right after the page's commit, and its acknowledgement awaited. If it is told of an HTTP server
(`BENCH_HTTP`), it makes our two calls a step by bare httpx: a page is fetched, and the next step handed to who
publishes it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import uvloop
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext

from bench.floor.people import PAGE_SIZE
from bench.floor.replay import OPTIONS, perform
from bench.floor.tape import Tape, read_tapes
from common.messaging.connection import connect_messaging
from common.settings import DatabaseSettings, NatsSettings, read_settings
from local.loopback import PLAIN_HTTP
from local.port import LOOPBACK

TAPES: Final = "BENCH_TAPES"
CONNECTIONS: Final = "BENCH_CONNECTIONS"
HTTP: Final = "BENCH_HTTP"
_FETCH_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Floor:
    jetstream: JetStreamContext
    tapes: Mapping[str, Tape]
    free: "asyncio.Queue[psycopg.AsyncConnection[Any]]"
    http: httpx.AsyncClient | None

    async def run(self) -> None:
        subscription = await self.jetstream.pull_subscribe_bind("tiktok", stream="STEPS")
        tasks: set[asyncio.Task[None]] = set()
        while True:
            connection = await self.free.get()
            task = asyncio.create_task(self._handle(connection, await _next(subscription)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _handle(self, connection: psycopg.AsyncConnection[Any], message: Msg) -> None:
        named = json.loads(message.data)
        tape, number = self.tapes[named["searchId"]], named["step"]
        if number >= len(tape.steps):
            sys.exit("the tape is over: record more steps")
        if self.http is not None:
            params = {"query": "vegan", "cursor": str(number * PAGE_SIZE)}
            (await self.http.get("/v1/tiktok/search/keyword", params=params)).raise_for_status()
        await perform(connection, tape.steps[number], lambda: self._publish({**named, "step": number + 1}))
        await message.ack()
        self.free.put_nowait(connection)

    async def _publish(self, named: dict[str, Any]) -> None:
        if self.http is not None:
            (await self.http.post("/v2/publish/bench", json=named)).raise_for_status()
            return
        identity = f"{named['searchId']}:{named['step']}:{named['generation']}"
        await self.jetstream.publish(
            "steps.tiktok", json.dumps(named).encode(), stream="STEPS", headers={"Nats-Msg-Id": identity}
        )


async def _next(subscription: JetStreamContext.PullSubscription) -> Msg:
    while True:
        try:
            return (await subscription.fetch(1, timeout=_FETCH_S))[0]
        except NatsTimeoutError:
            continue


async def _serve() -> None:
    database, nats = read_settings(DatabaseSettings, NatsSettings)
    assert isinstance(database, DatabaseSettings)
    assert isinstance(nats, NatsSettings)
    tapes = {str(tape.job.search_id): tape for tape in read_tapes(Path(os.environ[TAPES]))}
    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for _ in range(int(os.environ[CONNECTIONS])):
        url = database.database_url.get_secret_value()
        free.put_nowait(await psycopg.AsyncConnection.connect(url, **OPTIONS))
    messaging = await connect_messaging(nats, name="tester", on_lost=lambda: sys.exit(1))
    await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, int(os.environ["PORT"]))
    url = os.environ.get(HTTP)
    http = httpx.AsyncClient(base_url=url, **PLAIN_HTTP) if url else None
    await Floor(messaging.jetstream, tapes, free, http).run()


if __name__ == "__main__":
    uvloop.run(_serve())
