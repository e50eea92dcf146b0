"""How things stand over all owners: counted by what is bounded, as Postgres knows it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from common.db.census import PlatformCount, count_jobs, count_letters, count_steps, platform_counts
from common.db.platform_state import Ability, announce_platform, pause_platform, resume_platform

HOUR = timedelta(hours=1)
HOUR_AGO = "=now() - interval '1 hour'"


@pytest.fixture
async def census(scene: Any) -> Any:
    """Nothing is there but what the test makes."""
    await scene.query("update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now() "
                      "where ended_at is null")  # fmt: skip
    await scene.query("update platform_states set state = 'open', reason = null, until = null")
    return scene


async def jobs(scene: Any) -> Counter[tuple[str, str]]:
    async with scene.database.connection() as connection:
        rows = await count_jobs(connection)
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        found[row.state, row.waiting_on] += row.count
    return found


async def steps(scene: Any) -> tuple[int, int, int, float]:
    """Over all platforms; here each job is of one of its own."""
    async with scene.database.connection() as connection:
        rows = await count_steps(connection)
    return (
        sum(row.open_count for row in rows),
        sum(row.due_count for row in rows),
        sum(row.unpublished_count for row in rows),
        max((row.oldest_due_s for row in rows), default=0.0),
    )


async def test_active_jobs_are_counted_by_what_they_wait_for(census: Any) -> None:
    await census.seat()
    await census.seat(status="processing", started_at="=now()", deadline_at="=now() + interval '1 hour'")
    await census.seat(admitted_at=None)
    await census.seat(status="error", stop_reason="failed", ended_at="=now()")
    assert await jobs(census) == {("pending", "none"): 1, ("processing", "none"): 1, ("pending", "owner_limit"): 1}


async def test_a_platforms_pause_is_what_its_jobs_wait_for(census: Any) -> None:
    seat = await census.seat()
    async with census.database.connection() as connection:
        await announce_platform(connection, Ability(platform=seat.platform, label="P", modes=(), search_kinds=()))
        await pause_platform(connection, platform=seat.platform, state="paused", reason="credits", lasts=HOUR)
        paused = PlatformCount(platform=seat.platform, state="paused", reason="credits")
        assert paused in await platform_counts(connection)
        assert await jobs(census) == {("pending", "credits"): 1}
        await resume_platform(connection, platform=seat.platform)
        assert PlatformCount(platform=seat.platform, state="open", reason="none") in await platform_counts(connection)
    assert await jobs(census) == {("pending", "none"): 1}


async def test_a_due_step_that_nobody_holds_gets_older(census: Any) -> None:
    assert await steps(census) == (0, 0, 0, 0.0)
    seat = await census.seat()
    await census.change_step(seat, due_at=HOUR_AGO, published_generation=0, published_at=HOUR_AGO)
    open_count, due, unpublished, age = await steps(census)
    assert (open_count, due, unpublished) == (1, 1, 0)
    assert 3600 <= age < 3700
    await census.change_step(seat, published_generation=None)
    assert (await steps(census))[2] == 1


async def test_a_step_that_is_held_or_not_due_or_of_nobodys_turn_is_not_old(census: Any) -> None:
    held, later, waiting, ended = [await census.seat() for _ in range(4)]
    for seat in (held, waiting, ended):
        await census.change_step(seat, due_at=HOUR_AGO)
    await census.change_step(held, lease_until="=now() + interval '1 minute'")
    await census.change_step(later, due_at="=now() + interval '1 hour'")
    await census.change_job(waiting, admitted_at=None)
    await census.change_job(ended, status="error", stop_reason="failed", ended_at="=now()")
    assert await steps(census) == (2, 0, 0, 0.0)


async def test_letters_are_counted_until_somebody_resolves_them(census: Any) -> None:
    async with census.database.connection() as connection:
        before = await count_letters(connection)
        seat = await census.seat()
        await census.query(
            "insert into dead_letters (id, job_id, search_id, step, generation, reason, details) "
            "values (gen_random_uuid(), %s, %s, 0, 0, 'max_deliver', '{}')",
            seat.job_id,
            seat.search_id,
        )
        assert await count_letters(connection) == before + 1
        await census.query("update dead_letters set resolved_at = now(), resolution = 'discarded'")
        assert await count_letters(connection) == 0
