"""Owners and the turn of their jobs, on real Postgres."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.db.owner import add_owner, count_admitted, lock_owner, next_waiting, owners_with_a_turn, view_standing

FINAL: dict[str, Any] = {"status": "error", "stop_reason": "failed", "ended_at": "=now()"}
WAITING: dict[str, Any] = {"admitted_at": None}


@pytest.fixture
def owner(scene: Any) -> str:
    return f"org:{scene.clock.new_id().hex}"


async def test_an_owner_is_added_once(scene: Any, owner: str) -> None:
    async with scene.database.connection() as connection:
        await add_owner(connection, owner=owner)
        await add_owner(connection, owner=owner)
    assert len(await scene.query("select owner from owners where owner = %s", owner)) == 1


async def test_only_running_jobs_are_counted(scene: Any, owner: str) -> None:
    for columns in ({}, {"status": "processing"}, WAITING, FINAL, {**FINAL, "status": "timeout"}):
        await scene.store(scene.new_job(owner=owner), **columns)
    await scene.store(scene.new_job())
    async with scene.database.connection() as connection:
        assert await count_admitted(connection, owner=owner) == 2
        assert await count_admitted(connection, owner="org:nobody") == 0


async def test_the_jobs_that_queue_longest_are_next(scene: Any, owner: str) -> None:
    """In the order in which they queue, which another run begins anew, whatever their age; what runs, is over, waited
    too long or is another's is not among them."""
    jobs = [await scene.store(scene.new_job(owner=owner), **WAITING) for _ in range(4)]
    await scene.change("jobs", "id", jobs[3], queued_at="=now() - interval '1 hour'")
    await scene.change("jobs", "id", jobs[0], created_at="=now() - interval '2 hours'", queued_at="=now()")
    for columns in ({}, FINAL, {**WAITING, "queue_until": "=now()"}):
        await scene.store(scene.new_job(owner=owner), **columns, queued_at="=now() - interval '2 hours'")
    await scene.store(scene.new_job(), **WAITING)
    async with scene.database.transaction() as connection:
        await lock_owner(connection, owner=owner)
        assert await next_waiting(connection, owner=owner, count_max=3) == [jobs[3], jobs[1], jobs[2]]
        assert await next_waiting(connection, owner=owner, count_max=9) == [jobs[3], jobs[1], jobs[2], jobs[0]]
        assert await next_waiting(connection, owner=owner, count_max=0) == []
        locked = await scene.query("select id from jobs where owner = %s for update skip locked", owner)
        assert not {row["id"] for row in locked} & set(jobs), "they are ours until the commit"


async def test_of_two_that_queue_since_the_same_instant_the_first_id_is_next(scene: Any, owner: str) -> None:
    jobs = [await scene.store(scene.new_job(owner=owner), **WAITING) for _ in range(5)]
    await scene.change("jobs", "owner", owner, queued_at="=date_trunc('minute', now())")
    async with scene.database.transaction() as connection:
        assert await next_waiting(connection, owner=owner, count_max=9) == sorted(jobs)


async def test_the_owners_row_is_held_by_one_transaction(scene: Any, owner: str) -> None:
    probe = "select owner from owners where owner = %s for no key update skip locked"
    async with scene.database.transaction() as connection:
        await add_owner(connection, owner=owner)
    async with scene.database.transaction() as connection:
        await lock_owner(connection, owner=owner)
        assert await scene.query(probe, owner) == []
    assert len(await scene.query(probe, owner)) == 1


OVERDUE: dict[str, Any] = {**WAITING, "queue_until": "=now()"}


@pytest.mark.parametrize(
    ("jobs", "has_turn"),
    [
        pytest.param([WAITING], True, id="one waits"),
        pytest.param([WAITING, WAITING, WAITING], True, id="many wait: told once"),
        pytest.param([{}, WAITING], True, id="one of two runs"),
        pytest.param([{}, {"status": "processing"}, WAITING], False, id="as many run as may"),
        pytest.param([{}, FINAL, WAITING], True, id="what is over runs no more"),
        pytest.param([{}, {}, {}, WAITING], False, id="more run than may"),
        pytest.param([{}], False, id="none waits"),
        pytest.param([OVERDUE], False, id="it waited too long"),
        pytest.param([{**FINAL, **WAITING}], False, id="it ended in the queue"),
        pytest.param([], False, id="no jobs"),
    ],
)
async def test_an_owner_has_a_turn_when_one_waits_and_fewer_run_than_may(
    scene: Any, owner: str, jobs: list[dict[str, Any]], has_turn: bool
) -> None:
    for columns in jobs:
        await scene.store(scene.new_job(owner=owner), **columns)
    async with scene.database.connection() as connection:
        found = await owners_with_a_turn(connection, active_jobs_max=2, count_max=1000)
    assert found.count(owner) == has_turn


async def test_the_owners_who_wait_longest_are_found_first(scene: Any) -> None:
    """A sweep that cannot serve all serves those; the others are found by the next."""
    owners = [f"org:{scene.clock.new_id().hex}" for _ in range(3)]
    for owner, hours in zip(owners, (1, 3, 2), strict=True):
        waits = f"=now() - interval '{hours + 100} hours'"
        await scene.store(scene.new_job(owner=owner), **WAITING, queued_at=waits)
    async with scene.database.connection() as connection:
        assert await owners_with_a_turn(connection, active_jobs_max=2, count_max=2) == [owners[1], owners[2]]
        assert await owners_with_a_turn(connection, active_jobs_max=2, count_max=0) == []


async def test_the_standing_is_what_the_owners_jobs_use_today(scene: Any, owner: str) -> None:
    """Also of an owner who is not there yet; another's jobs and what has ended do not count."""
    for columns in ({}, {"status": "processing"}, WAITING, FINAL, {**FINAL, **WAITING}):
        await scene.store(scene.new_job(owner=owner), **columns)
    await scene.store(scene.new_job())
    await scene.query(
        """insert into owner_days (owner, day, credits_granted)
           select %s, (now() at time zone 'UTC')::date - n, 10 + n from generate_series(0, 1) n""",
        owner,
    )
    async with scene.database.connection() as connection:
        standing = await view_standing(connection, owner=owner)
        nobody = await view_standing(connection, owner="user:nobody")
    assert (standing.active_jobs, standing.waiting_jobs, standing.credits_granted_today) == (2, 1, 10)
    assert (nobody.active_jobs, nobody.waiting_jobs, nobody.credits_granted_today) == (0, 0, 0)
    assert (standing.resets_at.hour, standing.resets_at.minute, standing.resets_at.second) == (0, 0, 0)
    assert timedelta(0) < standing.resets_at - datetime.now(UTC) <= timedelta(days=1)
