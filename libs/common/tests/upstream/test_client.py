"""The door to ScrapeCreators, over real sockets: the sandbox for what it is known to do, a bare server for what
nobody should."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from common.clock import Clock
from common.errors import (
    KeyRefusedError,
    NotFoundError,
    OutOfCreditsError,
    RateLimitedError,
    ShapeError,
    UnreachableError,
    UpstreamFailedError,
)
from common.settings import UpstreamSettings
from common.upstream.answer import charged, fault
from common.upstream.client import BODY_BYTES_MAX, PoolLimits, ScrapeCreators
from local.loopback import PLAIN_HTTP

PROFILE = "/v1/tiktok/profile"
MANY = PoolLimits()
KEYWORD = "/v1/tiktok/search/keyword"


def upstream_at(url: str, key: str = "key", limits: PoolLimits = MANY) -> ScrapeCreators:
    settings = UpstreamSettings(scrapecreators_api_key=SecretStr(key), scrapecreators_base_url=url)
    return ScrapeCreators(settings, Clock(), limits)


@pytest.fixture
async def upstream(sandbox_url: str) -> AsyncIterator[ScrapeCreators]:
    door = upstream_at(sandbox_url)
    yield door
    await door.close()


def arm(url: str, fault_name: str, **more: Any) -> None:
    httpx.post(f"{url}/_sandbox/faults", json={"fault": fault_name, **more}, **PLAIN_HTTP).raise_for_status()


async def test_a_page_comes_whole_with_its_price(upstream: ScrapeCreators) -> None:
    answer = await upstream.get(KEYWORD, {"query": "vegan"})
    assert answer.status == 200
    assert fault(answer) is None
    assert charged(answer, price=1) == 1
    assert answer.bytes_on_wire < len(answer.body), "it travelled compressed"
    assert len(answer.body) > 1_500_000


@pytest.mark.parametrize(
    ("name", "kind", "cost"),
    [
        ("429", RateLimitedError, 0),
        ("402", OutOfCreditsError, 0),
        ("401", KeyRefusedError, 0),
        ("404", NotFoundError, 0),
        ("500", UpstreamFailedError, 0),
        ("html_502", UpstreamFailedError, 0),
        ("broken_json", ShapeError, 1),
    ],
)
async def test_each_bad_answer_says_what_must_happen_next(
    upstream: ScrapeCreators, sandbox_url: str, name: str, kind: type[Exception], cost: int
) -> None:
    arm(sandbox_url, name)
    answer = await upstream.get(KEYWORD, {"query": "vegan"})
    assert isinstance(fault(answer), kind)
    assert charged(answer, price=1) == cost


async def test_retry_after_is_read(upstream: ScrapeCreators, sandbox_url: str) -> None:
    arm(sandbox_url, "429", retry_after="17")
    wrong = fault(await upstream.get(KEYWORD, {"query": "vegan"}))
    assert isinstance(wrong, RateLimitedError)
    assert wrong.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize("name", ["closed", "truncated"])
async def test_an_answer_that_breaks_off_may_have_been_billed(
    upstream: ScrapeCreators, sandbox_url: str, name: str
) -> None:
    arm(sandbox_url, name)
    with pytest.raises(UnreachableError) as caught:
        await upstream.get(KEYWORD, {"query": "vegan"})
    assert caught.value.is_sent


async def test_a_refused_connection_was_not_billed(free_port: int) -> None:
    door = upstream_at(f"http://127.0.0.1:{free_port}")
    with pytest.raises(UnreachableError) as caught:
        await door.get(KEYWORD, {})
    assert not caught.value.is_sent
    await door.close()


@pytest.mark.parametrize("name", ["huge", "oversize"])
async def test_an_answer_beyond_the_caps_is_dropped(upstream: ScrapeCreators, sandbox_url: str, name: str) -> None:
    arm(sandbox_url, name)
    with pytest.raises(ShapeError):
        await upstream.get(KEYWORD, {"query": "vegan"})


Script = Callable[[asyncio.StreamWriter], Any]


async def serve(script: Script) -> tuple[asyncio.Server, str, list[bytes]]:
    """A server that notes what it is asked and answers with raw bytes."""
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        script(writer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def raw(status: str, body: bytes, *headers: str) -> Script:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers])
    return lambda writer: writer.write(head.encode() + b"\r\n\r\n" + body)


@pytest.mark.server
async def test_a_redirect_is_not_followed_with_the_key() -> None:
    trap, trap_url, trapped = await serve(raw("200 OK", b"{}"))
    server, url, asked = await serve(raw("302 Found", b"", f"location: {trap_url}/steal"))
    door = upstream_at(url)
    assert (await door.get("/v1/x", {})).status == 302
    await door.close()
    assert b"x-api-key: key" in asked[0]
    assert trapped == []
    server.close()
    trap.close()


@pytest.mark.server
async def test_only_gzip_is_asked_for_and_nothing_else_is_decoded() -> None:
    server, url, asked = await serve(raw("200 OK", b"{}", "content-encoding: br"))
    door = upstream_at(url)
    with pytest.raises(ShapeError):
        await door.get("/v1/x", {})
    await door.close()
    assert b"accept-encoding: gzip\r\n" in asked[0].lower()
    server.close()


@pytest.mark.server
async def test_a_gzip_bomb_stops_at_the_cap() -> None:
    bomb = gzip.compress(b"0" * (BODY_BYTES_MAX * 4), compresslevel=9)
    assert len(bomb) < 1_000_000
    server, url, _ = await serve(raw("200 OK", bomb, "content-encoding: gzip"))
    door = upstream_at(url)
    with pytest.raises(ShapeError):
        await door.get("/v1/x", {})
    await door.close()
    server.close()


GOOD = gzip.compress(b'{"a": 1}', mtime=0)


@pytest.mark.server
@pytest.mark.security
@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        pytest.param(GOOD + b"more", "gzip", id="something behind it"),
        pytest.param(GOOD + GOOD, "gzip", id="two of them"),
        pytest.param(GOOD[:-1], "gzip", id="cut in its checksum"),
        pytest.param(GOOD[:12], "gzip", id="cut in its middle"),
        pytest.param(GOOD[:-8] + b"\0" * 8, "gzip", id="another checksum"),
        pytest.param(b'{"a": 1}', "gzip", id="not packed at all"),
        pytest.param(GOOD, "gzip, gzip", id="said to be packed twice"),
        pytest.param(GOOD, "x-gzip", id="another name"),
        pytest.param(b'{"a": 1}', "zstd", id="zstandard"),
        pytest.param(b'{"a": 1}', "deflate", id="deflate"),
    ],
)
async def test_a_packed_answer_is_exactly_one_whole_gzip(body: bytes, encoding: str) -> None:
    server, url, _ = await serve(raw("200 OK", body, f"content-encoding: {encoding}"))
    door = upstream_at(url)
    with pytest.raises(ShapeError):
        await door.get("/v1/x", {})
    await door.close()
    server.close()


@pytest.mark.server
@pytest.mark.parametrize("encoding", ["gzip", " GZIP ", "identity"])
async def test_a_good_answer_is_read_however_it_names_its_encoding(encoding: str) -> None:
    body = b'{"a": 1}' if encoding == "identity" else GOOD
    server, url, _ = await serve(raw("200 OK", body, f"content-encoding: {encoding}"))
    door = upstream_at(url)
    answer = await door.get("/v1/x", {})
    assert (answer.body, answer.bytes_on_wire) == (b'{"a": 1}', len(body))
    await door.close()
    server.close()


@pytest.mark.server
@pytest.mark.security
async def test_no_cookie_of_the_upstreams_is_kept() -> None:
    """A jar that it may fill is memory, and a header of every call."""
    server, url, asked = await serve(raw("200 OK", b"{}", "set-cookie: a=b; Path=/", "set-cookie: c=d"))
    door = upstream_at(url)
    for _ in range(2):
        await door.get("/v1/x", {})
    assert b"cookie" not in asked[1].lower()
    assert not list(door._client.cookies.jar)
    await door.close()
    server.close()


@pytest.mark.server
@pytest.mark.security
@pytest.mark.parametrize("limit_s", [0.2, 1000.0])
async def test_the_time_of_a_call_can_be_made_shorter_and_not_longer(limit_s: float) -> None:
    door = upstream_at("http://127.0.0.1:1", limits=PoolLimits(call_s=limit_s))
    assert door.call_s == min(limit_s, 60.0)
    await door.close()


@pytest.mark.server
async def test_the_key_never_shows_in_an_error(free_port: int) -> None:
    door = upstream_at(f"http://127.0.0.1:{free_port}", key="very-secret-key")
    with pytest.raises(UnreachableError) as caught:
        await door.get("/v1/x", {"query": "private words"})
    assert "very-secret" not in repr(caught.value)
    assert "private" not in repr(caught.value)
    assert caught.value.__cause__ is None
    await door.close()


async def test_callers_who_leave_take_no_connection_along(sandbox_url: str) -> None:
    """Left at any moment: waiting for a place, connecting, sending, reading."""
    door = upstream_at(sandbox_url, limits=PoolLimits(connections_max=4, wait_s=5))
    for moment in range(150):
        calls = [asyncio.create_task(door.get(PROFILE, {"handle": f"h{moment}x{number}"})) for number in range(3)]
        await asyncio.sleep(moment % 10 / 1000)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    client = door._client  # the pool that would be replaced if it had lost its places
    answers = await asyncio.gather(*(door.get(PROFILE, {"handle": f"y{number}"}) for number in range(40)))
    assert {answer.status for answer in answers} <= {200, 404}
    assert door._client is client
    await door.close()


async def test_a_pool_without_places_is_replaced(sandbox_url: str) -> None:
    arm(sandbox_url, "slow", path=PROFILE, seconds=3)
    door = upstream_at(sandbox_url, limits=PoolLimits(connections_max=1, wait_s=0.2))
    slow = asyncio.create_task(door.get(PROFILE, {"handle": "a"}))
    await asyncio.sleep(0.1)
    with pytest.raises(UnreachableError) as caught:
        await door.get(PROFILE, {"handle": "b"})
    assert not caught.value.is_sent
    assert (await door.get(PROFILE, {"handle": "b"})).status in (200, 404)
    assert (await slow).status in (200, 404), "what was under way ends as it would have"
    await door.close()
