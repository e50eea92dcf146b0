"""A worker that lost its step, and does not know it yet, writes nothing."""

import asyncio
from typing import Any


async def is_open(bench: Any, kind: str, count: int = 1) -> bool:
    """At least so many calls are under way."""
    return len(await bench.open_calls(kind)) >= count


async def test_a_page_that_comes_after_the_lease_ran_out_is_refused(bench: Any) -> None:
    """Another worker has taken the step meanwhile and buys its own page: one of the named windows."""
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("slow", bench.page_path, seconds=2)
    late = asyncio.create_task(bench.perform(message))
    await bench.until(lambda: is_open(bench, "page"))
    await bench.let_lease_run_out(message)
    reply = await bench.perform(message, tools=bench.new_tools())
    assert (reply.answer.value, reply.reason) == ("ack", "performed")
    pages = [(call["status"], call["credits_charged"], call["reason"]) for call in await bench.ledger(job_id, "page")]
    assert pages == [("unknown", 1, "lease_lost"), ("settled", 1, None)]
    before = await bench.dump()
    reply = await late
    assert (reply.answer.value, reply.reason) == ("leave", "fenced")
    assert await bench.dump() == before
    assert (await bench.sandbox.calls())["credits"] == (await bench.job(job_id))["credits_spent"]
    await bench.check_books(job_id)


async def test_an_enrichment_that_comes_after_the_lease_ran_out_is_refused(bench: Any) -> None:
    """But the profiles that the late worker brings are used by the one who has the step now."""
    await bench.set("api", "enrichment_concurrency", 20)
    await bench.sandbox.latency(profile=2)
    bench.beats_lost = 1000  # else it may learn from its first heartbeat, before the answers, that the step is lost
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    late = asyncio.create_task(bench.perform(message))

    async def are_all_open() -> bool:
        return len(await bench.open_calls("profile")) == 20

    await bench.until(are_all_open)
    await bench.let_lease_run_out(message)
    mine, other = await asyncio.gather(late, bench.perform(message, tools=bench.new_tools()))
    assert (mine.answer.value, mine.reason) == ("leave", "fenced")
    assert (other.answer.value, other.reason) == ("ack", "performed")
    calls = await bench.ledger(job_id, "profile")
    assert {(call["status"], call["credits_charged"], call["reason"]) for call in calls} == {
        ("unknown", 1, "lease_lost")
    }
    assert len(calls) == 20, "nobody is bought twice"
    assert {creator["enrichment"] for creator in await bench.creators(job_id)} == {"cached"}
    assert (await bench.job(job_id))["status"] == "completed"
    await bench.check_books(job_id)


async def test_a_worker_that_lost_its_step_buys_no_further_profile(bench: Any) -> None:
    await bench.set("api", "enrichment_concurrency", 2)
    await bench.sandbox.latency(profile=0.4)
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    working = asyncio.create_task(bench.perform(message))
    await bench.until(lambda: is_open(bench, "profile", 2))  # else the second may be at the gate, and passes it
    await bench.steal(message)
    bought = len(await bench.ledger(job_id, "profile"))
    reply = await working
    assert (reply.answer.value, reply.reason) == ("leave", "fenced")
    assert len(await bench.ledger(job_id, "profile")) == bought
    assert (await bench.job(job_id))["pending_count"] == 20, "they belong to whoever holds the step"


async def test_the_rows_that_a_dead_worker_left_open_are_charged_at_the_next_claim(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("slow", bench.page_path, seconds=30)
    working = asyncio.create_task(bench.perform(message))
    await bench.until(lambda: is_open(bench, "page"))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    job = await bench.job(job_id)
    assert (job["credits_spent"], job["credits_reserved"]) == (0, 1), "nobody knows yet"
    step = await bench.step(message)
    assert (step["attempts"], step["token"], step["lease_until"]) == (0, None, None), "a shutdown is nobody's fault"
    assert (await bench.perform(message)).reason == "performed"
    pages = [(call["status"], call["credits_charged"]) for call in await bench.ledger(job_id, "page")]
    assert pages == [("unknown", 1), ("settled", 1)]
    await bench.check_books(job_id)


async def test_a_worker_that_is_stopped_gives_its_profiles_back_at_once(bench: Any) -> None:
    await bench.sandbox.latency(profile=30)
    await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    working = asyncio.create_task(bench.perform(message))
    await bench.until(lambda: is_open(bench, "profile"))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    claimed = await bench.query("select count(*)::int as count from profiles where claimed_until > now()")
    assert claimed[0]["count"] == 0, "else the next worker waits until the claims run out"


async def test_answers_in_hand_are_kept_when_the_worker_is_stopped(bench: Any) -> None:
    """They were paid for, and the next worker finds them."""
    await bench.sandbox.latency(profile=1)
    job_id = await bench.new_job("bread", target=3)
    message = bench.qstash.waiting.popleft()
    working = asyncio.create_task(bench.perform(message))
    await bench.until(lambda: is_open(bench, "profile", 3))

    async def are_at_the_lock() -> bool:
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        return len(await bench.query(waiting)) == 3

    async with bench.resources.database.connection() as connection, connection.transaction():
        await connection.execute("select from jobs where id = %s for update", [job_id])
        await bench.until(are_at_the_lock)
        working.cancel()
        await asyncio.sleep(0.3)  # what is given up is gone by then
        assert await are_at_the_lock()
    await asyncio.gather(working, return_exceptions=True)
    calls = await bench.ledger(job_id, "profile")
    assert [(call["status"], call["credits_charged"]) for call in calls] == [("settled", 1)] * 3
    assert (await bench.perform(message)).reason == "performed"
    assert [creator["enrichment"] for creator in await bench.creators(job_id)] == ["cached"] * 3
    await bench.check_books(job_id)


async def test_a_slow_answer_keeps_lease_and_message_alive(bench: Any) -> None:
    """Longer than the first heartbeat."""
    job_id = await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("slow", bench.page_path, seconds=4)
    working = asyncio.create_task(bench.perform(message))
    await bench.until(lambda: is_open(bench, "page"))
    first = await bench.step(message)

    async def is_renewed() -> bool:
        return (await bench.step(message))["lease_until"] > first["lease_until"]

    await bench.until(is_renewed)
    assert (await working).reason == "performed"
    assert bench.beats == 1
    assert (await bench.job(job_id))["status"] == "completed"


async def test_a_heartbeat_that_does_not_get_through_is_soon_tried_again(bench: Any) -> None:
    """Not when the next one is due: that would be after the answer here."""
    await bench.new_job("bread", target=5)
    bench.beats_lost = 2
    await bench.sandbox.fault("slow", bench.page_path, seconds=5.5)
    assert (await bench.perform(bench.qstash.waiting.popleft())).reason == "performed"
    assert (bench.beats_lost, bench.beats) == (0, 1)


async def test_a_worker_that_finds_another_token_at_its_heartbeat_drops_the_call(bench: Any) -> None:
    """The upstream would answer in half a minute; nobody waits for it."""
    await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("slow", bench.page_path, seconds=30)
    working = asyncio.create_task(bench.perform(message))
    await bench.until(lambda: is_open(bench, "page"))
    await bench.steal(message)
    before = await bench.dump()
    reply = await working
    assert (reply.answer.value, reply.reason) == ("leave", "fenced")
    assert bench.beats == 1, "it saw it at the first one"
    assert await bench.dump() == before, "the thief's lease and token are as they were"
