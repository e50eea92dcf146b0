"""QStash's signatures, tried by the thousand, with its own Receiver as the oracle: what we believe it believes too, but
for the clocks and where it is known to stumble."""

import base64
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from qstash import Receiver

from webhook.signature import Keys, Reason, SignatureRefusedError, verify

URL = "https://hooks.example.com/api/qstash/process-scraping"
CURRENT = "sig_current_key_of_the_tests_000"
NEXT = "sig_next_key_of_the_tests_000000"
KEYS = Keys(CURRENT, NEXT)
ALL_KEYS = [CURRENT, NEXT, "sig_a_key_that_is_not_ours_00000", CURRENT[:-1], CURRENT + "0", " ", "0"]
BODY = b'{"jobId": "1"}'
COUNTS: Counter[str] = Counter()
LONG = settings(deadline=None, suppress_health_check=list(HealthCheck))
RECEIVER = Receiver(CURRENT, NEXT)
pytestmark = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hashed(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()


def signed(header: Any, claims: Any, key: str, digest: str = "sha256") -> str:
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{encoded(hmac.new(key.encode(), text.encode(), digest).digest())}"


def judge(token: str | None, body: bytes = BODY, now: datetime | None = None) -> str | None:
    """The key that made it, None if it was refused; anything else that is raised is a fault."""
    try:
        key = verify(token, body, keys=KEYS, url=URL, now=now or datetime.now(UTC)).key
    except SignatureRefusedError as error:
        COUNTS["refused"] += error.reason in Reason
        return None
    COUNTS["believed"] += 1
    return key


def oracle(token: str, body: bytes) -> bool:
    try:
        RECEIVER.verify(signature=token, body=body.decode(), url=URL)
    except Exception:  # noqa: BLE001 - it raises KeyError and others where it should not
        return False
    return True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
# Seconds from now; nothing so near to an edge that the time of the test itself would decide.
OFFSETS = [-10_000, -400, -70, -50, -10, -3, 3, 10, 50, 70, 400, 10_000]
LEFT_OUT = object()
NEAR: dict[str, list[Any]] = {
    "iss": ["Upstash", "upstash", "Upstash ", ["Upstash"], ""],
    "sub": [URL, URL + "/", URL.upper(), URL + "?", URL.replace("https", "http"), "", [URL], None],
    "body": [hashed(BODY), hashed(BODY).rstrip("="), hashed(b""), "", "=", hashed(BODY)[:-5], 7, [hashed(BODY)]],
    "jti": ["jwt_2", "", "j" * 300, 7, "a\x00", None],
    "aud": ["x", ["x"]],
}
HEADERS: dict[str, list[Any]] = {
    "alg": ["HS256", "HS384", "HS512", "none", "None", "RS256", ["HS256"], 7],
    "typ": ["JWT", "x", 7],
    "crit": [["b64"], [], ["exp"]],
    "b64": [True, False],
    "kid": ["x", 7],
}


def changes(near: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    pairs = [
        st.tuples(st.just(name), st.sampled_from([*values, *values, LEFT_OUT]) | JSON) for name, values in near.items()
    ]
    return st.lists(st.one_of(pairs), max_size=2).map(dict)


def applied(given_: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (given_ | changed).items() if value is not LEFT_OUT}


@settings(LONG, max_examples=1500)
@given(
    header=changes(HEADERS),
    claims=changes(NEAR),
    times=st.dictionaries(
        st.sampled_from(["exp", "nbf", "iat"]), st.sampled_from(OFFSETS) | st.just(LEFT_OUT) | JSON, max_size=2
    ),
    key=st.sampled_from(ALL_KEYS),
    digest=st.sampled_from(["sha256"] * 6 + ["sha384", "sha512"]),
)
@example(header={"crit": ["b64"], "b64": True}, claims={}, times={}, key=CURRENT, digest="sha256")
@example(header={}, claims={"body": None}, times={}, key=CURRENT, digest="sha256")
@example(header={}, claims={"jti": None}, times={}, key=NEXT, digest="sha256")
def test_we_believe_nothing_that_qstash_own_receiver_refuses(
    header: dict[str, Any], claims: dict[str, Any], times: dict[str, Any], key: str, digest: str
) -> None:
    """Times that its clock cannot forgive and ours can are left out; the others must be believed by both or neither."""
    at = int(time.time())
    moved = {
        name: at + value if type(value) is int and abs(value) <= 10_000 else value for name, value in times.items()
    }
    usual = {
        "iss": "Upstash", "sub": URL, "exp": at + 300, "iat": at - 2, "nbf": 0, "jti": "jwt_1", "body": hashed(BODY),
    }  # fmt: skip
    said = applied(usual, claims | moved)
    token = signed(applied({"alg": "HS256", "typ": "JWT"}, header), said, key, digest)
    ours, theirs = judge(token), oracle(token, BODY)
    if ours is not None:
        assert key == {"current": CURRENT, "next": NEXT}[ours]
        assert digest == "sha256"
        assert (said["iss"], said["sub"], said["body"].rstrip("=")) == ("Upstash", URL, hashed(BODY).rstrip("="))
    is_forgiven = any(name in times for name in ("exp", "nbf", "iat"))
    if ours is not None and not theirs:
        assert is_forgiven, "only a clock makes us more generous"
    if theirs and ours is None:
        # It takes a token without an id, or with an odd one, and numbers of seconds that are none.
        assert {"jti", *times} & {*claims, *times}, said


@pytest.mark.parametrize("key", [CURRENT, NEXT])
def test_a_signature_that_was_touched_anywhere_is_refused(key: str) -> None:
    """A letter replaced, put in or left out at every place."""
    good = TOUCHED[key]
    for at in range(len(good) + 1):
        assert judge(good[:at] + good[at + 1 :]) is None or at == len(good)
        for letter in "Ab0-_.=+ \n\x00é":
            assert judge(good[:at] + letter + good[at:]) is None
            assert judge(touched := good[:at] + letter + good[at + 1 :]) is None or touched == good


TOUCHED = {
    key: signed(
        {"alg": "HS256", "typ": "JWT"},
        {"iss": "Upstash", "sub": URL, "exp": int(time.time()) + 10**6, "nbf": 0, "jti": "j", "body": hashed(BODY)},
        key,
    )
    for key in (CURRENT, NEXT)
}


def test_no_bytes_are_believed_and_none_are_another_error() -> None:
    chance = random.Random(20261128)
    for _ in range(20_000):
        parts = [encoded(chance.randbytes(chance.randrange(60))) for _ in range(chance.choice([1, 2, 3, 3, 3, 4]))]
        assert judge(".".join(parts), chance.randbytes(8)) is None
        assert judge(chance.randbytes(chance.randrange(200)).decode("latin-1")) is None


@settings(LONG, max_examples=600)
@given(
    text=st.text(max_size=400)
    | st.binary(max_size=400).map(lambda raw: raw.decode("latin-1"))
    | st.lists(st.binary(max_size=120).map(encoded), min_size=3, max_size=3).map(".".join)
    | st.lists(JSON.map(lambda value: encoded(json.dumps(value).encode())), min_size=3, max_size=3).map(".".join),
    body=st.binary(max_size=60),
)
@example(text="\ud800.a.b", body=b"")
@example(text=encoded(b"[" * 2900) + ".e30.AA", body=b"")
def test_no_text_is_believed_and_none_is_another_error(text: str, body: bytes) -> None:
    assert judge(text, body) is None


@settings(LONG, max_examples=300)
@given(body=st.binary(max_size=80), other=st.binary(max_size=80))
def test_a_signature_is_good_for_its_own_bytes_only(body: bytes, other: bytes) -> None:
    claims = {"iss": "Upstash", "sub": URL, "exp": int(time.time()) + 300, "nbf": 0, "jti": "j", "body": hashed(body)}
    token = signed({"alg": "HS256"}, claims, CURRENT)
    assert judge(token, body) == "current"
    assert (judge(token, other) == "current") == (body == other)


def test_how_many_were_tried(record_property: Callable[[str, object], None]) -> None:
    believed, refused = COUNTS["believed"], COUNTS["refused"]
    record_property("told", f"QStash signatures tried at random: {refused + believed}, {believed} of them good")
    assert believed + refused == 0 or refused > 1000
