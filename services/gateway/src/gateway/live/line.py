"""The connection to one client: what is sent, whether the client is still there, and an end to its patience.

A client that does not read holds nothing but its own connection, and that not for ever.
"""

import asyncio
from collections.abc import Callable, Mapping

from litestar.types import HTTPReceiveMessage, Receive, Scope, Send

from gateway.protocol import ABORT

HURRY_S = 1.0  # who does not read gets this long to take the last words


class Line:
    """`is_gone`: the client hung up, or was cut off. `wake` is called when it hangs up."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, wake: Callable[[], None]) -> None:
        self.is_gone = False
        self._receive = receive
        self._send = send
        self._wake = wake
        extensions: Mapping[str, object] = scope.get("extensions") or {}
        self._abort = extensions.get(ABORT)
        self._listening: asyncio.Task[None] | None = None
        self._patience: asyncio.Timeout | None = None
        self._patient_until: float | None = None

    def open(self, *, patient_until: float) -> None:
        """Listen for the client's end; nothing that is sent may take longer than until then (by the loop's clock)."""
        self._patient_until = patient_until
        self._listening = asyncio.create_task(self._listen())

    def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()

    def hurry(self) -> None:
        """What is sent now must be taken within a second."""
        self._patient_until = asyncio.get_running_loop().time() + HURRY_S
        if self._patience is not None:
            self._patience.reschedule(self._patient_until)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, chunk: bytes, *, is_last: bool = False) -> None:
        """Send; a client that does not take it in time is cut off."""
        if self.is_gone:
            return
        try:
            async with asyncio.timeout_at(self._patient_until) as self._patience:
                await self._send({"type": "http.response.body", "body": chunk, "more_body": not is_last})
        except TimeoutError:
            await self._cut()
        finally:
            self._patience = None

    async def _listen(self) -> None:
        message: HTTPReceiveMessage | None = None
        while message is None or message["type"] != "http.disconnect":
            message = await self._receive()  # pyright: ignore[reportAssignmentType] # HTTP only
        self.is_gone = True
        self._wake()

    async def _cut(self) -> None:
        """Without a word: the words are what it does not take. Waits until the server has noticed."""
        self.is_gone = True
        if callable(self._abort):
            self._abort()
            if self._listening is not None:
                await asyncio.wait({self._listening}, timeout=HURRY_S)
