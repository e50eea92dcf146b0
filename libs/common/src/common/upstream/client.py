"""The door to ScrapeCreators: one GET, with limits on everything, and nothing retried here.

Its answers are hostile until read: sizes on the wire and decoded are capped chunk by chunk, only gzip is spoken, no
redirect is followed with the key.

A request under way is never cancelled, only left alone: httpcore 1.0.9 loses the pool's place of one that is, for ever.
"""

import asyncio
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
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
BODY_BYTES_MAX = 32 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How many connections, and how long a call waits for one. There are more than a worker calls at once, so that who
    waits in vain knows that places were lost."""

    connections_max: int = 128
    wait_s: float = 10.0


class ScrapeCreators:
    """The upstream. Close it with `close`."""

    def __init__(self, settings: UpstreamSettings, clock: Clock, limits: PoolLimits = PoolLimits()) -> None:
        self._settings = settings
        self._clock = clock
        self._limits = limits
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
            async with asyncio.timeout(CALL_MAX_S), client.stream("GET", path, params=params) as response:
                body, wire = await _read(response)
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
        timeout=httpx.Timeout(CALL_MAX_S, connect=10.0, pool=limits.wait_s),
        limits=httpx.Limits(max_connections=limits.connections_max, max_keepalive_connections=limits.connections_max),
        follow_redirects=False,
        trust_env=trust_env,
        verify=trusted_authorities(trust_env=trust_env),
    )


class _Decoder(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


async def _read(response: httpx.Response) -> tuple[bytes, int]:
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise ShapeError("the answer has an encoding that was not asked for")
    decoder = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body = bytearray()
    wire = 0
    async for chunk in response.aiter_raw():
        wire += len(chunk)
        if wire > WIRE_BYTES_MAX:
            raise ShapeError("the answer is too large on the wire")
        body += _decoded(decoder, chunk, BODY_BYTES_MAX + 1 - len(body)) if decoder else chunk
        if len(body) > BODY_BYTES_MAX:
            raise ShapeError("the answer is too large when decoded")
    return bytes(body), wire


def _decoded(decoder: _Decoder, chunk: bytes, size_max: int) -> bytes:
    try:
        return decoder.decompress(chunk, size_max)
    except zlib.error as error:
        raise ShapeError("the answer is not the gzip that it claims to be") from error
