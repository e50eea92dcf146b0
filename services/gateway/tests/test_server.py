"""The server itself against clients that speak HTTP badly."""

import asyncio
from contextlib import suppress
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.server

MB = 1024 * 1024


async def speak(gateway: Any, *parts: bytes, count: int = 1) -> bytes:
    """Send the first part, then the others `count` times as far as the server listens; returns all that it says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    heard = bytearray()

    async def listen() -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                heard.extend(chunk)

    listening = asyncio.create_task(listen())
    with suppress(ConnectionError):
        writer.write(parts[0])
        for _ in range(count):
            for part in parts[1:]:
                if listening.done():
                    break
                writer.write(part)
                await writer.drain()
    await asyncio.wait({listening}, timeout=1)
    listening.cancel()
    writer.close()
    return bytes(heard)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("many headers", (b"GET /livez HTTP/1.1\r\nHost: x\r\n", b"X-A: 1\r\n" * 1000)),
        ("one endless header", (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ", b"a" * 10_000)),
        ("an endless address", (b"GET /livez?", b"a" * 10_000)),
        (
            "after a good request",
            (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nX-A: ", b"a" * 10_000),
        ),
    ],
)
async def test_a_head_without_end_is_cut_off_and_costs_little_memory(
    gateway: Any, name: str, parts: tuple[bytes, ...]
) -> None:
    process = psutil.Process(gateway.child.pid)
    before = process.memory_info().rss
    answers = await asyncio.gather(*(speak(gateway, *parts, count=5000) for _ in range(5)))
    assert all(answer == b"" or b"HTTP/1.1 400" in answer for answer in answers)
    assert process.memory_info().rss - before < 30 * MB


async def test_a_head_of_usual_size_is_fine_also_in_small_pieces_and_one_after_another(gateway: Any) -> None:
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 10_000 + b"\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    for _ in range(10):
        for start in range(0, len(request), 1000):
            writer.write(request[start : start + 1000])
            await writer.drain()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(3) == b"ok\n"
    writer.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"POST /api/v1/campaigns HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/campaigns HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: \xff bad host\r\nConnection: close\r\n\r\n",
    ],
)
async def test_bad_http_is_the_callers_fault(gateway: Any, request_: bytes) -> None:
    assert (await speak(gateway, request_)).startswith(b"HTTP/1.1 40")
    async with gateway.stranger() as client:
        assert (await client.get("/livez")).status_code == 200


async def test_a_websocket_finds_nothing_and_needs_a_token_too(gateway: Any) -> None:
    upgrade = (
        b"GET /api/v1/campaigns HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert (await speak(gateway, upgrade)).startswith(b"HTTP/1.1 401")


async def test_no_server_is_named(gateway: Any) -> None:
    answer = await speak(gateway, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"server:" not in answer.lower()
