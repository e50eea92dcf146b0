"""Only a session token of our issuer for one of our origins is believed, and every refusal looks the same."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from litestar.routes import HTTPRoute

from common.metric.process import Metrics as Shared
from gateway.app import create_routes
from gateway.auth.jwks import JwksLimits, PemKey
from gateway.auth.token import TokenPolicy
from gateway.composition import Gateway
from gateway.metric import Metrics
from local.issuer.variant import BAD, GOOD, MANGLED, Mangled, Variant, resolve
from local.loopback import PLAIN_HTTP

pytestmark = [pytest.mark.server, pytest.mark.security]

PATH = "/api/v1/campaigns"
PUBLIC = {"/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/assets/{name}"}


@pytest.mark.parametrize("variant", GOOD, ids=[one.name for one in GOOD])
async def test_a_token_that_is_believed(gateway: Any, variant: Variant) -> None:
    token = gateway.token(**resolve(variant.wish, issuer=gateway.issuer_url, now=int(time.time())))
    async with gateway.stranger({"Authorization": f"Bearer {token}"}) as client:
        assert (await client.get(PATH)).status_code == 200


@pytest.mark.parametrize("variant", BAD, ids=[one.name for one in BAD])
async def test_a_token_that_is_refused(gateway: Any, variant: Variant) -> None:
    token = gateway.token(**resolve(variant.wish, issuer=gateway.issuer_url, now=int(time.time())))
    async with gateway.stranger({"Authorization": f"Bearer {token}"}) as client:
        check_refusal(await client.get(PATH))


def test_the_table_is_long(record_property: Callable[[str, object], None]) -> None:
    sizes = len(GOOD), len(BAD), len(SAYABLE) + len(FORMS)
    record_property(
        "told", f"token variants tried on the running gateway: {sum(sizes)} ({sizes[0]} good, {sum(sizes[1:])} refused)"
    )
    assert len(BAD) + len(MANGLED) >= 33


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


# A line end cannot be said in a header, nor nothing after the scheme.
SAYABLE = [one for one in MANGLED if "line end" not in one.name and one.name != "nothing"]


@pytest.mark.parametrize("mangled", SAYABLE, ids=[one.name for one in SAYABLE])
async def test_a_token_that_is_mangled(gateway: Any, mangled: Mangled) -> None:
    async with gateway.stranger({"Authorization": f"Bearer {mangled.mangle(gateway.token())}"}) as client:
        check_refusal(await client.get(PATH))


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(gateway: Any) -> None:
    """The classic confusion of RS256 with HS256."""
    jwk = httpx.get(f"{gateway.issuer_url}/.well-known/jwks.json", **PLAIN_HTTP).json()["keys"][0]
    good = jwt.decode(gateway.token(), options={"verify_signature": False})
    forged = jwt.encode(good, jwk["n"], algorithm="HS256", headers={"kid": jwk["kid"]})
    async with gateway.stranger({"Authorization": f"Bearer {forged}"}) as client:
        check_refusal(await client.get(PATH))


FORMS = (
    "{}",
    "Basic {}",
    "Bearer{}",
    "Token {}",
    "Bearer",
    "Bearer {} extra",
    "Bearer\t{}",
    "Bearer {},",
    "Bearer: {}",
)


@pytest.mark.parametrize("form", FORMS)
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


async def test_a_thousand_unknown_kids_cost_the_issuer_one_request_in_thirty_seconds_at_most(
    gateway: Any, disturbed: Callable[..., None]
) -> None:
    """And what a gateway fetches by itself because its keys are old, once it is as old."""
    limits = JwksLimits()
    disturbed("reset")
    began = time.monotonic()
    rest = gateway.token().split(".", 1)[1]
    tokens = [f"{encoded({'alg': 'RS256', 'kid': f'ins_{number}'})}.{rest}" for number in range(1000)]
    async with gateway.stranger() as client:
        for start in range(0, 1000, 50):
            answers = await asyncio.gather(
                *(client.get(PATH, headers={"Authorization": f"Bearer {t}"}) for t in tokens[start : start + 50])
            )
            assert {answer.status_code for answer in answers} == {401}
    stats = httpx.get(f"{gateway.issuer_url}/_issuer/stats", **PLAIN_HTTP).json()
    for_unknown = 1 + (time.monotonic() - began) // limits.unknown_kid_every_s
    age = datetime.now(UTC) - datetime.fromisoformat(gateway.log_lines()[0]["timestamp"])
    assert stats["jwks_fetches"] <= for_unknown + age.total_seconds() // limits.ttl_s


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
        metrics=Metrics(Shared("gateway")),
        hub=nothing,
        marks=nothing,
        states=nothing,
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
