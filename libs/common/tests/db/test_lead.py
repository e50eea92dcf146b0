"""Searches that steps add, targets, and creators that other jobs have: the statements on real Postgres."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from common.db.candidate import Exclusion, delivered_elsewhere, pending_of_step, promote_reserve
from common.db.job import lock_job, set_target
from common.db.profile import SeenProfile, fresh_profiles, store_profile
from common.db.reopening import promote_in_place
from common.db.search import NewSearch, add_searches, end_search, start_waiting
from common.domain.creator import Account, Contact, Content, Creator, Match, Target
from common.domain.filter import Filters
from common.domain.job import Mode

DETAILS = Creator(
    account=Account(platform_id="1", handle="h"),
    contact=Contact(),
    content=None,
    matched=Match(kind="keyword", query="q"),
).model_dump_json()


def planned(*searches: tuple[str, str, int]) -> list[NewSearch]:
    return [
        NewSearch(id=uuid4(), ordinal=ordinal, kind=kind, query=query, region="DE", wave=wave)
        for ordinal, (kind, query, wave) in enumerate(searches)
    ]


async def add(
    scene: Any, job_id: Any, searches: list[NewSearch], count_max: int = 60, *, is_ended: bool = False
) -> int:
    async with scene.database.connection() as connection:
        return await add_searches(connection, job_id=job_id, searches=searches, count_max=count_max, is_ended=is_ended)


async def searches_of(scene: Any, job_id: Any) -> list[tuple[Any, ...]]:
    rows = await scene.query("select * from searches where job_id = %s order by ordinal", job_id)
    return [(row["ordinal"], row["kind"], row["query"], row["wave"], row["status"]) for row in rows]


async def test_added_searches_stand_behind_the_others_each_kind_and_query_once(scene: Any) -> None:
    job_id = await scene.store(scene.new_job())
    await scene.search(job_id, 0)
    more = planned(("hashtag", "Bread", 1), ("keyword", "Q0", 0), ("hashtag", "bread", 0), ("keyword", "bread", 0))
    assert await add(scene, job_id, more) == 2
    assert await searches_of(scene, job_id) == [
        (0, "keyword", "q0", 0, "active"),
        (1, "keyword", "bread", 0, "waiting"),
        (2, "hashtag", "Bread", 1, "waiting"),
    ]
    assert await add(scene, job_id, more) == 0, "delivered twice, nothing more"


async def test_added_searches_keep_their_region_and_their_order_after_the_last_ordinal(scene: Any) -> None:
    """The order in which they were led to, not that of the words, and behind a gap too. Another job's are its own."""
    job_id, other = await scene.store(scene.new_job()), await scene.store(scene.new_job())
    await scene.search(job_id, 7)
    await add(scene, other, planned(("hashtag", "zest", 0)))
    more = planned(("hashtag", "zest", 0), ("hashtag", "apple", 0), ("hashtag", "q7", 0))
    assert await add(scene, job_id, more) == 3, "the keyword q7 is another search than the hashtag"
    rows = await scene.query("select * from searches where job_id = %s and ordinal > 7 order by ordinal", job_id)
    assert [(row["ordinal"], row["query"], row["region"]) for row in rows] == [
        (8, "zest", "DE"),
        (9, "apple", "DE"),
        (10, "q7", "DE"),
    ]
    assert [row[0] for row in await searches_of(scene, other)] == [0]


async def test_a_job_has_no_more_searches_than_its_limit(scene: Any) -> None:
    job_id = await scene.store(scene.new_job())
    await scene.search(job_id, 0)
    assert await add(scene, job_id, planned(*(("hashtag", f"t{number}", 0) for number in range(9))), count_max=4) == 3
    assert await add(scene, job_id, planned(("hashtag", "late", 0)), count_max=4) == 0
    assert [row[2] for row in await searches_of(scene, job_id)] == ["q0", "t0", "t1", "t2"]


async def test_what_a_final_job_is_led_to_is_kept_for_its_next_run(scene: Any) -> None:
    job_id = await scene.store(scene.new_job())
    assert await add(scene, job_id, planned(("hashtag", "t", 0)), is_ended=True) == 1
    [row] = await scene.query("select * from searches where job_id = %s", job_id)
    assert (row["status"], row["end_reason"], row["ended_at"] is None) == ("ended", "job_ended", False)


async def test_a_wave_starts_when_every_search_of_the_earlier_ones_has_ended(scene: Any) -> None:
    job_id = await scene.store(scene.new_job())
    searches = planned(("target", "a", 0), ("hashtag", "b", 1), ("hashtag", "c", 1), ("users", "d", 2))
    await add(scene, job_id, searches)
    started: list[set[Any]] = []
    async with scene.database.connection() as connection:
        for ending in (None, searches[0].id, searches[1].id, searches[2].id):
            if ending is not None:
                assert await start_waiting(connection, job_id=job_id, count_max=9) == []
                await end_search(connection, search_id=ending, reason="exhausted")
            started.append(set(await start_waiting(connection, job_id=job_id, count_max=9)))
    ids = [search.id for search in searches]
    assert started == [{ids[0]}, {ids[1], ids[2]}, set(), {ids[3]}]


async def test_a_target_and_filters_are_read_under_the_lock(scene: Any) -> None:
    filters = Filters(followers_min=3, exclude_campaigns=(uuid4(),))
    job_id = await scene.store(scene.new_job(mode=Mode.SIMILAR, filters=filters))
    other = await scene.store(scene.new_job(mode=Mode.SIMILAR))
    target = Target(account=Account(platform_id="1", handle="mira"), contents=(Content(platform_id="v", text="💄"),))
    async with scene.database.connection() as connection:
        before = await lock_job(connection, job_id=job_id)
        await set_target(connection, job_id=job_id, target=target)
        after = await lock_job(connection, job_id=job_id)
    assert before is not None
    assert after is not None
    assert (before.mode, before.filters, before.target) == (Mode.SIMILAR, filters, None)
    assert after.target == target
    assert await scene.query("select target from jobs where id = %s", other) == [{"target": None}]


async def test_creators_of_an_owners_campaigns_on_the_platform_are_known(scene: Any) -> None:
    """Those that were delivered, by another job, on the same platform, to the same owner."""
    seat = await scene.seat()
    campaign, others = uuid4(), uuid4()
    owner = (await scene.job_of(seat))["owner"]
    for name in (campaign, others):
        await scene.query("insert into campaigns (id, owner, name, created_by) values (%s, %s, 'c', 'u')", name, owner)
    await scene.change_job(seat, campaign_id=campaign)
    [mine, unasked] = await scene.add_candidates(seat, "delivered", 1, 3)
    [reserve] = await scene.add_candidates(seat, "reserve", 2)

    async def known(**changes: Any) -> set[str]:
        usual = {"owner": owner, "platform": seat.platform, "job_id": uuid4(), "campaigns": (others, campaign)}
        async with scene.database.connection() as connection:
            exclusion = Exclusion(**usual | changes)
            return await delivered_elsewhere(connection, exclusion, platform_ids=[mine, reserve, "nobody"])

    assert await known() == {mine}, f"{unasked} is not on the page"
    assert await known(owner="user:somebody_else") == set()
    assert await known(platform="another") == set()
    assert await known(campaigns=(others,)) == set()
    assert await known(job_id=seat.job_id) == set(), "the job's own are duplicates, not seen before"


async def test_the_most_promising_come_first(scene: Any) -> None:
    """When profiles are bought, when the reserve moves up, and when another run begins."""
    seat = await scene.held_seat()
    await scene.page(seat, {"pending": 2, "reserve": 4})
    pending = await scene.add_candidates(seat, "pending", 0, 1)
    reserve = await scene.add_candidates(seat, "reserve", 2, 3, 4, 5)
    await scene.query("update candidates set details = %s::jsonb where job_id = %s", DETAILS, seat.job_id)
    for name, value in ((pending[1], 2), (reserve[2], 3), (reserve[3], 2)):
        await scene.query("update candidates set worth = %s where platform_id = %s", value, name)
    place = {"job_id": seat.job_id, "search_id": seat.search_id, "step": 0}
    async with scene.database.connection() as connection:
        assert [one.platform_id for one in await pending_of_step(connection, **place)] == [pending[1], pending[0]]
        await promote_reserve(connection, **place, count_max=1)
        await promote_in_place(connection, job_id=seat.job_id, count_max=1)
    states = await scene.outcomes_by_id(seat)
    assert [states[name] for name in reserve] == ["reserve", "reserve", "pending", "pending"]


async def test_equals_of_the_reserve_move_up_in_the_order_of_their_pages(scene: Any) -> None:
    seat = await scene.held_seat()
    await scene.add_step(seat.job_id, seat.search_id, 1)
    [later] = await scene.add_candidates(seat, "reserve", 0, step=1)
    third, first, second = await scene.add_candidates(seat, "reserve", 9, 1, 5)
    async with scene.database.connection() as connection:
        for waiting in ([second, third, later], [third, later], [later], []):
            await promote_in_place(connection, job_id=seat.job_id, count_max=1)
            states = await scene.outcomes_by_id(seat)
            assert [name for name in (first, second, third, later) if states[name] == "reserve"] == waiting


async def test_a_profile_is_as_old_as_the_upstreams_look(scene: Any) -> None:
    """Its own cache may have answered; a time to come is now."""
    platform = f"p{uuid4().hex}"
    then = scene.clock.now()
    async with scene.database.connection() as connection:
        for platform_id, ages in (("old", -3), ("ahead", 3)):
            seen_at = then.replace(year=then.year + (1 if ages > 0 else -1))
            profile = SeenProfile(
                platform=platform,
                platform_id=platform_id,
                status="found",
                account=Account(platform_id=platform_id, handle="h"),
                seen_at=seen_at,
            )
            await store_profile(connection, profile)
        found = await fresh_profiles(
            connection, platform=platform, platform_ids=["old", "ahead"], max_age=timedelta(days=9999)
        )
    ages = {one.platform_id: (scene.clock.now() - one.fetched_at).days for one in found}
    assert ages["old"] >= 365
    assert ages["ahead"] == 0
