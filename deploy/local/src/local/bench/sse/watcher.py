"""Many who watch, on bare sockets: each notes the number of every event and when it came."""

import asyncio
import re
import time
from contextlib import suppress

_ID = re.compile(rb"\nid: ([0-9]+)\n")
_END = b"event: ended\n"


class Watcher(asyncio.Protocol):
    """Watches one job from the start on. `seen` is (number, when); `is_over` is set after the job's end."""

    def __init__(self, job_id: str, token: str) -> None:
        self.job_id = job_id
        self.seen: list[tuple[int, float]] = []
        self.is_told = asyncio.Event()
        self.is_over = asyncio.Event()
        self.head = b""
        self._token = token
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            f"GET /api/v1/jobs/{self.job_id}/events HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self._token}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        at = time.time()
        self.head = self.head or data[:12]
        known = self._rest + data
        cut = known.rfind(b"\n\n") + 1
        whole, self._rest = known[:cut], known[cut:]
        if cut == 0:
            return
        self.seen.extend((int(number), at) for number in _ID.findall(whole))
        self.is_told.set()
        if _END in whole:
            self.is_over.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.is_over.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def open_watchers(port: int, jobs: list[tuple[str, str]], timeout_s: float) -> list[Watcher]:
    """One for each (job, token), all told of their job as it is. Raises TimeoutError."""
    watchers: list[Watcher] = []
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        for job_id, token in jobs:
            watcher = Watcher(job_id, token)
            watchers.append(watcher)
            await loop.create_connection(lambda watcher=watcher: watcher, "127.0.0.1", port)
        for watcher in watchers:
            await watcher.is_told.wait()
    return watchers


async def until_over(watchers: list[Watcher], timeout_s: float) -> None:
    """Until all jobs have ended for all who watch, or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            for watcher in watchers:
                await watcher.is_over.wait()
