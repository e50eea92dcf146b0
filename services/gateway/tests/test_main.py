"""The command `gateway`: what it says when it cannot start, and how it ends."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.child import plain_environment

COMMAND = str(Path(sys.executable).parent / "gateway")
GOOD = {
    "DATABASE_URL": "postgresql://u:canarysecret@127.0.0.1:1/db",
    "NATS_URL": "nats://127.0.0.1:1",
    "QSTASH_URL": "http://127.0.0.1:1",
    "QSTASH_TOKEN": "canarysecret",
    "PUBLIC_WEBHOOK_URL": "http://127.0.0.1:1",
    "CLERK_ISSUER": "http://127.0.0.1:1",
    "CLERK_AUTHORIZED_PARTIES": "http://localhost:3000",
}


def run(**given: str | None) -> subprocess.CompletedProcess[str]:
    values = {name: value for name, value in {**GOOD, **given}.items() if value is not None}
    return subprocess.run(
        [COMMAND], env=plain_environment(values), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.server
@pytest.mark.parametrize("name", GOOD)
def test_a_variable_that_is_missing_is_named_in_one_line(name: str) -> None:
    ended = run(**{name: None})
    assert ended.returncode == 2
    assert ended.stderr == f"gateway: {name} is missing\n"
    assert ended.stdout == ""


@pytest.mark.server
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://canarysecret"),
        ("NATS_URL", "canarysecret"),
        ("NATS_URL", "nats://nats.canarysecret.example:4222"),
        ("QSTASH_TOKEN", '"canarysecret"'),
        ("QSTASH_URL", "canarysecret"),
        ("CLERK_ISSUER", "http://clerk.canarysecret.example"),
        ("CLERK_AUTHORIZED_PARTIES", "canarysecret"),
        ("CLERK_AUTHORIZED_PARTIES", ","),
        ("CLERK_JWT_KEY", "canarysecret"),
        ("PORT", "canarysecret"),
        ("LOG_LEVEL", "canarysecret"),
    ],
)
def test_a_variable_that_is_wrong_is_named_without_its_value(name: str, value: str) -> None:
    ended = run(**{name: value})
    assert ended.returncode == 2
    assert ended.stderr.startswith("gateway: ")
    assert name in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "canarysecret" not in ended.stderr + ended.stdout


@pytest.mark.server
def test_all_faults_are_named_at_once() -> None:
    ended = run(DATABASE_URL=None, QSTASH_TOKEN="", CLERK_ISSUER="x")
    assert ended.returncode == 2
    assert all(name in ended.stderr for name in ("DATABASE_URL", "QSTASH_TOKEN", "CLERK_ISSUER"))
    assert ended.stderr.count("\n") == 1


@pytest.mark.server
def test_a_database_that_is_not_there_is_named() -> None:
    ended = run()
    assert ended.returncode == 2
    assert ended.stderr == "gateway: DATABASE_URL: no Postgres let us in within 10 s\n"
    assert "canarysecret" not in ended.stdout


def test_a_broker_that_is_not_there_is_named(database_url: str) -> None:
    ended = run(DATABASE_URL=database_url)
    assert ended.returncode == 2
    assert ended.stderr == "gateway: NATS_URL: no server let us in within 10 s\n"


async def test_on_sigterm_it_is_not_ready_then_ends_with_0(start_gateway: Any, database_url: str) -> None:
    running = start_gateway(database_url)
    async with running.stranger() as client:
        assert (await client.get("/readyz")).status_code == 200
        running.child.request_stop()
        statuses: list[int] = []
        while not statuses or statuses[-1] == 200:
            statuses.append((await client.get("/readyz")).status_code)
        assert statuses[-1] == 503
        async with running.stranger() as newcomer:
            assert (await newcomer.get("/readyz")).status_code == 503, "the port stays open until that was heard"
        assert (await client.get("/livez")).status_code == 200
    assert await asyncio.to_thread(running.child.await_exit, 25)
    assert running.child.exit_code == 0
    assert [line["event"] for line in running.log_lines()][-1] == "server.stopped"


async def test_a_request_under_way_is_answered_before_it_ends(
    start_gateway: Any, database_url: str, qstash: Any
) -> None:
    running = start_gateway(database_url)
    running.rows(
        """insert into platform_states (platform, label, modes, search_kinds)
           values ('tiktok', 'TikTok', '{keyword}', '{keyword}') returning 1"""
    )
    qstash.mode = "hang"
    async with running.client() as client:
        creating = asyncio.create_task(client.post("/api/scraping/tiktok", json={"keywords": ["a"]}))
        while running.count("jobs") == 0:
            await asyncio.sleep(0.02)
        running.child.request_stop()
        answer = await creating
    assert answer.status_code == 200
    assert await asyncio.to_thread(running.child.await_exit, 25)
    assert running.child.exit_code == 0
    assert running.count("jobs") == 1


async def test_a_connection_that_only_stays_open_does_not_hold_it_up(start_gateway: Any, database_url: str) -> None:
    running = start_gateway(database_url)
    port = int(running.url.rpartition(":")[2])
    _, idle = await asyncio.open_connection("127.0.0.1", port)
    _, half = await asyncio.open_connection("127.0.0.1", port)
    half.write(b"POST /api/v1/campaigns HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    await half.drain()
    running.child.request_stop()
    assert await asyncio.to_thread(running.child.await_exit, 25)
    assert running.child.exit_code == 0
    idle.close()
    half.close()


@pytest.mark.server
def test_the_port_that_is_taken_is_no_silence(issuer_url: str, start_gateway: Any, database_url: str) -> None:
    running = start_gateway(database_url)
    port = running.url.rpartition(":")[2]
    ended = run(DATABASE_URL=database_url, NATS_URL=running_nats(running), PORT=port, HOST="127.0.0.1")
    assert ended.returncode == 2
    assert ended.stderr == "gateway: HOST and PORT: cannot listen there: Address already in use\n"


def running_nats(running: Any) -> str:
    environ = Path(f"/proc/{running.child.pid}/environ").read_text().split("\0")
    return next(value for name, _, value in (pair.partition("=") for pair in environ) if name == "NATS_URL")
