"""The door to ScrapeCreators: one GET, with limits on everything, and nothing retried here.

Its answers are hostile until read: sizes on the wire and decoded are capped portion by portion, large ones are read one
at a time, only gzip is spoken, no redirect is followed with the key, no cookie is kept.

A request under way is never cancelled, only left alone: httpcore 1.0.9 loses the pool's place of one that is, for ever.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol

import httpx
import structlog

from common.clock import Clock
from common.errors import ShapeError, UnreachableError
from common.settings import UpstreamSettings, is_loopback_url
from common.tls import trusted_authorities
from common.upstream.answer import Answer, retry_after

log = structlog.get_logger()

CALL_MAX_S = 60.0
WIRE_BYTES_MAX = 8 * 1024**2
BODY_BYTES_MAX = 16 * 1024**2
SMALL_BYTES_MAX = 3 * 1024**2  # a page has 2.4 MB at most, a profile a tenth of that
PORTION_BYTES_MAX = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How many connections, how long a call waits for one, and how long it may last in all: never longer than
    CALL_MAX_S. There are more than a worker calls at once, so that who waits in vain knows that places were lost."""

    connections_max: int = 128
    wait_s: float = 10.0
    call_s: float = CALL_MAX_S


class ScrapeCreators:
    """The upstream. Close it with `close`."""

    def __init__(self, settings: UpstreamSettings, clock: Clock, limits: PoolLimits = PoolLimits()) -> None:
        self._settings = settings
        self._clock = clock
        self._limits = limits
        self._large = asyncio.Lock()
        self.call_s = min(limits.call_s, CALL_MAX_S)
        self._client = _new_client(settings, limits)
        self._replaced: list[httpx.AsyncClient] = []
        self._calls: set[asyncio.Task[Answer]] = set()

    async def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """One request and its whole answer within a minute.

        Raises UnreachableError (`is_sent` tells whether it may have been billed) and ShapeError for an answer that
        is too large or not decodable. Who is cancelled while waiting leaves the request to end by itself.
        """
        call = asyncio.ensure_future(self._call(path, params))
        self._calls.add(call)
        call.add_done_callback(self._settle)
        return await asyncio.shield(call)

    async def _call(self, path: str, params: Mapping[str, str]) -> Answer:
        started = time.monotonic()
        client = self._client
        try:
            async with asyncio.timeout(self.call_s), client.stream("GET", path, params=params) as response:
                body, wire = await self._body(response)
                return Answer(
                    status=response.status_code,
                    body=body,
                    retry_after=retry_after(response.headers.get("retry-after"), now=self._clock.now()),
                    milliseconds=round((time.monotonic() - started) * 1000),
                    bytes_on_wire=wire,
                )
        except httpx.PoolTimeout as error:
            self._replace(client)
            raise UnreachableError(type(error).__name__, is_sent=False) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UnreachableError(type(error).__name__, is_sent=False) from None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise UnreachableError(type(error).__name__, is_sent=True) from None

    async def _body(self, response: httpx.Response) -> tuple[bytes, int]:
        """What an answer that is no 200 means, its status tells: it means that also with a body that is not read."""
        try:
            return await _read(response, self._large)
        except ShapeError:
            if response.status_code == 200:
                raise
            return b"", response.num_bytes_downloaded

    async def close(self) -> None:
        """End what is still under way, and all connections."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        for client in (self._client, *self._replaced):
            await client.aclose()

    def _settle(self, call: "asyncio.Task[Answer]") -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # if nobody waits any more, nobody needs to hear of it

    def _replace(self, client: httpx.AsyncClient) -> None:
        """Its pool is full of places that nobody has: go on with a new one. Its living requests end by themselves."""
        if client is self._client:
            log.warning("upstream.renewed")
            self._replaced.append(client)
            self._client = _new_client(self._settings, self._limits)


def _new_client(settings: UpstreamSettings, limits: PoolLimits) -> httpx.AsyncClient:
    trust_env = not is_loopback_url(settings.scrapecreators_base_url)
    return httpx.AsyncClient(
        base_url=settings.scrapecreators_base_url,
        headers={
            "x-api-key": settings.scrapecreators_api_key.get_secret_value(),
            "accept": "application/json",
            "accept-encoding": "gzip",
        },
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx.Timeout(CALL_MAX_S, connect=10.0, pool=limits.wait_s),
        limits=httpx.Limits(max_connections=limits.connections_max, max_keepalive_connections=limits.connections_max),
        follow_redirects=False,
        trust_env=trust_env,
        verify=trusted_authorities(trust_env=trust_env, ca_file=settings.https_ca_file),
    )


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


async def _read(response: httpx.Response, large: asyncio.Lock) -> tuple[bytes, int]:
    """The decoded body and what travelled. Of bodies beyond `SMALL_BYTES_MAX` one at a time goes on growing: who
    answers every call with the most that is allowed does not fill the memory by that."""
    body = bytearray()
    has_turn = False
    async with AsyncExitStack() as turn:
        turn.callback(body.clear)  # an error's traceback would keep it
        async for portion in await turn.enter_async_context(aclosing(_portions(response))):
            if len(body) + len(portion) > BODY_BYTES_MAX:
                raise ShapeError("the answer is too large when decoded")
            if len(body) + len(portion) > SMALL_BYTES_MAX and not has_turn:
                await turn.enter_async_context(large)
                has_turn = True
            body += portion
        return bytes(body), response.num_bytes_downloaded


async def _portions(response: httpx.Response) -> AsyncGenerator[bytes]:
    """The body decoded, in portions that are never large, whatever little they are made of."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise ShapeError("the answer has an encoding that was not asked for")
    decoder = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    wire = 0
    async for chunk in response.aiter_raw():
        wire += len(chunk)
        if wire > WIRE_BYTES_MAX:
            raise ShapeError("the answer is too large on the wire")
        if decoder is None:
            yield chunk
            continue
        for portion in _decoded(decoder, chunk):
            yield portion
    if decoder is not None and wire and not decoder.eof:
        raise ShapeError("the answer ends in the middle of its gzip")


def _decoded(decoder: _Decoder, chunk: bytes) -> Iterator[bytes]:
    """What the chunk holds. Exactly one stream is an answer: nobody told what comes after its end."""
    try:
        while chunk:
            if decoder.eof:
                raise ShapeError("the answer goes on after the end of its gzip")
            portion = decoder.decompress(chunk, PORTION_BYTES_MAX)
            chunk = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            yield portion
    except zlib.error:
        raise ShapeError("the answer is not the gzip that it claims to be") from None
