"""What is answered while Postgres, NATS or the issuer is away, and that it comes back by itself."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from local.loopback import PLAIN_HTTP
from local.nats import Nats
from local.port import free_port
from local.postgres import DATABASE, Postgres
from local.role import make_service_roles
from migrate.schema import upgrade

pytestmark = pytest.mark.server


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    with Postgres.start(tmp_path / "postgres") as server:
        upgrade(server.url)
        make_service_roles(server)
        yield server


async def until_ready(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + 20
    while (await client.get("/readyz")).status_code != 200:
        assert time.monotonic() < deadline, "it did not come back"
        await asyncio.sleep(0.1)


async def test_without_postgres_every_route_says_503_and_when_to_ask_again(
    start_gateway: Any, own_postgres: Postgres
) -> None:
    running = start_gateway(own_postgres.url, DATABASE_URL=own_postgres.database_url(DATABASE, "gateway"))
    with psycopg.connect(own_postgres.url, autocommit=True) as connection:
        connection.execute(
            """insert into platform_states (platform, label, modes, search_kinds)
               values ('tiktok', 'TikTok', '{keyword}', '{keyword}')"""
        )
    async with running.client() as client:
        made = (await client.post("/api/v1/campaigns", json={"name": "before"})).json()
        own_postgres.kill()
        requests = [
            ("GET", "/api/v1/campaigns", None),
            ("POST", "/api/v1/campaigns", {"name": "x"}),
            ("GET", f"/api/v1/campaigns/{made['id']}", None),
            ("POST", "/api/scraping/tiktok", {"keywords": ["a"]}),
            ("GET", f"/api/scraping/tiktok?jobId={made['id']}", None),
            ("GET", f"/api/v1/jobs/{made['id']}", None),
            ("POST", f"/api/v1/jobs/{made['id']}/cancel", None),
            ("POST", f"/api/v1/jobs/{made['id']}/retry", None),
            ("POST", f"/api/v1/jobs/{made['id']}/extend", {"targetResults": 9}),
        ]
        began = time.monotonic()
        answers = await asyncio.gather(*(client.request(method, path, json=body) for method, path, body in requests))
        assert time.monotonic() - began < 10
        for answer in answers:
            assert answer.status_code == 503
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["type"] == "/problems/unavailable"
            assert int(answer.headers["Retry-After"]) > 0
            assert "postgres" not in answer.text.lower()
        unready = await client.get("/readyz")
        assert (unready.status_code, unready.text) == (503, "not ready: database\n")
        assert (await client.get("/livez")).status_code == 200
        own_postgres.restart()
        await until_ready(client)
        assert (await client.get("/api/v1/campaigns")).json()["items"] == [made]
    assert "canary" not in running.child.log.read_text()


async def test_more_at_once_than_there_are_connections_wait_for_their_turn(
    start_gateway: Any, database_url: str
) -> None:
    running = start_gateway(database_url)
    async with running.client() as client:
        answers = await asyncio.gather(*(client.post("/api/v1/campaigns", json={"name": "c"}) for _ in range(200)))
    assert {answer.status_code for answer in answers} == {201}
    assert running.count("campaigns") == 200


async def test_clients_that_leave_cost_no_connection(start_gateway: Any, database_url: str) -> None:
    running = start_gateway(database_url)
    async with running.client() as client:
        with psycopg.connect(running.database_url) as blocker:
            blocker.execute("lock table campaigns in access exclusive mode")
            leaving = [asyncio.create_task(client.get("/api/v1/campaigns")) for _ in range(30)]
            await asyncio.sleep(0.5)
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
        answers = await asyncio.gather(*(client.get("/api/v1/campaigns") for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}


async def test_without_nats_it_is_not_ready_but_answers(
    start_gateway: Any, database_url: str, own_nats_server: Nats, qstash: Any
) -> None:
    running = start_gateway(database_url, NATS_URL=own_nats_server.url)
    async with running.client() as client:
        own_nats_server.kill()
        deadline = time.monotonic() + 10
        while (unready := await client.get("/readyz")).status_code == 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert unready.text == "not ready: nats\n"
        assert (await client.get("/api/v1/campaigns")).status_code == 200
        own_nats_server.restart()
        await until_ready(client)
        own_nats_server.kill()
        running.child.request_stop()
    assert await asyncio.to_thread(running.child.await_exit, 25), "it ends in time without NATS too"
    assert running.child.exit_code == 0


async def test_without_keys_it_is_not_ready_and_tokens_cannot_be_judged(
    start_gateway: Any, database_url: str, issuer_url: str
) -> None:
    """503, not 401: a frontend must not sign its user out because the issuer is away."""
    running = start_gateway(database_url, ready="/livez", CLERK_ISSUER=f"http://127.0.0.1:{free_port()}")
    token = httpx.post(f"{issuer_url}/token", json={}, **PLAIN_HTTP).json()["token"]
    async with running.stranger({"Authorization": f"Bearer {token}"}) as client:
        unready = await client.get("/readyz")
        assert (unready.status_code, unready.text) == (503, "not ready: keys\n")
        answer = await client.get("/api/v1/campaigns")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        client.headers["Authorization"] = "Bearer nonsense"
        assert (await client.get("/api/v1/campaigns")).status_code == 401, "what is no token needs no key"


async def test_with_the_key_in_its_configuration_the_issuer_is_never_asked(
    start_gateway: Any, database_url: str, issuer_url: str
) -> None:
    with httpx.Client(base_url=issuer_url, **PLAIN_HTTP) as issuer:
        issuer.post("/_issuer/reset")
        jwk = issuer.get("/.well-known/jwks.json").json()["keys"][0]
        before = issuer.get("/_issuer/stats").json()["jwks_fetches"]
        running = start_gateway(database_url, CLERK_JWT_KEY=pem_of(jwk))
        async with running.client() as client:
            assert (await client.get("/api/v1/campaigns")).status_code == 200
        async with running.client(key=1) as client:
            assert (await client.get("/api/v1/campaigns")).status_code == 401, "the other key is not in the PEM"
        assert issuer.get("/_issuer/stats").json()["jwks_fetches"] == before


def pem_of(jwk: dict[str, Any]) -> str:
    import jwt  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return jwt.PyJWK(jwk).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
