"""The store of the issuer's keys against a real issuer that rotates, fails, hangs and lies."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from common.errors import ConfigurationError
from gateway.auth.jwks import JwksLimits, JwksStore, KeysUnavailableError, PemKey, read_keys
from gateway.auth.token import read_kid
from local.issuer.client import mint
from local.loopback import PLAIN_HTTP
from local.port import free_port


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def issuer(issuer_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=issuer_url, **PLAIN_HTTP, timeout=10) as client:
        client.post("/_issuer/reset").raise_for_status()
        yield client
        client.post("/_issuer/reset").raise_for_status()


@asynccontextmanager
async def opened(url: str, hands: Callable[[], float] = time.monotonic, **limits: float) -> AsyncIterator[JwksStore]:
    store = JwksStore(f"{url}/.well-known/jwks.json", limits=JwksLimits(**limits), monotonic=hands)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def fetches(issuer: httpx.Client) -> int:
    return issuer.get("/_issuer/stats").json()["jwks_fetches"]


def kid_now(issuer_url: str) -> str:
    return read_kid(mint(issuer_url))


@pytest.mark.server
async def test_keys_are_there_before_the_first_request_and_asked_for_once(
    issuer: httpx.Client, issuer_url: str
) -> None:
    async with opened(issuer_url) as store:
        assert store.is_ready
        for _ in range(50):
            assert await store.key(kid_now(issuer_url)) is not None
        assert fetches(issuer) == 1


@pytest.mark.server
async def test_a_rotated_key_is_found_at_once(issuer: httpx.Client, issuer_url: str) -> None:
    async with opened(issuer_url) as store:
        issuer.post("/_issuer/rotate")
        assert await store.key(kid_now(issuer_url)) is not None
        assert fetches(issuer) == 2


@pytest.mark.server
async def test_a_withdrawn_key_is_forgotten_at_the_next_fetch(issuer: httpx.Client, issuer_url: str) -> None:
    async with opened(issuer_url, ttl_s=0.05) as store:
        kid = kid_now(issuer_url)
        assert await store.key(kid) is not None
        issuer.post("/_issuer/drop", json={"key": 0})
        for _ in range(100):
            await asyncio.sleep(0.02)
            if await store.key(kid) is None:
                break
        assert await store.key(kid) is None
        assert store.is_ready


@pytest.mark.server
async def test_unknown_kids_make_one_fetch_in_thirty_seconds_together(issuer: httpx.Client, issuer_url: str) -> None:
    hands = Hands()
    async with opened(issuer_url, hands) as store:
        for start in range(0, 1000, 100):
            found = await asyncio.gather(*(store.key(f"ins_{number}") for number in range(start, start + 100)))
            assert found == [None] * 100
        assert fetches(issuer) == 2
        hands.seconds += 29
        assert await store.key("ins_x") is None
        assert fetches(issuer) == 2
        hands.seconds += 2
        await asyncio.gather(*(store.key(f"ins_{number}") for number in range(100)))
        assert fetches(issuer) == 3


@pytest.mark.server
@pytest.mark.parametrize("mode", ["500", "garbage", "huge", "slow"])
async def test_while_the_issuer_is_down_the_last_keys_are_used_for_a_day(
    issuer: httpx.Client, issuer_url: str, mode: str
) -> None:
    hands = Hands()
    async with opened(issuer_url, hands, ttl_s=0.05, fetch_max_s=0.2, retry_first_s=0.05, retry_max_s=0.05) as store:
        kid = kid_now(issuer_url)
        issuer.post("/_issuer/jwks", json={"mode": mode, "seconds": 5}).raise_for_status()
        await asyncio.sleep(0.5)
        hands.seconds += 86_000
        with pytest.raises(StopIteration) as done:  # who brings a known key never waits
            store.key(kid).send(None)
        assert done.value.value is not None
        hands.seconds += 86_400
        assert not store.is_ready
        with pytest.raises(KeysUnavailableError):
            await store.key(kid)
        issuer.post("/_issuer/reset").raise_for_status()
        for _ in range(200):
            await asyncio.sleep(0.02)
            if store.is_ready:
                break
        assert await store.key(kid) is not None, "it comes back by itself"


@pytest.mark.server
async def test_an_issuer_that_is_not_there_at_the_start_is_asked_again(issuer_url: str) -> None:
    async with opened(f"http://127.0.0.1:{free_port()}") as store:
        assert not store.is_ready
        with pytest.raises(KeysUnavailableError):
            await store.key("ins_1")


@pytest.mark.server
async def test_who_leaves_does_not_end_the_fetch_of_the_others(issuer: httpx.Client, issuer_url: str) -> None:
    async with opened(issuer_url) as store:
        issuer.post("/_issuer/rotate")
        issuer.post("/_issuer/jwks", json={"mode": "slow", "seconds": 0.5, "count": 1})
        kid = kid_now(issuer_url)
        impatient = asyncio.create_task(store.key(kid))
        patient = asyncio.create_task(store.key(kid))
        await asyncio.sleep(0.1)
        impatient.cancel()
        assert await patient is not None
        assert fetches(issuer) == 2


async def serve_once(answer: bytes) -> tuple[asyncio.Server, str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
@pytest.mark.server
async def test_redirects_are_not_followed(issuer: httpx.Client, issuer_url: str, status: str) -> None:
    location = f"{issuer_url}/.well-known/jwks.json"
    answer = f"HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    server, url = await serve_once(answer)
    async with server, opened(url) as store:
        assert not store.is_ready
    assert fetches(issuer) == 0


@pytest.mark.server
@pytest.mark.parametrize(("encoding", "is_taken"), [("gzip", False), ("br", False), ("identity", True)])
async def test_a_compressed_answer_is_refused_unread(issuer: httpx.Client, encoding: str, is_taken: bool) -> None:
    """It could be a bomb. What follows here is not even compressed, so only the header can tell."""
    body = issuer.get("/.well-known/jwks.json").content
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    server, url = await serve_once(head.encode() + body)
    async with server, opened(url) as store:
        assert store.is_ready == is_taken


@pytest.mark.server
async def test_what_is_no_rsa_signature_key_is_left_out(issuer: httpx.Client) -> None:
    good = issuer.get("/.well-known/jwks.json").json()["keys"][0]
    odd = [
        {**good, "kid": "use", "use": "enc"},
        {**good, "kid": "alg", "alg": "RS512"},
        {**good, "kid": "kty", "kty": "oct"},
        {**good, "kid": "private", "d": "AQAB"},
        {**good, "kid": "n", "n": "!!"},
        {**good, "kid": "short", "n": good["n"][:40]},
        {**good, "kid": 7},
        {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
        None,
        "key",
    ]
    keys = read_keys(httpx.Response(200, json={"keys": [*odd, good]}).content)
    assert list(keys) == [good["kid"]]


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b"\xff", b"[" * 60_000, b'{"keys": [1]}']
)
def test_what_is_no_key_set_is_a_fault(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_keys(body)


@pytest.mark.parametrize("pem", ["", "key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_a_key_in_the_configuration_that_is_none_is_named_but_not_shown(pem: str) -> None:
    with pytest.raises(ConfigurationError, match="CLERK_JWT_KEY") as caught:
        PemKey(pem)
    assert "AAAA" not in str(caught.value)
