"""Another run of a whole job, with a real upstream's record: what was bought is not bought again."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from common.domain.job import Action
from common.engine.reopening import Refusal
from common.transaction.reopening import NotReopenedError, Renewal, extend_job, retry_job

FIRST_RUN = ("created", "started")


def renewal(*, pages_max: int = 50, credits_max: int = 500) -> Renewal:
    """The limits of the bench's jobs, unless the settings changed."""
    return Renewal(pages_max=pages_max, credits_max=credits_max, queue_timeout=timedelta(hours=24))


async def retry(bench: Any, job_id: UUID, **limits: int) -> None:
    """As the gateway does it."""
    await bench.resources.publication.publish(await retry_job(await bench.unit(), job_id, renewal(**limits)))


async def extend(bench: Any, job_id: UUID, target: int, **limits: int) -> None:
    due = await extend_job(await bench.unit(), job_id, renewal(**limits), target=target)
    await bench.resources.publication.publish(due)


async def cursors(bench: Any) -> list[str]:
    """The cursor of each page that was answered, in order."""
    calls = (await bench.sandbox.calls(bench.page_path))["calls"]
    queries = [dict(part.split("=") for part in call["query"].split("&")) for call in calls if call["status"] == 200]
    return [query.get("cursor", "0") for query in queries]


async def check(bench: Any, job_id: UUID) -> None:
    """The books balance, nothing was paid twice, and events and creators share one order without gaps."""
    await bench.check_books(job_id)
    assert (await bench.sandbox.calls())["paid"]["duplicates"] == 0
    job = await bench.job(job_id)
    events = await bench.query("select seq from job_events where job_id = %(id)s", id=job_id)
    numbers = [event["seq"] for event in events] + [one["seq"] for one in await bench.creators(job_id)]
    assert sorted(numbers) == list(range(1, job["event_seq"] + 1))


async def kinds(bench: Any, job_id: UUID) -> list[str]:
    rows = await bench.query(
        "select kind from job_events where job_id = %(id)s and kind <> 'progressed' order by seq", id=job_id
    )
    return [row["kind"] for row in rows]


async def fail(bench: Any, *queries: str) -> UUID:
    """A job in error: its first page had nobody on it, its second could not be had."""
    await bench.set("recovery", "attempts_max", 1)
    job_id = await bench.new_job(*queries or ("bread",), target=20)
    await bench.sandbox.fault("empty_page", bench.page_path)
    await bench.sandbox.fault("500", bench.page_path, count=None)
    await bench.run()
    assert (await bench.job(job_id))["status"] == "error"
    return job_id


async def time_out(bench: Any, target: int = 60) -> UUID:
    """A job that is overdue after its first page, 23 creators."""
    job_id = await bench.new_job("bread", target=target)
    await bench.perform(bench.qstash.waiting.popleft())
    await bench.let_deadline_pass(job_id)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("timeout", 23)
    return job_id


async def test_a_job_in_error_goes_on_at_the_page_that_failed(bench: Any) -> None:
    job_id = await fail(bench)
    failed = await bench.job(job_id)
    assert await cursors(bench) == ["0"]
    await bench.sandbox.mend()
    await retry(bench, job_id)
    job = await bench.job(job_id)
    assert (job["status"], job["run"], job["target_results"]) == ("pending", 2, 20)
    assert (job["stop_reason"], job["error"], job["reference"], job["ended_at"]) == (None, None, None, None)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 20)
    assert (job["run"], job["pages_count"], job["error"]) == (2, failed["pages_count"] + 1, None)
    assert await cursors(bench) == ["0", "30"], "the page that was bought is not bought again"
    assert await kinds(bench, job_id) == [*FIRST_RUN, "ended", "retry", "started", "ended"]
    await check(bench, job_id)


async def test_a_job_out_of_time_goes_on_at_its_cursor_with_what_it_has(bench: Any) -> None:
    job_id = await time_out(bench)
    before = await bench.creators(job_id)
    await retry(bench, job_id)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 60)
    assert (await bench.creators(job_id))[:23] == before, "creators keep their place"
    assert await cursors(bench) == ["0", "30", "60"]
    assert job["deadline_at"] == job["started_at"] + job["timeout"]
    await check(bench, job_id)


async def test_a_job_out_of_time_whose_target_is_full_completes_at_once(bench: Any) -> None:
    """Its last creators were delivered as known when its time was over: there is nothing to wait for."""
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.profile_path)
    await bench.perform(message)
    await bench.end_pause()
    await bench.let_deadline_pass(job_id)
    await bench.perform(message)
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("timeout", 20)
    calls = (await bench.sandbox.calls())["total"]
    await retry(bench, job_id)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["run"]) == ("completed", "target_reached", 2)
    assert (await bench.sandbox.calls())["total"] == calls
    await check(bench, job_id)


async def test_what_was_too_much_is_used_before_any_page_and_then_pages_go_on(bench: Any) -> None:
    """Of 23 creators on the first page three were too much. Each run spends on nothing but what is new."""
    job_id = await bench.new_job("bread", target=20)
    await bench.run()
    assert await bench.funnel(job_id) == {"delivered": 20, "surplus": 3, "duplicate": 7}
    await extend(bench, job_id, 22)
    assert await bench.funnel(job_id) == {"delivered": 20, "pending": 2, "reserve": 1, "duplicate": 7}
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"], job["run"]) == ("completed", 22, 2)
    assert await bench.funnel(job_id) == {"delivered": 22, "surplus": 1, "duplicate": 7}
    assert await cursors(bench) == ["0"]
    assert len(await bench.sandbox.asked_handles()) == 22
    await check(bench, job_id)
    await extend(bench, job_id, 60)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 60)
    assert (job["run"], await cursors(bench)) == (3, ["0", "30", "60"])
    creators = await bench.creators(job_id)
    assert [one["step"] for one in creators[:23]] == [0] * 23, "the last of the first page came before the second"
    run = ["extend", "started", "ended"]
    assert await kinds(bench, job_id) == [*FIRST_RUN, "ended", *run, *run]
    await check(bench, job_id)


async def test_an_extension_that_needs_no_paid_call_completes(bench: Any) -> None:
    """Another job bought these profiles: the run starts and ends without the gate."""
    await bench.new_job("bread", target=23)
    await bench.run()
    job_id = await bench.new_job("bread", target=20)
    await bench.run()
    before, calls = await bench.job(job_id), (await bench.sandbox.calls())["total"]
    await extend(bench, job_id, 23)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 23)
    assert (await bench.sandbox.calls())["total"] == calls
    assert (job["credits_spent"], job["calls_count"]) == (before["credits_spent"], before["calls_count"])
    assert {one["enrichment"] for one in await bench.creators(job_id)} == {"cached"}
    assert await kinds(bench, job_id) == [*FIRST_RUN, "ended", "extend", "started", "ended"]
    await bench.check_books(job_id)


async def refused(bench: Any, job_id: UUID, target: int, **limits: int) -> Refusal:
    """The refusal, which writes nothing."""
    before = await bench.dump()
    with pytest.raises(NotReopenedError) as caught:
        await extend(bench, job_id, target, **limits)
    assert await bench.dump() == before
    assert not bench.qstash.waiting
    return caught.value.refusal


@pytest.mark.parametrize("pages_max", [2, 1])
async def test_a_job_at_its_limit_of_pages_goes_on_when_more_are_allowed(bench: Any, pages_max: int) -> None:
    job_id = await bench.new_job("bread", target=1000, pages_max=2)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["stop_reason"], job["pages_count"], job["delivered_count"]) == ("call_limit", 2, 45)
    assert await refused(bench, job_id, 1001, pages_max=pages_max) is Refusal.NOTHING_LEFT
    await extend(bench, job_id, 1001, pages_max=4)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["pages_count"]) == ("completed", "call_limit", 4)
    assert job["pages_max"] == 4
    assert await cursors(bench) == ["0", "30", "60", "90"]
    await check(bench, job_id)


async def test_a_job_at_its_limit_of_credits_goes_on_when_more_are_allowed(bench: Any) -> None:
    """What was delivered as known stays so: a run is paid for what is new."""
    job_id = await bench.new_job("bread", target=1000, credits_max=10)
    await bench.run()
    job = await bench.job(job_id)
    before = await bench.creators(job_id)
    assert (job["stop_reason"], job["credits_spent"], len(before)) == ("credit_limit", 10, 23)
    assert await refused(bench, job_id, 1001, credits_max=10) is Refusal.NOTHING_LEFT
    await extend(bench, job_id, 1001, credits_max=20)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"]) == ("completed", "credit_limit")
    assert (job["credits_spent"], job["credits_max"]) == (20, 20)
    assert (await bench.creators(job_id))[: len(before)] == before
    assert await cursors(bench) == ["0", "30"]
    await check(bench, job_id)


async def test_a_search_that_was_exhausted_stays_ended(bench: Any) -> None:
    """The other one goes on; with both exhausted there is nothing left."""
    job_id = await bench.new_job("narrow bread", "narrow tea", target=32, parallel=1)
    await bench.run()
    ends = {row["query"]: row["end_reason"] for row in await bench.query("select query, end_reason from searches")}
    assert ends == {"narrow bread": "exhausted", "narrow tea": "job_ended"}
    await extend(bench, job_id, 1000)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"]) == ("completed", "exhausted")
    assert job["delivered_count"] > 40
    pages = (await bench.sandbox.calls(bench.page_path))["calls"]
    asked = Counter("bread" if "bread" in call["query"] else "tea" for call in pages)
    assert asked == {"bread": 2, "tea": 2}
    await check(bench, job_id)
    assert await refused(bench, job_id, 2000) is Refusal.NOTHING_LEFT


async def test_progress_begins_anew_in_a_run_and_never_goes_back_within(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    await bench.run()
    assert (await bench.job(job_id))["progress"] == 100
    await extend(bench, job_id, 100)
    seen = [(await bench.job(job_id))["progress"]]
    assert seen[0] == pytest.approx(30 * 1 / 50 + 70 * 20 / 100), "with what it has"
    while bench.qstash.waiting:
        await bench.perform(bench.qstash.waiting.popleft())
        seen.append((await bench.job(job_id))["progress"])
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert seen[-1] == 100


async def test_a_job_that_fails_again_can_be_retried_again(bench: Any) -> None:
    """Its tries count anew in each run. Each run that failed leaves a letter; the next one resolves it."""
    job_id = await fail(bench)
    for run in (2, 3):
        await retry(bench, job_id)
        await bench.run()
        job = await bench.job(job_id)
        assert (job["status"], job["run"]) == ("error", run)
        assert job["error"]
        letters = await bench.query("select resolution from dead_letters order by created_at")
        assert [letter["resolution"] for letter in letters] == ["retried"] * (run - 1) + [None]
    await bench.sandbox.mend()
    await retry(bench, job_id)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["run"], job["delivered_count"]) == ("completed", 4, 20)
    letters = await bench.query("select resolution, resolved_by from dead_letters")
    assert letters == [{"resolution": "retried", "resolved_by": None}] * 3
    assert await cursors(bench) == ["0", "30"]
    await check(bench, job_id)


async def test_of_many_retries_at_once_one_wins(bench: Any) -> None:
    job_id = await fail(bench)
    await bench.sandbox.mend()
    answers = await asyncio.gather(*(retry(bench, job_id) for _ in range(5)), return_exceptions=True)
    lost = [answer for answer in answers if isinstance(answer, NotReopenedError)]
    assert [answer for answer in answers if answer not in lost] == [None]
    assert {answer.refusal for answer in lost} == {Refusal.NOT_FINAL}
    assert (await bench.job(job_id))["run"] == 2
    await bench.run(at_once=3)
    assert (await bench.job(job_id))["status"] == "completed"
    await check(bench, job_id)


async def test_a_reopened_job_waits_for_its_turn_behind_the_others(bench: Any) -> None:
    await bench.set("limits", "active_jobs_per_owner", 1)
    job_id = await fail(bench)
    await bench.sandbox.mend()
    running, waiting = [await bench.new_job(word, target=5) for word in ("tea", "ramen")]
    await retry(bench, job_id)
    messages = {message.job_id for message in bench.qstash.waiting}
    assert messages == {running}, "nothing of it is published"
    job = await bench.job(job_id)
    assert (job["status"], job["admitted_at"]) == ("pending", None)
    await bench.cancel(running)
    assert (await bench.job(waiting))["admitted_at"] is not None
    assert (await bench.job(job_id))["admitted_at"] is None
    await bench.run()
    assert [(await bench.job(one))["status"] for one in (waiting, job_id)] == ["completed", "completed"]
    assert (await bench.job(job_id))["started_at"] >= (await bench.job(waiting))["ended_at"]


async def test_a_worker_that_holds_a_step_of_the_run_before_is_fenced(bench: Any) -> None:
    """Its call is unknown and charged: it brings nothing any more, and the new run buys the page itself."""
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("slow", bench.page_path, seconds=1.5)
    late = asyncio.create_task(bench.perform(message))

    async def is_buying() -> bool:
        return bool(await bench.open_calls("page"))

    await bench.until(is_buying)
    await bench.let_deadline_pass(job_id)
    other = bench.new_tools()
    assert (await bench.perform(message, sequence=2, tools=other)).reason == "overdue"
    await retry(bench, job_id)
    calls = await bench.ledger(job_id)
    assert [(call["status"], call["credits_charged"], call["reason"]) for call in calls] == [
        ("unknown", 1, "lease_lost")
    ]
    assert (await bench.perform(message, tools=other)).reason == "old_generation"
    before = await bench.dump()
    reply = await late
    assert (reply.answer.value, reply.reason) == ("leave", "fenced")
    assert await bench.dump() == before, "it writes nothing, also no lease"
    await bench.run(tools=other)
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"], job["run"]) == ("completed", 20, 2)
    assert [call["status"] for call in await bench.ledger(job_id, "page")] == ["unknown", "settled"]
    assert (await bench.sandbox.calls())["credits"] == job["credits_spent"]
    await bench.check_books(job_id)


@pytest.mark.parametrize("action", Action)
async def test_nothing_of_the_run_before_is_taken_for_the_new_one(bench: Any, action: Action) -> None:
    """Every message of it is old, also that of a step which was held or due at its end."""
    if action is Action.RETRY:
        job_id = await time_out(bench)
    else:
        job_id = await bench.new_job("bread", target=20)
        await bench.run()
    steps = await bench.query("select search_id, step, generation from steps where items_count is null")
    await (retry(bench, job_id) if action is Action.RETRY else extend(bench, job_id, 60))
    for step in steps:
        rows = await bench.query(
            "select generation, attempts, token from steps where search_id = %(search_id)s and step = %(step)s", **step
        )
        assert (rows[0]["generation"], rows[0]["attempts"], rows[0]["token"]) == (step["generation"] + 1, 0, None)
    assert steps
