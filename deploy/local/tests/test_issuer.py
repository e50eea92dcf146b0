"""The issuer over real sockets: tokens as Clerk mints them, keys as Clerk publishes them, and its switches."""

import base64
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from local.child import Command
from local.issuer.client import mint
from local.loopback import PLAIN_HTTP
from local.port import free_port
from local.process import Part, Supervisor

pytestmark = pytest.mark.server

JWKS = "/.well-known/jwks.json"
REQUIRED = ["exp", "iat", "nbf", "iss", "sub", "sid", "jti"]


@pytest.fixture(scope="module")
def issuer_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("issuer") / "issuer.log"
    command = Command("issuer", [sys.executable, "-m", "local.issuer.main", "--port", str(port)], dict(os.environ), log)
    with Supervisor() as supervisor:
        supervisor.start(Part(command, f"http://127.0.0.1:{port}/readyz"))
        yield f"http://127.0.0.1:{port}"
    assert log.read_text() == ""


@pytest.fixture
def client(issuer_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=issuer_url, **PLAIN_HTTP, timeout=10) as client:
        client.post("/_issuer/reset").raise_for_status()
        yield client


def published(client: httpx.Client) -> jwt.PyJWKSet:
    return jwt.PyJWKSet.from_dict(client.get(JWKS).raise_for_status().json())


def verify(client: httpx.Client, token: str, issuer: str) -> dict[str, Any]:
    """The claims of a token, verified with the published keys by a library that is not ours."""
    key = published(client)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["RS256"], issuer=issuer, leeway=5, options={"require": REQUIRED})


def part(token: str, place: int) -> dict[str, Any]:
    """The header (0) or the claims (1) of a token, unverified: by hand, since no library reads all of these."""
    return json.loads(base64.urlsafe_b64decode(token.split(".")[place] + "=="))


def test_default_token(client: httpx.Client, issuer_url: str) -> None:
    """By default a session token of the second version that is good for a minute."""
    answer = client.post("/token", json={}).raise_for_status().json()
    claims = verify(client, answer["token"], issuer_url)
    assert answer["expiresAt"] == claims["exp"] == claims["iat"] + 60
    assert abs(claims["iat"] - time.time()) < 5
    assert (claims["sub"], claims["azp"], claims["v"], claims["sts"]) == (
        "user_demo",
        "http://localhost:3000",
        2,
        "active",
    )
    assert claims["sid"].startswith("sess_")
    assert "o" not in claims
    header = jwt.get_unverified_header(answer["token"])
    assert (header["alg"], header["typ"], header["cat"]) == ("RS256", "JWT", "cl_B7d4PD111AAA")


def test_user_and_organisation(client: httpx.Client, issuer_url: str) -> None:
    """The helper mints for a user, and for an organisation."""
    claims = verify(client, mint(issuer_url, "user_a", "org_x"), issuer_url)
    assert (claims["sub"], claims["o"]["id"]) == ("user_a", "org_x")


def test_any_claims(client: httpx.Client, issuer_url: str) -> None:
    """Claims and headers are replaced, added and removed at will, even those that no library would write."""
    wished = {"azp": None, "sts": "pending", "act": {"sub": "user_boss"}, "nbf": "soon"}
    token = mint(issuer_url, claims=wished, header={"typ": None, "crit": ["x"], "alg": "none"})
    header, claims = (part(token, place) for place in (0, 1))
    assert (claims["sts"], claims["act"], claims["nbf"]) == ("pending", {"sub": "user_boss"}, "soon")
    assert "azp" not in claims
    assert (header["crit"], header["alg"], "typ" in header) == (["x"], "none", False)


def test_expired(client: httpx.Client, issuer_url: str) -> None:
    """A token can be born expired."""
    with pytest.raises(jwt.ExpiredSignatureError):
        verify(client, mint(issuer_url, expires_in=-10), issuer_url)


def test_keys(client: httpx.Client, issuer_url: str) -> None:
    """Two keys with stable ids of Clerk's kind; both sign."""
    kids = [key.key_id for key in published(client).keys]
    assert len(set(kids)) == 2
    assert all(kid and kid.startswith("ins_") for kid in kids)
    assert kids == [key.key_id for key in published(client).keys]
    for place in (0, 1):
        token = mint(issuer_url, key=place)
        assert jwt.get_unverified_header(token)["kid"] == kids[place]
        assert verify(client, token, issuer_url)


def test_stranger_keys(client: httpx.Client, issuer_url: str) -> None:
    """A stranger's signature under a kid that nobody knows, and under one of ours."""
    with pytest.raises(KeyError):
        verify(client, mint(issuer_url, key="unknown"), issuer_url)
    with pytest.raises(jwt.InvalidSignatureError):
        verify(client, mint(issuer_url, key="wrong"), issuer_url)


def test_no_private_part_is_published(client: httpx.Client) -> None:
    """What is published cannot sign."""
    for key in client.get(JWKS).json()["keys"]:
        assert key.keys() == {"use", "kty", "kid", "alg", "n", "e"}


def test_rotate(client: httpx.Client, issuer_url: str) -> None:
    """After a rotation a new key signs, tokens of the former are still good, those of the one before are not."""
    former, oldest = mint(issuer_url, key=0), mint(issuer_url, key=1)
    kid = client.post("/_issuer/rotate").json()["kid"]
    token = mint(issuer_url)
    assert jwt.get_unverified_header(token)["kid"] == kid
    assert verify(client, token, issuer_url)
    assert verify(client, former, issuer_url)
    with pytest.raises(KeyError):
        verify(client, oldest, issuer_url)


def test_drop(client: httpx.Client, issuer_url: str) -> None:
    """A dropped key signs, but nobody can tell; it can be published again."""
    kid = client.post("/_issuer/drop", json={"key": 0}).json()["kid"]
    token = mint(issuer_url)
    assert jwt.get_unverified_header(token)["kid"] == kid
    with pytest.raises(KeyError):
        verify(client, token, issuer_url)
    client.post("/_issuer/restore")
    assert verify(client, token, issuer_url)


@pytest.mark.parametrize("mode", ["500", "garbage", "huge"])
def test_disturbed_keys(client: httpx.Client, mode: str) -> None:
    """The key endpoint fails as told and as often as told."""
    client.post("/_issuer/jwks", json={"mode": mode, "count": 1}).raise_for_status()
    answer = client.get(JWKS)
    assert (answer.status_code == 500) == (mode == "500")
    assert answer.headers["content-type"].startswith("application/json")
    assert (len(answer.content) > 65_536) == (mode == "huge")
    assert len(published(client).keys) == 2


def test_slow_keys(client: httpx.Client) -> None:
    """The key endpoint can keep callers waiting, until it is told otherwise."""
    client.post("/_issuer/jwks", json={"mode": "slow", "seconds": 0.4})
    for _ in range(2):
        started = time.monotonic()
        assert len(published(client).keys) == 2
        assert time.monotonic() - started >= 0.4
    client.post("/_issuer/jwks", json={"mode": "slow", "seconds": 60})
    client.post("/_issuer/jwks", json={"mode": "good"})
    started = time.monotonic()
    client.get(JWKS)
    assert time.monotonic() - started < 10


def test_stats(client: httpx.Client, issuer_url: str) -> None:
    """How often the keys were fetched is known."""
    for _ in range(3):
        client.get(JWKS)
    mint(issuer_url)
    told = client.get("/_issuer/stats").json()
    assert (told["issuer"], told["jwks_fetches"], told["tokens"]) == (issuer_url, 3, 1)


@pytest.mark.parametrize("wish", [{"sub": "user_a"}, {"key": "7"}, {"claims": 3}, {"expires_in": "1"}, {"key": True}])
def test_nonsense(client: httpx.Client, wish: object) -> None:
    """A wish that cannot be read is refused and says why."""
    answer = client.post("/token", json=wish)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_other_name(tmp_path: Path) -> None:
    """An issuer can call itself otherwise than its address."""
    port = free_port()
    argv = [sys.executable, "-m", "local.issuer.main", "--port", str(port), "--issuer", "https://clerk.example"]
    with Supervisor() as supervisor:
        command = Command("issuer", argv, dict(os.environ), tmp_path / "issuer.log")
        supervisor.start(Part(command, f"http://127.0.0.1:{port}/readyz"))
        assert part(mint(f"http://127.0.0.1:{port}"), 1)["iss"] == "https://clerk.example"
