"""Only a session token of our issuer for one of our origins is believed, and every refusal looks the same."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from litestar.routes import HTTPRoute

from gateway.app import create_routes
from gateway.auth.jwks import PemKey
from gateway.auth.token import TokenPolicy
from gateway.composition import Gateway
from gateway.metric import Metrics
from local.loopback import PLAIN_HTTP

pytestmark = pytest.mark.server

PATH = "/api/v1/campaigns"
PUBLIC = {"/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/assets/{name}"}


def claims(**given: Any) -> dict[str, Any]:
    return {"claims": given}


def header(**given: Any) -> dict[str, Any]:
    return {"header": given}


now = int(time.time())

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("a session", {}),
    ("signed with the other published key", {"key": 1}),
    ("of an organisation", {"org": "org_acme"}),
    ("of an organisation, version 1", claims(org_id="org_acme", v=None)),
    ("for our other origin", claims(azp="https://app.example.com")),
    ("without a category, as older ones", header(cat=None)),
    ("with the category that says nothing", header(cat="cl_I7d4PD111III")),
    ("without a type", header(typ=None)),
    ("with headers that we do not know", header(oiat=1, jku="https://evil.example/keys", x5u="https://evil.example")),
    ("without a status, as older ones", claims(sts=None)),
    ("with an audience", claims(aud="whoever")),
    ("expired within the leeway", {"expires_in": -2}),
    ("issued a moment ahead of our clock", claims(iat=now + 3, nbf=now + 3)),
]

BAD: list[tuple[str, dict[str, Any]]] = [
    ("of a stranger's key", {"key": "unknown"}),
    ("of a stranger's key under our kid", {"key": "wrong"}),
    ("expired", {"expires_in": -60}),
    ("without expiry", claims(exp=None)),
    ("with an expiry that is no number", claims(exp="tomorrow")),
    ("not valid yet", claims(nbf=now + 3600)),
    ("without nbf", claims(nbf=None)),
    ("issued in the future", claims(iat=now + 3600)),
    ("without iat", claims(iat=None)),
    ("of another issuer", claims(iss="https://clerk.evil.example")),
    ("of our issuer with a slash", claims(iss="ISSUER/")),
    ("without issuer", claims(iss=None)),
    ("with a list of issuers", claims(iss=["ISSUER"])),
    ("without subject", claims(sub=None)),
    ("of a machine", claims(sub="mch_1")),
    ("with an empty user", claims(sub="user_")),
    ("with a user that is no id", claims(sub="user_a'; drop table jobs")),
    ("with a user that is a number", claims(sub=7)),
    ("with a very long user", claims(sub="user_" + "a" * 200)),
    ("without session", claims(sid=None)),
    ("with a session of another kind", claims(sid="client_1")),
    ("with a session that is a number", claims(sid=1)),
    ("without authorised party", claims(azp=None)),
    ("for another origin", claims(azp="https://evil.example")),
    ("for an origin that ours is a start of", claims(azp="http://localhost:3000.evil.example")),
    ("for our origin with a slash", claims(azp="http://localhost:3000/")),
    ("for a list of origins", claims(azp=["http://localhost:3000"])),
    ("of a sign-in that is not complete", claims(sts="pending")),
    ("with a status that we do not know", claims(sts="revoked")),
    ("of an organisation that is no id", claims(o={"id": "a:b"})),
    ("of an organisation without id", claims(o={"rol": "admin"})),
    ("of an organisation that is a text", claims(o="org_acme")),
    ("of two organisations", claims(o={"id": "org_a"}, org_id="org_b")),
    ("with an empty organisation", claims(org_id="")),
    ("of the category machine", header(cat="cl_B7d4PD333AAA")),
    ("of the category template", header(cat="cl_B7d4PD222AAA")),
    ("of a category that is no text", header(cat=["cl_B7d4PD111AAA"])),
    ("of an OAuth server", header(typ="at+jwt")),
    ("of an OAuth server, long", header(typ="application/AT+JWT")),
    ("with the algorithm none", header(alg="none")),
    ("with the algorithm HS256", header(alg="HS256")),
    ("with the algorithm RS512", header(alg="RS512")),
    ("without algorithm", header(alg=None)),
    ("without kid", header(kid=None)),
    ("with a kid that is a number", header(kid=1)),
    ("with an empty kid", header(kid="")),
    ("with a kid that nobody has", header(kid="ins_nobody")),
    ("with a critical header", header(crit=["exp"], exp=1)),
    ("with an unencoded payload", header(crit=["b64"], b64=False)),
]


def resolved(wish: dict[str, Any], issuer: str) -> dict[str, Any]:
    """The wish with the issuer's address where it says ISSUER."""
    return json.loads(json.dumps(wish).replace("ISSUER", issuer))


@pytest.mark.parametrize(("_", "wish"), GOOD, ids=[name for name, _ in GOOD])
async def test_a_token_that_is_believed(gateway: Any, _: str, wish: dict[str, Any]) -> None:
    async with gateway.stranger({"Authorization": f"Bearer {gateway.token(**resolved(wish, ''))}"}) as client:
        assert (await client.get(PATH)).status_code == 200


@pytest.mark.parametrize(("_", "wish"), BAD, ids=[name for name, _ in BAD])
async def test_a_token_that_is_refused(gateway: Any, _: str, wish: dict[str, Any]) -> None:
    token = gateway.token(**resolved(wish, gateway.issuer_url))
    async with gateway.stranger({"Authorization": f"Bearer {token}"}) as client:
        check_refusal(await client.get(PATH))


def check_refusal(answer: httpx.Response) -> None:
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    body.pop("instance")
    assert body == {
        "type": "/problems/unauthenticated",
        "title": "A valid session token is required",
        "status": 401,
        "detail": "Send a valid session token as a bearer token.",
    }, "the same whatever the reason"


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


MANGLED: list[tuple[str, Callable[[str], str]]] = [
    ("without its signature", lambda token: token.rpartition(".")[0] + "."),
    ("with two parts", lambda token: token.rpartition(".")[0]),
    ("with four parts", lambda token: f"{token}.{token.partition('.')[0]}"),
    ("with other claims under its signature", lambda token: swapped(token, 1)),
    ("with another header over its signature", lambda token: swapped(token, 0)),
    ("with a bit of the signature turned", lambda token: token[:-5] + ("A" if token[-5] != "A" else "B") + token[-4:]),
    ("with padding", lambda token: token + "="),
    ("with a blank", lambda token: token + " x"),
    ("twice", lambda token: f"{token},{token}"),
    ("of 9,000 characters", lambda token: token + "A" * 9000),
    ("nested too deep", lambda token: base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=") + ".e30.AA"),
    ("with a header that is a list", lambda token: encoded([]) + token[token.index(".") :]),
    ("with a header that is no UTF-8", lambda token: "_____w" + token[token.index(".") :]),
    ("of a machine, opaque", lambda token: "mt_abcdef"),
    ("an API key", lambda token: "ak_abcdef"),
    ("a dot", lambda token: "."),
]


def swapped(token: str, place: int) -> str:
    parts = token.split(".")
    value = json.loads(base64.urlsafe_b64decode(parts[place] + "=="))
    parts[place] = encoded({**value, "sub": "user_eve", "x": 1})
    return ".".join(parts)


@pytest.mark.parametrize(("_", "mangle"), MANGLED, ids=[name for name, _ in MANGLED])
async def test_a_token_that_is_mangled(gateway: Any, _: str, mangle: Callable[[str], str]) -> None:
    async with gateway.stranger({"Authorization": f"Bearer {mangle(gateway.token())}"}) as client:
        check_refusal(await client.get(PATH))


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(gateway: Any) -> None:
    """The classic confusion of RS256 with HS256."""
    jwk = httpx.get(f"{gateway.issuer_url}/.well-known/jwks.json", **PLAIN_HTTP).json()["keys"][0]
    good = jwt.decode(gateway.token(), options={"verify_signature": False})
    forged = jwt.encode(good, jwk["n"], algorithm="HS256", headers={"kid": jwk["kid"]})
    async with gateway.stranger({"Authorization": f"Bearer {forged}"}) as client:
        check_refusal(await client.get(PATH))


@pytest.mark.parametrize("form", ["{}", "Basic {}", "Bearer{}", "Token {}", "Bearer", "Bearer {} extra"])
async def test_only_a_bearer_token_counts(gateway: Any, form: str) -> None:
    async with gateway.stranger({"Authorization": form.format(gateway.token())}) as client:
        check_refusal(await client.get(PATH))


async def test_the_scheme_is_read_in_any_case(gateway: Any) -> None:
    async with gateway.stranger({"Authorization": f"bEaReR {gateway.token()}"}) as client:
        assert (await client.get(PATH)).status_code == 200


async def test_cookies_and_addresses_carry_no_token(gateway: Any) -> None:
    token = gateway.token()
    async with gateway.stranger({"Cookie": f"__session={token}"}) as client:
        check_refusal(await client.get(f"{PATH}?token={token}&access_token={token}"))


async def test_two_authorization_headers_are_refused(gateway: Any) -> None:
    headers = [("Authorization", f"Bearer {gateway.token()}"), ("Authorization", f"Bearer {gateway.token('user_b')}")]
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, **PLAIN_HTTP) as client:
        check_refusal(await client.get(PATH))


async def test_the_reason_stands_in_the_log_and_nowhere_else(gateway: Any) -> None:
    async with gateway.stranger({"Authorization": f"Bearer {gateway.token(expires_in=-60)}"}) as client:
        answer = await client.get(PATH)
        metrics = (await client.get("/metrics")).text
    lines = [line for line in gateway.log_lines() if line.get("request_id") == answer.json()["instance"]]
    assert [line["event"] for line in lines] == ["token.refused", "request.handled"]
    assert lines[0]["reason"] == "ExpiredSignatureError"
    assert 'gateway_tokens_refused_total{reason="ExpiredSignatureError"}' in metrics


async def test_a_session_of_an_organisation_is_another_tenant_than_its_user(gateway: Any) -> None:
    async with gateway.client(org="org_acme") as inside, gateway.client() as outside:
        made = (await inside.post(PATH, json={"name": "ours"})).json()
        assert (await inside.get(f"{PATH}/{made['id']}")).status_code == 200
        assert (await outside.get(f"{PATH}/{made['id']}")).status_code == 404
    async with gateway.client("user_bob", org="org_acme") as colleague:
        assert (await colleague.get(f"{PATH}/{made['id']}")).status_code == 200
    (row,) = gateway.rows("select owner, created_by from campaigns")
    assert row == {"owner": "org:org_acme", "created_by": "user_ada"}


@pytest.fixture
def disturbed(gateway: Any) -> Iterator[Callable[..., None]]:
    def disturb(path: str, **body: Any) -> None:
        httpx.post(f"{gateway.issuer_url}/_issuer/{path}", json=body, **PLAIN_HTTP).raise_for_status()

    yield disturb
    disturb("reset")


async def test_a_thousand_unknown_kids_cost_the_issuer_one_request_at_most(
    gateway: Any, disturbed: Callable[..., None]
) -> None:
    disturbed("reset")
    rest = gateway.token().split(".", 1)[1]
    tokens = [f"{encoded({'alg': 'RS256', 'kid': f'ins_{number}'})}.{rest}" for number in range(1000)]
    async with gateway.stranger() as client:
        for start in range(0, 1000, 50):
            answers = await asyncio.gather(
                *(client.get(PATH, headers={"Authorization": f"Bearer {t}"}) for t in tokens[start : start + 50])
            )
            assert {answer.status_code for answer in answers} == {401}
    stats = httpx.get(f"{gateway.issuer_url}/_issuer/stats", **PLAIN_HTTP).json()
    assert stats["jwks_fetches"] <= 1


TRICKY = [
    "01900000-0000-7000-8000-000000000000",
    "schema",
    "livez",
    "readyz",
    "metrics",
    "docs",
    "..",
    "%2e%2e",
    "x%00",
]


def bare_gateway() -> Gateway:
    """Enough of a gateway to ask it for its routes; nothing behind it is open, because nobody may get there."""
    key = generate_private_key(public_exponent=65537, key_size=2048).public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    nothing: Any = None
    return Gateway(
        resources=nothing,
        publication=nothing,
        keys=PemKey(pem),
        policy=TokenPolicy(issuer="http://127.0.0.1", parties=frozenset()),
        origins=(),
        metrics=Metrics(),
        hub=nothing,
    )


def routes() -> list[tuple[str, str]]:
    """(method, path template) of everything that the application answers."""
    return [
        (method, route.path_format)
        for route in create_routes(bare_gateway()).routes
        if isinstance(route, HTTPRoute)
        for method in sorted(route.methods)
    ]


def test_the_public_routes_are_these() -> None:
    assert {path for _, path in routes()} >= PUBLIC
    assert all(isinstance(route, HTTPRoute) for route in create_routes(bare_gateway()).routes)


async def test_every_other_route_wants_a_token_whatever_stands_in_the_path(gateway: Any) -> None:
    guarded = [(method, path) for method, path in routes() if path not in PUBLIC]
    assert len(guarded) >= 10
    async with gateway.stranger() as client:
        for method, template in guarded:
            parts = template.split("/")
            for tricky in TRICKY:
                path = "/".join(tricky if part.startswith("{") else part for part in parts)
                for variant in (path, f"{path}?exclude=/livez", f"{path}/", path.replace("/api", "//api", 1)):
                    # httpx would tidy the path up
                    answer = await client.request(method, "/", extensions={"target": variant.encode()})
                    assert answer.status_code == 401, f"{method} {variant}"


async def test_no_route_is_cached() -> None:
    assert not any(
        handler.cache
        for route in create_routes(bare_gateway()).routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
    )
