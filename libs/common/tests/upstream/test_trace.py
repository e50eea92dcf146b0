"""What ScrapeCreators hears of our traces: nothing."""

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from common.clock import Clock
from common.settings import UpstreamSettings
from common.telemetry.export import Export
from common.tracing.span import record_with, span
from common.upstream.client import ScrapeCreators


@pytest.fixture
def _recording() -> Iterator[None]:
    record_with(Export(SimpleSpanProcessor(InMemorySpanExporter()), service="tiktok").recorder)
    yield
    record_with(None)


@pytest.mark.usefixtures("_recording")
async def test_no_header_of_a_call_names_a_trace() -> None:
    heads: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    door = ScrapeCreators(
        UpstreamSettings(scrapecreators_api_key=SecretStr("key"), scrapecreators_base_url=url), Clock()
    )
    with span("work") as work:
        assert (await door.get("/v1/x", {})).status == 200
        assert work.place is not None
        place = work.place
    await door.close()
    server.close()
    [head] = heads
    names = {line.partition(":")[0].lower() for line in head.splitlines()[1:] if line}
    assert names == {"host", "x-api-key", "accept", "accept-encoding", "connection", "user-agent"}
    assert place.trace_hex not in head
