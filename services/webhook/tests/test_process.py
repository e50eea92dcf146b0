"""The command: what it refuses to start with, and how it ends."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.child import Child
from local.loopback import PLAIN_HTTP
from local.nats import Nats
from webhook.composition import STEP_PATH

Start = Callable[[dict[str, str]], Child]

PUBLISHED_CURRENT = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r"
PUBLISHED_NEXT = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs"
PUBLISHED = {"QSTASH_CURRENT_SIGNING_KEY": PUBLISHED_CURRENT, "QSTASH_NEXT_SIGNING_KEY": PUBLISHED_NEXT}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"QSTASH_CURRENT_SIGNING_KEY": ""}, ["QSTASH_CURRENT_SIGNING_KEY"]),
        ({"QSTASH_CURRENT_SIGNING_KEY": " " * 40}, ["QSTASH_CURRENT_SIGNING_KEY"]),
        ({"QSTASH_NEXT_SIGNING_KEY": "short"}, ["QSTASH_NEXT_SIGNING_KEY"]),
        ({"QSTASH_NEXT_SIGNING_KEY": None, "QSTASH_CURRENT_SIGNING_KEY": None}, ["QSTASH_CURRENT", "QSTASH_NEXT"]),
        ({"QSTASH_NEXT_SIGNING_KEY": "sig_current_key_of_the_tests_000"}, ["QSTASH_NEXT_SIGNING_KEY", "differ"]),
        (PUBLISHED, ["QSTASH_CURRENT_SIGNING_KEY", "published development keys"]),
        ({"QSTASH_NEXT_SIGNING_KEY": PUBLISHED_NEXT}, ["published development keys"]),
        ({**PUBLISHED, "HOST": "127.0.0.1"}, ["published development keys"]),
        ({**PUBLISHED, "PUBLIC_WEBHOOK_URL": "https://127.0.0.1.example.com"}, ["published development keys"]),
        ({"PUBLIC_WEBHOOK_URL": None}, ["PUBLIC_WEBHOOK_URL is missing"]),
        ({"PUBLIC_WEBHOOK_URL": "hooks.example.com"}, ["PUBLIC_WEBHOOK_URL"]),
        ({"DATABASE_URL": None, "NATS_URL": None}, ["DATABASE_URL is missing", "NATS_URL is missing"]),
        ({"NATS_URL": "nats://nats.example.com:4222"}, ["NATS_NKEY_SEED_FILE"]),
        ({"PORT": "0"}, ["PORT"]),
        ({"LOG_FORMAT": "xml"}, ["LOG_FORMAT"]),
    ],
)
def test_refuses_to_start(
    start: Start, environment: dict[str, str], changes: dict[str, str | None], names: list[str]
) -> None:
    """Exit code 2 and one line that names every variable at fault, and none of their values."""
    given = environment | changes
    child = start({name: value for name, value in given.items() if value is not None})
    assert child.await_exit(20)
    assert child.exit_code == 2
    [line] = child.last_lines()
    assert line.startswith("webhook: ")
    for name in names:
        assert name in line
    assert not any(value in line for name, value in given.items() if value and "KEY" in name and len(value) > 8)


def started(child: Child, environment: dict[str, str]) -> str:
    """Its address, when it is ready."""
    url = f"http://127.0.0.1:{environment['PORT']}"
    until = time.monotonic() + 20
    while time.monotonic() < until and child.is_running:
        try:
            if httpx.get(f"{url}/readyz", **PLAIN_HTTP).status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(child.last_lines())


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8001", "http://localhost:8001", "http://[::1]:8001"])
def test_published_keys_are_for_loopback(
    start: Start, environment: dict[str, str], database_url: str, nats_server: Nats, public_url: str
) -> None:
    """On this machine the development server's keys do."""
    given = environment | PUBLISHED | {"DATABASE_URL": database_url, "NATS_URL": nats_server.url}
    child = start(given | {"PUBLIC_WEBHOOK_URL": public_url})
    started(child, given)
    assert child.stop() == 0


def test_ends_in_order(
    start: Start, environment: dict[str, str], database_url: str, nats_server: Nats, signer: Any
) -> None:
    """SIGTERM: not ready at once, exit code 0 within 25 s, and nothing secret was ever logged."""
    given = environment | {"DATABASE_URL": database_url, "NATS_URL": nats_server.url}
    child = start(given)
    url = started(child, given)
    body = b'{"jobId": "01a20ba8-0000-7000-8000-000000000001"}'
    token = signer("https://hooks.example.com" + STEP_PATH, body)
    response = httpx.post(url + STEP_PATH, content=body, headers={"Upstash-Signature": token}, **PLAIN_HTTP)
    assert response.status_code == 489
    httpx.post(url + STEP_PATH, content=b"secret body", headers={"Upstash-Signature": "a.b.c"}, **PLAIN_HTTP)
    began = time.monotonic()
    child.request_stop()
    answers = set()
    while time.monotonic() < began + 10:
        try:
            answers.add(httpx.get(f"{url}/readyz", **PLAIN_HTTP).status_code)
        except httpx.TransportError:
            break
        time.sleep(0.05)
    assert 503 in answers
    assert child.await_exit(25 - (time.monotonic() - began))
    assert child.exit_code == 0
    text = child.log.read_text()
    assert token not in text
    assert token.split(".")[1] not in text
    assert "secret body" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    [refused] = [line for line in lines if line.get("reason") == "job_unknown"]
    assert refused["event"] == "delivery.rejected"
    assert refused["job_id"] == "01a20ba8-0000-7000-8000-000000000001"
    assert refused["status"] == 489
    assert refused["request_id"] == response.headers["x-request-id"]
    [forged] = [line for line in lines if line.get("reason") == "signature_malformed"]
    assert (forged["event"], forged["status"], forged["level"]) == ("delivery.rejected", 401, "warning")


@pytest.mark.anyio
async def test_request_in_hand_is_finished(
    start: Start, environment: dict[str, str], database_url: str, nats_server: Nats, signer: Any
) -> None:
    """A delivery that was being read when SIGTERM came gets its answer."""
    given = environment | {"DATABASE_URL": database_url, "NATS_URL": nats_server.url}
    child = start(given)
    url = await asyncio.to_thread(started, child, given)
    body = b'{"jobId": "01a20ba8-0000-7000-8000-000000000001"}'

    async def slow_body() -> Any:
        yield body[:10]
        child.request_stop()
        await asyncio.sleep(2)
        yield body[10:]

    async with httpx.AsyncClient(**PLAIN_HTTP) as http:
        headers = {"Upstash-Signature": signer("https://hooks.example.com" + STEP_PATH, body)}
        response = await http.post(url + STEP_PATH, content=slow_body(), headers=headers)
    assert response.status_code == 489
    assert await asyncio.to_thread(child.await_exit, 25)
    assert child.exit_code == 0


def test_a_part_that_is_missing_is_named(start: Start, environment: dict[str, str], database_url: str) -> None:
    """NATS does not answer: one line, and not a zero."""
    child = start(environment | {"DATABASE_URL": database_url})
    assert child.await_exit(30)
    assert child.exit_code not in (0, None)
    assert any(line.startswith("webhook: NATS_URL") for line in child.last_lines())
