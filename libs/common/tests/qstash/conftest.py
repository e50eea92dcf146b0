"""A tiny HTTP server that writes down what it is asked and answers what it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr

from common.qstash.publisher import QStashPublisher
from common.settings import QStashSettings

TOKEN = "eyJ-token-that-nobody-may-see"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Recorder:
    """`answers` are given in turn, the last one for ever; None hangs up without one, "" never answers."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: list[tuple[int, str] | str | None] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.asked.append(Asked(method, path, headers, body))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer is None:
                    break
                if isinstance(answer, str):
                    await reader.read()
                    break
                status, text = answer
                data = text.encode()
                start = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
                writer.write(start.encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    recorder = Recorder(answers=[(201, json.dumps({"messageId": "msg_1"}))])
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0)
    recorder.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield recorder
    server.close()


@pytest.fixture
async def publisher(recorder: Recorder) -> AsyncIterator[QStashPublisher]:
    settings = QStashSettings(
        qstash_url=recorder.url, qstash_token=SecretStr(TOKEN), public_webhook_url="https://hooks.example/base"
    )
    publisher = QStashPublisher(settings)
    yield publisher
    await publisher.close()
