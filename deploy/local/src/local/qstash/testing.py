"""For tests: a stand-in and a destination, each on a free port of this process for as long as a `with` lasts."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from local.loopback import PLAIN_HTTP
from local.port import LOOPBACK, free_port
from local.qstash.app import build
from local.qstash.header import Pairs, first, from_wire
from local.qstash.keys import USERS, User
from local.qstash.switch import Switches
from local.qstash.wire import Protocol, read_body

START_MAX_S = 10.0
WAIT_MAX_S = 30.0
_BODY_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it reached the destination; `target` is the raw path and query."""

    method: str
    target: str
    headers: Pairs
    body: bytes

    def header(self, name: str) -> str | None:
        return first(self.headers, name)

    @property
    def message_id(self) -> str:
        return self.header("Upstash-Message-Id") or ""

    @property
    def signature(self) -> str:
        return self.header("Upstash-Signature") or ""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answering:
    """What the destination answers, and after how long."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b"done"
    delay_s: float = 0.0


class Destination:
    """Keeps what it receives; `answer` decides what is answered, by default that all is well."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.answer: Callable[[Received], Answering] = lambda _: Answering()
        self._changed = threading.Condition()

    def at(self, target: str) -> list[Received]:
        return [one for one in self.received if one.target == target]

    def wait_for(self, count: int, timeout_s: float = WAIT_MAX_S) -> list[Received]:
        """What was received, once there are so many. Raises AssertionError if that takes too long."""
        with self._changed:
            is_there = self._changed.wait_for(lambda: len(self.received) >= count, timeout_s)
        assert is_there, f"received {len(self.received)} of {count}"
        return self.received

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"].decode("latin-1")
        received = Received(
            method=scope["method"],
            target=scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""),
            headers=from_wire(scope["headers"]),
            body=await read_body(receive, _BODY_BYTES_MAX),
        )
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        answering = self.answer(received)
        await asyncio.sleep(answering.delay_s)
        headers = [(name.encode(), value.encode()) for name, value in answering.headers.items()]
        headers.append((b"content-length", str(len(answering.body)).encode()))
        await send({"type": "http.response.start", "status": answering.status, "headers": headers})
        await send({"type": "http.response.body", "body": answering.body})


class StandIn:
    """A running stand-in, seen from outside: its URL, its default user, its control API."""

    def __init__(self, url: str, user: User) -> None:
        self.url = url
        self.user = user
        self._control = httpx.Client(base_url=f"{url}/_standin", **PLAIN_HTTP, timeout=WAIT_MAX_S * 2)

    def switch(self, **positions: Any) -> None:
        self._control.patch("/switches", json=positions).raise_for_status()

    def reset(self) -> None:
        self._control.post("/reset").raise_for_status()

    def idle(self) -> None:
        """Wait until no message is under way. Raises AssertionError if that takes too long."""
        assert self._control.get("/idle", params={"timeout_s": WAIT_MAX_S}).json()["is_idle"], "not idle"

    def hurry(self) -> int:
        """End all waits; how many there were."""
        return self._control.post("/hurry").json()["hurried"]

    def deliveries(self, message_id: str | None = None) -> list[dict[str, Any]]:
        params = {"message_id": message_id} if message_id else {}
        return self._control.get("/deliveries", params=params).json()["deliveries"]

    def stats(self) -> dict[str, Any]:
        return self._control.get("/stats").json()

    def duplicate(self, message_id: str) -> None:
        self._control.post(f"/messages/{message_id}/duplicate").raise_for_status()

    def fire(self, schedule_id: str) -> str:
        """Run a schedule; the id of its message."""
        response = self._control.post(f"/schedules/{schedule_id}/fire")
        return response.raise_for_status().json()["message_id"]

    def rest(self, token: str | None = None) -> httpx.Client:
        """A plain client of the REST API."""
        headers = {"Authorization": f"Bearer {self.user.token if token is None else token}"}
        return httpx.Client(base_url=self.url, headers=headers, **PLAIN_HTTP)

    def close(self) -> None:
        self._control.close()


@contextmanager
def run_stand_in(switches: Switches | None = None) -> Generator[StandIn]:
    with _serving(build(switches or Switches()), is_lifespan=True) as url:
        stand_in = StandIn(url, USERS[0])
        try:
            yield stand_in
        finally:
            stand_in.close()


@contextmanager
def run_destination() -> Generator[Destination]:
    destination = Destination("")
    with _serving(destination, is_lifespan=False) as url:
        destination.url = url
        yield destination


@contextmanager
def _serving(app: ASGIApp, *, is_lifespan: bool) -> Generator[str]:
    """Serve in a thread; ends when the `with` ends."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=LOOPBACK,
            port=port,
            log_level="warning",
            access_log=False,
            http=Protocol,
            lifespan="on" if is_lifespan else "off",
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_MAX_S
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.01)
    try:
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        thread.join()
