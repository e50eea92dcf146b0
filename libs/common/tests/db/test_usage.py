"""What an owner's calls cost: the ledger's sums, by day, platform and job, also of jobs that are gone."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from common.db.ledger import Settlement, lose_call, settle_call
from common.db.usage import UsageKey, UsageQuery, UsageRow, list_usage, sum_usage

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)


async def call(scene: Any, seat: Any, opened_at: str, *, kind: str = "page", charged: int | None = 1) -> None:
    """A call of three credits that was opened at this moment; `charged` None: it is open, -1: no answer came."""
    request = scene.call_of(seat, kind=kind, pages=int(kind == "page"))
    assert await scene.opens(request)
    settlement = Settlement(
        id=request.id, job_id=seat.job_id, credits=charged or 0, http_status=200, reason=None, milliseconds=1, bytes=1
    )
    async with scene.database.connection() as connection:
        if charged == -1:
            assert await lose_call(connection, settlement)
        elif charged is not None:
            assert await settle_call(connection, settlement)
    await scene.change("upstream_calls", "id", request.id, opened_at=opened_at)


async def usage(scene: Any, owner: str, by: str, **given: Any) -> list[UsageRow]:
    """Rows told apart by the words of `by`."""
    groups = {f"by_{word}": word in by.split() for word in ("day", "platform", "job")}
    values = {"owner": owner, "since": FIRST, "until": LAST, "after": None, "count_max": 99, **groups}
    async with scene.database.connection() as connection:
        return await list_usage(connection, UsageQuery(**values | given))


@pytest.fixture
async def jobs(scene: Any) -> list[Any]:
    """Two jobs of one owner on two platforms, with calls on three days, and one of another owner."""
    owner = f"user:{scene.clock.new_id().hex}"
    seats = [await scene.held_seat() for _ in range(3)]
    for seat in seats[:2]:
        await scene.query("insert into owners (owner) values (%s) on conflict do nothing", owner)
        await scene.change_job(seat, owner=owner)
    seats[:2] = [
        type(seat)(job_id=seat.job_id, search_id=seat.search_id, token=seat.token, owner=owner, platform=seat.platform)
        for seat in seats[:2]
    ]
    first, second, foreign = seats
    await call(scene, first, "2026-03-01 00:00:00+00")
    await call(scene, first, "2026-03-01 23:59:59.999999+00", kind="profile", charged=2)
    await call(scene, first, "2026-03-02 00:00:00+00", charged=-1)
    await call(scene, second, "2026-03-02 01:00:00+02", charged=0)
    await call(scene, second, "2026-03-31 23:59:59+00", kind="profile", charged=None)
    await call(scene, second, "2026-02-28 23:59:59+00", charged=3)
    await call(scene, second, "2026-04-01 00:00:00+00", charged=3)
    await call(scene, foreign, "2026-03-05 00:00:00+00", charged=3)
    return seats


def numbers(row: Any) -> tuple[int, ...]:
    return (row.calls, row.pages, row.profiles, row.credits_charged, row.credits_reserved, row.credits_unknown)


async def test_days_are_of_utc_and_both_bounds_belong(scene: Any, jobs: list[Any]) -> None:
    rows = await usage(scene, jobs[0].owner, "day")
    assert [(row.day, *numbers(row)) for row in rows] == [
        (date(2026, 3, 1), 3, 2, 1, 3, 0, 0),
        (date(2026, 3, 2), 1, 1, 0, 3, 0, 3),
        (date(2026, 3, 31), 1, 0, 1, 0, 3, 0),
    ]
    assert {(row.platform, row.job_id) for row in rows} == {(None, None)}
    async with scene.database.connection() as connection:
        total = await sum_usage(connection, owner=jobs[0].owner, since=FIRST, until=LAST)
    assert numbers(total) == (5, 3, 2, 6, 3, 3)


async def test_rows_are_told_apart_by_what_is_asked_for(scene: Any, jobs: list[Any]) -> None:
    first, second, _ = jobs
    by_job = {row.job_id: numbers(row) for row in await usage(scene, first.owner, "job")}
    assert by_job == {first.job_id: (3, 2, 1, 6, 0, 3), second.job_id: (2, 1, 1, 0, 3, 0)}
    by_platform = {row.platform: row.calls for row in await usage(scene, first.owner, "platform")}
    assert by_platform == {first.platform: 3, second.platform: 2}
    rows = await usage(scene, first.owner, "day platform job")
    assert len(rows) == 4
    assert all(row.day and row.platform and row.job_id for row in rows)
    assert [numbers(row) for row in await usage(scene, first.owner, "")] == [(5, 3, 2, 6, 3, 3)]


@pytest.mark.parametrize("by", ["day", "platform", "job", "day job", "platform job", "day platform job"])
@pytest.mark.parametrize("size", [1, 2, 3])
async def test_pages_join_however_rows_are_told_apart(scene: Any, jobs: list[Any], by: str, size: int) -> None:
    whole = await usage(scene, jobs[0].owner, by)
    walked: list[UsageRow] = []
    while True:
        last = walked[-1] if walked else None
        after = UsageKey(day=last.day, platform=last.platform, job_id=last.job_id) if last else None
        rows = await usage(scene, jobs[0].owner, by, after=after, count_max=size)
        if not rows:
            break
        assert len(rows) <= size
        walked += rows
    assert walked == whole


async def test_usage_is_its_owners_and_nothing_is_nothing(scene: Any, jobs: list[Any]) -> None:
    assert [numbers(row) for row in await usage(scene, jobs[2].owner, "day")] == [(1, 1, 0, 3, 0, 0)]
    assert await usage(scene, "user:nobody", "day job") == []
    async with scene.database.connection() as connection:
        total = await sum_usage(connection, owner="user:nobody", since=FIRST, until=LAST)
    assert numbers(total) == (0, 0, 0, 0, 0, 0)


async def test_what_was_charged_is_what_the_jobs_spent_and_outlives_them(scene: Any, jobs: list[Any]) -> None:
    year = {"since": date(2026, 1, 1), "until": date(2026, 12, 31)}
    rows = {row.job_id: row for row in await usage(scene, jobs[0].owner, "job", **year)}
    for seat in jobs[:2]:
        reserved, spent = await scene.money_of(seat)
        assert (rows[seat.job_id].credits_reserved, rows[seat.job_id].credits_charged) == (reserved, spent)
    gone: UUID = jobs[0].job_id
    await scene.change_job(jobs[0], status="error", stop_reason="failed", ended_at="=now()")
    await scene.query("delete from jobs where id = %s", gone)
    assert {row.job_id: row for row in await usage(scene, jobs[0].owner, "job", **year)} == rows
