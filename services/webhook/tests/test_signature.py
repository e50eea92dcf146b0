"""The verifier alone: a table of what is believed, laws, and QStash's own Receiver as the oracle."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qstash import Receiver

from webhook.signature import TOKEN_LENGTH_MAX, Keys, Reason, SignatureRefusedError, verify

URL = "https://hooks.example.com/api/qstash/process-scraping"
BODY = b'{"jobId": "1"}'
CURRENT = "sig_current_key_of_the_tests_000"
NEXT = "sig_next_key_of_the_tests_000000"
OTHER = "sig_a_key_that_is_not_ours_00000"
KEYS = Keys(CURRENT, NEXT)
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())


def hashed(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()


def claims_at(at: int, body: bytes = BODY) -> dict[str, Any]:
    return {
        "iss": "Upstash",
        "sub": URL,
        "exp": at + 300,
        "iat": at,
        "nbf": 0,
        "jti": "jwt_1",
        "body": hashed(body),
    }


def token(*, key: str = CURRENT, headers: Any = None, **changes: Any) -> str:
    """A token of now; a claim given as None is left out."""
    claims = {name: value for name, value in (claims_at(AT) | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm="HS256", headers=headers)


def by_hand(header: bytes, payload: bytes, key: str = CURRENT, digest: str = "sha256") -> str:
    """A token whose parts need not be JSON."""
    parts = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    mac = hmac.new(key.encode(), parts, digest).digest()
    return (parts + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def judge(candidate: str | None, raw: bytes = BODY, url: str = URL, now: datetime = NOW) -> str:
    """The key's name, or the reason of the refusal."""
    try:
        return verify(candidate, raw, keys=KEYS, url=url, now=now).key
    except SignatureRefusedError as error:
        return error.reason.value


def respelled() -> str:
    """The spare bits of the signature's last letter set: the same bytes to a lenient reader."""
    good = token()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return good[:-1] + letters[letters.index(good[-1]) ^ 1]


UNPADDED = hashed(BODY).rstrip("=")
GOOD = json.dumps(claims_at(AT)).encode()
HS256 = b'{"alg":"HS256","typ":"JWT"}'

TABLE = {
    "current key": (token(), "current"),
    "next key": (token(key=NEXT), "next"),
    "no iat": (token(iat=None), "current"),
    "iat in the future": (token(iat=AT + 3600), "current"),
    "iat in another century": (token(iat=10**10), "current"),
    "padded hash": (token(body=hashed(BODY)), "current"),
    "unpadded hash": (token(body=UNPADDED), "current"),
    "a claim that we do not know": (token(extra={"a": [1]}), "current"),
    "another type in the header": (token(headers={"typ": "QStash"}), "current"),
    "expired within the leeway": (token(exp=AT - 59), "current"),
    "expired beyond the leeway": (token(exp=AT - 60), Reason.EXPIRED),
    "expired long ago, next key": (token(exp=AT - 3600, key=NEXT), Reason.EXPIRED),
    "nbf within the leeway": (token(nbf=AT + 60), "current"),
    "nbf beyond the leeway": (token(nbf=AT + 61), Reason.NOT_YET_VALID),
    "fractions of a second": (token(exp=AT + 0.5, nbf=AT - 0.5), "current"),
    "no token": (None, Reason.MISSING),
    "empty token": ("", Reason.MISSING),
    "wrong key": (token(key=OTHER), Reason.WRONG_KEY),
    "alg none": (jwt.encode(claims_at(AT), None, algorithm="none") + "AA", Reason.ALGORITHM),
    "alg none, no signature": (jwt.encode(claims_at(AT), None, algorithm="none"), Reason.MALFORMED),
    "alg None in capitals": (
        by_hand(b'{"alg":"NONE","typ":"JWT"}', json.dumps(claims_at(AT)).encode()),
        Reason.ALGORITHM,
    ),
    "HS512": (by_hand(b'{"alg":"HS512"}', GOOD, digest="sha512"), Reason.ALGORITHM),
    "HS384, next key": (by_hand(b'{"alg":"HS384"}', GOOD, NEXT, "sha384"), Reason.ALGORITHM),
    "no alg": (by_hand(b'{"typ":"JWT"}', GOOD), Reason.ALGORITHM),
    "alg is a list": (by_hand(b'{"alg":["HS256"]}', GOOD), Reason.ALGORITHM),
    "a critical header": (token(headers={"crit": ["b64"], "b64": False}), Reason.MALFORMED),
    "another issuer": (token(iss="upstash"), Reason.ISSUER),
    "issuer is a list": (by_hand(HS256, json.dumps(claims_at(AT) | {"iss": ["Upstash"]}).encode()), Reason.ISSUER),
    "another route": (token(sub=URL.replace("process-scraping", "job-failed")), Reason.SUBJECT),
    "trailing slash": (token(sub=URL + "/"), Reason.SUBJECT),
    "another host": (token(sub=URL.replace("example", "example2")), Reason.SUBJECT),
    "another scheme": (token(sub=URL.replace("https", "http")), Reason.SUBJECT),
    "a port": (token(sub=URL.replace(".com", ".com:443")), Reason.SUBJECT),
    "capitals": (token(sub=URL.replace("hooks", "Hooks")), Reason.SUBJECT),
    "a query": (token(sub=URL + "?a=1"), Reason.SUBJECT),
    "a fragment": (token(sub=URL + "#a"), Reason.SUBJECT),
    "escaped letters": (token(sub=URL.replace("api", "%61pi")), Reason.SUBJECT),
    "empty sub": (token(sub=""), Reason.SUBJECT),
    "sub is a list": (by_hand(HS256, json.dumps(claims_at(AT) | {"sub": [URL]}).encode()), Reason.CLAIM_MALFORMED),
    "another body's hash": (token(body=hashed(b"{}")), Reason.BODY),
    "empty hash": (token(body=""), Reason.BODY),
    "only padding": (token(body="="), Reason.BODY),
    "half a hash": (token(body=UNPADDED[:20]), Reason.BODY),
    "hash in another alphabet": (token(body=UNPADDED + "é\u2028"), Reason.BODY),
    "half a surrogate": (by_hand(HS256, json.dumps(claims_at(AT) | {"body": "\ud800"}).encode()), Reason.BODY),
    "hash is a number": (token(body=7), Reason.CLAIM_MALFORMED),
    "hash is a list": (token(body=[UNPADDED]), Reason.CLAIM_MALFORMED),
    "no iss": (token(iss=None), Reason.CLAIM_MISSING),
    "no sub": (token(sub=None), Reason.CLAIM_MISSING),
    "no exp": (token(exp=None), Reason.CLAIM_MISSING),
    "no nbf": (token(nbf=None), Reason.CLAIM_MISSING),
    "no jti": (token(jti=None), Reason.CLAIM_MISSING),
    "no body": (token(body=None), Reason.CLAIM_MISSING),
    "empty jti": (token(jti=""), Reason.CLAIM_MALFORMED),
    "long jti": (token(jti="j" * 257), Reason.CLAIM_MALFORMED),
    "NUL in the jti": (token(jti="a\x00"), Reason.CLAIM_MALFORMED),
    "jti is a number": (token(jti=7), Reason.CLAIM_MALFORMED),
    "exp is text": (by_hand(HS256, json.dumps(claims_at(AT) | {"exp": str(AT + 9)}).encode()), Reason.CLAIM_MALFORMED),
    "exp is true": (token(exp=True), Reason.CLAIM_MALFORMED),
    "exp is NaN": (token(exp=float("nan")), Reason.CLAIM_MALFORMED),
    "exp is infinite": (token(exp=float("inf")), Reason.CLAIM_MALFORMED),
    "exp is too large": (token(exp=10**400), Reason.CLAIM_MALFORMED),
    "exp at the end of all clocks": (token(exp=2**53), "current"),
    "exp beyond all clocks": (token(exp=2**53 + 2), Reason.CLAIM_MALFORMED),
    "a jti of one letter": (token(jti="j"), "current"),
    "a letter after the hash": (token(body=UNPADDED + "x"), Reason.BODY),
    "nbf is negative": (token(nbf=-1), Reason.CLAIM_MALFORMED),
    "payload is a list": (by_hand(HS256, b"[]"), Reason.MALFORMED),
    "payload is not JSON": (by_hand(HS256, b"\xff"), Reason.MALFORMED),
    "payload of brackets": (by_hand(HS256, b"[" * 2900), Reason.MALFORMED),
    "header is not JSON": (by_hand(b"{", b"{}"), Reason.MALFORMED),
    "header of brackets": (by_hand(b"[" * 2900, b"{}"), Reason.MALFORMED),
    "header of braces": (by_hand(b'{"a":' * 600, b"{}"), Reason.MALFORMED),
    "two parts": ("a.b", Reason.MALFORMED),
    "four parts": (token() + ".a", Reason.MALFORMED),
    "a blank before": (" " + token(), Reason.MALFORMED),
    "a newline after": (token() + "\n", Reason.MALFORMED),
    "padding after": (token() + "=", Reason.MALFORMED),
    "Bearer before": ("Bearer " + token(), Reason.MALFORMED),
    "another spelling of the same signature": (respelled(), Reason.MALFORMED),
    "foreign letters": ("é" + token(), Reason.MALFORMED),
    "too long": (token(extra="x" * TOKEN_LENGTH_MAX), Reason.TOO_LONG),
}


@pytest.mark.parametrize("name", TABLE)
def test_table(name: str) -> None:
    """Each variant is believed, or refused for its own reason."""
    candidate, verdict = TABLE[name]
    assert judge(candidate) == str(verdict)


def test_the_hash_is_of_the_bytes_that_came() -> None:
    """The same JSON written otherwise, a swapped body, and no body are other bytes."""
    assert judge(token(), BODY) == "current"
    for raw in (b'{"jobId":"1"}', BODY + b"\n", b"", b"\xff", b"{}"):
        assert judge(token(), raw) == Reason.BODY
    assert judge(token(body=hashed(b"")), b"") == "current"
    assert judge(token(body=hashed(b"\xff\xfe")), b"\xff\xfe") == "current"


def test_the_time_is_the_one_that_it_is_told() -> None:
    """Not the library's: a token of tomorrow is good tomorrow."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    at = int(tomorrow.timestamp())
    assert judge(token(exp=at + 300, nbf=at - 1, iat=at), now=tomorrow) == "current"


def test_the_longest_token_that_is_read() -> None:
    """A long public address still fits."""
    url = "https://example.com/" + "a" * 2000
    assert judge(token(sub=url), url=url) == "current"


# Laws

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
GOOD_TOKEN = token()
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=~ \n"


@given(position=st.integers(0, len(GOOD_TOKEN) - 1), letter=st.sampled_from(LETTERS), kind=st.sampled_from("rid"))
@settings(max_examples=1500)
def test_no_mutated_token_is_believed(position: int, letter: str, kind: str) -> None:
    """One letter replaced, inserted or dropped anywhere makes another token, and that one is refused."""
    rest = position if kind == "i" else position + 1
    mutated = GOOD_TOKEN[:position] + ("" if kind == "d" else letter) + GOOD_TOKEN[rest:]
    assert mutated == GOOD_TOKEN or judge(mutated) not in ("current", "next")


@given(raw=st.binary(max_size=40))
def test_no_other_body_is_believed(raw: bytes) -> None:
    """A token is good for its own body only."""
    assert (judge(GOOD_TOKEN, raw) == "current") == (raw == BODY)


@given(candidate=st.text(max_size=300) | st.lists(st.text("AZaz09-_=", max_size=40), max_size=4).map(".".join))
@settings(max_examples=500)
def test_no_text_breaks_the_verifier(candidate: str) -> None:
    """Whatever is no token is refused, and nothing else happens."""
    assert judge(candidate) not in ("current", "next")


@given(
    changes=st.dictionaries(
        st.sampled_from(["iss", "sub", "exp", "nbf", "iat", "jti", "body", "aud"]), JSON, max_size=4
    )
)
@settings(max_examples=1000)
def test_no_claims_break_the_verifier(changes: dict[str, Any]) -> None:
    """Claims of any shape, signed by the right key, are believed or refused, and nothing else happens."""
    payload = json.dumps(claims_at(AT) | changes).encode()
    verdict = judge(by_hand(HS256, payload))
    assert verdict in {"current", *Reason}
    if verdict == "current":
        assert {"iss", "sub", "body"}.isdisjoint(name for name, value in changes.items() if value is not None)


@given(header=JSON, key=st.sampled_from([CURRENT, NEXT, OTHER]))
def test_no_header_breaks_the_verifier(header: Any, key: str) -> None:
    """Nor do headers of any shape."""
    assert judge(by_hand(json.dumps(header).encode(), json.dumps(claims_at(AT)).encode(), key)) in {*Reason}


# The oracle

OFFSETS = st.sampled_from([-4000, -300, -61, -60, -59, -30, -2, 0, 2, 30, 59, 60, 61, 300, 4000])


@st.composite
def variants(draw: st.DrawFn) -> dict[str, Any]:
    """A token of now with some things wrong, and what was asked."""
    body = draw(st.sampled_from([BODY, b"", b"{}", "ä".encode()]))
    hash_of = draw(st.sampled_from([body, body, body, b"another"]))
    return {
        "body": body,
        "key": draw(st.sampled_from([CURRENT, CURRENT, NEXT, OTHER])),
        "algorithm": draw(st.sampled_from(["HS256", "HS256", "HS256", "HS512"])),
        "exp": draw(st.just(300) | OFFSETS),
        "nbf": draw(st.none() | OFFSETS),
        "iat": draw(st.just(0) | OFFSETS),
        "claims": {
            "iss": draw(st.sampled_from(["Upstash"] * 4 + ["upstash"])),
            "sub": draw(st.sampled_from([URL] * 4 + [URL + "/", URL + "?a", ""])),
            "body": draw(st.sampled_from([hashed(hash_of), hashed(hash_of).rstrip("=")])),
        },
        "left_out": draw(st.sampled_from(["", "", "", "", "iss", "sub", "exp", "nbf", "jti", "body", "iat"])),
    }


def oracle_believes(candidate: str, body: bytes) -> bool:
    try:
        Receiver(CURRENT, NEXT).verify(signature=candidate, body=body.decode(), url=URL)
    except Exception:  # noqa: BLE001 - it raises KeyError and others where it should not
        return False
    return True


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@given(variant=variants())
@settings(max_examples=1500, deadline=None)
def test_agrees_with_the_official_receiver(variant: dict[str, Any]) -> None:
    """But for what is declared here: clocks may differ by a minute, `iat` does not count, and a `jti` is required."""
    now = datetime.now(UTC)
    at = int(now.timestamp())
    claims = claims_at(at, variant["body"]) | variant["claims"]
    claims |= {"exp": at + variant["exp"], "iat": at + variant["iat"]}
    claims["nbf"] = 0 if variant["nbf"] is None else at + variant["nbf"]
    claims.pop(variant["left_out"], None)
    candidate = jwt.encode(claims, variant["key"], algorithm=variant["algorithm"])
    ours = judge(candidate, variant["body"], now=now)
    theirs = oracle_believes(candidate, variant["body"])
    is_declared = (
        -60 < variant["exp"] <= 2 or (variant["nbf"] is not None and 0 <= variant["nbf"] <= 60) or variant["iat"] >= 0
    )
    if ours in ("current", "next"):
        assert theirs or is_declared
    elif theirs:
        assert variant["left_out"] == "jti"


def test_the_leeway_is_a_minute() -> None:
    """Long enough for a clock that is off, shorter than what a replay is remembered for."""
    late = NOW + timedelta(seconds=359)
    assert judge(token(), now=late) == "current"
    assert judge(token(), now=late + timedelta(seconds=1)) == Reason.EXPIRED
