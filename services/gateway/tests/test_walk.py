"""Nobody gets in anywhere without a token: every route that the application has, found by asking it, under every
spelling and with every verb that we could think of. What needs no token stands here, literally."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar.routes import HTTPRoute

from common.metric.process import Metrics as Shared
from gateway.app import create_routes
from gateway.composition import Gateway
from gateway.metric import Metrics

pytestmark = [pytest.mark.server, pytest.mark.security]

PUBLIC = {
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/assets/{name}"),
}
PUBLIC_PATHS = {path for _, path in PUBLIC}
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "LOCK")
IDS = (
    "01900000-0000-7000-8000-000000000000",
    "schema",
    "health",
    "docs",
    "livez",
    "readyz",
    "metrics",
    "openapi.json",
    "favicon.ico",
    ".",
    "..",
    "%2e",
    "%2e%2e",
    "..%2f..%2flivez",
    "..%2f..%2f..%2fdocs",
    "%00",
    "x%0d%0aX-Injected:%201",
    "livez;",
    "livez%3f",
    "%e2%80%ae",
    "a" * 3000,
)
# Who believes a part of the address to be what it is not, is told these.
SPELLINGS = (
    "{}",
    "{}/",
    "{}//",
    "/{}",
    "//livez/..{}",
    "/livez/..{}",
    "/docs/assets/..{}",
    "{}?exclude=/livez",
    "{}?x=/docs",
    "{}#/livez",
    "{};/livez",
    "{}/livez",
    "{}/schema",
    "{}/docs",
    "/./{}",
    "/%2e{}",
)


def app_routes() -> list[HTTPRoute]:
    """All that the application answers; nothing behind it is open, because nobody may get there."""
    nothing: Any = None
    gateway = Gateway(
        resources=nothing,
        publication=nothing,
        keys=nothing,
        policy=nothing,
        origins=(),
        metrics=Metrics(Shared("gateway")),
        hub=nothing,
        marks=nothing,
        states=nothing,
    )
    routes = create_routes(gateway).routes
    assert all(isinstance(route, HTTPRoute) for route in routes), "no websocket, no mounted application"
    return [route for route in routes if isinstance(route, HTTPRoute)]


ROUTES = app_routes()
PRIVATE = [route for route in ROUTES if route.path_format not in PUBLIC_PATHS]


def filled(template: str, one: str) -> str:
    return re.sub(r"{[^}]*}", lambda _: one, template)


def addresses(template: str) -> Iterator[str]:
    """The route's address with odd things for its ids, and, with a plain one, spelled oddly as a whole."""
    for one in IDS if "{" in template else IDS[:1]:
        yield filled(template, one)
    for spelling in SPELLINGS:
        yield spelling.format(filled(template, IDS[0]))
    yield filled(template, IDS[0]).replace("/", "//")
    yield filled(template, IDS[0]).replace("/api", "/%61pi")
    yield filled(template, IDS[0]).replace("/", "%2f", 2).replace("%2f", "/", 1)
    yield filled(template, IDS[0]).upper()


async def ask(client: httpx.AsyncClient, method: str, target: str, **more: Any) -> httpx.Response:
    """As it stands: httpx would tidy the address up."""
    return await client.request(method, "/", extensions={"target": target.encode()}, **more)


def bad_tokens(gateway: Any) -> dict[str, dict[str, str]]:
    good = gateway.token()
    return {
        "none": {},
        "expired": {"Authorization": f"Bearer {gateway.token(expires_in=-60)}"},
        "another key's": {"Authorization": f"Bearer {gateway.token(key='unknown')}"},
        "another origin's": {"Authorization": f"Bearer {gateway.token(claims={'azp': 'https://evil.example'})}"},
        "in a cookie": {"Cookie": f"__session={good}"},
        "in other headers": {"X-Authorization": f"Bearer {good}", "Proxy-Authorization": f"Bearer {good}"},
        "cut off": {"Authorization": f"Bearer {good[:-10]}"},
    }


async def test_what_needs_no_token_is_this_list_and_nothing_else(gateway: Any) -> None:
    """By asking all routes, not by reading them."""
    open_ones: set[tuple[str, str]] = set()
    async with gateway.stranger() as client:
        for route in ROUTES:
            for method in route.methods - {"OPTIONS"}:
                if (await ask(client, method, filled(route.path_format, IDS[0]))).status_code != 401:
                    open_ones.add((method, route.path_format))
    assert open_ones == PUBLIC


async def test_every_other_route_wants_a_token_under_every_spelling(
    gateway: Any, record_property: Callable[[str, object], None]
) -> None:
    """A spelling that is another address finds nothing; it never finds anybody in."""
    count, by_status = 0, dict.fromkeys((401, 404, 405), 0)
    async with gateway.stranger() as client:
        for route in PRIVATE:
            for target in addresses(route.path_format):
                for method in route.methods:
                    answer = await ask(client, method, target)
                    assert answer.status_code in by_status, f"{method} {target}: {answer.status_code}"
                    assert "x-injected" not in answer.headers
                    count += 1
                    by_status[answer.status_code] += 1
            for method in route.methods:
                for one in IDS[:10]:
                    answer = await ask(client, method, filled(route.path_format, one))
                    if "/" not in one:
                        assert answer.status_code == 401, f"{method} {route.path_format} {one}"
    assert by_status[401] > count // 2
    walked = sum(len(route.methods) for route in ROUTES)
    record_property("told", f"routes walked: {walked} (method and path), {len(PUBLIC)} public; {count} spellings asked")


async def test_every_other_route_wants_a_good_token(gateway: Any) -> None:
    for name, headers in bad_tokens(gateway).items():
        async with gateway.stranger(headers) as client:
            for route in PRIVATE:
                for method in route.methods:
                    answer = await ask(client, method, filled(route.path_format, IDS[0]))
                    assert answer.status_code == 401, f"{method} {route.path_format} with a token {name}"


async def test_no_verb_is_a_way_around(gateway: Any) -> None:
    """A verb that a route does not know is refused before anybody is asked who they are, so that refusal says the
    same whether or not there is such a thing, and repeats nothing."""
    async with gateway.stranger({"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"}) as client:
        for route in PRIVATE:
            for verb in VERBS:
                bodies: set[str] = set()
                for one in (str(uuid4()), str(uuid4()), "schema"):
                    answer = await ask(client, verb, filled(route.path_format, one))
                    expected = 401 if verb in route.methods else 405
                    assert answer.status_code == expected, f"{verb} {route.path_format}"
                    assert one not in answer.text + str(answer.headers)
                    bodies.add(answer.text.replace(answer.headers["X-Request-Id"], ""))
                assert len(bodies) == 1


async def test_a_preflight_of_anybody_tells_nothing(gateway: Any) -> None:
    """It is answered without a token, as browsers need it, and alike for what exists and what does not."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    async with gateway.stranger(asked) as client:
        answers = [await ask(client, "OPTIONS", filled(route.path_format, IDS[0])) for route in PRIVATE]
        answers.append(await ask(client, "OPTIONS", "/nowhere"))
    told = {(answer.status_code, answer.content, frozenset(answer.headers) - {"date"}) for answer in answers}
    assert len(told) == 1
    assert {answer.status_code for answer in answers} == {204}


async def test_a_token_does_not_open_what_is_another_address(gateway: Any) -> None:
    """The spellings that find nothing for strangers are no second names for who is signed in."""
    async with gateway.client() as client:
        for target in ("/api/v1//campaigns", "/api/v1/./campaigns", "/livez/../api/v1/campaigns", "/API/V1/campaigns"):
            assert (await ask(client, "GET", target)).status_code in (200, 404)
        assert (await ask(client, "GET", "/API/V1/campaigns")).status_code == 404
