"""The sweep repairs what a crash or an outage left, and leaves alone what is in somebody's hands."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from common.db.ledger import CallRequest, open_call
from common.db.platform_state import Ability, announce_platform
from common.transaction.deletion import delete_job
from common.transaction.failure import cancel_job
from local.held import until_waiting
from webhook.sweep import SCHEDULE_ID, run_sweep, sweep_once

pytestmark = pytest.mark.anyio

OLD = "now() - interval '10 minutes'"
SUBJECT = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.STEPS.tiktok"


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


async def test_anothers_message_in_the_place_of_ones_own_does_not_count(site: Any) -> None:
    """A stream that was lost and made anew counts from one again."""
    [step] = await site.new_job()
    [other] = await site.new_job()
    await site.deliver(body_of(other))
    await site.query(
        """update steps s set stream_sequence = o.stream_sequence from steps o
           where o.stream_sequence is not null and s.stream_sequence is null"""
    )
    await age(site, f"due_at = {OLD}, published_generation = 0, published_at = {OLD}, delivered_at = {OLD}")
    assert await sweep_once(site.webhook.resources) == {"redriven": 1}
    assert ((await site.step_row(step))["generation"], (await site.step_row(other))["generation"]) == (1, 0)


async def test_what_a_worker_holds_or_a_pause_stops_is_left_alone(site: Any) -> None:
    [step] = await site.new_job()
    await age(site, f"due_at = {OLD}, published_generation = 0, published_at = {OLD}")
    await site.claim(step)
    assert await sweep_once(site.webhook.resources) == {}
    await age(site, "token = null, lease_until = null")
    async with site.office.connection() as connection:
        await announce_platform(connection, Ability(platform="tiktok", label="TikTok", modes=(), search_kinds=()))
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


async def test_who_watches_a_job_that_the_sweep_ends_hears_of_it(site: Any) -> None:
    hints = await site.webhook.resources.messaging.client.subscribe("progress.*")
    await site.new_job()
    await site.query(f"update jobs set queue_until = {OLD}")
    await sweep_once(site.webhook.resources)
    [job] = await site.query("select id, status from jobs")
    assert job["status"] == "timeout"
    assert (await hints.next_msg(timeout=5)).subject == f"progress.{job['id']}"
    await hints.unsubscribe()


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
    for given_up in (sequence, 999_999):
        await site.jetstream.publish(SUBJECT, json.dumps({"stream_seq": given_up, "deliveries": 50}).encode())
    await site.jetstream.publish(SUBJECT, b"not json")
    assert (await sweep_once(site.webhook.resources))["given_up_messages"] == 2
    assert await published(site) == [(0, 1)]
    assert await site.stream_count() == 0
    await site.query("update steps set redrives_count = 3")
    sequence = (await site.deliver({**body_of(step), "generation": 1})).json()["sequence"]
    await site.jetstream.publish(SUBJECT, json.dumps({"stream_seq": sequence}).encode())
    await sweep_once(site.webhook.resources)
    [letter] = await site.query("select reason from dead_letters")
    assert letter["reason"] == "max_deliver"
    assert (await site.query("select status from jobs"))[0]["status"] == "error"


async def test_a_given_up_message_of_a_job_that_was_deleted_leaves_the_stream(site: Any) -> None:
    """There is nothing to give up any more, and nothing that keeps the sweep from the rest of its work."""
    [step] = await site.new_job()
    sequence = (await site.deliver(body_of(step))).json()["sequence"]
    await cancel_job(await site.unit(), step.job_id)
    await delete_job(await site.unit(), step.job_id, by="user_ada")
    await site.jetstream.publish(SUBJECT, json.dumps({"stream_seq": sequence}).encode())
    assert await sweep_once(site.webhook.resources) == {"given_up_messages": 1}
    assert await site.stream_count() == 0
    assert await sweep_once(site.webhook.resources) == {}


async def test_a_job_that_is_deleted_while_the_sweep_comes_to_it_needs_no_repair(site: Any) -> None:
    [step] = await site.new_job()
    await cancel_job(await site.unit(), step.job_id)
    await site.query("update jobs set credits_granted = 1")
    async with site.office.transaction() as connection:
        await connection.execute("delete from jobs")
        sweep = asyncio.create_task(sweep_once(site.webhook.resources))
        await until_waiting(sweep, site.query)
    assert await sweep == {}


@pytest.mark.parametrize("until", ["now() + interval '1 hour'", "null"])
async def test_a_message_given_up_under_a_pause_is_driven_again_and_not_counted(site: Any, until: str) -> None:
    """That it came back fifty times is the pause's doing: no re-drive is used, no letter is written. It is published
    when the pause is over."""
    [step] = await site.new_job()
    sequence = (await site.deliver(body_of(step))).json()["sequence"]
    async with site.office.connection() as connection:
        await announce_platform(connection, Ability(platform="tiktok", label="TikTok", modes=(), search_kinds=()))
    await site.query(f"update platform_states set state = 'paused', reason = 'credits', until = {until}")
    await site.query("update steps set redrives_count = 3")  # one more, and it would be given up
    await site.jetstream.publish(SUBJECT, json.dumps({"stream_seq": sequence}).encode())
    assert await sweep_once(site.webhook.resources) == {"given_up_messages": 1}
    assert await published(site) == []
    assert await site.stream_count() == 0
    row = await site.step_row(step)
    assert (row["phase"], row["generation"], row["redrives_count"]) == ("page", 1, 3)
    assert await site.query("select * from dead_letters") == []
    await age(site, f"due_at = {OLD}")
    assert await sweep_once(site.webhook.resources) == {}, "not before the pause is over"
    await site.query("update platform_states set state = 'open', reason = null, until = null")
    assert await sweep_once(site.webhook.resources) == {"redriven": 1}
    assert await published(site) == [(0, 1)]


async def test_a_message_given_up_twice_under_a_pause_is_answered_twice(site: Any) -> None:
    """The second advisory is of a generation that is over."""
    [step] = await site.new_job()
    async with site.office.connection() as connection:
        await announce_platform(connection, Ability(platform="tiktok", label="TikTok", modes=(), search_kinds=()))
    await site.query("update platform_states set state = 'paused', reason = 'operator'")
    sequence = (await site.deliver(body_of(step))).json()["sequence"]
    for _ in range(2):
        await site.jetstream.publish(SUBJECT, json.dumps({"stream_seq": sequence}).encode())
    assert (await sweep_once(site.webhook.resources))["given_up_messages"] == 2
    row = await site.step_row(step)
    assert (row["generation"], row["sweeps_count"], row["redrives_count"]) == (1, 1, 0)


async def open_call_of(site: Any, step: Any) -> None:
    """The step's worker makes a paid call."""
    await site.claim(step)
    [row] = await site.query("select * from steps where search_id = %(search)s", search=step.search_id)
    request = CallRequest(
        id=uuid4(),
        job_id=step.job_id,
        search_id=step.search_id,
        step=step.step,
        token=row["token"],
        platform="tiktok",
        kind="page",
        path="/s",
        fingerprint="f",
        credits=1,
        pages=1,
    )
    async with site.office.connection() as connection:
        assert await open_call(connection, request)


async def calls(site: Any) -> list[tuple[str, int | None, str | None]]:
    rows = await site.query("select * from upstream_calls order by id")
    return [(row["status"], row["credits_charged"], row["reason"]) for row in rows]


async def test_calls_of_a_cancelled_job_whose_worker_died_become_unknown_and_charged(site: Any) -> None:
    """Nobody claims its step any more, so nobody else would settle them; then nothing of its grant is left over."""
    [step] = await site.new_job()
    await open_call_of(site, step)
    is_cancelled, _ = await cancel_job(await site.unit(), step.job_id)
    assert is_cancelled
    assert await sweep_once(site.webhook.resources) == {}, "its worker lives"
    await age(site, "lease_until = now() - interval '1 second'")
    assert await sweep_once(site.webhook.resources) == {}, "and may have been alive a moment ago"
    await site.query("update upstream_calls set opened_at = now() - interval '31 seconds'")
    assert await sweep_once(site.webhook.resources) == {"lost_calls": 1}
    assert await calls(site) == [("unknown", 1, "lease_lost")]
    [job] = await site.query("select status, credits_spent, credits_reserved, credits_granted from jobs")
    assert job == {"status": "cancelled", "credits_spent": 1, "credits_reserved": 0, "credits_granted": 1}
    [day] = await site.query("select credits_granted from owner_days")
    assert day["credits_granted"] == 1
    assert await sweep_once(site.webhook.resources) == {}


async def test_a_call_that_takes_long_is_left_to_its_worker(site: Any) -> None:
    """However old it is, as long as the lease is renewed."""
    [step] = await site.new_job()
    await open_call_of(site, step)
    await site.query(f"update upstream_calls set opened_at = {OLD}")
    assert await sweep_once(site.webhook.resources) == {}
    assert await calls(site) == [("open", None, None)]


async def test_what_a_final_job_holds_of_the_quota_is_given_back(site: Any) -> None:
    """Its last call was settled after its end, for less than was reserved."""
    [step] = await site.new_job()
    await open_call_of(site, step)
    await cancel_job(await site.unit(), step.job_id)
    [day] = await site.query("select credits_granted from owner_days")
    assert day["credits_granted"] == 1, "it may still cost that"
    await site.query("update upstream_calls set status = 'settled', credits_charged = 0, settled_at = now()")
    await site.query("update jobs set credits_reserved = 0")
    assert await sweep_once(site.webhook.resources) == {"released_credits": 1}
    assert (await site.query("select credits_granted from owner_days"))[0]["credits_granted"] == 0
    assert (await site.query("select credits_granted from jobs"))[0]["credits_granted"] == 0
    assert await sweep_once(site.webhook.resources) == {}


async def test_accepted_tokens_are_forgotten_after_ten_minutes(site: Any) -> None:
    await site.query(
        """insert into qstash_deliveries (jti, received_at) values
           ('old', now() - interval '11 minutes'), ('young', now() - interval '9 minutes')"""
    )
    await sweep_once(site.webhook.resources)
    assert await site.query("select jti from qstash_deliveries") == [{"jti": "young"}]


async def test_keys_of_creations_are_forgotten_after_two_days(site: Any) -> None:
    """A day is promised."""
    await site.new_job()
    await site.query(
        """insert into idempotency_keys (owner, key, fingerprint, created_at)
           select owner, key, 'f', now() - age from owners,
               (values ('old', interval '49 hours'), ('young', interval '47 hours')) k(key, age)"""
    )
    await sweep_once(site.webhook.resources)
    assert [row["key"] for row in await site.query("select distinct key from idempotency_keys")] == ["young"]


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
