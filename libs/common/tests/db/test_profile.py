"""Profiles on real Postgres: bought by one worker at a time, kept for everybody, not-found too."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation

from common.db.profile import ProfileClaim, SeenProfile, claim_profile, fresh_profiles, release_profile, store_profile
from common.domain.creator import Account

WEEK = timedelta(days=7)
ADA = Account(platform_id="1", handle="ada", bio="", followers=3, links=("https://a.example",))


@pytest.fixture
def platform() -> str:
    return f"p{uuid4().hex}"


def claim_of(platform: str, token: UUID | None = None, **changes: Any) -> ProfileClaim:
    values = {
        "platform": platform,
        "platform_id": "1",
        "token": token or uuid4(),
        "lasts": timedelta(minutes=1),
        "max_age": WEEK,
    }
    return ProfileClaim(**values | changes)


async def claims(scene: Any, claim: ProfileClaim) -> bool:
    async with scene.database.connection() as connection:
        return await claim_profile(connection, claim)


async def store(
    scene: Any, platform: str, account: Account | None, status: str | None = None, seen_at: datetime | None = None
) -> None:
    status = status or ("found" if account else "not_found")
    async with scene.database.connection() as connection:
        profile = SeenProfile(platform=platform, platform_id="1", status=status, account=account, seen_at=seen_at)
        await store_profile(connection, profile)


async def fresh(scene: Any, platform: str, max_age: timedelta = WEEK) -> dict[str, tuple[str, Account | None]]:
    async with scene.database.connection() as connection:
        found = await fresh_profiles(connection, platform=platform, platform_ids=["1", "2"], max_age=max_age)
    return {one.platform_id: (one.status, one.account) for one in found}


async def age(scene: Any, platform: str, interval: str) -> None:
    await scene.query("update profiles set fetched_at = now() - %s::interval where platform = %s", interval, platform)


async def test_of_twenty_who_want_a_profile_one_may_buy_it(scene: Any, platform: str) -> None:
    """Both for a new account and for one whose profile went stale."""
    assert sum(await asyncio.gather(*(claims(scene, claim_of(platform)) for _ in range(20)))) == 1
    await store(scene, platform, ADA)
    assert not any(await asyncio.gather(*(claims(scene, claim_of(platform)) for _ in range(20))))
    await age(scene, platform, "8 days")
    assert sum(await asyncio.gather(*(claims(scene, claim_of(platform)) for _ in range(20)))) == 1


async def test_twenty_connections_that_race_in_rounds_never_buy_twice(scene: Any, platform: str) -> None:
    """Each round a new account, all at once from behind a barrier."""
    for number in range(5):
        barrier = asyncio.Barrier(20)

        async def race(platform_id: str = str(number), start: asyncio.Barrier = barrier) -> bool:
            async with scene.database.connection() as connection:
                await start.wait()
                return await claim_profile(connection, claim_of(platform, platform_id=platform_id))

        assert sum(await asyncio.gather(*(race() for _ in range(20)))) == 1


async def test_a_claim_can_be_repeated_by_its_holder_and_ends_by_itself(scene: Any, platform: str) -> None:
    token = uuid4()
    assert await claims(scene, claim_of(platform, token))
    assert await claims(scene, claim_of(platform, token)), "the answer to the first may have been lost"
    assert not await claims(scene, claim_of(platform))
    await scene.query("update profiles set claimed_until = now() - interval '1 second' where platform = %s", platform)
    assert await claims(scene, claim_of(platform))
    assert not await claims(scene, claim_of(platform, token)), "who was too slow has lost it"


async def test_a_claim_is_given_back_only_by_its_holder(scene: Any, platform: str) -> None:
    token = uuid4()
    assert await claims(scene, claim_of(platform, token))
    async with scene.database.connection() as connection:
        await release_profile(connection, platform=platform, platform_id="1", token=uuid4())
        assert not await claims(scene, claim_of(platform))
        await release_profile(connection, platform=platform, platform_id="1", token=token)
    assert await claims(scene, claim_of(platform))


@pytest.mark.parametrize("account", [ADA, None])
async def test_what_the_upstream_said_is_kept_and_ends_the_claim(
    scene: Any, platform: str, account: Account | None
) -> None:
    """That there is no such account is kept too, so that nobody asks again."""
    assert await claims(scene, claim_of(platform))
    assert await fresh(scene, platform) == {}, "a claim alone is no profile"
    await store(scene, platform, account)
    assert await fresh(scene, platform) == {"1": ("found" if account else "not_found", account)}
    assert not await claims(scene, claim_of(platform)), "it is fresh"
    [row] = await scene.query("select claimed_by, claimed_until from profiles where platform = %s", platform)
    assert row == {"claimed_by": None, "claimed_until": None}


async def test_a_profile_is_fresh_for_its_age(scene: Any, platform: str) -> None:
    await store(scene, platform, ADA)
    await age(scene, platform, "6 days 23 hours")
    assert await fresh(scene, platform) == {"1": ("found", ADA)}
    assert await fresh(scene, platform, timedelta(days=6)) == {}
    assert not await claims(scene, claim_of(platform))
    assert await claims(scene, claim_of(platform, max_age=timedelta(days=6)))


async def test_a_stale_profile_is_still_there_while_it_is_bought_again(scene: Any, platform: str) -> None:
    await store(scene, platform, ADA)
    await age(scene, platform, "8 days")
    assert await claims(scene, claim_of(platform))
    assert await fresh(scene, platform, timedelta(days=9)) == {"1": ("found", ADA)}
    await store(scene, platform, None)
    assert await fresh(scene, platform) == {"1": ("not_found", None)}
    await store(scene, platform, ADA)
    assert await fresh(scene, platform) == {"1": ("found", ADA)}


async def test_a_later_answer_from_the_upstreams_cache_makes_a_profile_as_old_as_that_answer(
    scene: Any, platform: str
) -> None:
    """What is kept is what the last answer said, and so is its age."""
    await store(scene, platform, ADA)
    seen_at = scene.clock.now() - timedelta(days=3)
    await store(scene, platform, ADA, seen_at=seen_at)
    assert await scene.query("select fetched_at from profiles where platform = %s", platform) == [
        {"fetched_at": seen_at}
    ]
    assert await fresh(scene, platform, timedelta(days=2)) == {}


async def test_a_profile_is_one_platforms(scene: Any, platform: str) -> None:
    await store(scene, platform, ADA)
    assert await fresh(scene, platform + "x") == {}
    assert await claims(scene, claim_of(platform + "x"))


@pytest.mark.parametrize("assignment", ["status = 'not_found'", "account = null", "fetched_at = null", "status = 'x'"])
async def test_the_schema_refuses_a_profile_that_cannot_be(scene: Any, platform: str, assignment: str) -> None:
    await store(scene, platform, ADA)
    with pytest.raises(CheckViolation):
        await scene.query(f"update profiles set {assignment} where platform = %s", platform)


async def test_an_unreadable_answer_is_remembered_for_an_hour_only(scene: Any, platform: str) -> None:
    await store(scene, platform, None, "unreadable")
    assert await fresh(scene, platform) == {"1": ("unreadable", None)}
    assert not await claims(scene, claim_of(platform))
    await age(scene, platform, "61 minutes")
    assert await fresh(scene, platform) == {}
    assert await claims(scene, claim_of(platform))
