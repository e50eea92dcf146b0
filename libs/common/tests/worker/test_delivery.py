"""The same step delivered twice, late, or by two workers: the architecture's table, row by row."""

import asyncio
from typing import Any


async def at_once(bench: Any, message: Any, *sequences: int) -> set[tuple[str, str]]:
    """The answers and reasons of deliveries that overlap; each is a worker process of its own."""
    await bench.sandbox.latency(search=0.2)
    performs = [bench.perform(message, sequence, bench.new_tools()) for sequence in sequences]
    replies = await asyncio.gather(*performs)
    return {(reply.answer.value, reply.reason) for reply in replies}


async def test_the_same_message_twice_at_once_buys_one_page_and_the_second_waits_for_the_lease(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=5)
    replies = await at_once(bench, bench.qstash.waiting.popleft(), 1, 1)
    assert replies == {("ack", "performed"), ("nak", "held")}
    assert (await bench.sandbox.calls(bench.page_path))["total"] == 1
    assert (await bench.job(job_id))["delivered_count"] == 5
    await bench.check_books(job_id)


async def test_two_messages_of_one_step_at_once_buy_one_page_and_the_second_is_acknowledged(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=5)
    replies = await at_once(bench, bench.qstash.waiting.popleft(), 1, 2)
    assert replies == {("ack", "performed"), ("ack", "held_by_another_message")}
    assert (await bench.sandbox.calls(bench.page_path))["total"] == 1
    await bench.check_books(job_id)


async def test_the_delay_of_a_waiting_message_is_the_rest_of_the_lease(bench: Any) -> None:
    await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.query("update steps set token = gen_random_uuid(), claimed_sequence = 1, attempts = 1")
    await bench.query("update steps set lease_until = now() + interval '8 seconds'")
    assert 3.0 < (await bench.perform(message)).delay_s < 8.2
    await bench.query("update steps set lease_until = now() + interval '20 seconds'")
    assert (await bench.perform(message)).delay_s == 10.0


async def test_a_step_that_is_done_is_acknowledged_and_changes_no_row(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=40)
    first, second = bench.qstash.waiting.popleft(), None
    await bench.perform(first)
    second = bench.qstash.waiting.popleft()
    await bench.perform(second)
    assert (await bench.job(job_id))["status"] == "completed"
    before, calls = await bench.dump(), await bench.sandbox.calls()
    for message in (first, second):
        for sequence in (1, 7):
            reply = await bench.perform(message, sequence)
            assert (reply.answer.value, reply.reason) == ("ack", "done")
    assert await bench.dump() == before
    assert (await bench.sandbox.calls())["total"] == calls["total"]
    assert len(bench.qstash.ids) == 2


async def test_a_step_of_a_running_job_that_is_done_changes_no_row_either(bench: Any) -> None:
    await bench.new_job("bread", target=40)
    first = bench.qstash.waiting.popleft()
    await bench.perform(first)
    await bench.sandbox.fault("429", bench.page_path)
    await bench.perform(bench.qstash.waiting.popleft())
    before = await bench.dump()
    reply = await bench.perform(first)
    assert (reply.answer.value, reply.reason) == ("ack", "done")
    assert await bench.dump() == before, "its successor was claimed once, so nobody needs to hear of it again"


async def test_what_is_not_to_be_done_is_acknowledged_and_changes_no_row(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=5)
    message = bench.qstash.waiting.popleft()
    await bench.query("update steps set generation = 3")
    newest = message.model_copy(update={"generation": 3})
    unknown = message.model_copy(update={"step": 9})
    before = await bench.dump()
    replies = {(await bench.perform(one)).reason for one in (message, unknown)}
    assert replies == {"old_generation", "unknown_step"}
    assert await bench.dump() == before
    await bench.cancel(job_id)
    reply = await bench.perform(newest)
    assert (reply.answer.value, reply.reason) == ("ack", "not_active")
    assert (await bench.sandbox.calls())["total"] == 0


async def test_a_job_that_waits_for_its_turn_is_not_touched(bench: Any) -> None:
    await bench.set("limits", "active_jobs_per_owner", 1)
    await bench.new_job("bread", target=5)
    second = await bench.new_job("tea", target=5)
    assert len(bench.qstash.waiting) == 1, "nothing of the second is published"
    await bench.run()
    assert (await bench.job(second))["status"] == "completed", "the end of the first started it"


async def test_a_crash_between_the_page_and_its_publication_is_mended_by_the_next_delivery(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=40)
    message = bench.qstash.waiting.popleft()
    bench.qstash.is_answering.clear()
    working = asyncio.create_task(bench.perform(message))

    async def is_done() -> bool:
        return (await bench.step(message))["phase"] == "done"

    await bench.until(is_done)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    bench.qstash.is_answering.set()
    assert not bench.qstash.waiting, "nobody heard of the second page"
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason) == ("ack", "done")
    assert [one.step for one in bench.qstash.waiting] == [1]
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["pages_count"]) == ("completed", 2)
    assert (await bench.sandbox.calls())["paid"]["duplicates"] == 0
    await bench.check_books(job_id)


async def test_while_qstash_is_down_work_goes_on_and_the_next_delivery_publishes(bench: Any) -> None:
    await bench.new_job("bread", target=40)
    message = bench.qstash.waiting.popleft()
    bench.qstash.is_down = True
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason) == ("ack", "performed")
    assert (await bench.step(message.model_copy(update={"step": 1})))["published_at"] is None, "the sweep knows"
    bench.qstash.is_down = False
    await bench.perform(message)
    assert [one.step for one in bench.qstash.waiting] == [1]


async def test_publishing_a_step_twice_delivers_it_once(bench: Any) -> None:
    await bench.new_job("bread", target=40)
    message = bench.qstash.waiting.popleft()
    await bench.perform(message)
    await bench.perform(message)
    assert len(bench.qstash.ids) == 3, "the first step, its successor, and the successor again"
    assert len(set(bench.qstash.ids)) == 2
    assert len(bench.qstash.waiting) == 1
