"""The answer that is a file: sent as it is read, at the receiver's pace, and cut off if it cannot be whole."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

import structlog
from litestar.types import Receive, Scope, Send

from common.db.pool import DATABASE_FAULTS
from gateway.export.form import File
from gateway.export.slot import ExportSlots
from gateway.export.source import Batches, GoneError
from gateway.export.table import Table

log = structlog.get_logger()

SLICE_MAX: Final = 10
"""So many lines are written in one go: others are served between."""
STALL_MAX_S: Final = 60.0
EXPORT_MAX_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An answer in ASGI. What fails before its first byte is raised, so that it is answered as a problem.

    Later failures leave the answer without its end, and the server closes the connection: the receiver sees a broken
    transfer, never a short file. A receiver that takes nothing for a minute is given up.
    """

    owner: str
    slots: ExportSlots
    batches: Batches
    table: Table
    file: File
    headers: Mapping[str, str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        with self.slots.taken(self.owner):
            async with aclosing(self.batches), aclosing(self._chunks()) as chunks:
                first = await anext(chunks)
                leaving = asyncio.create_task(_left(receive))
                try:
                    await self._send(first, chunks, leaving, send)
                except (*DATABASE_FAULTS, GoneError) as error:
                    log.warning("export.cut", error=type(error).__name__)
                finally:
                    leaving.cancel()

    async def _send(self, first: bytes, rest: AsyncGenerator[bytes], leaving: asyncio.Task[None], send: Send) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        async with asyncio.timeout(EXPORT_MAX_S):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await _send_part(send, first)
            async for chunk in rest:
                if leaving.done():
                    return
                await _send_part(send, chunk)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncGenerator[bytes]:
        """The file in parts. The first is there when the first batch is, an empty one ends each batch."""
        is_begun = False
        async for batch in self.batches:
            if not is_begun:
                is_begun = True
                yield self.file.begin()
            lines = chain.from_iterable(map(self.table.lines, batch))
            while some := list(islice(lines, SLICE_MAX)):
                yield self.file.add(some)
                await asyncio.sleep(0)  # sending does not wait while the receiver is fast
            yield b""
        yield self.file.end()


async def _send_part(send: Send, body: bytes) -> None:
    if not body:
        return
    async with asyncio.timeout(STALL_MAX_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _left(receive: Receive) -> None:
    """Returns when the receiver is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
