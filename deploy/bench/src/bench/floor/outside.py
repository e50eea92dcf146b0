"""The world outside as bare as it can be, in one process: an upstream that answers at once from memory, and in place of
QStash and the webhook a courier that puts each step straight into its stream: `python -m bench.floor.outside`.

`/published` tells when each step's publication began, by the clock of the machine: for one job alone. A page is
answered with the next 30 people; a step that is handed over is durable before it is answered with 200, as
QStash promises. Both speak as much of HTTP as our clients do.
"""

import asyncio
import json
import os
import re
import sys
import time
from typing import Final, cast

import uvloop

from bench.floor.people import PAGE_SIZE, page_body
from common.domain.message import StepMessage
from common.messaging.connection import Messaging, connect_messaging
from common.messaging.publish import publish_step
from common.settings import NatsSettings, read_settings
from local.port import LOOPBACK

PORT: Final = "BENCH_PORT"
PAGES: Final = "BENCH_PAGES"
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_CURSOR: Final = re.compile(rb"[?&]cursor=([0-9]+)")
_ACCEPTED: Final = b'{"messageId":"msg_bench"}'
PUBLISHED: Final = "/published"


class Door(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, messaging: Messaging, pages: list[bytes], published: dict[int, float]) -> None:
        self._published = published
        self._messaging = messaging
        self._pages = pages
        self._received = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by their class

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(_HEAD_END)
        if head_end < 0:
            return
        head = bytes(self._received[: head_end + len(_HEAD_END)])
        length = _LENGTH.search(head)
        size = len(head) + (int(length[1]) if length else 0)
        if len(self._received) < size:
            return
        body = bytes(self._received[len(head) : size])
        del self._received[:size]
        if head.startswith(b"GET %s " % PUBLISHED.encode()):
            self._answer(json.dumps(self._published).encode())
        elif head.startswith(b"GET"):
            cursor = _CURSOR.search(head)
            self._answer(self._pages[int(cursor[1]) // PAGE_SIZE if cursor else 0])
        else:
            task = asyncio.ensure_future(self._carry(body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, body: bytes) -> None:
        step = StepMessage.model_validate_json(body)
        self._published[step.step] = time.time()
        await publish_step(self._messaging.jetstream, "tiktok", step)
        self._answer(_ACCEPTED)

    def _answer(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def _serve() -> None:
    (settings,) = read_settings(NatsSettings)
    assert isinstance(settings, NatsSettings)
    loop = asyncio.get_running_loop()
    messaging = await connect_messaging(settings, name="tester", on_lost=lambda: sys.exit(1))
    count = int(os.environ[PAGES])
    pages = [page_body(page, count) for page in range(count)]
    published: dict[int, float] = {}
    server = await loop.create_server(lambda: Door(messaging, pages, published), LOOPBACK, int(os.environ[PORT]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
