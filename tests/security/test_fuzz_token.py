"""Session tokens, tried by the thousand: only the exact good form is believed, and nothing that can be sent makes the
verifier do anything but believe or refuse. What is good is said here a second time, in other words than the verifier's.
"""

import base64
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.auth.principal import Principal
from gateway.auth.token import TokenPolicy, TokenRefusedError
from gateway.auth.verifier import TokenVerifier
from local.issuer.key import KeyRing
from local.issuer.token import Wish, mint
from local.issuer.variant import BAD, GOOD

ISSUER = "https://clerk.example.com"
PARTIES = frozenset({"http://localhost:3000", "https://app.example.com"})
RING = KeyRing()
COUNTS: Counter[str] = Counter()
LONG = settings(deadline=None, suppress_health_check=list(HealthCheck))


class Keys:
    """The two published ones."""

    is_ready = True

    def __init__(self) -> None:
        self.known = {key.kid: key.private.public_key() for key in RING.keys}

    async def key(self, kid: str) -> RSAPublicKey | None:
        return self.known.get(kid)

    def trusted(self, kid: str) -> RSAPublicKey | None:
        return self.known.get(kid)


VERIFIER = TokenVerifier(Keys(), TokenPolicy(issuer=ISSUER, parties=PARTIES))


def verify(token: str) -> Principal | None:
    """None if it was refused; anything else that is raised is a fault. It never waits, so it needs no loop."""
    turn = VERIFIER.verify(token)
    try:
        turn.send(None)
    except StopIteration as done:
        COUNTS["believed"] += 1
        return done.value
    except TokenRefusedError:
        COUNTS["refused"] += 1
        return None
    raise AssertionError("it waited")


def minted(**wish: Any) -> str:
    return mint(RING, ISSUER, Wish.read(wish), int(time.time()))[0]


# What a good token is, once more.


def is_good(header: dict[str, Any], claims: dict[str, Any]) -> bool:
    return (
        header["alg"] == "RS256"
        and not {"crit", "b64"} & header.keys()
        and str(header.get("typ")).casefold() not in ("at+jwt", "application/at+jwt")
        and ("cat" not in header or header["cat"] in ("cl_B7d4PD111AAA", "cl_I7d4PD111III"))
        and header.get("kid") == RING.keys[0].kid
        and _is_its_time(claims)
        and claims.get("iss") == ISSUER
        and _is_id(claims.get("sub"), "user_")
        and _is_id(claims.get("sid"), "sess_")
        and _is_one_of(claims.get("azp"), PARTIES)
        and ("sts" not in claims or claims["sts"] == "active")
        and isinstance(claims.get("jti", ""), str)
        and _organisation(claims) is not False
    )


def _is_its_time(claims: dict[str, Any]) -> bool:
    """By a clock that may have gone on by a second meanwhile: nothing is tried so near to the edge."""
    now = time.time()
    instants = [claims.get(name) for name in ("exp", "iat", "nbf")]
    if any(type(one) not in (int, float) or not 0 <= one <= 2**53 for one in instants):
        return False
    expires, issued, begins = instants
    return expires + 5 > now and issued <= now + 5 and begins <= now + 5


def _is_one_of(value: object, allowed: frozenset[str]) -> bool:
    return isinstance(value, str) and value in allowed


def _is_id(value: object, start: str) -> bool:
    if not isinstance(value, str) or not value.startswith(start):
        return False
    rest = value[len(start) :]
    return 0 < len(rest) <= 100 and rest.isascii() and rest.replace("_", "a").isalnum()


def _organisation(claims: dict[str, Any]) -> str | bool | None:
    """False if it cannot be told."""
    said = [claims[name] for name in ("org_id",) if claims.get(name) is not None]
    if claims.get("o") is not None:
        said.append(claims["o"].get("id") if isinstance(claims["o"], dict) else None)
    if not said:
        return None
    if not all(_is_id(f"_{one}", "_") and isinstance(one, str) for one in said) or any(one != said[0] for one in said):
        return False
    return said[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NOW = int(time.time())
NEAR: dict[str, list[Any]] = {
    "iss": [ISSUER, ISSUER + "/", ISSUER.upper(), ISSUER.removeprefix("https://"), [ISSUER], ""],
    "sub": ["user_a", "user_", "user-a", "User_a", "mch_a", "user_a\n", "user_é", "user_" + "a" * 101, ["user_a"]],
    "sid": ["sess_a", "sess_", "sess_a b", "client_a", "sess_١"],
    "azp": [*PARTIES, "http://localhost:3001", "http://localhost:3000/", "null", "", *[[one] for one in PARTIES]],
    "exp": [NOW + 600, NOW + 10**6, NOW - 3600, 0, -1, 2**53, 2**53 + 2, str(NOW + 600), True, NOW + 0.5 + 600],
    "iat": [NOW, NOW - 10**6, NOW + 3600, 0, 0.5, "0", False],
    "nbf": [NOW, NOW - 10**6, NOW + 3600, 0, 0.5, "0", False],
    "sts": ["active", "pending", "Active", "", None, True],
    "o": [{"id": "org_a"}, {"id": "org_b", "rol": "admin"}, {"id": ""}, {}, [], "org_a", {"id": "a b"}, {"id": None}],
    "org_id": ["org_a", "org_b", "", "org a", 7, ["org_a"]],
    "act": [{"sub": "user_b"}, {}, None],
    "jti": ["x", 7, None],
    "aud": ["x", ["x"], 7],
}
HEADERS: dict[str, list[Any]] = {
    "alg": ["RS256", "RS384", "none", "HS256", "rs256", ["RS256"]],
    "kid": [RING.keys[0].kid, RING.keys[0].kid + " ", "ins_x", "", 7],
    "typ": ["JWT", "at+jwt", "AT+JWT", "application/at+jwt", "x", 7],
    "cat": ["cl_B7d4PD111AAA", "cl_I7d4PD111III", "cl_B7d4PD222AAA", "cl_B7d4PD333AAA", "", 7, ["cl_B7d4PD111AAA"]],
    "crit": [["exp"], [], ["b64"], "b64"],
    "b64": [True, False],
    "jku": ["https://evil.example/keys"],
    "jwk": [{"kty": "oct", "k": "AA"}],
    "x5c": [["MII"]],
}
LEFT_OUT = object()


def changes(near: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the names, each with a value that is nearly right, or any, or left out."""
    pairs = [
        st.tuples(st.just(name), st.sampled_from([*values, *values, LEFT_OUT]) | JSON) for name, values in near.items()
    ]
    return st.lists(st.one_of(pairs), max_size=3).map(dict)


def applied(given_: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (given_ | changed).items() if value is not LEFT_OUT}


def signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """By the issuer's own hand, which leaves out what is None: so None is put in afterwards, as JSON's null."""
    text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{_base64url(RING.keys[0].private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@settings(LONG, max_examples=1200)
@given(header=changes(HEADERS), claims=changes(NEAR))
@example(header={}, claims={"exp": str(NOW + 600)})
@example(header={"crit": ["b64"], "b64": True}, claims={})
@example(header={}, claims={"nbf": False})
@example(header={}, claims={"o": {"id": "org_a"}, "org_id": "org_b"})
def test_only_the_exact_good_form_is_believed(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Signed by the right key, so that everything depends on what is in it."""
    usual = {"alg": "RS256", "kid": RING.keys[0].kid, "typ": "JWT", "cat": "cl_B7d4PD111AAA"}
    said = {
        "azp": "http://localhost:3000", "exp": NOW + 10**6, "iat": NOW - 10, "nbf": NOW - 10, "iss": ISSUER,
        "jti": "j", "sid": "sess_1", "sts": "active", "sub": "user_1", "v": 2,
    }  # fmt: skip
    header, claims = applied(usual, header), applied(said, claims)
    # As the verifier will read them: JSON knows no tuples and no keys but texts.
    header, claims = json.loads(json.dumps(header)), json.loads(json.dumps(claims))
    principal = verify(signed(header, claims))
    assert (principal is not None) == (header.get("alg") == "RS256" and is_good(header, claims))
    if principal is not None:
        assert principal.user_id == claims["sub"]
        assert principal.org_id == _organisation(claims)
        assert principal.is_impersonated == (claims.get("act") is not None)


@pytest.mark.parametrize("org", [False, True])
def test_a_token_that_was_touched_anywhere_is_refused(org: bool) -> None:
    """A letter replaced, put in or left out at every place. That the same bytes have no second spelling is part of
    it."""
    good = TOUCHED[org]
    for at in range(len(good) + 1):
        assert verify(good[:at] + good[at + 1 :]) is None or at == len(good)
        for letter in "Ab0-_.=+ \n\x00é":
            assert verify(good[:at] + letter + good[at:]) is None
            assert verify(touched := good[:at] + letter + good[at + 1 :]) is None or touched == good


TOUCHED = {org: minted(user="user_a", org="org_a" if org else None, expires_in=100_000) for org in (False, True)}


def test_no_bytes_are_believed_and_none_are_another_error() -> None:
    chance = random.Random(20261128)
    for _ in range(20_000):
        parts = [_base64url(chance.randbytes(chance.randrange(60))) for _ in range(chance.choice([1, 2, 3, 3, 3, 4]))]
        assert verify(".".join(parts)) is None
        assert verify(chance.randbytes(chance.randrange(200)).decode("latin-1")) is None


@settings(LONG, max_examples=600)
@given(
    text=st.text(max_size=400)
    | st.binary(max_size=400).map(lambda raw: raw.decode("latin-1"))
    | st.lists(st.binary(max_size=120).map(_base64url), min_size=3, max_size=3).map(".".join)
    | st.lists(JSON.map(lambda value: _base64url(json.dumps(value).encode())), min_size=3, max_size=3).map(".".join)
)
@example("\ud800.a.b")
@example(_base64url(b"[" * 5000) + ".e30.AA")
@example(
    _base64url(b'{"alg":"RS256","kid":"' + RING.keys[0].kid.encode() + b'"}') + "." + _base64url(b"[" * 5000) + ".AA"
)
@example(_base64url(b'{"alg":"RS256","alg":"none","kid":"x"}') + ".e30.AA")
def test_no_text_is_believed_and_none_is_another_error(text: str) -> None:
    assert verify(text) is None


def test_parts_of_good_tokens_make_no_good_token() -> None:
    """Header, claims and signature of any two tokens in any arrangement."""
    wishes = [{}, {"key": 1}, {"org": "org_a"}, {"user": "user_b"}, {"key": "unknown"}, {"key": "wrong"}]
    tokens = [minted(**wish) for wish in wishes]
    parts = [token.split(".") for token in tokens]
    believed = {token for token in tokens[:4] if verify(token)}
    assert len(believed) == 4
    for first in parts:
        for second in parts:
            for third in parts:
                token = f"{first[0]}.{second[1]}.{third[2]}"
                assert (verify(token) is not None) == (token in believed)


def test_our_public_keys_are_no_secrets_to_sign_with() -> None:
    """The classic confusion, with every form in which a public key can be written, and every algorithm of HMAC."""
    public = RING.keys[0].private.public_key()
    forms = [
        public.public_bytes(encoding, form)
        for encoding, form in (
            (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            (Encoding.PEM, PublicFormat.PKCS1),
            (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            (Encoding.DER, PublicFormat.PKCS1),
            (Encoding.OpenSSH, PublicFormat.OpenSSH),
        )
    ]
    forms += [RING.keys[0].jwk()["n"].encode(), json.dumps(RING.keys[0].jwk()).encode(), b" "]
    claims = jwt.decode(minted(), options={"verify_signature": False})
    for secret in forms:
        for algorithm, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), ("RS256", "sha256")):
            text = ".".join(
                _base64url(json.dumps(part).encode())
                for part in ({"alg": algorithm, "kid": RING.keys[0].kid, "typ": "JWT"}, claims)
            )
            token = f"{text}.{_base64url(hmac.new(secret, text.encode(), digest).digest())}"
            assert verify(token) is None


def test_how_many_were_tried(record_property: Callable[[str, object], None]) -> None:
    believed, refused = COUNTS["believed"], COUNTS["refused"]
    record_property("told", f"session tokens tried at random: {refused + believed}, {believed} of them good")
    record_property("told", f"named token variants: {len(GOOD)} good, {len(BAD)} bad")
    assert believed + refused == 0 or refused > 1000
