"""What does not answer is not accepted: QStash comes again, a minute later or more."""

import asyncio
import json
from typing import Any

import psycopg
import pytest
from psycopg import sql

from common.domain.step import DueStep
from common.messaging.topology import STEPS, STREAMS
from local.nats import Nats
from local.postgres import Postgres
from webhook.composition import STEP_PATH

pytestmark = pytest.mark.anyio


def body_of(step: DueStep) -> dict[str, Any]:
    return step.message.model_dump(mode="json")


def assert_postponed(response: Any) -> None:
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 60
    assert response.headers["content-type"] == "application/problem+json"
    assert "upstash-nonretryable-error" not in response.headers


async def assert_untouched(site: Any, step: DueStep) -> None:
    row = await site.step_row(step)
    assert (row["stream_sequence"], row["delivered_at"]) == (None, None)
    assert await site.query("select * from qstash_deliveries") == []


async def test_nats_down_then_back(own_site: Any, own_nats_server: Nats, signer: Any) -> None:
    """Nothing is recorded while the stream is away, so the very same request works when it is back, once."""
    site = own_site
    [step] = await site.new_job()
    body = json.dumps(body_of(step)).encode()
    token = signer("https://hooks.example.com" + STEP_PATH, body)
    own_nats_server.kill()
    assert_postponed(await site.post(STEP_PATH, body, token))
    await assert_untouched(site, step)
    assert (await site.http.get("/readyz")).json()["reason"] == "nats"
    assert (await site.http.get("/livez")).status_code == 200
    await asyncio.to_thread(own_nats_server.restart)
    for _ in range(100):
        if (await site.http.get("/readyz")).status_code == 200:
            break
        await asyncio.sleep(0.1)
    assert (await site.post(STEP_PATH, body, token)).status_code == 200
    assert await site.stream_count() == 1
    assert await site.metric('webhook_deliveries_total{outcome="postponed",route="/api/qstash/process-scraping"}') == 1


async def test_full_subject(site: Any) -> None:
    """A stream that takes no more of this platform's steps is an outage, not an error of the message."""
    first, second = await site.new_job("cats", "dogs")
    await site.jetstream.update_stream(STREAMS[0].evolve(num_replicas=1, max_msgs_per_subject=1))
    assert (await site.deliver(body_of(first))).status_code == 200
    assert_postponed(await site.deliver(body_of(second)))
    assert (await site.step_row(second))["stream_sequence"] is None
    await site.jetstream.update_stream(STREAMS[0].evolve(num_replicas=1))
    assert (await site.deliver(body_of(second))).status_code == 200


async def test_missing_stream(site: Any) -> None:
    """Nobody provisioned the stream yet."""
    [step] = await site.new_job()
    await site.jetstream.delete_stream(STEPS)
    assert_postponed(await site.deliver(body_of(step)))
    await assert_untouched(site, step)


async def test_postgres_down_then_back(site: Any, postgres_server: Postgres) -> None:
    """No delivery is judged without Postgres, and none is lost."""
    [step] = await site.new_job()
    name = sql.Identifier(site.database_url.rsplit("/", 1)[1].split("?")[0])

    def lock_out(is_out: bool) -> None:
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            allowed = sql.Literal(not is_out)
            connection.execute(sql.SQL("alter database {} allow_connections {}").format(name, allowed))
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
                [name.as_string().strip('"')],
            )

    lock_out(True)
    try:
        assert_postponed(await site.deliver(body_of(step)))
        assert_postponed(await site.fail(body_of(step)))
        assert (await site.http.get("/readyz")).json()["reason"] == "postgres"
    finally:
        lock_out(False)
    assert await site.stream_count() == 0
    for _ in range(100):
        response = await site.deliver(body_of(step))
        if response.status_code == 200:
            break
        await asyncio.sleep(0.2)
    assert response.json()["status"] == "accepted"


async def test_outage_between_the_stream_and_the_row(site: Any) -> None:
    """The stream has the step but the row could not be written: QStash comes again, and the stream keeps one."""
    [step] = await site.new_job()
    async with await psycopg.AsyncConnection.connect(site.database_url) as blocker:
        await blocker.execute("select 1 from steps for update")
        assert_postponed(await site.deliver(body_of(step)))
    await assert_untouched(site, step)
    assert await site.stream_count() == 1
    assert (await site.deliver(body_of(step))).status_code == 200
    assert await site.stream_count() == 1
    assert (await site.step_row(step))["stream_sequence"] is not None


async def test_busy_pool(site: Any) -> None:
    """Who cannot get a connection in time says so."""
    [step] = await site.new_job()
    database = site.webhook.resources.database
    async with database.connection(), database.connection(), database.connection(), database.connection():
        assert_postponed(await site.deliver(body_of(step)))
    assert (await site.deliver(body_of(step))).status_code == 200
