"""What the upstream does wrong, and what it costs."""

from collections import Counter
from typing import Any

import pytest

from local.port import free_port


async def test_a_500_is_tried_again_in_the_step(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    await bench.sandbox.fault("500", bench.page_path, count=2)
    await bench.sandbox.fault("html_502", bench.profile_path, count=2)
    replies = await bench.run()
    assert [reply.reason for reply in replies] == ["performed"]
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"]) == ("completed", 20)
    pages = [(call["http_status"], call["credits_charged"]) for call in await bench.ledger(job_id, "page")]
    assert pages == [(500, 0), (500, 0), (200, 1)]
    assert job["credits_spent"] == 21
    await bench.check_books(job_id)


async def test_a_500_for_ever_ends_the_job_in_error_with_a_reason_and_a_reference(bench: Any) -> None:
    await bench.set("recovery", "attempts_max", 3)
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("500", bench.page_path, count=None)
    for attempt in (1, 2, 3):
        reply = await bench.perform(message)
        assert (reply.answer.value, reply.reason) == ("nak", "postponed")
        assert 0 < reply.delay_s <= 10
        step = await bench.step(message)
        assert (step["attempts"], step["token"]) == (attempt, None)
    assert len(await bench.ledger(job_id)) == 9, "three tries in each of three turns"
    reply = await bench.perform(message)
    assert (reply.answer.value, reply.reason) == ("ack", "attempts_used_up")
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("error", "failed", 0)
    assert job["error"] == "the search failed: the platform's data source did not give usable answers"
    assert len(job["reference"]) == 12
    assert (await bench.search(message))["end_reason"] == "failed"
    assert job["credits_spent"] == 0
    await bench.check_books(job_id)


async def test_a_search_that_fails_after_something_was_found_leaves_the_job_completed(bench: Any) -> None:
    await bench.set("recovery", "attempts_max", 1)
    job_id = await bench.new_job("bread", target=40)
    await bench.sandbox.fault("500", bench.page_path, skip=1, count=None)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["delivered_count"], job["error"]) == ("completed", 23, None)
    await bench.check_books(job_id)


async def test_a_page_that_failed_does_not_use_up_the_jobs_pages(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20, pages_max=1)
    await bench.sandbox.fault("500", bench.page_path)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["stop_reason"], job["delivered_count"]) == ("target_reached", 20)


async def test_a_profile_that_fails_for_ever_costs_only_itself(bench: Any) -> None:
    """What was bought for the others is delivered with it."""
    await bench.set("recovery", "attempts_max", 2)
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.profile_path)
    await bench.perform(message)
    await bench.end_pause()
    unbought = """select handle from candidates c where outcome = 'pending' and not exists (
        select from profiles p where p.platform_id = c.platform_id and p.fetched_at is not null)
        order by worth, ordinal desc limit 1"""  # not who comes first: a probe that fails keeps all others waiting
    handle = (await bench.query(unbought))[0]["handle"]
    await bench.sandbox.fault("500", bench.profile_path, query={"handle": handle}, count=None)
    replies = [await bench.perform(message) for _ in range(3)]
    assert [reply.reason for reply in replies] == ["postponed", "postponed", "performed"]
    creators = await bench.creators(job_id)
    assert Counter(one["enrichment"] for one in creators) == {"cached": 19, "failed": 1}
    assert [one["handle"] for one in creators if one["details"]["account"]["bio"] is None] == [handle]
    assert (await bench.sandbox.calls())["paid"]["duplicates"] == 0
    await bench.check_books(job_id)


async def test_a_step_whose_last_enrichment_died_does_not_come_again_for_ever(bench: Any) -> None:
    """Its worker was killed at every claim, the last one included."""
    await bench.set("recovery", "attempts_max", 2)
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("429", bench.profile_path)
    await bench.perform(message)
    await bench.end_pause()
    await bench.query("update steps set attempts = 3 where phase = 'enrichment'")
    reply = await bench.perform(message)
    assert (reply.answer.value, (await bench.job(job_id))["status"]) == ("ack", "completed")


async def test_a_profile_that_cannot_be_read_is_not_bought_again_when_its_step_is_postponed(bench: Any) -> None:
    await bench.set("api", "enrichment_concurrency", 1)
    job_id = await bench.new_job("bread", target=2)
    message = bench.qstash.waiting.popleft()
    await bench.sandbox.fault("malformed_item", bench.profile_path)
    await bench.sandbox.fault("500", bench.profile_path, count=3)
    replies = [await bench.perform(message) for _ in range(2)]
    assert [reply.reason for reply in replies] == ["postponed", "performed"]
    assert (await bench.job(job_id))["delivered_count"] == 2
    assert (await bench.sandbox.calls())["paid"]["duplicates"] == 0


@pytest.mark.parametrize(("fault", "reason"), [("broken_json", "ShapeError"), ("oversize", "unreadable")])
async def test_a_page_that_cannot_be_read_is_bought_once_more(bench: Any, fault: str, reason: str) -> None:
    job_id = await bench.new_job("bread", target=20)
    await bench.sandbox.fault(fault, bench.page_path)
    replies = await bench.run()
    assert [reply.reason for reply in replies] == ["performed"]
    pages = await bench.ledger(job_id, "page")
    assert [(call["status"], call["credits_charged"]) for call in pages] == [("settled", 1), ("settled", 1)]
    assert [call["reason"] for call in pages] == [reason, None]
    assert (await bench.job(job_id))["delivered_count"] == 20
    assert (await bench.sandbox.calls())["paid"]["duplicates"] == 1, "the declared retry"
    await bench.check_books(job_id)


async def test_a_page_that_cannot_be_read_twice_ends_its_search(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting[0]
    await bench.sandbox.fault("broken_json", bench.page_path, count=2)
    replies = await bench.run()
    assert [reply.reason for reply in replies] == ["search_ended"]
    assert (await bench.search(message))["end_reason"] == "shape"
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["credits_spent"]) == ("error", "failed", 2)
    assert job["error"]
    assert job["reference"]
    await bench.check_books(job_id)


async def test_an_item_that_cannot_be_read_is_counted_and_the_rest_is_used(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    await bench.sandbox.fault("malformed_item", bench.page_path)
    await bench.run()
    funnel = await bench.funnel(job_id)
    assert (funnel["unparsable"], funnel["delivered"]) == (1, 20)
    assert sum(funnel.values()) == 30
    rule = await bench.query("select rule from step_outcomes where outcome = 'unparsable'")
    assert rule == [{"rule": "post without an author"}]
    await bench.check_books(job_id)


async def test_an_empty_page_with_a_cursor_is_followed_and_two_of_them_end_the_search(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    await bench.sandbox.fault("empty_page", bench.page_path)
    await bench.run()
    assert (await bench.job(job_id))["delivered_count"] == 20
    other = await bench.new_job("ramen", target=20)
    message = bench.qstash.waiting[0]
    await bench.sandbox.fault("empty_page", bench.page_path, count=2)
    await bench.run()
    job = await bench.job(other)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "exhausted", 0)
    assert (await bench.search(message))["end_reason"] == "nothing_new"
    await bench.check_books(other)


@pytest.mark.parametrize("fault", ["closed", "truncated"])
async def test_a_missing_answer_is_unknown_and_counts_as_charged(bench: Any, fault: str) -> None:
    job_id = await bench.new_job("bread", target=20)
    await bench.sandbox.fault(fault, bench.page_path)
    await bench.sandbox.fault(fault, bench.profile_path)
    await bench.run()
    for kind in ("page", "profile"):
        calls = await bench.ledger(job_id, kind)
        unknown = [(call["credits_charged"], call["http_status"]) for call in calls if call["status"] == "unknown"]
        assert unknown == [(1, None)]
    job = await bench.job(job_id)
    assert job["delivered_count"] == 20
    assert (await bench.sandbox.calls())["credits"] == job["credits_spent"] == 22, (
        "as the upstream bills it: its cache has the profile whose answer was lost"
    )
    await bench.check_books(job_id)


async def test_a_refused_connection_is_not_charged(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    nobody = bench.new_tools(f"http://127.0.0.1:{free_port()}")
    message = bench.qstash.waiting.popleft()
    reply = await bench.perform(message, tools=nobody)
    assert (reply.answer.value, reply.reason) == ("nak", "postponed")
    calls = await bench.ledger(job_id)
    assert [(call["status"], call["credits_charged"], call["reason"]) for call in calls] == [
        ("settled", 0, "ConnectError")
    ] * 3
    assert (await bench.job(job_id))["credits_spent"] == 0
    await bench.perform(message)
    assert (await bench.job(job_id))["delivered_count"] == 20
    await bench.check_books(job_id)


async def test_a_keyword_that_the_upstream_does_not_know_ends_its_search_without_an_error(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=20)
    message = bench.qstash.waiting[0]
    await bench.sandbox.fault("404", bench.page_path)
    await bench.run()
    assert (await bench.search(message))["end_reason"] == "not_found"
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "exhausted", 0)
