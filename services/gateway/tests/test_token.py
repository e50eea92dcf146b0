"""The verifier by itself: whatever is changed in a good token, it is refused, and never with another error."""

import base64
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.token import TokenPolicy, TokenRefusedError, read_kid, verify_token
from local.issuer.key import KeyRing
from local.issuer.token import Wish, mint
from local.issuer.variant import BAD, GOOD, MANGLED, Mangled, Variant, resolve

pytestmark = pytest.mark.security

ISSUER = "https://clerk.example.com"
RING = KeyRing()
POLICY = TokenPolicy(issuer=ISSUER, parties=frozenset({"http://localhost:3000", "https://app.example.com"}))
KEYS = {key.kid: key.private.public_key() for key in RING.keys}


def minted(**wish: Any) -> str:
    return mint(RING, ISSUER, Wish.read(wish), int(time.time()))[0]


def verify(token: str) -> Any:
    key = KEYS.get(read_kid(token))
    if key is None:
        raise TokenRefusedError("unknown_kid")
    return verify_token(token, key, POLICY)


def judged(token: str) -> str | None:
    """The reason of the refusal, None if it is believed."""
    try:
        verify(token)
    except TokenRefusedError as error:
        return error.reason
    return None


@pytest.mark.parametrize("variant", [*GOOD, *BAD], ids=[one.name for one in (*GOOD, *BAD)])
def test_each_variant_is_believed_or_refused_for_its_own_reason(variant: Variant) -> None:
    assert judged(minted(**resolve(variant.wish, issuer=ISSUER, now=int(time.time())))) == variant.reason


@pytest.mark.parametrize("claims", [{"exp": float("inf")}, {"iat": float("-inf")}, {"nbf": float("inf")}])
def test_what_only_python_calls_json_is_refused(claims: dict[str, Any]) -> None:
    assert judged(minted(claims=claims)) is not None


def test_claims_nested_too_deep_are_refused() -> None:
    """The issuer would have to sign them; even so it is a refusal."""
    header, _, _ = minted().split(".")
    payload = base64.urlsafe_b64encode(b'{"x":' + b"[" * 4000).decode().rstrip("=")
    signature = RING.keys[0].private.sign(f"{header}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
    assert judged(f"{header}.{payload}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}") is not None


@pytest.mark.parametrize("mangled", MANGLED, ids=[one.name for one in MANGLED])
def test_each_mangled_token_is_refused_for_its_own_reason(mangled: Mangled) -> None:
    assert judged(mangled.mangle(minted())) == mangled.reason


def test_a_good_token_tells_user_session_and_owner() -> None:
    principal = verify(minted(user="user_a", claims={"sid": "sess_1"}))
    assert (principal.user_id, principal.session_id, principal.org_id, principal.actor) == (
        "user_a",
        "sess_1",
        None,
        None,
    )
    assert principal.owner == "user:user_a"
    assert verify(minted(user="user_a", org="org_b")).owner == "org:org_b"
    assert verify(minted(claims={"org_id": "org_b"})).owner == "org:org_b"
    assert verify(minted(org="org_b", claims={"org_id": "org_b"})).owner == "org:org_b"


@pytest.mark.parametrize(
    ("act", "actor"),
    [({"sub": "user_s"}, "user_s"), ({}, "unknown"), ("x", "unknown"), (False, "unknown"), ([1], "unknown")],
)
def test_any_sign_of_an_actor_is_an_impersonation(act: Any, actor: str) -> None:
    principal = verify(minted(claims={"act": act}))
    assert principal.is_impersonated
    assert principal.actor == actor


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    with pytest.raises(TokenRefusedError):
        verify(text)


@given(place=st.integers(min_value=0), sign=st.sampled_from("Aa0_-.="))
def test_one_other_sign_anywhere_and_it_is_refused(place: int, sign: str) -> None:
    token = minted()
    place %= len(token)
    changed = token[:place] + sign + token[place + 1 :]
    if decoded(changed) == decoded(token):
        return  # the last sign of a part holds bits that say nothing
    with pytest.raises(TokenRefusedError):
        verify(changed)


def decoded(token: str) -> Any:
    try:
        return [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]
    except ValueError:
        return token


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["azp", "exp", "iat", "iss", "nbf", "sid", "sub", "sts", "o", "org_id", "act"])


@given(claims=st.dictionaries(names, values, max_size=2))
def test_odd_claims_are_refused_or_change_nothing_of_who_it_is(claims: dict[str, Any]) -> None:
    """They are signed, so only a fault of the issuer brings them; still there is no other error than a refusal."""
    token = minted(user="user_a", claims=claims)
    try:
        principal = verify(token)
    except TokenRefusedError:
        return
    assert principal.user_id == "user_a"
    assert claims.get("iss") is None or claims["iss"] == ISSUER
    assert "azp" not in claims or claims["azp"] in POLICY.parties
    assert principal.org_id is None or principal.org_id in (claims.get("org_id"), (claims.get("o") or {}).get("id"))
    assert principal.is_impersonated == (claims.get("act") is not None)


@given(header=st.dictionaries(st.sampled_from(["alg", "typ", "cat", "kid", "crit", "b64"]), values, max_size=2))
def test_odd_headers_are_refused_or_harmless(header: dict[str, Any]) -> None:
    try:
        principal = verify(minted(user="user_a", header=header))
    except TokenRefusedError:
        return
    assert principal.user_id == "user_a"
    assert header.get("alg") is None or header["alg"] == "RS256"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "ES256", "rs256", None, 1])
def test_another_algorithm_is_refused_before_any_key_is_looked_for(algorithm: Any) -> None:
    with pytest.raises(TokenRefusedError, match="algorithm"):
        read_kid(minted(header={"alg": algorithm}))


def test_a_token_of_8_kib_is_read_and_a_longer_one_is_not() -> None:
    padded = minted(claims={"x": "y" * 4000})
    assert len(padded) < 8192
    assert verify(padded)
    with pytest.raises(TokenRefusedError, match="too_long"):
        verify(minted(claims={"x": "y" * 9000}))


def test_a_reason_is_a_constant() -> None:
    """It becomes a label of a metric, so nothing of the token may be in it."""
    for wish in ({"expires_in": -60}, {"claims": {"sub": "user_canary!"}}, {"header": {"kid": "canary"}}):
        with pytest.raises(TokenRefusedError) as caught:
            verify(minted(**wish))
        assert "canary" not in caught.value.reason
    assert json.dumps(caught.value.reason)
