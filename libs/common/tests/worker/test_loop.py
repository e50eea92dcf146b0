"""The whole loop on a real stream: pull, perform, answer, stop."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from common.domain.message import StepMessage
from common.messaging.connection import connect_messaging
from common.messaging.pull import StepPuller
from common.settings import NatsSettings
from common.worker.loop import WorkerLoop
from local.nats import Nats


async def test_a_job_runs_through_the_stream_and_leaves_nothing_in_it(plant: Any, bench: Any) -> None:
    job_id = await bench.new_job("winter guitar", "bread", target=60)
    async with plant.loop(), plant.loop():
        await bench.until(lambda: plant.is_ended(job_id))
        await plant.until_left(0)
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 60)
    assert (await bench.sandbox.calls())["paid"]["duplicates"] == 0
    await bench.check_books(job_id)


async def test_a_job_that_was_told_to_slow_down_completes_by_itself(plant: Any, bench: Any) -> None:
    await bench.sandbox.fault("429", bench.page_path, retry_after="1")
    job_id = await bench.new_job("bread", target=5)
    async with plant.loop():
        await bench.until(lambda: plant.is_ended(job_id))
        await plant.until_left(0)
    assert (await bench.job(job_id))["status"] == "completed"
    assert (await bench.platform())["state"] == "open"
    step = (await bench.query("select * from steps where step = 0"))[0]
    assert (step["claims_count"], step["phase"]) == (2, "done")
    await bench.check_books(job_id)


@pytest.mark.parametrize(("state", "reason"), [("cool_down", "cool_down"), ("paused", "credits")])
async def test_while_the_platform_waits_nothing_is_pulled_and_then_the_job_completes(
    plant: Any, bench: Any, state: str, reason: str
) -> None:
    """The message waits in the stream; it is not even looked at."""
    await bench.query(
        """update platform_states set state = %(state)s, reason = %(reason)s, until = now() + interval '1 hour'""",
        state=state,
        reason=reason,
    )
    job_id = await bench.new_job("bread", target=5)
    async with plant.loop():
        await plant.until_left(1)
        await asyncio.sleep(0.3)
        assert await plant.pulled() == 0
        await bench.end_pause()
        await bench.until(lambda: plant.is_ended(job_id))
    assert (await bench.job(job_id))["status"] == "completed"
    assert (await bench.platform())["state"] == "open", "the first good call was the probe"
    step = (await bench.query("select * from steps where step = 0"))[0]
    assert step["claims_count"] == 1


async def test_a_loop_that_stops_hands_its_step_back_and_another_finishes_the_job(plant: Any, bench: Any) -> None:
    await bench.sandbox.latency(profile=30)
    job_id = await bench.new_job("bread", target=20)

    async def is_buying() -> bool:
        return len(await bench.open_calls("profile")) == 10

    async with plant.loop(grace_s=0.1):
        await bench.until(is_buying)
    step = (await bench.query("select * from steps where step = 0"))[0]
    assert (step["phase"], step["token"], step["lease_until"], step["attempts"]) == ("enrichment", None, None, 0)

    async def is_naked() -> bool:
        return plant.nak_count == 1

    await bench.until(is_naked)
    await plant.until_left(1)
    assert await plant.pulled() == 1, "it is not sent to the loop that is gone"
    await bench.sandbox.latency(profile=0)
    async with plant.loop():
        await bench.until(lambda: plant.is_ended(job_id))
        await plant.until_left(0)
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("completed", 20)
    lost = [call for call in await bench.ledger(job_id) if call["status"] == "unknown"]
    assert {call["kind"] for call in lost} == {"profile"}
    assert len(lost) == 10, "what was under way at the stop may have been billed"
    await bench.check_books(job_id)


async def test_a_loop_that_stops_finishes_what_can_be_finished(plant: Any, bench: Any) -> None:
    await bench.sandbox.latency(profile=0.8)
    job_id = await bench.new_job("bread", target=20)

    async def is_buying() -> bool:
        return bool(await bench.open_calls("profile"))

    async with plant.loop():
        await bench.until(is_buying)
    assert (await bench.job(job_id))["status"] == "completed"
    await plant.until_left(0)
    await bench.check_books(job_id)


async def test_a_loop_that_stops_is_sent_no_further_step(plant: Any, bench: Any) -> None:
    """The pull that was under way would take it, and nobody would look at it until the stream's patience ends."""
    await bench.sandbox.latency(profile=0.8)
    first = await bench.new_job("bread", target=20)

    async def is_buying() -> bool:
        return bool(await bench.open_calls("profile"))

    async def are_both_stored() -> bool:
        return await plant.stored() == 2

    async with plant.loop() as stop:
        await bench.until(is_buying)
        stop.set()
        await asyncio.sleep(0.1)
        second = await bench.new_job("ramen", target=5)
        await bench.until(are_both_stored)
    assert (await bench.job(first))["status"] == "completed"
    await plant.until_left(1)
    assert await plant.pulled() == 1
    async with plant.loop():
        await bench.until(lambda: plant.is_ended(second))


async def test_a_loop_whose_connection_is_gone_for_good_still_hands_its_step_back(
    plant: Any, bench: Any, nats_server: Nats
) -> None:
    await bench.sandbox.latency(profile=30)
    await bench.new_job("bread", target=5)
    messaging = await connect_messaging(NatsSettings(nats_url=nats_server.url), name="tiktok", on_lost=lambda: None)
    puller = StepPuller(messaging, "tiktok")
    await puller.open()
    stop = asyncio.Event()
    running = asyncio.create_task(WorkerLoop(bench.new_tools(), puller, grace_s=0.1).run(stop))

    async def is_buying() -> bool:
        return bool(await bench.open_calls("profile"))

    await bench.until(is_buying)
    await messaging.client.close()
    stop.set()
    await running
    step = (await bench.query("select * from steps where step = 0"))[0]
    assert (step["token"], step["attempts"]) == (None, 0)


async def test_a_message_that_cannot_be_read_is_terminated_and_the_next_one_performed(plant: Any, bench: Any) -> None:
    for text in (b"", b"{}", b"[1]", b'{"jobId": "x"}', b"\xff\xfe"):
        await plant.put(text)
    job_id = await bench.new_job("bread", target=5)
    async with plant.loop():
        await bench.until(lambda: plant.is_ended(job_id))
        await plant.until_left(0)
    advisories = await plant.jetstream.stream_info("ADVISORIES")
    assert advisories.state.messages == 5, "the advisories keep what nobody could read"


RIGHT = b'{"jobId":"01a2222a-a08b-766c-98ba-8568659d27e9","searchId":"01a2222a-a08b-766c-98ba-8568659d27ea"'


@pytest.mark.security
async def test_a_hostile_message_is_terminated_once_and_logged_without_what_it_says(plant: Any, bench: Any) -> None:
    """Wrong types, numbers out of bounds, more than there should be, as much as the stream takes, as deep as can be, a
    thing twice, other encodings: none is tried again, none harms the next one."""
    hostile = [
        RIGHT + b',"step":"0","generation":0}',
        RIGHT + b',"step":0.0,"generation":0}',
        RIGHT + b',"step":true,"generation":0}',
        RIGHT + b',"step":-1,"generation":0}',
        RIGHT + b',"step":2147483648,"generation":0}',
        RIGHT + b',"step":1' + b"0" * 5000 + b',"generation":0}',
        RIGHT + b',"step":NaN,"generation":0}',
        RIGHT + b',"step":0,"generation":null}',
        RIGHT + b',"step":0,"generation":0,"token":"canary-in-the-message"}',
        RIGHT.replace(b"01a2222a", b"'; drop t") + b',"step":0,"generation":0}',
        RIGHT + b',"step":0,"generation":0}' + RIGHT,
        RIGHT.decode().encode("utf-16"),
        b"null",
        b'"canary-in-the-message"',
        b"[" * 60_000,
        b'{"jobId":' * 6_000,
        b'{"a":"' + b"x" * 60_000 + b'"}',
        b"\x00" * 60_000,
    ]
    for data in hostile:
        await plant.put(data)
    job_id = await bench.new_job("bread", target=5)
    with capture_logs() as logs:
        async with plant.loop():
            await bench.until(lambda: plant.is_ended(job_id))
            await plant.until_left(0)
    unreadable = [line for line in logs if line["event"] == "step.unreadable"]
    assert [line["log_level"] for line in unreadable] == ["error"] * len(hostile)
    assert len({line["sequence"] for line in unreadable}) == len(hostile)
    assert "canary" not in str(logs)
    assert (await bench.job(job_id))["status"] == "completed"


async def test_an_unknown_kind_of_search_ends_as_refused(plant: Any, bench: Any) -> None:
    job_id = await bench.new_job("bread", kind="telepathy", target=5)
    async with plant.loop():
        await bench.until(lambda: plant.is_ended(job_id))
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["calls_count"]) == ("error", "failed", 0)
    assert job["error"]
    assert job["reference"]
    search = (await bench.query("select * from searches"))[0]
    assert search["end_reason"] == "refused"


async def test_a_step_of_which_nobody_knows_is_acknowledged(plant: Any, bench: Any) -> None:
    new_id = bench.resources.clock.new_id
    message = StepMessage(job_id=new_id(), search_id=new_id(), step=0, generation=0)
    await plant.put(message.model_dump_json().encode())
    async with plant.loop():
        await plant.until_left(0)
    assert (await bench.sandbox.calls())["total"] == 0
