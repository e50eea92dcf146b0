"""What concerns the whole platform: slow down, no credits, a refused key. Nobody's attempt is used."""

import asyncio
from typing import Any

import pytest


async def test_a_429_on_a_page_cools_the_platform_down_for_as_long_as_the_upstream_asked(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.page_path, retry_after="120")
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason, reply.delay_s) == ("nak", "paused", 10.0)
    platform = await bench.platform()
    assert (platform["state"], platform["reason"]) == ("cool_down", "cool_down")
    assert 110 < platform["seconds_left"] <= 120
    step = await bench.step(message)
    assert (step["attempts"], step["token"], step["lease_until"]) == (0, None, None), "the attempt is given back"
    assert [(call["http_status"], call["credits_charged"]) for call in await bench.ledger(job_id)] == [(429, 0)]
    assert (await bench.sandbox.calls())["total"] == 1, "it is not tried again in the step"


async def test_a_429_without_a_time_cools_down_for_a_minute(bench: Any) -> None:
    await bench.new_job("bread", target=5)
    await bench.sandbox.fault("429", bench.page_path)
    await bench.perform(bench.qstash.waiting.popleft())
    assert 50 < (await bench.platform())["seconds_left"] <= 60


async def test_a_short_cool_down_delays_the_message_no_longer_than_it_lasts(bench: Any) -> None:
    await bench.new_job("bread", target=5)
    await bench.sandbox.fault("429", bench.page_path, retry_after="2")
    assert (await bench.perform(bench.qstash.waiting.popleft())).delay_s == 2.0


async def test_a_429_on_a_profile_keeps_what_was_bought_and_asks_nobody_else(bench: Any) -> None:
    await bench.set("api", "enrichment_concurrency", 1)
    job_id = await bench.new_job("bread", target=10)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.profile_path, retry_after="60", skip=4)
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason) == ("nak", "paused")
    step = await bench.step(message)
    assert (step["phase"], step["attempts"], step["token"]) == ("enrichment", 0, None)
    assert len(await bench.ledger(job_id, "profile")) == 5
    assert (await bench.job(job_id))["pending_count"] == 10, "they wait; nobody is delivered half-known"
    await bench.end_pause()
    assert (await bench.perform(message)).reason == "performed"
    kinds = [creator["enrichment"] for creator in await bench.creators(job_id)]
    assert (kinds.count("cached"), kinds.count("bought")) == (4, 6)
    assert (await bench.sandbox.calls())["paid"]["duplicates"] == 0
    await bench.check_books(job_id)


@pytest.mark.parametrize(("fault", "reason"), [("402", "credits"), ("401", "configuration")])
async def test_no_credits_and_a_refused_key_pause_the_platform_with_a_reason(
    bench: Any, fault: str, reason: str
) -> None:
    job_id = await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault(fault, bench.page_path)
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason) == ("nak", "paused")
    platform = await bench.platform()
    assert (platform["state"], platform["reason"]) == ("paused", reason)
    assert 290 < platform["seconds_left"] <= 300, "then the next call is a probe"
    assert (await bench.step(message))["attempts"] == 0
    assert (await bench.job(job_id))["credits_spent"] == 0


async def test_while_the_platform_waits_a_step_in_hand_buys_nothing(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.query("update platform_states set state = 'paused', reason = 'operator', until = null")
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason) == ("nak", "paused")
    assert (await bench.step(message))["attempts"] == 0
    assert await bench.ledger(job_id) == []
    assert (await bench.sandbox.calls())["total"] == 0


async def test_a_pause_while_profiles_are_bought_stops_before_the_next_one(bench: Any) -> None:
    await bench.set("api", "enrichment_concurrency", 2)
    await bench.sandbox.latency(profile=0.4)
    job_id = await bench.new_job("bread", target=20)
    working = asyncio.create_task(bench.perform(bench.qstash.waiting.popleft()))

    async def is_buying() -> bool:
        return len(await bench.open_calls("profile")) == 2

    await bench.until(is_buying)
    await bench.query("update platform_states set state = 'paused', reason = 'operator', until = null")
    bought = len(await bench.ledger(job_id, "profile"))
    assert (await working).reason == "paused"
    assert len(await bench.ledger(job_id, "profile")) == bought < 20


async def test_an_operators_pause_is_not_shortened_by_a_429(bench: Any) -> None:
    """The call was under way when the operator decided."""
    await bench.sandbox.latency(search=1.5)
    await bench.new_job("bread", target=5)
    await bench.sandbox.fault("429", bench.page_path, retry_after="1")
    working = asyncio.create_task(bench.perform(bench.qstash.waiting.popleft()))

    async def is_buying() -> bool:
        return bool(await bench.open_calls("page"))

    await bench.until(is_buying)
    await bench.query("update platform_states set state = 'paused', reason = 'operator', until = null")
    await working
    platform = await bench.platform()
    assert (platform["state"], platform["reason"], platform["until"]) == ("paused", "operator", None)


async def test_the_first_good_call_after_a_pause_opens_the_platform(bench: Any) -> None:
    await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("402", bench.page_path)
    await bench.perform(message)
    assert await bench.tools.gate.steps_allowed(64) == 0
    await bench.end_pause()
    tools = bench.new_tools()
    assert await tools.gate.steps_allowed(64) == 1, "the time is over: the next call is the probe"
    assert (await bench.platform())["state"] == "paused"
    await bench.perform(message, tools=tools)
    platform = await bench.platform()
    assert (platform["state"], platform["reason"], platform["until"]) == ("open", None, None)
    assert 1 <= await bench.new_tools().gate.steps_allowed(64) <= 32, "and its work grows from there"


async def test_only_one_call_of_all_workers_is_the_probe(bench: Any) -> None:
    """Two processes, each with a step that would buy twenty profiles at once."""
    await bench.set("api", "enrichment_concurrency", 20)
    await bench.sandbox.latency(profile=0.5)
    await bench.new_job("bread", "butter", target=40)
    messages = [bench.qstash.waiting.popleft() for _ in range(2)]
    await bench.sandbox.fault("429", bench.profile_path, retry_after="60", count=None)
    await asyncio.gather(*(bench.perform(message) for message in messages))
    before = len(await bench.sandbox.asked_handles())
    await bench.end_pause()
    replies = await asyncio.gather(*(bench.perform(message, tools=bench.new_tools()) for message in messages))
    assert {reply.reason for reply in replies} == {"paused"}
    assert len(await bench.sandbox.asked_handles()) == before + 1
    platform = await bench.platform()
    assert (platform["state"], platform["prober"]) == ("cool_down", None)
    assert platform["seconds_left"] > 50
    await bench.sandbox.mend()
    await bench.end_pause()
    assert (await bench.perform(messages[0], tools=bench.new_tools())).reason == "performed"
    assert (await bench.platform())["state"] == "open"


async def test_a_probe_that_tells_nothing_is_soon_tried_again(bench: Any) -> None:
    """The upstream answers 500: it neither lets us in nor sends us away."""
    await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.page_path, retry_after="60")
    await bench.perform(message)
    await bench.end_pause()
    await bench.sandbox.fault("500", bench.page_path)
    await bench.perform(message)
    platform = await bench.platform()
    assert (platform["state"], platform["prober"]) == ("cool_down", None)
    assert platform["seconds_left"] <= 1
    await bench.end_pause()
    assert (await bench.perform(message)).reason == "performed"


async def test_a_probe_whose_process_dies_is_anothers_after_a_while(bench: Any) -> None:
    await bench.query(
        """update platform_states set state = 'cool_down', reason = 'cool_down', until = now() + interval '75 s',
           prober = gen_random_uuid()"""
    )
    await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    assert (await bench.perform(message)).reason == "paused"
    await bench.end_pause()
    assert (await bench.perform(message)).reason == "performed"


async def test_a_page_that_was_refused_with_429_does_not_use_up_the_jobs_pages(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=5, pages_max=1)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.page_path, retry_after="60")
    await bench.perform(message)
    await bench.end_pause()
    await bench.perform(message)
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 5)
