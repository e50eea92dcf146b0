"""Profiles are bought once and shared by all jobs, so many at a time as the process may."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest


async def kinds(bench: Any, job_id: Any) -> Counter[str]:
    return Counter(creator["enrichment"] for creator in await bench.creators(job_id))


async def test_a_second_job_buys_no_profile_that_is_fresh(bench: Any) -> None:
    first = await bench.new_job("winter guitar", target=20)
    await bench.run()
    asked = len(await bench.sandbox.asked_handles())
    second = await bench.new_job("winter guitar", target=20)
    await bench.run()
    assert await kinds(bench, first) == {"bought": 18, "not_found": 2}
    assert await kinds(bench, second) == {"cached": 18, "not_found": 2}
    assert len(await bench.sandbox.asked_handles()) == asked, "that somebody is gone is remembered too"
    assert len(await bench.ledger(second)) == (await bench.job(second))["credits_spent"] == 1, "the page alone"
    known = [(one["handle"], one["details"]["account"]["bio"]) for one in await bench.creators(first)]
    assert known == [(one["handle"], one["details"]["account"]["bio"]) for one in await bench.creators(second)]


async def test_a_profile_older_than_its_age_is_bought_again(bench: Any) -> None:
    await bench.new_job("bread", target=10)
    await bench.run()
    old = (await bench.sandbox.asked_handles())[:3]
    await bench.query(
        """update profiles set fetched_at = now() - interval '8 days'
           where account ->> 'handle' = any(%(handles)s)""",
        handles=old,
    )
    second = await bench.new_job("bread", target=10)
    await bench.run()
    assert await kinds(bench, second) == {"bought": 3, "cached": 7}
    assert set((await bench.sandbox.asked_handles())[10:]) == set(old)
    rows = await bench.query("select count(*)::int as count from profiles where fetched_at > now() - interval '1 day'")
    assert rows[0]["count"] == 10


async def test_the_age_is_a_setting(bench: Any) -> None:
    await bench.set("profiles", "max_age", 0)
    for _ in range(2):
        await bench.new_job("bread", target=4)
        await bench.run()
    assert Counter(await bench.sandbox.asked_handles()).most_common(1)[0][1] == 2


async def test_two_jobs_side_by_side_never_buy_the_same_profile(bench: Any) -> None:
    """Two processes, the same people, and answers slow enough that each finds the other's claims."""
    await bench.sandbox.latency(profile=0.05)
    jobs = [await bench.new_job("bread", target=20, owner=f"user:{name}") for name in ("ada", "bob")]
    messages = list(bench.qstash.waiting)
    replies = await asyncio.gather(*(bench.perform(message, tools=bench.new_tools()) for message in messages))
    assert {reply.reason for reply in replies} == {"performed"}
    assert (await bench.sandbox.calls(bench.profile_path))["duplicates"] == 0
    counts = [await kinds(bench, job_id) for job_id in jobs]
    assert counts[0] + counts[1] == {"bought": 20, "cached": 20}
    for job_id in jobs:
        await bench.check_books(job_id)


async def test_a_claim_that_a_dead_worker_left_is_taken_over_when_it_runs_out(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=1)
    await bench.run()
    await bench.query(
        """update profiles set status = 'claimed', account = null, fetched_at = null, claimed_by = gen_random_uuid(),
               claimed_until = now() + interval '1 hour'"""
    )
    second = await bench.new_job("bread", target=1)
    working = asyncio.create_task(bench.run())

    async def has_pending() -> bool:
        return (await bench.job(second))["pending_count"] == 1

    await bench.until(has_pending)
    await asyncio.sleep(0.3)
    assert len(await bench.ledger(second, "profile")) == 0, "it is somebody else's to buy"
    await bench.query("update profiles set claimed_until = now() - interval '1 second'")
    await working
    assert await kinds(bench, second) == {"bought": 1}
    assert job_id != second


@pytest.mark.parametrize(("left_s", "is_waited_for"), [(50, False), (70, True)])
async def test_what_a_dead_holder_of_the_step_was_about_to_buy_is_bought_at_once(
    bench: Any, left_s: int, is_waited_for: bool
) -> None:
    """It died between its claim on the profile and the gate. A claim that is younger than it can be dead is spared."""
    job_id = await bench.new_job("bread", target=1)
    await bench.run()
    await bench.query(
        """update profiles set status = 'claimed', account = null, fetched_at = null,
               claimed_by = '00000000-0000-7000-8000-000000000001', claimed_until = now() + %(left)s""",
        left=timedelta(seconds=left_s),
    )
    second = await bench.new_job("bread", target=1)
    message = bench.qstash.waiting.popleft()
    await bench.query(
        """update steps set token = '00000000-0000-7000-8000-000000000001', lease_until = now() - interval '1 second'
           where job_id = %(id)s""",
        id=second,
    )
    working = asyncio.create_task(bench.perform(message))

    async def has_pending() -> bool:
        return (await bench.job(second))["pending_count"] == 1

    if is_waited_for:
        await bench.until(has_pending)
        await asyncio.sleep(0.3)
        assert len(await bench.ledger(second, "profile")) == 0
        await bench.query("update profiles set claimed_until = now() - interval '1 second'")
    assert (await working).reason == "performed"
    assert await kinds(bench, second) == {"bought": 1}
    assert job_id != second


async def test_a_process_makes_no_more_profile_calls_at_once_than_the_setting_says(bench: Any) -> None:
    """Two steps of two jobs share the slots of the process."""
    await bench.set("api", "enrichment_concurrency", 3)
    await bench.sandbox.latency(profile=0.03)
    for word in ("bread", "ramen"):
        await bench.new_job(word, target=20)
    await bench.run(at_once=2)
    calls = (await bench.sandbox.calls(bench.profile_path))["calls"]
    assert len(calls) == 40
    assert most_at_once(calls) == 3


def most_at_once(calls: list[dict[str, Any]]) -> int:
    """How many calls were under way at the same moment; times are rounded to the millisecond."""
    starts = [(call["at"], 1) for call in calls]
    ends = [(call["at"] + call["ms"] / 1000 - 0.002, -1) for call in calls]
    running = most = 0
    for _, change in sorted(starts + ends):
        running += change
        most = max(most, running)
    return most


async def test_a_profile_that_cannot_be_read_is_paid_for_and_its_creator_delivered_as_known(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=2)
    await bench.sandbox.fault("malformed_item", bench.profile_path)
    await bench.run()
    assert await kinds(bench, job_id) == {"bought": 1, "failed": 1}
    calls = await bench.ledger(job_id, "profile")
    assert {(call["reason"], call["status"], call["credits_charged"]) for call in calls} == {
        (None, "settled", 1),
        ("ShapeError", "settled", 1),
    }
    await bench.check_books(job_id)


async def test_a_handle_that_is_somebody_elses_by_now_is_not_believed(bench: Any) -> None:
    await bench.new_job("ramen", target=1)
    await bench.run()
    stranger = (await bench.sandbox.asked_handles())[0]
    job_id = await bench.new_job("bread", target=1)
    await bench.sandbox.fault("429", bench.profile_path, retry_after="1")
    message = bench.qstash.waiting.popleft()
    await bench.perform(message)
    await bench.query(
        """update candidates set details = jsonb_set(details, '{account,handle}', to_jsonb(%(handle)s::text))
           where job_id = %(id)s""",
        handle=stranger,
        id=job_id,
    )
    await bench.end_pause()
    await bench.perform(message)
    creator = (await bench.creators(job_id))[0]
    assert (creator["enrichment"], creator["details"]["account"]["bio"]) == ("failed", None)
    rows = await bench.query("select count(*)::int as count from profiles where account is not null")
    assert rows[0]["count"] == 1, "and it is not kept under the wrong id"


async def test_a_claim_that_lapsed_between_two_tries_is_not_used_again(bench: Any) -> None:
    """Three tries can last longer than a claim: whoever has it by then is the one who buys."""
    await bench.sandbox.latency(profile=1.5)
    jobs = [await bench.new_job("bread", target=1, owner=f"user:{name}") for name in ("ada", "bob")]
    messages = list(bench.qstash.waiting)
    await bench.sandbox.fault("500", bench.profile_path)
    first = asyncio.create_task(bench.perform(messages[0]))

    async def is_asked() -> bool:
        return (await bench.sandbox.calls(bench.profile_path))["total"] == 1

    await bench.until(is_asked)
    await bench.query("update profiles set claimed_until = now() - interval '1 second'")
    await asyncio.gather(first, bench.perform(messages[1], tools=bench.new_tools()))
    assert (await bench.sandbox.calls(bench.profile_path))["paid"]["total"] == 1
    counts = [await kinds(bench, job_id) for job_id in jobs]
    assert counts[0] + counts[1] == {"bought": 1, "cached": 1}
