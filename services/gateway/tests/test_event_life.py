"""How streams live and end: heartbeats, their age, how many there may be, clients that hang up or do not read, and the
end of the process."""

import asyncio
import os
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import nats
import pytest

from common.domain.creator import Account, Item
from common.settings import ServerSettings
from gateway.app import create_app
from gateway.composition import open_gateway, read_gateway_settings
from gateway.live.limit import LiveLimits
from gateway.server import listen, make_server
from local.port import free_port
from local.sse import RefusedError, Stream, open_stream

pytestmark = pytest.mark.server


@asynccontextmanager
async def composed(gateway: Any, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> AsyncIterator[Any]:
    """Another gateway beside the one that runs, in this process, with other limits."""
    environ = Path(f"/proc/{gateway.child.pid}/environ").read_text().split("\0")
    for name, _, value in (pair.partition("=") for pair in environ if pair):
        monkeypatch.setenv(name, value)
    port = free_port()
    settings = replace(read_gateway_settings(), server=ServerSettings(host="127.0.0.1", port=port))
    async with open_gateway(settings, on_lost=lambda: None, live=LiveLimits(**limits)) as parts:
        server = make_server(create_app(parts), settings.server)
        with listen(settings.server) as listener:
            serving = asyncio.create_task(server.serve([listener]))
            yield replace(gateway, url=f"http://127.0.0.1:{port}")
            parts.life.drain()
            server.should_exit = True
            await asyncio.wait_for(serving, 20)


@asynccontextmanager
async def watch(gateway: Any, job_id: object, last: int | None = None, user: str = "user_ada") -> AsyncIterator[Stream]:
    async with gateway.client(user) as client, open_stream(client, job_id, last) as stream:
        yield stream


async def create(gateway: Any, target: int = 5, user: str = "user_ada") -> str:
    async with gateway.client(user) as client:
        answer = await client.post("/api/scraping/tiktok", json={"keywords": ["vegan"], "targetResults": target})
    assert answer.status_code == 200
    return answer.json()["jobId"]


def people(*numbers: int, bio: str | None = None) -> list[Item]:
    return [
        Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}", bio=bio))
        for number in numbers
    ]


async def open_streams(gateway: Any) -> float:
    async with gateway.stranger() as client:
        text = (await client.get("/metrics")).text
    found = re.search(r"^gateway_event_streams (\S+)$", text, re.MULTILINE)
    assert found is not None
    return float(found[1])


async def until_stuck(gateway: Any) -> None:
    """Until nobody takes any more events."""
    before, now = -1.0, 0.0
    while now != before or now == 0:
        await asyncio.sleep(1)
        async with gateway.stranger() as client:
            text = (await client.get("/metrics")).text
        found = re.search(r"^gateway_events_sent_total (\S+)$", text, re.MULTILINE)
        assert found is not None
        before, now = now, float(found[1])


async def becomes(gateway: Any, count: int) -> None:
    async with asyncio.timeout(20):
        while await open_streams(gateway) != count:
            await asyncio.sleep(0.05)


async def connect(gateway: Any, job_id: str, token: str, *, last: int | None = None, room: int | None = None) -> Any:
    """A stream on a bare socket, its head unread. `room`: the size of its receive buffer."""
    own = socket.socket()
    if room is not None:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    own.setblocking(False)
    await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", int(gateway.url.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=own, limit=1024)
    mark = "" if last is None else f"Last-Event-ID: {last}\r\n"
    writer.write(
        f"GET /api/v1/jobs/{job_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{mark}\r\n".encode()
    )
    await writer.drain()
    return reader, writer


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection as a peer that is gone: with a reset, not a goodbye."""
    own = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_silence_is_broken_by_comments(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with composed(gateway, monkeypatch, heartbeat_s=0.1) as quick:
        job_id = await create(gateway)
        async with quick.client() as client, client.stream("GET", f"/api/v1/jobs/{job_id}/events") as answer:
            lines = answer.aiter_lines()
            while await anext(lines):
                continue
            assert [await anext(lines) for _ in range(6)] == [":", ""] * 3


async def test_a_stream_has_its_time_and_then_says_bye(
    gateway: Any, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with composed(gateway, monkeypatch, lifetime_s=0.5) as brief:
        job_id = await create(gateway)
        async with watch(brief, job_id) as stream:
            told = await stream.rest()
        assert [one.name for one in told] == ["snapshot", "bye"]
        assert told[1].data == {"reason": "lifetime"}
        assert told[1].id is None
        assert told[1].retry_ms is not None
        assert 2000 <= told[1].retry_ms <= 4000
        await worker.deliver(gateway.qstash.published[-1], people(1), cursor="1")
        async with watch(brief, job_id, told[0].id) as stream:
            told = await stream.rest()
        assert [one.name for one in told] == ["snapshot", "started", "creator", "progressed", "bye"]
        await becomes(brief, 0)


@pytest.mark.parametrize("kept", [3, 1000])
async def test_pages_of_more_events_than_are_kept_or_read_at_once_lose_nothing(
    gateway: Any, worker: Any, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Nor does the end of the job cut its last page short."""
    async with composed(gateway, monkeypatch, kept_events_max=kept, kept_bytes_max=2**24) as forgetful:
        job_id = await create(gateway, target=1000)
        async with AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(watch(forgetful, job_id, 0)) for _ in range(5)]
            for page in range(4):
                message = gateway.qstash.published[0] | {"step": page}
                cursor = str(page) if page < 3 else None
                await worker.deliver(message, people(*range(100 * page, 100 * page + 100)), cursor=cursor)
            for stream in streams:
                await stream.rest()
        head = gateway.rows("select event_seq from jobs where id = %s", job_id)[0]["event_seq"]
        assert head > 400
        assert all(stream.ids == list(range(1, head + 1)) for stream in streams)


async def test_a_hint_is_enough_to_be_told(gateway: Any, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a worker's page and of what the API itself does; nobody looks by themselves here."""
    async with composed(gateway, monkeypatch, look_s=3600) as blind:
        job_id = await create(gateway)
        async with watch(blind, job_id) as stream:
            await stream.next()
            await worker.deliver(gateway.qstash.published[-1], people(1), cursor="1")
            client = await nats.connect(os.environ["NATS_URL"])
            await client.publish(f"progress.{job_id}", b"")
            await client.close()
            await stream.until("progressed")
            async with gateway.client() as other:
                await other.post(f"/api/v1/jobs/{job_id}/cancel")
            told = await stream.rest()
        assert (told[-1].name, told[-1].data["status"]) == ("ended", "cancelled")


async def test_only_so_many_streams_of_a_user_and_of_a_process(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with composed(gateway, monkeypatch, streams_per_user_max=2, streams_max=3) as small:
        ada, bob = await create(gateway), await create(gateway, user="user_bob")
        async with watch(small, ada), watch(small, ada) as second:
            with pytest.raises(RefusedError) as refused:
                async with watch(small, ada):
                    pass
            answer = refused.value.answer
            assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-streams")
            assert answer.headers["Retry-After"] == "10"
            async with watch(small, bob, user="user_bob"):
                with pytest.raises(RefusedError) as refused:
                    async with watch(small, bob, user="user_bob"):
                        pass
                answer = refused.value.answer
                assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
                assert answer.headers["Retry-After"] == "10"
                assert await open_streams(small) == 3
            await second.next()
            await second.answer.aclose()
            await becomes(small, 1)
            async with watch(small, ada):
                assert await open_streams(small) == 2
        await becomes(small, 0)


async def test_what_is_no_stream_takes_no_place(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with composed(gateway, monkeypatch, streams_per_user_max=2) as small:
        job_id = await create(gateway)
        async with gateway.client() as client:
            await client.post(f"/api/v1/jobs/{job_id}/cancel")
        async with small.client() as client:
            statuses: set[int] = set()
            for last in ("2", "99", "x"):
                for one in (job_id, "0" * 8):
                    url = f"/api/v1/jobs/{one}/events"
                    statuses |= {(await client.get(url, headers={"Last-Event-ID": last})).status_code for _ in range(3)}
        assert statuses == {204, 404, 422}
        assert await open_streams(small) == 0
        async with watch(small, job_id) as stream:
            assert [one.name for one in await stream.rest()] == ["snapshot"]


async def test_who_hangs_up_gives_the_place_back(gateway: Any) -> None:
    job_id = await create(gateway)
    token = gateway.token()
    ended = [await connect(gateway, job_id, token) for _ in range(10)]
    await becomes(gateway, 10)
    for number, (_, writer) in enumerate(ended):
        reset(writer) if number % 2 else writer.close()
    await becomes(gateway, 0)


BIG = "a very long bio, " * 400


async def test_who_does_not_read_holds_up_nobody_and_is_cut_off_at_the_end_of_its_time(
    gateway: Any, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than there are connections to Postgres."""
    async with composed(gateway, monkeypatch, lifetime_s=8) as brief:
        job_id = await create(gateway, target=1000)
        for page in range(3):
            message = gateway.qstash.published[0] | {"step": page}
            people_ = people(*range(250 * page, 250 * page + 250), bio=BIG)
            await worker.deliver(message, people_, cursor=str(page))
        token = gateway.token()
        stuck = [await connect(brief, job_id, token, last=0, room=4096) for _ in range(20)]
        await becomes(brief, 20)
        async with watch(brief, job_id) as stream, gateway.client() as client:
            await stream.next()
            for page in range(3, 8):
                message = gateway.qstash.published[0] | {"step": page}
                await worker.deliver(message, people(1000 + page), cursor=str(page))
                await stream.until("progressed")
            job = await client.get(f"{brief.url}/api/v1/jobs/{job_id}")
            assert job.json()["counts"]["delivered"] == 755
            # Others read meanwhile, each for as long as it takes to read a stretch.
            [held] = gateway.rows(
                """select count(*) as n from pg_stat_activity
                   where application_name = 'gateway' and state <> 'idle' and datname = current_database()
                     and xact_start < now() - interval '2 seconds'"""
            )
            assert held["n"] == 0
        assert await open_streams(brief) >= 20, "they are still there, and still stuck"
        await becomes(brief, 0)
        for _, writer in stuck:
            writer.close()


async def test_on_sigterm_all_streams_say_bye_and_the_process_ends_well(start_gateway: Any, gateway: Any) -> None:
    """Fifty streams: some are read, some were reset by their peers just before, one does not read at all."""
    dying = start_gateway(gateway.database_url)
    job_id = await create(gateway)
    async with AsyncExitStack() as stack:
        users = ["user_ada", "user_ada"]
        streams = [await stack.enter_async_context(watch(dying, job_id, user=user)) for user in users]
        token = dying.token()
        bare = [await connect(dying, job_id, token) for _ in range(28)]
        others = await create(gateway, user="user_bob")
        bobs = dying.token("user_bob")
        bare += [await connect(dying, others, bobs, room=4096) for _ in range(20)]
        await becomes(dying, 50)
        for stream in streams:
            await stream.next()
        for number, (_, writer) in enumerate(bare):
            if number % 2:
                reset(writer)
        dying.child.request_stop()
        ends = [(await stream.rest())[-1] for stream in streams]
        await becomes(dying, 0)
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        assert await asyncio.to_thread(dying.child.await_exit, 20)
        assert loop.time() - asked_at < 10
    assert [(end.name, end.data) for end in ends] == [("bye", {"reason": "draining"})] * 2
    assert dying.child.exit_code == 0
    events = [line["event"] for line in dying.log_lines()]
    assert events[-1] == "server.stopped"
    assert events.count("request.handled") >= 50
    assert not {"request.failed", "reader.failed"} & set(events)
    for _, writer in bare:
        with suppress(ConnectionError):
            writer.close()


async def test_on_sigterm_who_does_not_read_is_cut_off(start_gateway: Any, gateway: Any, worker: Any) -> None:
    dying = start_gateway(gateway.database_url)
    job_id = await create(gateway, target=1000)
    for page in range(3):
        message = gateway.qstash.published[0] | {"step": page}
        people_ = people(*range(250 * page, 250 * page + 250), bio=BIG)
        await worker.deliver(message, people_, cursor=str(page))
    token = dying.token()
    stuck = [await connect(dying, job_id, token, last=0, room=4096) for _ in range(5)]
    await becomes(dying, 5)
    await until_stuck(dying)
    dying.child.request_stop()
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    assert await asyncio.to_thread(dying.child.await_exit, 20)
    assert loop.time() - asked_at < 10
    assert dying.child.exit_code == 0
    assert dying.log_lines()[-1]["event"] == "server.stopped"
    for _, writer in stuck:
        with suppress(ConnectionError):
            writer.close()


async def test_a_newcomer_while_the_process_ends_is_sent_on(start_gateway: Any, gateway: Any) -> None:
    """It is answered, so that a browser comes again, to another replica."""
    dying = start_gateway(gateway.database_url)
    job_id = await create(gateway)
    dying.child.request_stop()
    async with watch(dying, job_id) as stream:
        told = await stream.rest()
    assert [(one.name, one.data.get("reason")) for one in told] == [("snapshot", None), ("bye", "draining")]
