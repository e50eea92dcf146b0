"""What a request says of the address that it was sent to, or of who sent it, changes nothing: no verdict, no address
that we write, no line of the log. The gateway makes no URL of it, so nothing is to be gained by lying.

There is no list of allowed hosts: it would protect addresses that are made of Host, and there are none; it would refuse
probes, which come by address; and who routes by Host (the ingress) refuses what it does not know.
"""

import asyncio
import json
from typing import Any

import pytest

pytestmark = [pytest.mark.server, pytest.mark.security]

CANARY = "evil7391.example"
CLIENT = "203.0.113.77"
SAID: dict[str, list[tuple[str, str]]] = {
    "another host": [("Host", CANARY)],
    "another host with a port": [("Host", f"{CANARY}:8443")],
    "a host with a user": [("Host", f"localhost@{CANARY}")],
    "a host in capitals": [("Host", CANARY.upper())],
    "an address that means us": [("Host", "[::1]")],
    "X-Forwarded-Host": [("X-Forwarded-Host", CANARY), ("X-Forwarded-Port", "1"), ("X-Forwarded-Proto", "gopher")],
    "X-Forwarded-Prefix": [("X-Forwarded-Prefix", f"//{CANARY}"), ("X-Script-Name", f"/{CANARY}")],
    "Forwarded": [("Forwarded", f"for={CLIENT};host={CANARY};proto=https")],
    "X-Forwarded-For": [("X-Forwarded-For", f"{CLIENT}, 127.0.0.1"), ("X-Forwarded-Proto", "https")],
    "other names of the client": [("X-Real-IP", CLIENT), ("True-Client-IP", CLIENT), ("CF-Connecting-IP", CLIENT)],
    "another path": [("X-Original-URL", "/livez"), ("X-Rewrite-URL", "/livez"), ("X-Original-Host", CANARY)],
    "another method": [("X-HTTP-Method-Override", "DELETE"), ("X-HTTP-Method", "DELETE")],
    "an id": [("X-Request-Id", CANARY), ("X-Correlation-Id", CANARY), ("traceparent", CANARY)],
    "a user": [("X-User-Id", "user_root"), ("X-Authenticated-User", "user_root"), ("X-Clerk-User-Id", "user_root")],
}
PATHS = ("/api/v1/me", "/api/v1/campaigns", "/api/v1/settings", "/nowhere", "/docs", "/openapi.json", "/livez")


def told(answer: Any) -> tuple[int, str, str | None]:
    text = answer.text.replace(answer.headers["X-Request-Id"], "")
    return answer.status_code, text, answer.headers.get("Location")


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("is_known", [True, False])
async def test_what_a_request_says_of_itself_changes_no_answer(gateway: Any, name: str, is_known: bool) -> None:
    headers = dict(SAID[name])
    async with gateway.client() if is_known else gateway.stranger() as client:
        for path in PATHS:
            plain, lying = await client.get(path), await client.get(path, headers=headers)
            assert told(lying) == told(plain), path
            for value in (CANARY, CLIENT, "gopher"):
                assert value.lower() not in f"{lying.headers} {lying.text}".lower()


@pytest.mark.parametrize("name", SAID)
async def test_where_something_was_made_is_said_without_a_host(gateway: Any, name: str) -> None:
    async with gateway.client() as client:
        made = await client.post("/api/v1/campaigns", json={"name": "x"}, headers=dict(SAID[name]))
        assert made.status_code == 201
        assert made.headers["Location"] == f"/api/v1/campaigns/{made.json()['id']}"
        body = {"platform": "tiktok", "mode": "keyword", "keywords": ["vegan"]}
        job = await client.post("/api/v1/jobs", json=body, headers=dict(SAID[name]))
        assert job.status_code == 202
        assert job.headers["Location"] == f"/api/v1/jobs/{job.json()['id']}"
        assert CANARY.lower() not in f"{made.text} {made.headers} {job.text} {job.headers}".lower()
    assert CANARY not in json.dumps(gateway.qstash.published) + json.dumps(
        [dict(one) for one in gateway.qstash.headers]
    )


async def speak(gateway: Any, target: str, head: str = "", token: str = "") -> str:
    """One request as it stands, one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    writer.write(f"GET {target} HTTP/1.1\r\n{head}{bearer}Connection: close\r\n\r\n".encode())
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    return answer


@pytest.mark.parametrize("scheme", ["http", "https", "gopher"])
async def test_an_address_in_absolute_form_is_judged_by_its_path(gateway: Any, scheme: str) -> None:
    """As proxies write it. Its host is nobody's."""
    for path in ("/api/v1/me", "/api/v1/campaigns"):
        target = f"{scheme}://{CANARY}{path}"
        assert (await speak(gateway, target, f"Host: {CANARY}\r\n")).startswith("HTTP/1.1 401 ")
        assert (await speak(gateway, f"{scheme}://{CANARY}/livez{path}")).startswith("HTTP/1.1 404 ")
        answer = await speak(gateway, target, "Host: x\r\n", gateway.token())
        assert answer.startswith("HTTP/1.1 200 ")
        assert CANARY not in answer


@pytest.mark.parametrize(
    "head", ["", "Host: a\r\nHost: b\r\n", "Host:\r\n", f"Host: {CANARY}\r\nX-Forwarded-Host: x\r\n"]
)
async def test_without_a_host_or_with_two_it_is_the_same(gateway: Any, head: str) -> None:
    assert (await speak(gateway, "/api/v1/me", head)).startswith("HTTP/1.1 401 ")
    assert (await speak(gateway, "/api/v1/me", head, gateway.token())).startswith("HTTP/1.1 200 ")


async def test_no_address_of_a_client_and_nothing_that_was_said_is_in_the_log(gateway: Any) -> None:
    async with gateway.client() as client:
        for headers in SAID.values():
            for path in PATHS:
                await client.get(path, headers=dict(headers))
            await client.get(f"/{CANARY}", headers=dict(headers))
    text = gateway.child.log.read_text()
    assert '"event": "request.handled"' in text
    assert not [value for value in (CANARY, CANARY.upper(), CLIENT, "127.0.0.1", "gopher") if value in text]
