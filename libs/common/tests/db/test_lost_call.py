"""What a dead holder leaves behind, on real Postgres: open rows in the ledger and claims on profiles."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.db.ledger import StaleCalls, living_token, lose_open_calls, stale_calls
from common.db.profile import CLAIM_LASTS, CLAIM_SPARED
from common.db.reopening import lose_all_open_calls
from common.db.step import claim_step

HALF = timedelta(seconds=30)
TICK = timedelta(microseconds=1)
SPARED = CLAIM_LASTS - CLAIM_SPARED  # a claim that has this much left is as old as it can be to be spared
FINAL: dict[str, Any] = {"status": "cancelled", "stop_reason": "cancelled", "ended_at": "=now()"}
GONE = {"lease_until": "=now() - interval '1 second'"}


async def claim(connection: Any, platform: str, token: UUID, left: timedelta) -> str:
    """A profile that this token began to buy when it had so much left to do so; its id."""
    identity = uuid4().hex
    await connection.execute(
        """insert into profiles (platform, platform_id, status, claimed_by, claimed_until)
           values (%s, %s, 'claimed', %s, now() + %s)""",
        [platform, identity, token, left],
    )
    return identity


async def claimed(connection: Any, platform: str) -> set[str]:
    cursor = await connection.execute(
        "select platform_id from profiles where platform = %s and claimed_by is not null and claimed_until is not null",
        [platform],
    )
    return {row[0] for row in await cursor.fetchall()}


async def stale(scene: Any, seat: Any, older_than: timedelta = HALF) -> list[StaleCalls]:
    async with scene.database.connection() as connection:
        found = await stale_calls(connection, older_than=older_than, count_max=1000)
    return [one for one in found if one.job_id == seat.job_id]


async def take_over(scene: Any, seat: Any, connection: Any) -> None:
    """Another holder claims the step."""
    assert await claim_step(connection, scene.claim_of(seat, token=uuid4())) is not None


async def test_a_dead_holders_claims_are_freed_but_for_the_youngest(scene: Any) -> None:
    """Who lost the lease has claimed nothing for most of a lease, unless it lives: then it is about to bring them."""
    seat = await scene.held_seat()
    await scene.change_step(seat, **GONE)
    async with scene.database.transaction() as connection:
        old = await claim(connection, seat.platform, seat.token, SPARED - TICK)
        over = await claim(connection, seat.platform, seat.token, -HALF)
        young = await claim(connection, seat.platform, seat.token, SPARED)
        others = await claim(connection, seat.platform, uuid4(), HALF)
        assert await claimed(connection, seat.platform) == {old, over, young, others}
        await take_over(scene, seat, connection)
        assert await claimed(connection, seat.platform) == {young, others}


async def test_a_step_that_cannot_be_taken_frees_nothing(scene: Any) -> None:
    seat = await scene.held_seat()
    async with scene.database.transaction() as connection:
        kept = await claim(connection, seat.platform, seat.token, HALF)
        assert await claim_step(connection, scene.claim_of(seat, token=uuid4())) is None
        assert await claimed(connection, seat.platform) == {kept}


async def test_what_a_claim_frees_stays_known(scene: Any) -> None:
    """A stale profile that was being bought anew is as stale as before."""
    seat = await scene.held_seat()
    await scene.change_step(seat, **GONE)
    await scene.query(
        """insert into profiles (platform, platform_id, status, fetched_at, claimed_by, claimed_until)
           values (%s, '1', 'not_found', now() - interval '8 days', %s, now())""",
        seat.platform,
        seat.token,
    )
    [before] = await scene.query("select * from profiles where platform = %s", seat.platform)
    async with scene.database.connection() as connection:
        await take_over(scene, seat, connection)
    [after] = await scene.query("select * from profiles where platform = %s", seat.platform)
    assert after == before | {"claimed_by": None, "claimed_until": None}


async def test_losing_a_dead_holders_calls_frees_what_it_was_buying(scene: Any) -> None:
    """Of those whose rows are lost now, and of nobody else; the youngest claims are spared here too."""
    seat = await scene.held_seat()
    dead = [uuid4(), uuid4()]
    for token in dead:
        await scene.change_step(seat, token=token)
        for _ in range(2):  # two calls of one holder free once
            assert await scene.opens(scene.call_of(seat, token=token, kind="profile", pages=0, credits=1))
    await scene.change_step(seat, token=seat.token)
    assert await scene.opens(scene.call_of(seat, kind="profile", pages=0, credits=1))
    bystander = uuid4()
    async with scene.database.transaction() as connection:
        spared = [await claim(connection, seat.platform, token, SPARED) for token in dead]
        for token in dead:
            await claim(connection, seat.platform, token, SPARED - TICK)
        kept = [await claim(connection, seat.platform, token, HALF) for token in (seat.token, bystander)]
        place = {"job_id": seat.job_id, **seat.place}
        assert await lose_open_calls(connection, **place, token=seat.token) == 4
        assert await claimed(connection, seat.platform) == {*spared, *kept}
    assert await scene.money_of(seat) == (1, 4)


async def test_claims_of_a_holder_without_open_rows_are_left_to_run_out(scene: Any) -> None:
    seat = await scene.held_seat()
    request = scene.call_of(seat, kind="profile", pages=0)
    assert await scene.opens(request)
    async with scene.database.transaction() as connection:
        kept = await claim(connection, seat.platform, seat.token, HALF)
        await connection.execute(
            "update upstream_calls set status = 'unknown', credits_charged = 0, settled_at = now()"
        )
        assert await lose_open_calls(connection, job_id=seat.job_id, **seat.place, token=uuid4()) == 0
        assert await claimed(connection, seat.platform) == {kept}


async def test_what_any_holder_left_open_is_lost_and_counts_as_charged(scene: Any) -> None:
    """Of all steps and tokens of the job, and of this job alone."""
    seat, other = await scene.held_seat(), await scene.held_seat()
    requests = [scene.call_of(seat, pages=0, credits=price) for price in (2, 3, 4)]
    await scene.add_step(seat.job_id, seat.search_id, 1)
    await scene.query("update steps set token = %s where search_id = %s", seat.token, seat.search_id)
    requests.append(scene.call_of(seat, step=1, credits=5))
    for request in (*requests, scene.call_of(other)):
        assert await scene.opens(request)
    async with scene.database.connection() as connection:
        await connection.execute(
            "update upstream_calls set status = 'settled', credits_charged = 0, settled_at = now() where id = %s",
            [requests[0].id],
        )
        await connection.execute("update jobs set credits_reserved = credits_reserved - 2 where id = %s", [seat.job_id])
        assert await lose_all_open_calls(connection, job_id=seat.job_id) == 3
        assert await lose_all_open_calls(connection, job_id=seat.job_id) == 0
    rows = {call["id"]: call for call in await scene.calls_of(seat)}
    assert [rows[one.id]["status"] for one in requests] == ["settled", "unknown", "unknown", "unknown"]
    assert {rows[one.id]["reason"] for one in requests[1:]} == {"lease_lost"}
    assert await scene.money_of(seat) == (0, 12)
    assert await scene.money_of(other) == (3, 0)


@pytest.mark.parametrize(
    ("call", "step", "is_found"),
    [
        pytest.param({}, GONE, True, id="its lease ran out"),
        pytest.param({}, {"token": uuid4()}, True, id="the step is another's"),
        pytest.param({}, {"token": None, "lease_until": None}, True, id="the step is nobody's"),
        pytest.param({}, {"token": None, "lease_until": None, "phase": "done"}, True, id="the step is done"),
        pytest.param({}, {}, False, id="its holder lives"),
        pytest.param({"opened_at": "=now() - interval '20 seconds'"}, GONE, False, id="too young to tell"),
        pytest.param(
            {"status": "settled", "credits_charged": 3, "settled_at": "=now()"}, GONE, False, id="settled already"
        ),
        pytest.param(
            {"status": "unknown", "credits_charged": 3, "settled_at": "=now()"}, GONE, False, id="lost already"
        ),
    ],
)
async def test_stale_calls(scene: Any, call: dict[str, Any], step: dict[str, Any], is_found: bool) -> None:
    """Open for longer than any call takes, and whoever opened it holds the step no more."""
    seat = await scene.held_seat()
    request = scene.call_of(seat)
    assert await scene.opens(request)
    await scene.change("upstream_calls", "id", request.id, **{"opened_at": "=now() - interval '1 minute'", **call})
    if step:
        await scene.change_step(seat, **step)
    found = await stale(scene, seat)
    assert found == ([StaleCalls(job_id=seat.job_id, **seat.place)] if is_found else [])


async def test_stale_calls_of_a_final_job_are_found(scene: Any) -> None:
    """Nobody claims its steps any more, so nobody else would settle them."""
    seat = await scene.held_seat()
    assert await scene.opens(scene.call_of(seat))
    await scene.change_step(seat, **GONE)
    await scene.change_job(seat, **FINAL)
    assert len(await stale(scene, seat, timedelta(0))) == 1


async def test_stale_calls_are_told_once_per_step_the_oldest_first(scene: Any) -> None:
    seats = [await scene.held_seat() for _ in range(3)]
    for seat, hours in zip(seats, (1, 3, 2), strict=True):
        for pages in (1, 0):
            request = scene.call_of(seat, pages=pages, credits=1)
            assert await scene.opens(request)
            old = f"=now() - interval '{hours + 100 - pages} hours'"
            await scene.change("upstream_calls", "id", request.id, opened_at=old)
        await scene.change_step(seat, **GONE)
    async with scene.database.connection() as connection:
        found = await stale_calls(connection, older_than=timedelta(hours=1), count_max=2)
    assert [one.job_id for one in found] == [seats[1].job_id, seats[2].job_id]


@pytest.mark.parametrize(
    ("step", "is_told"),
    [
        ({}, True),
        ({"lease_until": "=now() + interval '1 second'"}, True),
        (GONE, False),
        ({"token": None, "lease_until": None}, False),
    ],
)
async def test_who_holds_a_step_is_told_as_long_as_the_lease_runs(
    scene: Any, step: dict[str, Any], is_told: bool
) -> None:
    seat = await scene.held_seat()
    if step:
        await scene.change_step(seat, **step)
    async with scene.database.connection() as connection:
        assert await living_token(connection, **seat.place) == (seat.token if is_told else None)
        assert await living_token(connection, search_id=seat.search_id, step=1) is None
