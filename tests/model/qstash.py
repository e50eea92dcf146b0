"""QStash as a socket that remembers: `waiting` is what it would deliver, in any order, as often as the test likes."""

import asyncio
import json
from collections import Counter, deque

from common.domain.message import StepMessage

LOOPBACK = "127.0.0.1"


class QStash:
    """Takes a deduplication id only once. `faults` are taken by the next publishes: `down` refuses, `lost` stores the
    message and drops the answer."""

    def __init__(self, activity: Counter[str]) -> None:
        self.waiting: list[StepMessage] = []
        self.ever: list[StepMessage] = []
        self.faults: deque[str] = deque()
        self._ids: set[str] = set()
        self._activity = activity
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen on loopback; returns the base URL."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        return f"http://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    def begin(self) -> None:
        self.waiting.clear()
        self.ever.clear()
        self._ids.clear()
        self.faults.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                body = await reader.readexactly(int(headers["content-length"]))
                self._activity["publishes"] += 1
                fault = self.faults.popleft() if self.faults else ""
                status, answer = (503, {"error": "down"}) if fault == "down" else (201, self._take(headers, body))
                if fault == "lost":
                    return
                text = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n" % status)
                writer.write(b"content-length: %d\r\n\r\n%s" % (len(text), text))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _take(self, headers: dict[str, str], body: bytes) -> dict[str, object]:
        identity = headers["upstash-deduplication-id"]
        is_known = identity in self._ids
        self._ids.add(identity)
        if not is_known:
            message = StepMessage.model_validate_json(body)
            self.waiting.append(message)
            self.ever.append(message)
        return {"messageId": f"msg_{identity[:12]}", "deduplicated": is_known}
