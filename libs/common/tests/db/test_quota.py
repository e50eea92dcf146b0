"""Quotas on real Postgres: what is granted is counted on a day, never beyond it, and given back once."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation

from common.db.owner import add_owner
from common.db.quota import GrantView, add_to_day, grant, granted_today, release_grant, unreleased_jobs, view_grant

FINAL: dict[str, Any] = {"status": "error", "stop_reason": "failed", "ended_at": "=now()"}
FAR_EAST = "set local time zone 'Pacific/Kiritimati'"  # 14 hours ahead: tomorrow for most of the day
FAR_WEST = "set local time zone 'Pacific/Pago_Pago'"  # 11 hours behind


@pytest.fixture
async def owner(scene: Any) -> str:
    name = f"org:{scene.clock.new_id().hex}"
    async with scene.database.connection() as connection:
        await add_owner(connection, owner=name)
    return name


async def add(scene: Any, owner: str, amount: int, credits_per_day: int | None = None) -> date | None:
    async with scene.database.connection() as connection:
        return await add_to_day(connection, owner=owner, amount=amount, credits_per_day=credits_per_day)


async def today(scene: Any, owner: str) -> int:
    async with scene.database.connection() as connection:
        return await granted_today(connection, owner=owner)


async def release(scene: Any, job_id: Any) -> int:
    async with scene.database.connection() as connection:
        leftover = await release_grant(connection, job_id=job_id)
    return leftover.credits if leftover else 0


async def days_of(scene: Any, owner: str) -> dict[date, int]:
    rows = await scene.query("select day, credits_granted from owner_days where owner = %s", owner)
    return {row["day"]: row["credits_granted"] for row in rows}


async def set_day(scene: Any, owner: str, day: str, amount: int) -> None:
    statement = "insert into owner_days (owner, day, credits_granted) values (%s, %s, %s)"
    await scene.query(statement, owner, day, amount)


async def test_without_a_quota_grants_are_counted_all_the_same(scene: Any, owner: str) -> None:
    """So that a quota that comes in the middle of a day holds at once."""
    before = scene.clock.now().date()
    day = await add(scene, owner, 70)
    assert before <= day <= scene.clock.now().date()
    assert await add(scene, owner, 50) == day
    assert await days_of(scene, owner) == {day: 120}
    assert await today(scene, owner) == 120
    assert await add(scene, owner, 1, 120) is None


@pytest.mark.parametrize(("amount", "fits"), [(100, True), (101, False)])
async def test_the_first_grant_of_a_day_is_within_its_quota_or_not_made(
    scene: Any, owner: str, amount: int, fits: bool
) -> None:
    assert (await add(scene, owner, amount, 100) is not None) is fits
    assert await days_of(scene, owner) == ({scene.clock.now().date(): amount} if fits else {})


@pytest.mark.parametrize(("amount", "fits"), [(30, True), (31, False)])
async def test_a_later_grant_is_within_what_is_left_or_not_made(
    scene: Any, owner: str, amount: int, fits: bool
) -> None:
    await add(scene, owner, 70, 100)
    assert (await add(scene, owner, amount, 100) is not None) is fits
    assert await today(scene, owner) == (100 if fits else 70)


async def test_a_quota_that_was_lowered_below_what_is_granted_grants_nothing(scene: Any, owner: str) -> None:
    await add(scene, owner, 70, 100)
    assert await add(scene, owner, 1, 50) is None
    assert await today(scene, owner) == 70


async def test_other_days_and_other_owners_do_not_count(scene: Any, owner: str) -> None:
    other = f"user:{scene.clock.new_id().hex}"
    async with scene.database.connection() as connection:
        await add_owner(connection, owner=other)
    now = scene.clock.now().date()
    for distance in (-1, 1):
        await set_day(scene, owner, str(now + timedelta(days=distance)), 100)
    await add(scene, other, 100, 100)
    assert await today(scene, owner) == 0
    assert await add(scene, owner, 100, 100) is not None
    assert await today(scene, owner) == 100


@pytest.mark.parametrize("zone", [FAR_EAST, FAR_WEST])
async def test_a_day_is_utc_wherever_the_session_is(scene: Any, owner: str, zone: str) -> None:
    before = scene.clock.now().date()
    async with scene.database.transaction() as connection:
        await connection.execute(zone.encode())
        day = await add_to_day(connection, owner=owner, amount=5, credits_per_day=None)
        assert await granted_today(connection, owner=owner) == 5
    assert before <= day <= scene.clock.now().date()


async def test_twenty_grants_at_once_never_pass_the_quota(scene: Any, owner: str) -> None:
    """50 a day, 3 a grant: sixteen. The statement keeps it also without the owner's lock."""
    days = await asyncio.gather(*(add(scene, owner, 3, 50) for _ in range(20)))
    assert sum(day is not None for day in days) == 16
    assert await today(scene, owner) == 48


async def test_a_grant_is_of_a_known_owner(scene: Any) -> None:
    with pytest.raises(ForeignKeyViolation):
        await add(scene, "user:nobody", 1)


async def test_a_job_may_spend_what_it_was_granted_in_all(scene: Any) -> None:
    """Of which only what the day gave counts on it."""
    seat, other = await scene.seat(credits_granted=10, credits_of_day=10), await scene.seat(credits_granted=10)
    for granted, of_day in ((17, 7), (24, 14)):
        async with scene.database.connection() as connection:
            await grant(connection, job_id=seat.job_id, amount=7, day=date(2026, 1, 2))
        job = await scene.job_of(seat)
        assert (job["credits_granted"], job["credits_of_day"], job["quota_day"]) == (granted, of_day, date(2026, 1, 2))
    assert (await scene.job_of(other))["credits_granted"] == 10


async def test_the_view_of_a_grant_counts_what_is_reserved_as_used(scene: Any) -> None:
    seat = await scene.seat(credits_granted=30, credits_spent=12, credits_reserved=5)
    async with scene.database.connection() as connection:
        seen = await view_grant(connection, job_id=seat.job_id)
        assert seen == GrantView(credits_granted=30, credits_used=17, credits_max=50)
        assert await view_grant(connection, job_id=scene.clock.new_id()) is None


async def test_what_a_job_leaves_goes_back_to_the_day_of_its_grant_once(scene: Any) -> None:
    """What is reserved may still be spent, so it stays."""
    seat = await scene.seat(
        credits_of_day=30, credits_granted=30, credits_spent=12, credits_reserved=5, quota_day="2026-01-02"
    )
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        await set_day(scene, seat.owner, day, 100)
    other = await scene.seat(credits_of_day=30, credits_granted=30, quota_day="2026-01-02")
    await set_day(scene, other.owner, "2026-01-02", 100)
    for released in (13, 0):
        assert await release(scene, seat.job_id) == released
        assert (await scene.job_of(seat))["credits_granted"] == 17
        assert list((await days_of(scene, seat.owner)).values()) == [100, 87, 100]
    assert (await scene.job_of(other))["credits_granted"] == 30
    assert list((await days_of(scene, other.owner)).values()) == [100]
    await scene.change_job(seat, credits_reserved=0)  # the last call cost nothing after all
    assert await release(scene, seat.job_id) == 5


@pytest.mark.parametrize("spent", [30, 31])
async def test_a_job_that_spent_its_grant_leaves_nothing(scene: Any, spent: int) -> None:
    seat = await scene.seat(credits_of_day=30, credits_granted=30, credits_spent=spent, quota_day="2026-01-02")
    await set_day(scene, seat.owner, "2026-01-02", 100)
    before = await scene.job_of(seat)
    assert await release(scene, seat.job_id) == 0
    assert await scene.job_of(seat) == before
    assert await days_of(scene, seat.owner) == {date(2026, 1, 2): 100}


async def test_a_job_that_no_day_counts_gives_back_what_it_holds(scene: Any) -> None:
    """It is older than quotas are."""
    seat = await scene.seat(credits_granted=30, credits_spent=12)
    assert await release(scene, seat.job_id) == 18
    assert (await scene.job_of(seat))["credits_granted"] == 12
    assert await days_of(scene, seat.owner) == {}


async def test_a_job_that_leaves_more_than_its_day_counts_is_released_all_the_same(scene: Any) -> None:
    """Its grant was raised after midnight, then calls of yesterday's grant cost nothing: an end is never refused."""
    seat = await scene.seat(credits_of_day=27, credits_granted=137, credits_spent=100, quota_day="2026-01-02")
    await set_day(scene, seat.owner, "2026-01-01", 110)
    await set_day(scene, seat.owner, "2026-01-02", 27)
    assert await release(scene, seat.job_id) == 37
    assert (await scene.job_of(seat))["credits_granted"] == 100
    assert await days_of(scene, seat.owner) == {date(2026, 1, 1): 110, date(2026, 1, 2): 0}


async def test_many_who_release_one_job_give_back_once(scene: Any) -> None:
    seat = await scene.seat(credits_of_day=30, credits_granted=30, quota_day="2026-01-02")
    await set_day(scene, seat.owner, "2026-01-02", 100)

    async def release_in_turn() -> int:
        async with scene.database.transaction() as connection:
            await connection.execute("select from owners where owner = %s for no key update", [seat.owner])
            leftover = await release_grant(connection, job_id=seat.job_id)
            return leftover.credits if leftover else 0

    assert sorted(await asyncio.gather(*(release_in_turn() for _ in range(10)))) == [0] * 9 + [30]
    assert await days_of(scene, seat.owner) == {date(2026, 1, 2): 70}


@pytest.mark.parametrize(
    ("columns", "is_found"),
    [
        pytest.param({**FINAL, "credits_granted": 9, "credits_spent": 8}, True, id="final with something left"),
        pytest.param({**FINAL, "credits_granted": 8, "credits_spent": 8}, False, id="nothing left"),
        pytest.param({"credits_granted": 9, "credits_spent": 8}, False, id="active"),
        pytest.param(
            {**FINAL, "credits_granted": 9, "credits_spent": 7, "credits_reserved": 1}, False, id="a call is open"
        ),
        pytest.param({**FINAL, "credits_granted": 0}, False, id="never granted"),
    ],
)
async def test_unreleased_jobs(scene: Any, columns: dict[str, Any], is_found: bool) -> None:
    seat = await scene.seat(**columns)
    async with scene.database.connection() as connection:
        assert (seat.job_id in await unreleased_jobs(connection, count_max=1000)) is is_found


async def test_the_list_of_unreleased_jobs_is_bounded(scene: Any) -> None:
    for _ in range(3):
        await scene.seat(**FINAL)
    async with scene.database.connection() as connection:
        found = await unreleased_jobs(connection, count_max=2)
        assert len(found) == 2
        assert found == sorted(found)


@pytest.mark.parametrize("column", ["credits_granted"])
async def test_no_grant_is_below_nothing(scene: Any, owner: str, column: str) -> None:
    await add(scene, owner, 1)
    with pytest.raises(CheckViolation):
        await scene.change("owner_days", "owner", owner, **{column: -1})
    seat = await scene.seat()
    with pytest.raises(CheckViolation):
        await scene.change_job(seat, **{column: -1})
