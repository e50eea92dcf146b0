"""A job's limits end it as completed, with what it has."""

from collections import Counter
from typing import Any


async def test_the_limit_of_pages_ends_the_job_with_what_it_has(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=100, pages_max=2)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["progress"]) == ("completed", "call_limit", 100)
    assert (job["pages_count"], job["delivered_count"]) == (2, 45)
    assert len((await bench.sandbox.calls(bench.page_path))["calls"]) == 2
    await bench.check_books(job_id)


async def test_searches_share_the_limit_of_pages(bench: Any) -> None:
    job_id = await bench.new_job("bread", "ramen", "tea", target=1000, pages_max=4)
    await bench.run(at_once=3)
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["pages_count"]) == ("completed", "call_limit", 4)
    assert len((await bench.sandbox.calls(bench.page_path))["calls"]) == 4
    await bench.check_books(job_id)


async def test_the_limit_of_credits_is_never_passed_and_what_is_known_is_delivered(bench: Any) -> None:
    """One page and nine profiles; the other creators of the page are delivered without a bio."""
    job_id = await bench.new_job("bread", target=100, credits_max=10)
    await bench.run(at_once=2)
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"]) == ("completed", "credit_limit")
    assert job["credits_spent"] == (await bench.sandbox.calls())["credits"] == 10
    creators = await bench.creators(job_id)
    kinds = Counter(creator["enrichment"] for creator in creators)
    assert kinds["bought"] <= 9
    assert kinds["skipped"] == len(creators) - kinds["bought"] > 0
    assert {one["has_email"] for one in creators if one["enrichment"] == "skipped"} == {None}, "unknown, not false"
    await bench.check_books(job_id)


async def test_a_limit_of_one_credit_buys_a_page_and_delivers_it_as_known(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=10, credits_max=1)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 10)
    assert (await bench.sandbox.calls())["credits"] == 1
    await bench.check_books(job_id)


async def test_cached_profiles_cost_no_credits(bench: Any) -> None:
    await bench.new_job("bread", target=20)
    await bench.run()
    job_id = await bench.new_job("bread", target=20, credits_max=1)
    await bench.run()
    assert {creator["enrichment"] for creator in await bench.creators(job_id)} == {"cached"}
    await bench.check_books(job_id)


async def test_a_grant_that_is_raised_keeps_no_call_waiting(bench: Any) -> None:
    """Twenty calls at once find it used up, and what kept one out may be gone when it looks why. Six jobs: it would be
    a pause of the platform in every third."""
    await bench.set("api", "enrichment_concurrency", 20)
    for word in ("bread", "ramen", "tea", "vegan", "knitting", "climbing"):
        job_id = await bench.new_job(word, target=20)
        await bench.query("update jobs set credits_granted = 2, credits_of_day = 2 where id = %(id)s", id=job_id)
        assert (await bench.perform(bench.qstash.waiting.popleft())).reason == "performed"
        assert (await bench.job(job_id))["credits_granted"] > 2
        bench.qstash.waiting.clear()


async def test_a_call_that_was_not_charged_gives_its_credit_back(bench: Any) -> None:
    job_id = await bench.new_job("bread", target=5, credits_max=6)
    await bench.sandbox.fault("500", bench.profile_path, count=2)
    await bench.set("api", "enrichment_concurrency", 1)
    await bench.run()
    assert {creator["enrichment"] for creator in await bench.creators(job_id)} == {"bought"}
    assert (await bench.job(job_id))["credits_spent"] == 6
    await bench.check_books(job_id)


async def test_scarce_credits_buy_the_most_promising_profiles(bench: Any) -> None:
    """By what the page tells of a candidate; the others are delivered as known and say so."""
    await bench.set("api", "enrichment_concurrency", 1)
    job_id = await bench.new_job("bread", target=20, credits_max=7)
    await bench.run()
    creators = await bench.creators(job_id)
    bought = [one["worth"] for one in creators if one["enrichment"] == "bought"]
    skipped = [one["worth"] for one in creators if one["enrichment"] == "skipped"]
    assert len(bought) == 6
    assert skipped
    assert min(bought) >= max(skipped)
    assert max(bought) > min(skipped), "they differ"
    assert all(one["details"]["account"]["bio"] is None for one in creators if one["enrichment"] == "skipped")
