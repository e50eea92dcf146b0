"""A job that ends while a worker has its step in hand: by a cancel, or by its deadline."""

import asyncio
from typing import Any


async def test_a_cancel_before_the_first_step_buys_nothing(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    assert await bench.cancel(job_id)
    before = await bench.dump()
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason) == ("ack", "not_active")
    assert await bench.dump() == before, "it is not even claimed"
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["calls_count"]) == ("cancelled", "cancelled", 0)
    assert (await bench.sandbox.calls())["total"] == 0
    assert not await bench.cancel(job_id), "once is enough"


async def test_a_cancel_between_two_steps_keeps_what_was_found(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=100)
    await bench.perform(bench.qstash.waiting.popleft())
    found = [creator["platform_id"] for creator in await bench.creators(job_id)]
    assert len(found) == 23
    await bench.cancel(job_id)
    calls = (await bench.sandbox.calls())["total"]
    assert (await bench.perform(bench.qstash.waiting.popleft())).reason == "not_active"
    assert (await bench.sandbox.calls())["total"] == calls
    assert [creator["platform_id"] for creator in await bench.creators(job_id)] == found
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("cancelled", 23)
    assert job["progress"] < 100
    await bench.check_books(job_id)


async def test_a_page_in_hand_when_the_job_is_cancelled_is_kept_as_surplus(bench: Any) -> None:
    """It was paid for: its items, its cursor and its place in the ledger stay, and nothing starts."""
    await bench.sandbox.latency(search=1.5)
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    working = asyncio.create_task(bench.perform(message))

    async def is_buying() -> bool:
        return bool(await bench.open_calls("page"))

    await bench.until(is_buying)
    await bench.cancel(job_id)
    before = await bench.job(job_id)
    reply = await working
    assert (reply.answer.value, reply.reason) == ("ack", "performed")
    after = await bench.job(job_id)
    money = {"credits_spent": 1, "credits_reserved": 0, "updated_at": after["updated_at"]}
    assert after == before | money, "state and counters of a final job do not move; money that was spent does"
    assert await bench.funnel(job_id) == {"surplus": 23, "duplicate": 7}
    calls = await bench.ledger(job_id)
    assert [(call["status"], call["credits_charged"]) for call in calls] == [("settled", 1)]
    successor = await bench.step(message.model_copy(update={"step": 1}))
    assert (successor["phase"], successor["cursor"]) == ("held", "30")
    assert not bench.qstash.waiting
    assert await bench.creators(job_id) == []
    await bench.check_books(job_id)


async def test_a_cancel_while_profiles_are_bought_buys_no_further_one(bench: Any) -> None:
    await bench.set("api", "enrichment_concurrency", 2)
    await bench.sandbox.latency(profile=0.4)
    job_id = await bench.new_job("bread", target=20)
    working = asyncio.create_task(bench.perform(bench.qstash.waiting.popleft()))

    async def is_buying() -> bool:
        return len(await bench.ledger(job_id, "profile")) >= 4

    await bench.until(is_buying)
    await bench.cancel(job_id)
    bought = len(await bench.ledger(job_id, "profile"))
    creators = await bench.creators(job_id)
    assert len(creators) == 20, "pending ones are delivered as known"
    assert {creator["enrichment"] for creator in creators} == {"skipped"}
    reply = await working
    assert (reply.answer.value, reply.reason) == ("ack", "not_active")
    assert len(await bench.ledger(job_id, "profile")) == bought, "the gate was shut before the next call"
    assert await bench.creators(job_id) == creators
    kept = await bench.query("select count(*)::int as count from profiles where account is not null")
    assert kept[0]["count"] == bought, "what was under way is kept for the next job"
    await bench.check_books(job_id)


async def test_a_cancel_gives_the_owners_next_job_its_turn(bench: Any) -> None:
    await bench.set("limits", "active_jobs_per_owner", 1)
    first = await bench.new_job("bread", target=5)
    second = await bench.new_job("tea", target=5)
    await bench.cancel(first)
    await bench.run()
    assert (await bench.job(second))["status"] == "completed"


async def test_a_deadline_in_the_past_ends_the_job_as_timeout_with_what_it_has(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=100)
    await bench.perform(bench.qstash.waiting.popleft())
    await bench.let_deadline_pass(job_id)
    calls = (await bench.sandbox.calls())["total"]
    message = bench.qstash.waiting.popleft()
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason) == ("ack", "overdue")
    assert (await bench.step(message))["claims_count"] == 0, "it is not even claimed"
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("timeout", "deadline", 23)
    assert (await bench.sandbox.calls())["total"] == calls
    await bench.check_books(job_id)


async def test_at_the_deadline_pending_candidates_are_delivered_as_known(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.profile_path)
    await bench.perform(message)
    await bench.end_pause()
    await bench.let_deadline_pass(job_id)
    assert (await bench.perform(message)).reason == "overdue"
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("timeout", 20)
    creators = await bench.creators(job_id)
    assert {(one["enrichment"], one["has_email"]) for one in creators} == {("skipped", None)}
    assert {one["followers"] is None for one in creators} == {False}
    assert (await bench.funnel(job_id)) == {"delivered": 20, "surplus": 3, "duplicate": 7}
    await bench.check_books(job_id)


async def test_a_deadline_that_passes_while_profiles_are_bought_ends_the_job(bench: Any) -> None:
    await bench.set("api", "enrichment_concurrency", 2)
    await bench.sandbox.latency(profile=0.4)
    job_id = await bench.new_job("bread", target=20)
    working = asyncio.create_task(bench.perform(bench.qstash.waiting.popleft()))

    async def is_buying() -> bool:
        return bool(await bench.open_calls("profile"))

    await bench.until(is_buying)
    await bench.let_deadline_pass(job_id)
    reply = await working
    assert (reply.answer.value, reply.reason) == ("ack", "overdue")
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("timeout", 20)
    await bench.check_books(job_id)


async def test_a_job_that_waited_too_long_for_its_turn_ends_as_timeout(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    await bench.query("update jobs set queue_until = now() - interval '1 second'")
    assert (await bench.perform(bench.qstash.waiting.popleft())).reason == "overdue"
    assert (await bench.job(job_id))["status"] == "timeout"
    assert (await bench.sandbox.calls())["total"] == 0
