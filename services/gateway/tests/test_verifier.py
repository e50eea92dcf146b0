"""A token is believed once and remembered, and never longer than it would be without a memory."""

import time
from typing import Any

import anyio
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.auth.jwks import JwksLimits, JwksStore, KeysUnavailableError
from gateway.auth.token import LEEWAY_S, TokenPolicy, TokenRefusedError
from gateway.auth.verifier import TokenVerifier
from local.issuer.client import mint as mint_at
from local.issuer.key import KeyRing
from local.issuer.token import Wish, mint
from local.loopback import PLAIN_HTTP

ISSUER = "https://clerk.example.com"
PARTIES = frozenset({"http://localhost:3000"})
RING = KeyRing()
POLICY = TokenPolicy(issuer=ISSUER, parties=PARTIES)


class Keys:
    """Keys as a test has them now; it counts who has to look at a signature."""

    def __init__(self) -> None:
        self.known: dict[str, RSAPublicKey] = {}
        self.asked_count = 0
        self.fetch()

    def fetch(self) -> None:
        """The same keys as other objects, as each fetch brings them."""
        self.known = {key.kid: key.private.public_key() for key in RING.keys}

    @property
    def is_ready(self) -> bool:
        return bool(self.known)

    async def key(self, kid: str) -> RSAPublicKey | None:
        self.asked_count += 1
        if not self.known:
            raise KeysUnavailableError
        return self.known.get(kid)

    def trusted(self, kid: str) -> RSAPublicKey | None:
        return self.known.get(kid)


def minted(**wish: Any) -> str:
    return mint(RING, ISSUER, Wish.read(wish), int(time.time()))[0]


async def test_what_was_believed_is_not_looked_at_again() -> None:
    keys = Keys()
    verifier = TokenVerifier(keys, POLICY)
    token = minted(user="user_a", org="org_b")
    first = await verifier.verify(token)
    assert (first.user_id, first.owner) == ("user_a", "org:org_b")
    assert [await verifier.verify(token) for _ in range(5)] == [first] * 5
    assert keys.asked_count == 1
    assert (await verifier.verify(minted(user="user_c"))).user_id == "user_c"
    assert keys.asked_count == 2


async def test_it_is_forgotten_at_the_second_at_which_the_token_expires() -> None:
    keys = Keys()
    now = time.time()
    verifier = TokenVerifier(keys, POLICY, now=lambda: now)
    token = minted()
    expires_at = (await verifier.verify(token)).expires_at
    now = expires_at - 0.001
    await verifier.verify(token)
    assert keys.asked_count == 1
    now = float(expires_at)
    await verifier.verify(token)
    assert keys.asked_count == 2, "from here on the verifier itself decides"


async def test_an_expired_token_is_refused_although_it_was_believed() -> None:
    """By the real time: the token has the leeway's last second left."""
    verifier = TokenVerifier(Keys(), POLICY)
    token = minted(expires_in=1 - LEEWAY_S, claims={"iat": int(time.time()) - 60, "nbf": int(time.time()) - 60})
    await verifier.verify(token)
    await anyio.sleep(2.0)
    with pytest.raises(TokenRefusedError):
        await verifier.verify(token)


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_changed_token_is_another_token_however_alike(part: int) -> None:
    keys = Keys()
    verifier = TokenVerifier(keys, POLICY)
    token = minted()
    await verifier.verify(token)
    parts = token.split(".")
    for place in (len(parts[part]) // 2, -2):
        changed = parts.copy()
        letters = list(changed[part])
        letters[place] = "A" if letters[place] != "A" else "B"
        changed[part] = "".join(letters)
        with pytest.raises(TokenRefusedError):
            await verifier.verify(".".join(changed))
    for other in (token[:-1], token + "A", f"{token}.", token.rpartition(".")[0]):
        with pytest.raises(TokenRefusedError):
            await verifier.verify(other)
    await verifier.verify(token)


async def test_what_was_refused_is_not_remembered() -> None:
    keys = Keys()
    verifier = TokenVerifier(keys, POLICY)
    token = minted(claims={"azp": "https://evil.example"})
    for _ in range(2):
        with pytest.raises(TokenRefusedError):
            await verifier.verify(token)
    assert keys.asked_count == 2


async def test_a_key_that_is_trusted_no_more_takes_its_tokens_with_it() -> None:
    keys = Keys()
    verifier = TokenVerifier(keys, POLICY)
    token = minted()
    await verifier.verify(token)
    keys.known = {"another": next(iter(keys.known.values()))}
    with pytest.raises(TokenRefusedError) as refused:
        await verifier.verify(token)
    assert refused.value.reason == "unknown_kid"


async def test_without_any_key_a_remembered_token_is_no_better_than_another() -> None:
    keys = Keys()
    verifier = TokenVerifier(keys, POLICY)
    token = minted()
    await verifier.verify(token)
    keys.known = {}
    with pytest.raises(KeysUnavailableError):
        await verifier.verify(token)


async def test_another_key_under_the_same_id_is_another_key() -> None:
    keys = Keys()
    verifier = TokenVerifier(keys, POLICY)
    token = minted()
    await verifier.verify(token)
    strange = KeyRing().keys[0].private.public_key()
    keys.known = dict.fromkeys(keys.known, strange)
    with pytest.raises(TokenRefusedError):
        await verifier.verify(token)


async def test_after_each_fetch_of_the_keys_every_token_is_looked_at_once_more() -> None:
    keys = Keys()
    verifier = TokenVerifier(keys, POLICY)
    token = minted()
    await verifier.verify(token)
    keys.fetch()
    for _ in range(3):
        await verifier.verify(token)
    assert keys.asked_count == 2


async def test_the_memory_is_bounded_and_the_oldest_goes_first() -> None:
    keys = Keys()
    verifier = TokenVerifier(keys, POLICY, remembered_max=2)
    first, second, third = (minted(user=f"user_{number}") for number in range(3))
    for token in (first, second, third, second, third):
        await verifier.verify(token)
    assert keys.asked_count == 3
    await verifier.verify(first)
    assert keys.asked_count == 4, "it had to make room"


@pytest.mark.server
async def test_a_rotated_away_key_is_believed_no_longer_than_the_keys_are_kept(issuer_url: str) -> None:
    """With the real store and a real issuer."""
    store = JwksStore(f"{issuer_url}/.well-known/jwks.json", limits=JwksLimits(ttl_s=0.2, unknown_kid_every_s=0.0))
    verifier = TokenVerifier(store, TokenPolicy(issuer=issuer_url, parties=PARTIES))
    with httpx.Client(base_url=issuer_url, **PLAIN_HTTP) as issuer:
        issuer.post("/_issuer/reset").raise_for_status()
        await store.open()
        try:
            token = mint_at(issuer_url)
            await verifier.verify(token)
            for _ in range(2):  # after the first, the key before is still published
                issuer.post("/_issuer/rotate").raise_for_status()
            assert await _refused_in_the_end(verifier, token)
            await verifier.verify(mint_at(issuer_url))
        finally:
            await store.close()
            issuer.post("/_issuer/reset").raise_for_status()


async def _refused_in_the_end(verifier: TokenVerifier, token: str) -> bool:
    for _ in range(100):
        try:
            await verifier.verify(token)
        except TokenRefusedError:
            return True
        await anyio.sleep(0.1)
    return False
