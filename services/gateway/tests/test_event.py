"""Live events: the job as it is, then everything that happened, each once and in order, from whichever gateway."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
import psycopg
import pytest

from common.domain.creator import Account, Item
from local.sse import Stream, Told, open_stream, tell

pytestmark = pytest.mark.server

MISSED = ["created", "started", "creator", "creator", "progressed"]


@asynccontextmanager
async def watch(gateway: Any, job_id: object, last: int | None = None) -> AsyncIterator[Stream]:
    async with gateway.client() as client, open_stream(client, job_id, last) as stream:
        yield stream


def people(*numbers: int) -> list[Item]:
    return [
        Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}")) for number in numbers
    ]


async def create(gateway: Any, target: int = 5, user: str = "user_ada") -> str:
    async with gateway.client(user) as client:
        answer = await client.post("/api/scraping/tiktok", json={"keywords": ["vegan"], "targetResults": target})
    assert answer.status_code == 200
    return answer.json()["jobId"]


async def extend(gateway: Any, job_id: str, target: int) -> None:
    async with gateway.client() as client:
        answer = await client.post(f"/api/v1/jobs/{job_id}/extend", json={"targetResults": target})
    assert answer.status_code == 200, answer.text


def nats_url(gateway: Any) -> str:
    environ = Path(f"/proc/{gateway.child.pid}/environ").read_text().split("\0")
    return next(value for name, _, value in (pair.partition("=") for pair in environ) if name == "NATS_URL")


@asynccontextmanager
async def hinting(gateway: Any) -> AsyncIterator[Any]:
    """Hints as a worker gives them."""
    client = await nats.connect(nats_url(gateway))

    async def hint(job_id: object) -> None:
        await client.publish(f"progress.{job_id}", b"")
        await client.flush()

    yield hint
    await client.close()


@pytest.fixture(scope="module")
def other(module_gateway: Any, start_gateway: Any) -> Any:
    """Another replica on the same database and broker."""
    return start_gateway(module_gateway.database_url)


async def test_first_comes_the_job_as_it_is_then_what_happens(gateway: Any, worker: Any) -> None:
    job_id = await create(gateway)
    async with watch(gateway, job_id) as stream:
        snapshot = await stream.next()
        async with gateway.client() as client:
            assert snapshot.data == (await client.get(f"/api/v1/jobs/{job_id}")).json()
        assert (snapshot.name, snapshot.id) == ("snapshot", 1)
        await worker.deliver(gateway.qstash.published[-1], people(1, 2), cursor="1")
        await stream.until("progressed")
        assert (stream.names, stream.ids) == (["snapshot", *MISSED[1:]], [1, 2, 3, 4, 5])
        async with gateway.client() as client:
            results = (await client.get(f"/api/v1/jobs/{job_id}/results?sort=found")).json()["items"]
        assert [told.data for told in stream.told if told.name == "creator"] == results
        at = datetime.fromisoformat(stream.told[-1].data.pop("at"))
        assert at.utcoffset() is not None
        assert stream.told[-1].data == {"seq": 5, "delivered": 2, "pending": 0, "pages": 1, "progress": 28.15}
    head = stream.answer.headers
    assert head["Content-Type"] == "text/event-stream"
    assert (head["Cache-Control"], head["X-Accel-Buffering"]) == ("no-store", "no")


async def test_after_the_end_there_is_nothing_and_then_204(gateway: Any, worker: Any) -> None:
    job_id = await create(gateway, target=2)
    async with watch(gateway, job_id) as stream:
        await stream.next()
        await worker.deliver(gateway.qstash.published[-1], people(1, 2), cursor="1")
        told = await stream.rest()
    assert [one.name for one in told] == ["snapshot", "started", "creator", "creator", "ended"]
    end = told[-1]
    assert {**end.data, "at": ""} == {
        "seq": 5, "at": "", "status": "completed", "stopReason": "target_reached", "delivered": 2
    }  # fmt: skip
    async with gateway.client() as client:
        for headers, query in (({"Last-Event-ID": "5"}, ""), ({}, "?lastEventId=5")):
            answer = await client.get(f"/api/v1/jobs/{job_id}/events{query}", headers=headers)
            assert (answer.status_code, answer.content) == (204, b"")
        answer = await client.get(f"/api/v1/jobs/{job_id}/events?lastEventId=3")
        assert [one.name async for one in tell(answer)] == ["snapshot", "creator", "ended"]
    async with watch(gateway, job_id) as stream:
        assert [(one.name, one.id) for one in await stream.rest()] == [("snapshot", 5)]


@pytest.mark.parametrize("is_hinted", [True, False])
async def test_what_another_process_commits_is_seen_by_every_gateway(
    gateway: Any, other: Any, worker: Any, is_hinted: bool
) -> None:
    """At once by a hint, in a moment without."""
    job_id = await create(gateway)
    async with watch(gateway, job_id) as here, watch(other, job_id) as there, hinting(gateway) as hint:
        for stream in (here, there):
            await stream.next()
        for page in range(2):
            await worker.deliver(
                gateway.qstash.published[0] | {"step": page}, people(2 * page, 2 * page + 1), cursor=str(page)
            )
            if is_hinted:
                await hint(job_id)
            for stream in (here, there):
                await stream.until("progressed")
        assert here.told == there.told
        assert here.ids == list(range(1, 9))


async def test_everything_after_the_last_id_is_told_again_from_any_gateway(
    gateway: Any, other: Any, worker: Any
) -> None:
    job_id = await create(gateway)
    await worker.deliver(gateway.qstash.published[-1], people(1, 2), cursor="1")
    for last in range(6):
        for one in (gateway, other):
            async with watch(one, job_id, last) as stream:
                for _ in range(6 - last):
                    await stream.next()
            assert stream.names == ["snapshot", *MISSED[last:]]
            assert [told.id for told in stream.told] == [None, *range(last + 1, 6)]


async def test_a_stream_that_is_cut_anywhere_goes_on_elsewhere_without_loss_or_repetition(
    gateway: Any, other: Any, worker: Any
) -> None:
    """Cut after a random number of messages, again and again, while pages come in."""
    chance = random.Random(5)
    job_id = await create(gateway, target=1000)
    pages = 12

    async def work() -> None:
        for page in range(pages):
            message = gateway.qstash.published[0] | {"step": page}
            numbers = range(20 * page, 20 * page + chance.randrange(1, 20))
            await worker.deliver(message, people(*numbers), cursor=None if page == pages - 1 else str(page))
            await asyncio.sleep(chance.random() / 10)

    working = asyncio.create_task(work())
    seen: list[Told] = []
    last = cuts = 0
    while not seen or seen[-1].name != "ended":
        async with watch(chance.choice([gateway, other]), job_id, last) as stream:
            for _ in range(chance.randrange(1, 15)):
                told = await stream.next()
                if told.id is not None:
                    seen.append(told)
                    last = told.id
                if told.name == "ended":
                    break
        cuts += 1
    await working
    head = gateway.rows("select event_seq from jobs where id = %s", job_id)[0]["event_seq"]
    assert [told.id for told in seen] == list(range(1, head + 1))
    assert cuts > 5
    stored = gateway.rows(
        "select seq, handle from candidates where job_id = %s and seq is not null order by seq", job_id
    )
    shown = [(told.id, told.data["creator"]["account"]["handle"]) for told in seen if told.name == "creator"]
    assert shown == [(row["seq"], row["handle"]) for row in stored]


async def test_a_job_that_goes_on_goes_on_with_its_numbers(gateway: Any, worker: Any) -> None:
    job_id = await create(gateway, target=2)
    await worker.deliver(gateway.qstash.published[-1], people(1, 2), cursor="1")
    await extend(gateway, job_id, 3)
    async with watch(gateway, job_id, 5) as stream:
        await stream.until("extended")
        assert stream.told[-1].data["targetResults"] == 3
        await worker.deliver(gateway.qstash.published[-1], people(3), cursor="2")
        told = await stream.rest()
    assert [(one.name, one.id) for one in told] == [
        ("snapshot", None), ("extended", 6), ("started", 7), ("creator", 8), ("ended", 9)
    ]  # fmt: skip
    async with watch(gateway, job_id, 0) as stream:
        told = await stream.rest()
    assert [one.id for one in told] == [None, *range(1, 10)], "the end of the first run ends no stream"


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "９", "0x1", "1 2", "9" * 19, "2"])
async def test_a_last_id_that_was_never_given_is_named(gateway: Any, text: str) -> None:
    job_id = await create(gateway)
    async with gateway.client() as client:
        url = f"/api/v1/jobs/{job_id}/events"
        answer = await client.get(url, params={"lastEventId": text})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/lastEventId")
        headers = {b"Last-Event-ID": text.encode()}
        answer = await client.get(url, headers=headers)  # pyright: ignore
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/Last-Event-ID")
        answer = await client.get(f"{url}?lastEventId=0", headers=headers)  # pyright: ignore
        assert answer.status_code == 422, "the header goes before the parameter"


async def test_a_foreign_job_is_an_unknown_one(gateway: Any) -> None:
    job_id = await create(gateway)
    for user, org in (("user_bob", None), ("user_ada", "org_acme")):
        async with gateway.client(user, org) as client:
            answers = [await client.get(f"/api/v1/jobs/{one}/events") for one in (job_id, uuid4(), "x")]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert len({answer.text.replace(answer.headers["X-Request-Id"], "") for answer in answers}) == 1
    async with gateway.stranger() as client:
        assert (await client.get(f"/api/v1/jobs/{job_id}/events")).status_code == 401


async def test_a_job_that_is_deleted_ends_its_streams(gateway: Any) -> None:
    job_id = await create(gateway)
    async with watch(gateway, job_id) as stream:
        await stream.next()
        with psycopg.connect(gateway.database_url) as connection:
            connection.execute("set session_replication_role = replica")  # it has not ended, so guards would refuse
            connection.execute("delete from jobs where id = %s", [job_id])
        async with hinting(gateway) as hint:
            await hint(job_id)
        told = await stream.rest()
    assert (told[-1].name, told[-1].data) == ("bye", {"reason": "unavailable"})
