"""The switch and the caps of all jobs on real Postgres: what the gate lets through, and the wall behind it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from psycopg import DatabaseError

from common.db.ledger import view_gate
from common.db.operator import SpendingLine, read_spending
from common.db.platform_state import read_platform
from common.db.quota import add_to_all, forget_minutes, give_back_to_all, granted_to_all_today

pytestmark = pytest.mark.security

SWITCH = ("api", "paid_calls")
MINUTE = ("limits", "credits_per_minute")
INSERT = """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
    credits_reserved) values (%s, %s, %s, 0, 'tiktok', %s, 'page', '/', 'f', 'open', 3)"""


@pytest.fixture(autouse=True)
async def clean(scene: Any) -> AsyncIterator[None]:
    yield
    await scene.query("delete from system_settings")
    await scene.query("delete from spending_minutes")
    await scene.query("delete from spending_days")


async def put(scene: Any, place: tuple[str, str], value: str) -> None:
    """A value as JSON."""
    await scene.query(
        """insert into system_settings (category, key, value) values (%s, %s, %s::jsonb)
           on conflict (category, key) do update set value = excluded.value""",
        *place,
        value,
    )


async def use_minute(scene: Any, credits_: int) -> None:
    """So much of this minute is used, and of the next, should it begin meanwhile."""
    await scene.query(
        """insert into spending_minutes (minute, credits)
           select date_trunc('minute', now(), 'UTC') + n * interval '1 minute', %s from generate_series(0, 1) n""",
        credits_,
    )


async def why(scene: Any, seat: Any) -> tuple[bool, bool]:
    """What the view says: paid calls are stopped, the minute covers the call."""
    async with scene.database.connection() as connection:
        view = await view_gate(connection, scene.call_of(seat))
    assert view is not None
    return view.is_stopped, view.is_within_minute


@pytest.mark.parametrize("value", ['"stopped"', '"maybe"', "null", "false", "{}"])
async def test_whatever_is_stored_of_the_switch_but_allowed_stops_every_call(scene: Any, value: str) -> None:
    seat = await scene.held_seat()
    before = await scene.job_of(seat)
    await put(scene, SWITCH, value)
    assert not await scene.opens(scene.call_of(seat))
    assert await why(scene, seat) == (True, True)
    assert (await scene.job_of(seat), await scene.calls_of(seat)) == (before, [])
    await put(scene, SWITCH, '"allowed"')
    assert await scene.opens(scene.call_of(seat))


async def test_a_switch_that_was_taken_away_stops_nothing(scene: Any) -> None:
    seat = await scene.held_seat()
    await put(scene, SWITCH, '"stopped"')
    await scene.query("delete from system_settings")
    assert await scene.opens(scene.call_of(seat))
    assert await why(scene, seat) == (False, True)


async def test_a_row_of_the_ledger_that_is_made_by_hand_is_refused_too(scene: Any) -> None:
    seat = await scene.held_seat()
    await put(scene, SWITCH, '"stopped"')
    with pytest.raises(DatabaseError, match="paid calls are stopped"):
        await scene.query(INSERT, scene.clock.new_id(), seat.job_id, seat.search_id, seat.token)
    assert await scene.calls_of(seat) == []


async def test_a_gate_that_waited_for_its_job_sees_a_switch_that_was_thrown_meanwhile(scene: Any) -> None:
    """Its statement began before, and looked before; the wall looks again."""
    seat = await scene.held_seat()
    before = await scene.job_of(seat)
    async with scene.database.transaction() as blocker:
        await blocker.execute("select from jobs where id = %s for update", [seat.job_id])
        opening = asyncio.create_task(scene.opens(scene.call_of(seat)))
        async with asyncio.timeout(10):
            while not await scene.query("select pid from pg_stat_activity where wait_event_type = 'Lock'"):
                await asyncio.sleep(0.01)
        await put(scene, SWITCH, '"stopped"')
    assert not await opening
    assert (await scene.job_of(seat), await scene.calls_of(seat)) == (before, [])


async def test_who_throws_the_switch_waits_for_calls_that_are_at_the_wall_and_later_ones_wait_for_it(
    scene: Any,
) -> None:
    """So when it is thrown, every row that is there began before, and none comes after."""
    first, second = await scene.held_seat(), await scene.held_seat()
    async with scene.database.transaction() as caller:
        await caller.execute(INSERT, [scene.clock.new_id(), first.job_id, first.search_id, first.token])
        throwing = asyncio.create_task(put(scene, SWITCH, '"stopped"'))
        async with asyncio.timeout(10):
            while not await scene.query("select pid from pg_locks where locktype = 'advisory' and not granted"):
                await asyncio.sleep(0.01)
        later = asyncio.create_task(scene.opens(scene.call_of(second)))
        await asyncio.sleep(0.1)
        assert not throwing.done()
        assert not later.done()
    await throwing
    assert not await later
    assert (len(await scene.calls_of(first)), len(await scene.calls_of(second))) == (1, 0)


@pytest.mark.parametrize(("used", "fits"), [(7, True), (8, False), (10, False), (99, False)])
async def test_a_call_fits_into_what_is_left_of_the_minute_or_waits(scene: Any, used: int, fits: bool) -> None:
    seat = await scene.held_seat()
    await put(scene, MINUTE, "10")
    await use_minute(scene, used)
    assert await why(scene, seat) == (False, fits)
    assert await scene.opens(scene.call_of(seat)) is fits
    assert await scene.money_of(seat) == ((3, 0) if fits else (0, 0))
    [row] = await scene.query("select sum(credits)::int as credits from spending_minutes")
    assert row["credits"] == 2 * used + 3 * fits


@pytest.mark.parametrize("value", [None, "null"])
async def test_without_a_cap_nobody_counts_minutes(scene: Any, value: str | None) -> None:
    """So that calls do not queue for one row."""
    seat = await scene.held_seat()
    if value is not None:
        await put(scene, MINUTE, value)
    assert await scene.opens(scene.call_of(seat))
    assert await scene.query("select * from spending_minutes") == []


async def test_jobs_that_race_for_the_last_credits_of_a_minute_never_pass_it(scene: Any) -> None:
    """Thirty jobs, three credits a call, fifty a minute: what the ledger says of a minute is what the minute says."""
    seats = [await scene.held_seat() for _ in range(30)]
    await put(scene, MINUTE, "50")
    answers = await asyncio.gather(*(scene.opens(scene.call_of(seat)) for seat in seats))
    rows = await scene.query(
        """select m.credits, coalesce(sum(c.credits_reserved), 0)::int as reserved from spending_minutes m
           left join upstream_calls c on date_trunc('minute', c.opened_at, 'UTC') = m.minute and c.job_id = any(%s)
           group by m.minute, m.credits""",
        [seat.job_id for seat in seats],
    )
    assert all(row["credits"] == row["reserved"] <= 50 for row in rows)
    assert sum(answers) == 16 * len(rows) or len(rows) == 2, "to the last one, unless a minute ended meanwhile"


async def test_while_no_call_may_begin_no_step_is_pulled(scene: Any) -> None:
    seat = await scene.held_seat()
    await scene.query(
        "insert into platform_states (platform, label, modes, search_kinds) values (%s, 'P', '{}', '{}')", seat.platform
    )

    async def is_held() -> bool:
        async with scene.database.connection() as connection:
            row = await read_platform(connection, platform=seat.platform)
        assert row is not None
        return row.is_held

    assert not await is_held()
    await put(scene, SWITCH, '"stopped"')
    assert await is_held()
    await put(scene, SWITCH, '"allowed"')
    await put(scene, MINUTE, "10")
    await use_minute(scene, 9)
    assert not await is_held()
    await scene.query("update spending_minutes set credits = 10")
    assert await is_held()


async def test_minutes_are_forgotten_when_they_are_over_for_long(scene: Any) -> None:
    await scene.query(
        "insert into spending_minutes (minute, credits) values (now() - interval '61 min', 1), (now(), 2)"
    )
    async with scene.database.connection() as connection:
        await forget_minutes(connection, older_than=timedelta(hours=1))
    assert [row["credits"] for row in await scene.query("select credits from spending_minutes")] == [2]


async def add(scene: Any, amount: int, cap: int | None) -> bool:
    async with scene.database.connection() as connection:
        return await add_to_all(connection, amount=amount, credits_per_day=cap)


async def today(scene: Any) -> int:
    async with scene.database.connection() as connection:
        return await granted_to_all_today(connection)


@pytest.mark.parametrize(
    ("first", "second", "cap", "total"),
    [(70, 30, 100, 100), (70, 31, 100, 70), (101, 1, 100, 1), (5, 0, 0, 0), (70, 50, None, 120)],
)
async def test_grants_of_a_day_are_within_the_cap_of_all_or_not_made(
    scene: Any, first: int, second: int, cap: int | None, total: int
) -> None:
    made = [amount if await add(scene, amount, cap) else 0 for amount in (first, second)]
    assert sum(made) == await today(scene) == total


async def test_fifty_grants_at_once_never_pass_the_cap_of_all(scene: Any) -> None:
    answers = await asyncio.gather(*(add(scene, 3, 50) for _ in range(50)))
    assert (sum(answers), await today(scene)) == (16, 48)


async def test_what_is_given_back_is_of_its_day_and_no_day_falls_below_nothing(scene: Any) -> None:
    await scene.query("insert into spending_days (day, credits_granted) values ('2026-01-02', 9), ('2026-01-03', 9)")
    async with scene.database.connection() as connection:
        for amount in (4, 6):
            await give_back_to_all(connection, day=date(2026, 1, 2), amount=amount)
    rows = await scene.query("select day, credits_granted from spending_days order by 1")
    assert [(row["day"].day, row["credits_granted"]) for row in rows] == [(2, 0), (3, 9)]


async def test_what_an_operator_sees_of_it(scene: Any) -> None:
    async def seen() -> SpendingLine:
        async with scene.database.connection() as connection:
            return await read_spending(connection)

    assert await seen() == SpendingLine(is_stopped=False, minute_max=None, minute_credits=0, day_granted=0)
    await put(scene, SWITCH, '"stopped"')
    await put(scene, MINUTE, "10")
    await use_minute(scene, 4)
    await add(scene, 7, None)
    assert await seen() == SpendingLine(is_stopped=True, minute_max=10, minute_credits=4, day_granted=7)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Kathmandu"])
async def test_minutes_and_days_are_utc_wherever_the_session_is(scene: Any, zone: str) -> None:
    async with scene.database.transaction() as connection:
        await connection.execute(f"set local time zone '{zone}'".encode())
        assert await add_to_all(connection, amount=1, credits_per_day=None)
        cursor = await connection.execute("select minute_ends_at from spending")
        row = await cursor.fetchone()
        assert row is not None
        ends_at: datetime = row[0]
        assert ends_at.astimezone().second == 0
        assert await granted_to_all_today(connection) == 1
    [day] = await scene.query("select day = (now() at time zone 'UTC')::date as is_today from spending_days")
    assert day["is_today"]
