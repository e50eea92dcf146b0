"""Pages ahead: a worker may go on with a search's next page under the message of the one before."""

import asyncio
from typing import Any

import pytest

ROOM = 8


@pytest.fixture
async def eager(bench: Any) -> Any:
    """A bench on which one message brings up to five pages."""
    await bench.set("api", "pages_per_delivery", 5)
    bench.tools.hand.count_max = ROOM
    return bench


async def steps(bench: Any) -> list[dict[str, Any]]:
    return await bench.query("select * from steps order by search_id, step")


async def test_without_the_setting_each_page_has_a_message_of_its_own(bench: Any) -> None:
    bench.tools.hand.count_max = ROOM
    await bench.new_job("bread", target=60)
    await bench.perform(bench.qstash.waiting.popleft())
    assert [row["step"] for row in await steps(bench) if row["phase"] == "done"] == [0]


async def test_one_message_brings_several_pages_and_the_books_agree(eager: Any) -> None:
    job_id = await eager.new_job("bread", target=60)
    replies = await eager.run()
    assert {(reply.answer.value, reply.reason) for reply in replies} == {("ack", "performed")}
    job, done = await eager.job(job_id), [row for row in await steps(eager) if row["phase"] == "done"]
    assert (job["status"], job["delivered_count"]) == ("completed", 60)
    assert len(done) == 3
    assert len(eager.qstash.ids) == 1, "the first was published, nothing after it"
    assert {row["claims_count"] for row in done} == {1}
    assert eager.tools.hand.count == 0
    assert (await eager.sandbox.calls())["paid"]["duplicates"] == 0
    await eager.check_books(job_id)


async def test_not_more_pages_than_the_setting_says(eager: Any) -> None:
    await eager.query("update system_settings set value = '2'")
    await eager.new_job("bread", target=200)
    await eager.perform(eager.qstash.waiting.popleft())
    assert [row["step"] for row in await steps(eager) if row["phase"] == "done"] == [0, 1]
    assert [message.step for message in eager.qstash.waiting] == [2]


async def test_without_room_the_next_page_goes_its_usual_way(eager: Any) -> None:
    eager.tools.hand.count_max = 0
    await eager.new_job("bread", target=60)
    await eager.perform(eager.qstash.waiting.popleft())
    assert [message.step for message in eager.qstash.waiting] == [1]


async def test_a_page_ahead_that_cannot_be_had_now_goes_to_qstash_and_the_job_completes(eager: Any) -> None:
    """The upstream fails with the second page: the first is done and acknowledged."""
    await eager.sandbox.fault("500", eager.page_path, skip=1, count=3)
    job_id = await eager.new_job("bread", target=40)
    reply = await eager.perform(eager.qstash.waiting.popleft())
    assert (reply.answer.value, reply.reason) == ("ack", "performed")
    assert [message.step for message in eager.qstash.waiting] == [1]
    row = (await steps(eager))[1]
    assert (row["phase"], row["token"], row["attempts"]) == ("page", None, 1)
    await eager.run()
    assert (await eager.job(job_id))["status"] == "completed"
    await eager.check_books(job_id)


async def test_what_a_stopped_worker_had_ahead_is_found_by_who_gets_its_message(eager: Any) -> None:
    await eager.sandbox.latency(search=0.4)
    job_id = await eager.new_job("bread", target=60)
    message = eager.qstash.waiting.popleft()
    turn = asyncio.create_task(eager.perform(message))

    async def is_ahead() -> bool:
        rows = await steps(eager)
        return len(rows) > 1 and rows[1]["token"] is not None

    await eager.until(is_ahead)
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)
    assert [row["token"] for row in await steps(eager)] == [None, None], "both are handed back"
    assert not eager.qstash.waiting
    await eager.sandbox.latency(search=0)
    eager.qstash.waiting.append(message)
    await eager.run()
    job = await eager.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("completed", 60)
    await eager.check_books(job_id)


@pytest.mark.parametrize("phase", ["done", "enrichment"])
async def test_what_a_dead_worker_had_ahead_waits_for_its_lease_and_is_published_then(eager: Any, phase: str) -> None:
    await eager.query("update system_settings set value = '1'")
    job_id = await eager.new_job("bread", target=60)
    message = eager.qstash.waiting.popleft()
    await eager.perform(message)
    eager.qstash.waiting.clear()  # as if it had gone on with the next page, and died
    await eager.query(
        """update steps set token = gen_random_uuid(), lease_until = now() + interval '5 seconds', claims_count = 1,
               claimed_sequence = 1, published_generation = null where step = 1"""
    )
    if phase == "enrichment":
        await eager.query("update steps set phase = 'enrichment', done_at = null where step = 0")
    reply = await eager.perform(message)
    assert (reply.answer.value, reply.reason) == ("nak", "held")
    assert 3 < reply.delay_s < 5.2
    assert not eager.qstash.waiting
    await eager.query("update steps set lease_until = now() - interval '1 second' where step = 1")
    reply = await eager.perform(message)
    assert (reply.answer.value, reply.reason) == ("ack", "done")
    await eager.query("update system_settings set value = '5'")
    assert len(eager.qstash.ids) == 3
    # QStash knows the id already: here it was published, there it would not have been.
    eager.qstash.waiting.append(message.model_copy(update={"step": 1}))
    await eager.run()
    assert (await eager.job(job_id))["status"] == "completed"
    await eager.check_books(job_id)
