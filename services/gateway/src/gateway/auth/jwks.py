"""The issuer's keys: fetched from its configured address and from nowhere that a token names.

The rule: no request waits for the issuer, save one that names a key that we do not know, and those make at most one
fetch in thirty seconds together. While the issuer is down the last keys are used, for a day at most.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from common.errors import ConfigurationError
from common.settings import is_loopback_url
from common.tls import trusted_authorities

log = structlog.get_logger()

BODY_BYTES_MAX = 64 * 1024
KEYS_MAX = 20
KEY_BITS_MIN = 2048


class KeysUnavailableError(Exception):
    """There is no key to verify with: the issuer has not answered yet, or not for a day."""


class KeySource(Protocol):
    """Where keys come from. `key` is None for an id that is not the issuer's; raises KeysUnavailableError. `trusted`
    asks nobody: the key of this id that is trusted now, if there is one."""

    @property
    def is_ready(self) -> bool: ...

    async def key(self, kid: str) -> RSAPublicKey | None: ...

    def trusted(self, kid: str) -> RSAPublicKey | None: ...


class PemKey:
    """One key from the configuration: no network. Raises ConfigurationError if it is not an RSA public key."""

    def __init__(self, pem: str) -> None:
        self._key = _read_pem(pem)

    @property
    def is_ready(self) -> bool:
        return True

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key, whatever the id: the signature decides."""
        return self.trusted(kid)

    def trusted(self, kid: str) -> RSAPublicKey | None:
        del kid
        return self._key


@dataclass(frozen=True, slots=True, kw_only=True)
class JwksLimits:
    """In seconds."""

    ttl_s: float = 300.0
    unknown_kid_every_s: float = 30.0
    stale_max_s: float = 86_400.0
    fetch_max_s: float = 5.0
    retry_first_s: float = 1.0
    retry_max_s: float = 30.0


class JwksStore:
    """The keys at `url`, kept fresh by a task of its own between `open` and `close`."""

    def __init__(
        self,
        url: str,
        *,
        ca_file: str | None = None,
        limits: JwksLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._limits = limits or JwksLimits()
        self._monotonic = monotonic
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at = float("-inf")
        self._asked_at = float("-inf")
        self._flight: asyncio.Task[bool] | None = None
        self._upkeep: asyncio.Task[None] | None = None
        trust_env = not is_loopback_url(url)
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=trust_env,
            verify=trusted_authorities(trust_env=trust_env, ca_file=ca_file),
            timeout=self._limits.fetch_max_s,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def open(self) -> None:
        """Try to have the keys before the first request; without them it goes on trying."""
        await self._fetch_together()
        self._upkeep = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        tasks: set[asyncio.Task[Any]] = {task for task in (self._upkeep, self._flight) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._client.aclose()

    @property
    def is_ready(self) -> bool:
        return bool(self._current())

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key of this id; None if the issuer has none such. Raises KeysUnavailableError."""
        if kid not in self._current():
            await self._ask_for_unknown()
        keys = self._current()
        if not keys:
            raise KeysUnavailableError
        return keys.get(kid)

    def trusted(self, kid: str) -> RSAPublicKey | None:
        return self._current().get(kid)

    def _current(self) -> Mapping[str, RSAPublicKey]:
        return self._keys if self._monotonic() - self._fetched_at <= self._limits.stale_max_s else {}

    async def _ask_for_unknown(self) -> None:
        if self._flight is None or self._flight.done():
            if self._monotonic() - self._asked_at < self._limits.unknown_kid_every_s:
                return
            self._asked_at = self._monotonic()
        await self._fetch_together()

    async def _fetch_together(self) -> bool:
        """One fetch for all who want one now; it goes on if one of them leaves."""
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._flight)

    async def _keep_fresh(self) -> None:
        limits = self._limits
        retry_s = limits.retry_first_s
        is_fresh = bool(self._keys)
        while True:
            if is_fresh:
                retry_s = limits.retry_first_s
            await asyncio.sleep(limits.ttl_s if is_fresh else retry_s)
            retry_s = min(retry_s * 2, limits.retry_max_s)
            is_fresh = await self._fetch_together()

    @property
    def age_s(self) -> float:
        """How old the keys are; infinite if there never were any."""
        return self._monotonic() - self._fetched_at

    async def _fetch(self) -> bool:
        try:
            async with asyncio.timeout(self._limits.fetch_max_s):
                body = await self._download()
            keys = read_keys(body)
        except (httpx.HTTPError, OSError, TimeoutError, ValueError) as error:
            log.warning("jwks.unavailable", error=type(error).__name__, has_keys=bool(self._current()))
            return False
        if keys.keys() != self._keys.keys():
            log.info("jwks.changed", key_count=len(keys))
        self._keys, self._fetched_at = keys, self._monotonic()
        return True

    async def _download(self) -> bytes:
        async with self._client.stream("GET", self._url) as response:
            if response.status_code != 200 or response.headers.get("content-encoding", "identity") != "identity":
                raise ValueError("not a plain 200")
            body = bytearray()
            async for chunk in response.aiter_raw(BODY_BYTES_MAX):
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise ValueError("too large")
        return bytes(body)


def read_keys(body: bytes) -> dict[str, RSAPublicKey]:
    """The RSA signature keys of a key set by their ids; what is none is left out. Raises ValueError if none is left."""
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    listed = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no key set")
    keys = {kid: key for jwk in listed[:KEYS_MAX] for kid, key in _read_jwk(jwk)}
    if not keys:
        raise ValueError("no usable key")
    return keys


def _read_jwk(jwk: Any) -> list[tuple[str, RSAPublicKey]]:
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or jwk.get("kty") != "RSA":
        return []
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", "RS256") != "RS256":
        return []
    try:
        key = jwt.PyJWK(jwk, algorithm="RS256").key
    except (jwt.PyJWTError, ValueError, TypeError):
        return []
    return [(jwk["kid"], key)] if isinstance(key, RSAPublicKey) and key.key_size >= KEY_BITS_MIN else []


def _read_pem(pem: str) -> RSAPublicKey:
    try:
        # Where a variable can hold one line only, the lines are joined by a written \\n.
        key = jwt.get_algorithm_by_name("RS256").prepare_key(pem.replace("\\n", "\n"))
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ConfigurationError("CLERK_JWT_KEY: must be an RSA public key in PEM form") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < KEY_BITS_MIN:
        raise ConfigurationError("CLERK_JWT_KEY: must be an RSA public key of at least 2048 bits in PEM form")
    return key
