"""Owners and the turn of their jobs, on real Postgres."""

from typing import Any

import pytest

from common.db.owner import add_owner, count_admitted, lock_owner, next_waiting, owners_with_waiting_jobs

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


async def test_the_oldest_waiting_jobs_are_next(scene: Any, owner: str) -> None:
    """In the order of their creation; what runs, is over, waited too long or is another's is not among them."""
    jobs = [await scene.store(scene.new_job(owner=owner), **WAITING) for _ in range(4)]
    await scene.change("jobs", "id", jobs[3], created_at="=now() - interval '1 hour'")
    for columns in ({}, FINAL, {**WAITING, "queue_until": "=now()"}):
        await scene.store(scene.new_job(owner=owner), **columns, created_at="=now() - interval '2 hours'")
    await scene.store(scene.new_job(), **WAITING)
    async with scene.database.transaction() as connection:
        await lock_owner(connection, owner=owner)
        assert await next_waiting(connection, owner=owner, count_max=3) == [jobs[3], jobs[0], jobs[1]]
        assert await next_waiting(connection, owner=owner, count_max=0) == []
        locked = await scene.query("select id from jobs where owner = %s for update skip locked", owner)
        assert not {row["id"] for row in locked} & {jobs[3], jobs[0], jobs[1]}, "they are ours until the commit"


async def test_the_owners_row_is_held_by_one_transaction(scene: Any, owner: str) -> None:
    probe = "select owner from owners where owner = %s for no key update skip locked"
    async with scene.database.transaction() as connection:
        await add_owner(connection, owner=owner)
    async with scene.database.transaction() as connection:
        await lock_owner(connection, owner=owner)
        assert await scene.query(probe, owner) == []
    assert len(await scene.query(probe, owner)) == 1


async def test_owners_whose_jobs_wait_are_found_once(scene: Any, owner: str) -> None:
    idle = f"user:{scene.clock.new_id().hex}"
    for _ in range(2):
        await scene.store(scene.new_job(owner=owner), **WAITING)
    await scene.store(scene.new_job(owner=idle))
    await scene.store(scene.new_job(owner=idle), **WAITING, queue_until="=now()")
    async with scene.database.connection() as connection:
        found = await owners_with_waiting_jobs(connection)
    assert found.count(owner) == 1
    assert idle not in found
