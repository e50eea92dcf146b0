"""The door to ScrapeCreators: one GET, with limits on everything, and nothing retried here.

Its answers are hostile until read: sizes on the wire and decoded are capped chunk by chunk, only gzip is spoken, no
redirect is followed with the key.
"""

import asyncio
import time
import zlib
from collections.abc import Mapping
from typing import Protocol

import httpx

from common.clock import Clock
from common.errors import ShapeError, UnreachableError
from common.settings import UpstreamSettings, is_loopback_url
from common.upstream.answer import Answer, retry_after

CALL_MAX_S = 60.0
WIRE_BYTES_MAX = 8 * 1024**2
BODY_BYTES_MAX = 32 * 1024**2
CONNECTIONS_MAX = 64


class ScrapeCreators:
    """The upstream. Close it with `close`."""

    def __init__(self, settings: UpstreamSettings, clock: Clock) -> None:
        self._clock = clock
        self._client = httpx.AsyncClient(
            base_url=settings.scrapecreators_base_url,
            headers={
                "x-api-key": settings.scrapecreators_api_key.get_secret_value(),
                "accept": "application/json",
                "accept-encoding": "gzip",
            },
            timeout=httpx.Timeout(CALL_MAX_S, connect=10.0),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=not is_loopback_url(settings.scrapecreators_base_url),
        )

    async def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """One request and its whole answer within a minute.

        Raises UnreachableError (`is_sent` tells whether it may have been billed) and ShapeError for an answer that
        is too large or not decodable.
        """
        started = time.monotonic()
        try:
            async with asyncio.timeout(CALL_MAX_S), self._client.stream("GET", path, params=params) as response:
                body, wire = await _read(response)
                return Answer(
                    status=response.status_code,
                    body=body,
                    retry_after=retry_after(response.headers.get("retry-after"), now=self._clock.now()),
                    milliseconds=round((time.monotonic() - started) * 1000),
                    bytes_on_wire=wire,
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise UnreachableError(type(error).__name__, is_sent=False) from None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise UnreachableError(type(error).__name__, is_sent=True) from None

    async def close(self) -> None:
        await self._client.aclose()


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
