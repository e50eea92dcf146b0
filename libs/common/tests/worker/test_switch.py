"""The switch over all paid calls, and the caps of all jobs: what a worker does about them. No attempt is used, and
everything goes on."""

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.security

# One statement: when it returns, the switch is thrown, and these are the calls that were there.
STOP = """with thrown as (
        insert into system_settings (category, key, value) values ('api', 'paid_calls', '"stopped"') returning 1)
    select clock_timestamp() as at"""
ALLOW = "delete from system_settings where key = 'paid_calls'"


async def test_the_switch_thrown_amid_ten_parallel_calls_lets_none_begin_any_more(bench: Any) -> None:
    """Those that are under way are settled and kept; when it is thrown back the job ends as it should."""
    await bench.sandbox.latency(profile=0.3)
    job_id = await bench.new_job("bread", target=40)
    message = bench.qstash.waiting.popleft()
    working = asyncio.create_task(bench.perform(message))

    async def are_buying() -> bool:
        return len(await bench.open_calls("profile")) == 10

    await bench.until(are_buying)
    [thrown] = await bench.query(STOP)
    bought = {call["id"] for call in await bench.ledger(job_id)}
    reply = await working
    assert (reply.answer.value, reply.reason) == ("nak", "stopped")
    calls = await bench.ledger(job_id)
    assert {call["id"] for call in calls} == bought
    assert all(call["opened_at"] < thrown["at"] for call in calls)
    assert {call["status"] for call in calls} == {"settled"}
    assert (await bench.sandbox.calls())["total"] == len(calls) < 41
    step = await bench.step(message)
    assert (step["attempts"], step["token"], step["lease_until"]) == (0, None, None), "the attempt is given back"
    for _ in range(3):
        assert (await bench.perform(message)).reason == "stopped"
    assert (await bench.sandbox.calls())["total"] == len(calls)
    await bench.query(ALLOW)
    bench.qstash.waiting.appendleft(message)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 40)
    assert (await bench.sandbox.calls())["paid"]["duplicates"] == 0
    await bench.check_books(job_id)


async def test_while_calls_are_stopped_nobody_pulls_and_no_probe_is_made(bench: Any) -> None:
    await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.page_path, retry_after="60")
    await bench.perform(message)
    await bench.end_pause()
    await bench.query(STOP)
    assert await bench.new_tools().gate.steps_allowed(64) == 0
    assert (await bench.perform(message, tools=bench.new_tools())).reason == "stopped"
    assert (await bench.platform())["prober"] is None
    await bench.query(ALLOW)
    assert await bench.new_tools().gate.steps_allowed(64) == 1
    assert (await bench.perform(message, tools=bench.new_tools())).reason == "performed"


async def test_a_step_in_a_running_workers_hands_goes_on_by_itself_once_calls_are_allowed(plant: Any) -> None:
    bench = plant.bench
    await bench.query(STOP)
    job_id = await bench.new_job("bread", target=5)
    async with plant.loop():
        await asyncio.sleep(1.5)
        assert await bench.ledger(job_id) == []
        assert (await bench.job(job_id))["status"] == "pending"
        await bench.query(ALLOW)
        await bench.until(lambda: plant.is_ended(job_id))
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"]) == ("completed", "target_reached")


async def test_when_the_minute_is_used_up_steps_wait_for_the_next_one(bench: Any) -> None:
    """Ten credits: a page and nine profiles at most; the rest is bought later, and nobody's attempt is used."""
    await bench.set("limits", "credits_per_minute", 10)
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    for _ in range(12):
        reply = await bench.perform(message)
        assert (await bench.step(message))["attempts"] == 0
        if reply.reason == "performed":
            break
        assert (reply.answer.value, reply.reason) == ("nak", "minute")
        assert await bench.new_tools().gate.steps_allowed(64) == 0
        # As if that minute were over: what was spent in it was spent before.
        await bench.query("update spending_minutes set minute = minute - interval '1 day'")
        await bench.query("update upstream_calls set opened_at = opened_at - interval '1 day'")
        minutes = await bench.query("select max(credits)::int as most from spending_minutes")
        assert minutes[0]["most"] <= 10
        await bench.query("delete from spending_minutes")
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("completed", 20)
    assert {creator["enrichment"] for creator in await bench.creators(job_id)} <= {"bought", "cached"}
    await bench.check_books(job_id)


async def test_at_the_cap_of_the_day_a_job_ends_with_what_it_has(bench: Any) -> None:
    """As its own limit and its owner's quota end it: it can be extended tomorrow."""
    await bench.set("limits", "credits_per_day", 32)
    job_id = await bench.new_job("bread", target=20, pages_max=5)
    await bench.query("update spending_days set credits_granted = 32")
    await bench.query("update jobs set credits_granted = 6, credits_of_day = 6")
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["credits_spent"]) == ("completed", 6)
    kinds = [creator["enrichment"] for creator in await bench.creators(job_id)]
    assert (kinds.count("bought"), kinds.count("skipped")) == (5, 15)
    assert (await bench.sandbox.calls())["credits"] == 6
    await bench.check_books(job_id)
