"""A job, from its first published step to its end."""

from collections import Counter
from typing import Any


async def test_a_job_runs_to_its_end_by_performing_what_is_published(bench: Any) -> None:
    """Two of these people have no profile any more, some are private: neither fact may show before it is asked for."""
    job_id = await bench.new_job("winter guitar", target=60)
    replies = await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["progress"]) == ("completed", "target_reached", 100)
    assert {reply.answer.value for reply in replies} == {"ack"}
    await bench.check_books(job_id)
    creators = await bench.creators(job_id)
    assert len({creator["platform_id"] for creator in creators}) == 60
    calls = await bench.sandbox.calls()
    assert calls["paid"]["duplicates"] == 0, "nothing is bought twice"
    assert calls["credits"] == job["credits_spent"]
    assert len((await bench.sandbox.calls(bench.page_path))["calls"]) == job["pages_count"]


async def test_private_accounts_are_not_delivered_and_lost_ones_are_delivered_as_known(bench: Any) -> None:
    job_id = await bench.new_job("winter guitar", target=60)
    await bench.run()
    found = await bench.query("select * from candidates where job_id = %(id)s", id=job_id)
    truth = await bench.sandbox.people([one["handle"] for one in found])
    delivered = {one["handle"]: one for one in found if one["outcome"] == "delivered"}
    private = {one["handle"] for one in found if one["outcome"] == "private"}
    asked = {*await bench.sandbox.asked_handles()}
    assert private == {handle for handle in asked if truth[handle]["is_private"] and not truth[handle]["absence"]}
    assert private, "the page did not tell, the profile did"
    lost = {handle: one for handle, one in delivered.items() if truth[handle]["absence"]}
    assert {truth[handle]["absence"] for handle in lost} == {"404", "flag"}
    for handle, one in delivered.items():
        bio = one["details"]["account"]["bio"]
        if handle in lost:
            assert (one["enrichment"], bio, one["has_email"]) == ("not_found", None, None), "unknown stays null"
            assert one["followers"] == truth[handle]["follower_count"], "what the page told is kept"
        else:
            # What the person cares about stands in front of it.
            assert (one["enrichment"], bio.endswith(truth[handle]["bio"])) == ("bought", True)


async def test_the_reserve_fills_the_target_before_any_further_page_is_bought(bench: Any) -> None:
    """The first page has more creators than wanted, and one of the first twenty is private."""
    job_id = await bench.new_job("running", target=20)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["stop_reason"], job["delivered_count"], job["pages_count"]) == ("target_reached", 20, 1)
    assert (await bench.funnel(job_id))["private"] == 1
    assert len(await bench.ledger(job_id, "profile")) == 21, "nothing is bought for what is not needed"
    steps = await bench.query("select step, phase from steps where job_id = %(id)s order by step", id=job_id)
    assert [step["phase"] for step in steps] == ["done", "held"]
    await bench.check_books(job_id)


async def test_a_search_without_more_pages_ends_the_job_as_exhausted(bench: Any) -> None:
    job_id = await bench.new_job("narrow bread", target=100)
    await bench.run()
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["progress"]) == ("completed", "exhausted", 100)
    assert job["delivered_count"] == 31
    assert (await bench.funnel(job_id))["duplicate"] == 7
    await bench.check_books(job_id)


async def test_searches_run_beside_each_other_as_far_as_the_job_admits(bench: Any) -> None:
    words = ("narrow bread", "narrow tea", "narrow chess", "narrow yoga")
    job_id = await bench.new_job(*words, target=1000, parallel=2)
    statement = "select status, count(*)::int as count from searches where job_id = %(id)s group by status"
    seen: list[dict[str, int]] = []
    while bench.qstash.waiting:
        seen.append({row["status"]: row["count"] for row in await bench.query(statement, id=job_id)})
        await bench.perform(bench.qstash.waiting.popleft())
    assert seen[0] == {"active": 2, "waiting": 2}
    assert max(counts.get("active", 0) for counts in seen) == 2
    job = await bench.job(job_id)
    assert (job["stop_reason"], job["pages_count"]) == ("exhausted", 8)
    await bench.check_books(job_id)


async def test_searches_share_the_target_and_no_creator_is_found_twice(bench: Any) -> None:
    """Two of the three find the same people; steps of all three run at the same time."""
    job_id = await bench.new_job("sourdough", "Sourdough", "ramen", target=70)
    await bench.run(at_once=6)
    job = await bench.job(job_id)
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 70)
    await bench.check_books(job_id)
    assert (await bench.sandbox.calls(bench.profile_path))["duplicates"] == 0
    searches = await bench.query("select status, end_reason from searches where job_id = %(id)s", id=job_id)
    assert {search["status"] for search in searches} == {"ended"}
    sources = Counter(one["search_id"] for one in await bench.creators(job_id))
    assert len(sources) > 1, "several searches filled it"
    assert (await bench.sandbox.calls())["total"] == job["calls_count"], "and they stopped together"
