"""Two hundred watch; half of them are cut off by their peers; then the process is told to end."""

import asyncio
import re
import socket
import struct
from contextlib import suppress
from typing import Any

import pytest

pytestmark = [pytest.mark.server, pytest.mark.security]

USERS = 10
STREAMS = 200
EXIT_MAX_S = 10


async def connect(gateway: Any, job_id: str, token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    head = f"GET /api/v1/jobs/{job_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(head.encode())
    assert b" 200 " in await reader.readline()
    return reader, writer


def reset(writer: asyncio.StreamWriter) -> None:
    """As a peer that is gone: without a goodbye."""
    own = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def gauge(gateway: Any) -> float:
    async with gateway.stranger() as client:
        text = (await client.get("/metrics")).text
    found = re.search(r"^gateway_event_streams (\S+)$", text, re.MULTILINE)
    assert found is not None
    return float(found[1])


async def becomes(gateway: Any, count: int) -> None:
    async with asyncio.timeout(20):
        while await gauge(gateway) != count:
            await asyncio.sleep(0.05)


async def test_two_hundred_streams_half_of_them_reset_end_with_the_process(start_gateway: Any, gateway: Any) -> None:
    dying = start_gateway(gateway.database_url)
    streams = []
    for number in range(USERS):
        async with gateway.client(f"user_{number}") as client:
            body = {"keywords": ["vegan"], "targetResults": 5}
            job_id = (await client.post("/api/scraping/tiktok", json=body)).json()["jobId"]
        token = dying.token(f"user_{number}")
        streams += [await connect(dying, job_id, token) for _ in range(STREAMS // USERS)]
    await becomes(dying, STREAMS)
    for _, writer in streams[::2]:
        reset(writer)
    await becomes(dying, STREAMS // 2)

    loop = asyncio.get_running_loop()
    dying.child.request_stop()
    asked_at = loop.time()
    ends = await asyncio.gather(*(reader.read() for reader, _ in streams[1::2]))
    assert all(b"event: bye" in end for end in ends), "everybody who is still there is told"
    assert await asyncio.to_thread(dying.child.await_exit, 20)
    assert loop.time() - asked_at < EXIT_MAX_S
    assert dying.child.exit_code == 0
    events = [line["event"] for line in dying.log_lines()]
    assert events[-1] == "server.stopped", "what is to be closed at the end was closed"
    assert events.count("request.handled") >= STREAMS
    assert not {"request.failed", "reader.failed", "process.broke"} & set(events)
    for _, writer in streams:
        with suppress(ConnectionError):
            writer.close()
