"""Believes a session token once and remembers it: a frontend asks thirty times with each, and to look at a signature
costs more than everything else that a poll without news needs.

The rule: what is remembered is never believed longer than it would be without a memory. It is forgotten when the token
expires, when its key is no longer trusted, and when the keys are fetched anew.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.auth.jwks import KeySource
from gateway.auth.principal import Principal
from gateway.auth.token import TokenPolicy, TokenRefusedError, read_kid, verify_token

REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class _Belief:
    principal: Principal
    kid: str
    key: RSAPublicKey


class TokenVerifier:
    """Tells whom a token speaks for. `now` is Unix time."""

    def __init__(
        self,
        keys: KeySource,
        policy: TokenPolicy,
        *,
        now: Callable[[], float] = time.time,
        remembered_max: int = REMEMBERED_MAX,
    ) -> None:
        self._keys = keys
        self._policy = policy
        self._now = now
        self._remembered_max = remembered_max
        self._beliefs: dict[bytes, _Belief] = {}

    async def verify(self, token: str) -> Principal:
        """Raises TokenRefusedError, or KeysUnavailableError if there is nothing to verify with."""
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()  # so that no token lies about in memory
        belief = self._beliefs.get(digest)
        if belief is not None:
            if self._holds(belief):
                return belief.principal
            del self._beliefs[digest]
        kid = read_kid(token)
        key = await self._keys.key(kid)
        if key is None:
            raise TokenRefusedError("unknown_kid")
        belief = _Belief(verify_token(token, key, self._policy), kid, key)
        self._remember(digest, belief)
        return belief.principal

    def _holds(self, belief: _Belief) -> bool:
        """Each fetch makes other objects of the keys, so no belief outlives the keys that it was formed with."""
        return self._now() < belief.principal.expires_at and self._keys.trusted(belief.kid) is belief.key

    def _remember(self, digest: bytes, belief: _Belief) -> None:
        if len(self._beliefs) >= self._remembered_max:
            del self._beliefs[next(iter(self._beliefs))]  # the oldest: it is the one to expire first, or nearly
        self._beliefs[digest] = belief
