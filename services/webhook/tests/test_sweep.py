"""The sweep repairs what a crash or an outage left, and leaves alone what is in somebody's hands."""

import asyncio
import json
from typing import Any

import pytest

from common.db.platform_state import announce_platform
from webhook.sweep import SCHEDULE_ID, run_sweep, sweep_once

pytestmark = pytest.mark.anyio

OLD = "now() - interval '10 minutes'"


def body_of(step: Any) -> dict[str, Any]:
    return step.message.model_dump(mode="json")


async def age(site: Any, columns: str) -> None:
    await site.query(f"update steps set {columns}")


async def published(site: Any) -> list[tuple[int, int]]:
    return [(message.body["step"], message.body["generation"]) for message in site.qstash.published]


async def test_a_step_that_was_never_published_is_published_as_it_is(site: Any) -> None:
    """The gateway died between commit and publish. A fresh one is left to whoever publishes it just now."""
    [step] = await site.new_job()
    assert await sweep_once(site.webhook.resources) == {}
    await age(site, f"due_at = {OLD}")
    assert await sweep_once(site.webhook.resources) == {"redriven": 1}
    assert await published(site) == [(0, 0)]
    assert (await site.step_row(step))["published_generation"] == 0
    assert await sweep_once(site.webhook.resources) == {}


async def test_a_message_that_is_gone_is_driven_again_ever_more_slowly(site: Any) -> None:
    """Under a new generation, so that no window absorbs it; each time the wait doubles."""
    [step] = await site.new_job()
    await age(site, f"due_at = {OLD}, published_generation = 0, published_at = {OLD}")
    assert await sweep_once(site.webhook.resources) == {"redriven": 1}
    assert await published(site) == [(0, 1)]
    row = await site.step_row(step)
    assert (row["generation"], row["sweeps_count"], row["published_generation"]) == (1, 1, 1)
    ninety = "now() - interval '90 seconds'"
    await age(site, f"due_at = {ninety}, published_at = {ninety}")
    assert await sweep_once(site.webhook.resources) == {}, "sixty seconds are not enough any more"
    await age(site, f"due_at = {OLD}, published_at = {OLD}")
    assert await sweep_once(site.webhook.resources) == {"redriven": 1}


async def test_a_message_that_the_stream_has_is_the_streams_to_deliver(site: Any) -> None:
    [step] = await site.new_job()
    assert (await site.deliver(body_of(step))).json()["status"] == "accepted"
    await age(site, f"due_at = {OLD}, published_generation = 0, published_at = {OLD}, delivered_at = {OLD}")
    assert await sweep_once(site.webhook.resources) == {}
    await site.jetstream.purge_stream("STEPS")
    assert await sweep_once(site.webhook.resources) == {"redriven": 1}


async def test_what_a_worker_holds_or_a_pause_stops_is_left_alone(site: Any) -> None:
    [step] = await site.new_job()
    await age(site, f"due_at = {OLD}, published_generation = 0, published_at = {OLD}")
    await site.claim(step)
    assert await sweep_once(site.webhook.resources) == {}
    await age(site, "token = null, lease_until = null")
    async with site.webhook.resources.database.connection() as connection:
        await announce_platform(connection, platform="tiktok", label="TikTok", modes=[], search_kinds=[])
    await site.query("update platform_states set state = 'paused', reason = 'credits'")
    assert await sweep_once(site.webhook.resources) == {}
    await site.query("update platform_states set state = 'open', reason = null")
    assert await sweep_once(site.webhook.resources) == {"redriven": 1}


async def test_qstash_down_leaves_the_step_for_the_next_sweep(site: Any) -> None:
    await site.new_job()
    await age(site, f"due_at = {OLD}")
    site.qstash.is_down = True
    await sweep_once(site.webhook.resources)
    site.qstash.is_down = False
    assert await sweep_once(site.webhook.resources) == {"redriven": 1}


@pytest.mark.parametrize(
    "columns",
    [
        f"status = 'processing', started_at = {OLD}, deadline_at = {OLD}",
        f"queue_until = {OLD}",
        f"queue_until = {OLD}, admitted_at = null",
    ],
)
async def test_a_job_past_its_deadline_or_its_queue_ends_as_timeout(site: Any, columns: str) -> None:
    await site.new_job()
    await site.query(f"update jobs set {columns}")
    assert (await sweep_once(site.webhook.resources))["ended_overdue"] == 1
    [job] = await site.query("select status, stop_reason from jobs")
    assert job == {"status": "timeout", "stop_reason": "deadline"}


async def test_a_job_whose_turn_was_missed_is_admitted(site: Any) -> None:
    """Somebody ended a job without admitting the next."""
    for _ in range(6):
        await site.new_job(owner="user:one")
    assert await sweep_once(site.webhook.resources) == {}
    await site.query(
        """update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now()
           where id = (select min(id::text)::uuid from jobs)"""
    )
    assert await sweep_once(site.webhook.resources) == {"admitted": 1, "released_credits": 100}
    assert len(site.qstash.published) == 1
    assert await sweep_once(site.webhook.resources) == {}


async def test_a_job_with_nothing_left_to_do_is_concluded(site: Any) -> None:
    """Its last search ended, but nobody asked whether the job is over."""
    await site.new_job()
    await site.query("update jobs set status = 'processing'")
    await age(site, "phase = 'done', done_at = now()")
    await site.query("update searches set status = 'ended', end_reason = 'exhausted'")
    assert await sweep_once(site.webhook.resources) == {}, "not at once"
    await site.query(f"update jobs set updated_at = {OLD}")
    assert await sweep_once(site.webhook.resources) == {"concluded": 1}
    [job] = await site.query("select status, stop_reason from jobs")
    assert job == {"status": "completed", "stop_reason": "exhausted"}


async def test_a_job_that_cannot_go_on_ends_in_error_with_a_reference(site: Any) -> None:
    """Its search is active, but has no step."""
    await site.new_job()
    await site.query(f"update jobs set updated_at = {OLD}")
    await site.query("delete from steps")
    assert await sweep_once(site.webhook.resources) == {"concluded": 1}
    [job] = await site.query("select status, stop_reason, error, reference from jobs")
    assert (job["status"], job["stop_reason"]) == ("error", "failed")
    assert job["error"]
    assert job["reference"]


async def test_a_message_that_jetstream_gave_up_is_driven_again_and_leaves_the_stream(site: Any) -> None:
    [step] = await site.new_job()
    sequence = (await site.deliver(body_of(step))).json()["sequence"]
    subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.STEPS.tiktok"
    for given_up in (sequence, 999_999):
        await site.jetstream.publish(subject, json.dumps({"stream_seq": given_up, "deliveries": 50}).encode())
    await site.jetstream.publish(subject, b"not json")
    assert (await sweep_once(site.webhook.resources))["given_up_messages"] == 2
    assert await published(site) == [(0, 1)]
    assert await site.stream_count() == 0
    await site.query("update steps set redrives_count = 3")
    sequence = (await site.deliver({**body_of(step), "generation": 1})).json()["sequence"]
    await site.jetstream.publish(subject, json.dumps({"stream_seq": sequence}).encode())
    await sweep_once(site.webhook.resources)
    [letter] = await site.query("select reason from dead_letters")
    assert letter["reason"] == "max_deliver"
    assert (await site.query("select status from jobs"))[0]["status"] == "error"


async def test_accepted_tokens_are_forgotten_after_ten_minutes(site: Any) -> None:
    await site.query(
        """insert into qstash_deliveries (jti, received_at) values
           ('old', now() - interval '11 minutes'), ('young', now() - interval '9 minutes')"""
    )
    await sweep_once(site.webhook.resources)
    assert await site.query("select jti from qstash_deliveries") == [{"jti": "young"}]


async def test_of_two_sweeps_one_works(site: Any) -> None:
    for _ in range(5):
        await site.new_job()
    await age(site, f"due_at = {OLD}")
    sums = await asyncio.gather(*(sweep_once(site.webhook.resources) for _ in range(3)))
    assert sum(repairs.get("redriven", 0) for repairs in sums) == 5
    assert len(site.qstash.published) == 5


async def test_the_loop_sweeps_until_it_is_told_to_stop_and_keeps_its_schedule(site: Any) -> None:
    await site.query("insert into system_settings (category, key, value) values ('recovery', 'sweep_every', '1')")
    [step] = await site.new_job()
    stop = asyncio.Event()
    loop = asyncio.create_task(run_sweep(site.webhook.resources, stop))
    while not any(message.headers.get("upstash-schedule-id") == SCHEDULE_ID for message in site.qstash.published):
        await asyncio.sleep(0.02)
    await age(site, f"due_at = {OLD}")
    while (await site.step_row(step))["published_generation"] is None:
        await asyncio.sleep(0.05)
    stop.set()
    await loop
