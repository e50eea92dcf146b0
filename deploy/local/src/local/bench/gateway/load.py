"""Asks one server as fast as it answers, over a few connections, for a set time; a process of its own.

An order comes in on stdin as JSON, a report goes out on stdout. It reads only as much of HTTP as our servers speak:
answers with a content-length, or 304.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from itertools import chain, cycle, repeat
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_AFTER_S = 20.0  # for the answers under way when the time is over


class LoadError(Exception):
    """The load could not be put on the server: it answered something else, or closed the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`requests` are whole requests, each sent `uses` times in turn; every answer has to have `status`.

    With `is_once` the load is over when all are sent, if not before, instead of beginning anew.
    """

    port: int
    requests: Sequence[str]
    uses: int
    status: int
    seconds: float
    connections: int
    is_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How many answers came in how many seconds; half, and 99 in a hundred, came within so many milliseconds."""

    count: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bytes: int

    @property
    def rate(self) -> float:
        return self.count / self.seconds


def put_load(order: Order) -> Report:
    """Run the order in a process of its own. Raises LoadError."""
    argv = [sys.executable, "-m", "local.bench.gateway.load"]
    done = subprocess.run(argv, input=json.dumps(asdict(order)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LoadError(done.stderr.strip().rpartition("\n")[2])
    return Report(**json.loads(done.stdout))


class _Tally:
    """What all connections share."""

    def __init__(self, order: Order) -> None:
        self.status = bytearray(str(order.status).encode())
        encoded = [request.encode() for request in order.requests]
        self.has_body = order.status != HTTPStatus.NOT_MODIFIED
        self.requests: Iterator[bytes] = chain.from_iterable(
            repeat(request, order.uses) for request in (encoded if order.is_once else cycle(encoded))
        )
        self.nanoseconds = array("q")
        self.byte_count = 0
        self.deadline = 0
        self.open_count = 0
        self.last_at = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def leave(self) -> None:
        self.open_count -= 1
        if not self.open_count and not self.done.done():
            self.done.set_result(None)

    def fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(LoadError(reason))


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._buffer = bytearray()
        self._wanted = 0
        self._sent_at = 0
        self._has_left = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._wanted:
            self._wanted = self._length()
        if not self._wanted or len(self._buffer) < self._wanted:
            return
        tally = self._tally
        if self._buffer[9:12] != tally.status or len(self._buffer) > self._wanted:
            tally.fail(f"answered {bytes(self._buffer[:200])!r}")
            return
        now = time.perf_counter_ns()
        tally.nanoseconds.append(now - self._sent_at)
        tally.byte_count += self._wanted
        tally.last_at = now
        self._buffer.clear()
        self._wanted = 0
        if now < tally.deadline:
            self._ask()
        else:
            self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._has_left and time.perf_counter_ns() < self._tally.deadline:
            self._tally.fail(f"the connection was lost ({exc})")

    def _ask(self) -> None:
        request = next(self._tally.requests, None)
        if request is None:
            self._leave()
            return
        self._sent_at = time.perf_counter_ns()
        self._transport.write(request)

    def _leave(self) -> None:
        self._has_left = True
        self._transport.close()
        self._tally.leave()

    def _length(self) -> int:
        """Of the whole answer; 0 if its headers are not here yet."""
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return 0
        match = _LENGTH.search(self._buffer, 0, end + 2)
        return end + len(_HEAD_END) + (int(match[1]) if match and self._tally.has_body else 0)


async def _run(order: Order) -> Report:
    tally = _Tally(order)
    tally.open_count = order.connections
    began = time.perf_counter_ns()
    tally.deadline = began + round(order.seconds * 1e9)
    loop = asyncio.get_running_loop()
    for _ in range(order.connections):
        await loop.create_connection(lambda: _Connection(tally), "127.0.0.1", order.port)
    await asyncio.wait_for(tally.done, order.seconds + _AFTER_S)
    times = sorted(tally.nanoseconds)
    return Report(
        count=len(times),
        seconds=(tally.last_at - began) / 1e9,
        p50_ms=times[len(times) // 2] / 1e6,
        p99_ms=times[len(times) * 99 // 100] / 1e6,
        bytes=tally.byte_count // len(times),
    )


def main() -> None:
    order = Order(**json.loads(sys.stdin.read()))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(_run(order))
    print(json.dumps(asdict(report)))


if __name__ == "__main__":
    main()
