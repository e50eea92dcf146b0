"""Large files are sent as they are read: in constant memory, at the receiver's pace, whole or visibly broken."""

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import anyio
import httpx
import psycopg
import pytest

from local.bench.export.crowd import Crowd, make_crowd
from local.bench.export.watch import Watch
from local.child import wait_until

pytestmark = pytest.mark.server

CREATORS, JOBS = 20_000, 4
MEGABYTE = 1e6
GROWTH_MAX = 20 * MEGABYTE
SETTLES_S = 20.0
BOBS_JOB = "01900000-0000-7000-8000-00000000b0b0"


@pytest.fixture(scope="module")
def crowd(module_gateway: Any) -> Crowd:
    return make_crowd(module_gateway.database_url, owner="user:user_ada", creators=CREATORS, jobs=JOBS)


@asynccontextmanager
async def half_read(running: Any, url: str, user: str = "user_ada", org: str | None = None) -> AsyncIterator[Any]:
    """A file of which the first bytes have arrived and no more is read: the rest does not fit on the way."""
    async with running.client(user, org) as client:
        await a_place(client)
        async with client.stream("GET", url) as answer:
            assert answer.status_code == 200
            parts = answer.aiter_raw()
            first = await anext(parts)
            assert first
            yield parts


async def a_place(client: Any) -> None:
    """Wait until the gateway has noticed that the receivers of earlier files are gone."""
    nothing = f"/api/v1/campaigns/{uuid4()}/export.csv"
    with anyio.fail_after(SETTLES_S):
        while (await client.get(nothing)).status_code != 404:
            await anyio.sleep(0.05)


async def rest_of(parts: Any) -> int:
    return sum([len(part) async for part in parts])


def job_url(crowd: Crowd) -> str:
    return f"/api/v1/jobs/{crowd.job_id}/export.jsonl"


def do(running: Any, statement: str) -> None:
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def make_crowd_of(running: Any, owner: str) -> None:
    """A job with a copy of Ada's creators, for another owner."""
    do(running, f"insert into owners (owner) values ('{owner}') on conflict do nothing")
    do(
        running,
        f"""insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
                parallel_searches_max, timeout, delay_between_calls, queue_until)
            values ('{BOBS_JOB}', '{owner}', 'b', 'tiktok', 'keyword', '{{}}', 10000, 1, 1, 1, '1 hour', '0', now())""",
    )
    do(
        running,
        f"""insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
                outcome, seq, enrichment, handle, details, delivered_at)
            select '{BOBS_JOB}', platform_id, search_id, step, ordinal, assigned_search_id, assigned_step, outcome,
                row_number() over (), enrichment, handle, details, delivered_at
            from candidates where job_id = md5('job0')::uuid""",
    )


def logged(running: Any, event: str) -> list[dict[str, Any]]:
    return [line for line in running.log_lines() if line["event"] == event]


def handled(running: Any, route: str) -> list[dict[str, Any]]:
    return [line for line in logged(running, "request.handled") if line["route"].endswith(route)]


def campaign_url(crowd: Crowd, form: str = "jsonl") -> str:
    return f"/api/v1/campaigns/{crowd.campaign_id}/export.{form}"


@pytest.mark.parametrize("form", ["csv", "xlsx", "jsonl"])
async def test_memory_does_not_grow_with_the_file(module_gateway: Any, crowd: Crowd, form: str) -> None:
    url = campaign_url(crowd, form)
    async with module_gateway.client() as client:
        with Watch(module_gateway.child.pid, module_gateway.url) as watch:
            answer = await client.get(url, timeout=120)
    assert answer.status_code == 200
    assert watch.rss_peak - watch.rss_before < GROWTH_MAX
    if form != "xlsx":
        assert len(answer.content) > 1.2 * GROWTH_MAX
        assert answer.content.count(b"\n") >= CREATORS


async def test_who_reads_slowly_holds_no_connection(module_gateway: Any, crowd: Crowd) -> None:
    def is_idle() -> bool:
        states = module_gateway.rows(
            """select state from pg_stat_activity
               where datname = current_database() and application_name = 'gateway'"""
        )
        return {row["state"] for row in states} == {"idle"}

    async with half_read(module_gateway, campaign_url(crowd)), half_read(module_gateway, job_url(crowd)):
        assert await anyio.to_thread.run_sync(wait_until, is_idle, SETTLES_S)
        async with module_gateway.client() as client:
            assert (await client.get("/api/v1/campaigns")).status_code == 200


@pytest.mark.parametrize(
    ("breaking", "mending"),
    [
        ("alter table candidates rename to hidden", "alter table hidden rename to candidates"),
        (
            "update jobs set owner = 'user:user_bob', campaign_id = null where id = {job}",
            "update jobs set owner = 'user:user_ada', campaign_id = {campaign} where id = {job}",
        ),
    ],
    ids=["the database fails", "it is gone"],
)
async def test_what_cannot_be_whole_is_a_broken_transfer(
    module_gateway: Any, crowd: Crowd, breaking: str, mending: str
) -> None:
    """And the first bytes are there before the last batch is read."""
    ids = {"job": f"'{crowd.job_id}'", "campaign": f"'{crowd.campaign_id}'"}
    cuts = len(logged(module_gateway, "export.cut"))
    async with half_read(module_gateway, job_url(crowd)) as parts:
        do(module_gateway, "insert into owners (owner) values ('user:user_bob') on conflict do nothing")
        do(module_gateway, breaking.format(**ids))
        try:
            with pytest.raises(httpx.RemoteProtocolError):
                await rest_of(parts)
        finally:
            do(module_gateway, mending.format(**ids))
    assert len(logged(module_gateway, "export.cut")) == cuts + 1
    assert logged(module_gateway, "request.failed") == []


async def test_so_many_run_at_once_and_the_end_of_one_is_the_turn_of_the_next(
    module_gateway: Any, crowd: Crowd
) -> None:
    """However it ends: the receiver leaves, or there is no such job."""
    make_crowd_of(module_gateway, "user:user_bob")
    ada, bob = campaign_url(crowd), f"/api/v1/jobs/{BOBS_JOB}/export.jsonl"
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(half_read(module_gateway, ada))
        client = await stack.enter_async_context(module_gateway.client())
        third = await client.get(ada)
        assert (third.status_code, third.headers["Retry-After"]) == (429, "10")
        assert third.json()["type"] == "/problems/too-many-exports"
        for _ in range(2):
            await stack.enter_async_context(half_read(module_gateway, bob, "user_bob"))
        stranger = await stack.enter_async_context(module_gateway.client("user_eve"))
        fifth = await stranger.get(ada)
        assert (fifth.status_code, fifth.headers["Retry-After"]) == (503, "10")

    async def status() -> int:
        async with module_gateway.client("user_eve") as client:
            return (await client.get(ada)).status_code

    with anyio.fail_after(SETTLES_S):
        while await status() == 503:
            await anyio.sleep(0.05)
    assert [await status() for _ in range(6)] == [404] * 6, "an unknown campaign takes no place for good"


async def test_nobody_is_written_for_who_has_left(module_gateway: Any, crowd: Crowd) -> None:
    before = len(handled(module_gateway, "export.jsonl"))
    async with half_read(module_gateway, campaign_url(crowd)):
        pass

    def has_ended() -> bool:
        return len(handled(module_gateway, "export.jsonl")) > before

    assert await anyio.to_thread.run_sync(wait_until, has_ended, SETTLES_S)
    last = handled(module_gateway, "export.jsonl")[-1]
    assert last["bytes"] < CREATORS * crowd.document_bytes / 2
    assert logged(module_gateway, "request.failed") == []


async def test_a_file_that_is_on_its_way_may_arrive_when_the_process_is_told_to_end(
    start_gateway: Any, module_gateway: Any, crowd: Crowd
) -> None:
    running = start_gateway(module_gateway.database_url)
    async with half_read(running, job_url(crowd)) as parts:
        running.child.signal(signal.SIGTERM)
        await anyio.to_thread.run_sync(
            wait_until, lambda: "server.draining" in running.child.log.read_text(), SETTLES_S
        )
        assert await rest_of(parts) > crowd.job_creators * 1000
    assert running.child.await_exit(SETTLES_S)
    assert running.child.exit_code == 0
