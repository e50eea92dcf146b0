"""The gate and the ledger on real Postgres: no paid call without a row, no row without a reservation."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.db.ledger import (
    CallRequest,
    GateView,
    Settlement,
    lose_call,
    lose_open_calls,
    open_call,
    settle_call,
    view_gate,
)
from common.domain.job import JobStatus

FINAL: dict[str, Any] = {"stop_reason": "failed", "ended_at": "=now()"}
OPEN_VIEW = GateView(
    status=JobStatus.PENDING,
    is_current=True,
    is_overdue=False,
    is_within_pages=True,
    is_within_credits=True,
    is_open=True,
)


def call_of(scene: Any, seat: Any, **changes: Any) -> CallRequest:
    values = {
        "id": scene.clock.new_id(),
        "job_id": seat.job_id,
        **seat.place,
        "token": seat.token,
        "platform": seat.platform,
        "kind": "page",
        "path": "/v1/search",
        "fingerprint": "f",
        "credits": 3,
        "pages": 1,
    }
    return CallRequest(**values | changes)


def settlement_of(request: CallRequest, **changes: Any) -> Settlement:
    values = {
        "id": request.id,
        "job_id": request.job_id,
        "credits": request.credits,
        "http_status": 200,
        "reason": None,
        "milliseconds": 12,
        "bytes": 345,
    }
    return Settlement(**values | changes)


async def opens(scene: Any, request: CallRequest) -> bool:
    async with scene.database.connection() as connection:
        return await open_call(connection, request)


async def view(scene: Any, request: CallRequest) -> GateView | None:
    async with scene.database.connection() as connection:
        return await view_gate(connection, request)


async def calls_of(scene: Any, seat: Any) -> list[dict[str, Any]]:
    return await scene.query("select * from upstream_calls where job_id = %s order by id", seat.job_id)


async def money_of(scene: Any, seat: Any) -> tuple[int, int]:
    """Reserved, spent: what the job's row says, after checking it against the ledger."""
    job, calls = await scene.job_of(seat), await calls_of(scene, seat)
    assert job["credits_reserved"] == sum(call["credits_reserved"] for call in calls if call["status"] == "open")
    assert job["credits_spent"] == sum(call["credits_charged"] or 0 for call in calls)
    assert job["calls_count"] == len(calls)
    return job["credits_reserved"], job["credits_spent"]


async def announce(scene: Any, seat: Any, **columns: Any) -> None:
    await scene.query(
        "insert into platform_states (platform, label, modes, search_kinds) values (%s, 'P', '{}', '{}')", seat.platform
    )
    await scene.change("platform_states", "platform", seat.platform, **columns)


async def test_the_first_call_starts_the_job_its_deadline_and_one_event(scene: Any) -> None:
    seat = await scene.held_seat(event_seq=4)
    first, second = call_of(scene, seat), call_of(scene, seat, kind="profile", pages=0, credits=2)
    assert await opens(scene, first)
    started = await scene.job_of(seat)
    assert started["status"] == "processing"
    assert started["started_at"] is not None
    assert started["deadline_at"] == started["started_at"] + started["timeout"]
    await scene.change_job(seat, event_seq="=event_seq + 1")  # a creator took the number
    assert await opens(scene, second)
    job = await scene.job_of(seat)
    assert (job["started_at"], job["deadline_at"]) == (started["started_at"], started["deadline_at"])
    assert (job["pages_count"], job["calls_count"], job["event_seq"]) == (1, 2, 6)
    events = await scene.query("select seq, kind from job_events where job_id = %s", seat.job_id)
    assert events == [{"seq": 5, "kind": "started"}]
    assert await money_of(scene, seat) == (5, 0)
    calls = await calls_of(scene, seat)
    assert [(call["id"], call["kind"], call["status"], call["token"]) for call in calls] == [
        (first.id, "page", "open", seat.token),
        (second.id, "profile", "open", seat.token),
    ]


@pytest.mark.parametrize(
    ("job", "step", "seen"),
    [
        pytest.param({}, {"token": uuid4()}, {"is_current": False}, id="another token"),
        pytest.param({}, {"token": None, "lease_until": None}, {"is_current": False}, id="no token"),
        pytest.param({"status": "error", **FINAL}, {}, {"status": "error"}, id="error"),
        pytest.param({"status": "timeout", **FINAL}, {}, {"status": "timeout"}, id="timeout"),
        pytest.param({"status": "cancelled", **FINAL}, {}, {"status": "cancelled"}, id="cancelled"),
        pytest.param({"admitted_at": None}, {}, {}, id="not admitted"),
        pytest.param({"queue_until": "=now()"}, {}, {"is_overdue": True}, id="waited too long"),
        pytest.param({"deadline_at": "=now()"}, {}, {"is_overdue": True}, id="deadline"),
        pytest.param({"pages_count": 10}, {}, {"is_within_pages": False}, id="pages"),
        pytest.param({"credits_spent": 48}, {}, {"is_within_credits": False}, id="spent"),
        pytest.param({"credits_reserved": 48}, {}, {"is_within_credits": False}, id="reserved"),
        pytest.param({"credits_spent": 24, "credits_reserved": 24}, {}, {"is_within_credits": False}, id="both"),
    ],
)
async def test_the_gate_stays_shut(scene: Any, job: dict[str, Any], step: dict[str, Any], seen: dict[str, Any]) -> None:
    """Each clause alone falsified: no row, no reservation, and the view names the reason."""
    seat = await scene.held_seat(**job)
    if step:
        await scene.change_step(seat, **step)
    before, request = await scene.job_of(seat), call_of(scene, seat)
    assert not await opens(scene, request)
    assert await scene.job_of(seat) == before
    assert await calls_of(scene, seat) == []
    assert await view(scene, request) == GateView(**OPEN_VIEW.model_dump() | seen)


@pytest.mark.parametrize(
    ("columns", "is_open"),
    [
        ({}, True),
        ({"state": "cool_down", "reason": "cool_down", "until": "=now() + interval '1 minute'"}, False),
        ({"state": "cool_down", "reason": "cool_down", "until": "=now() - interval '1 second'"}, True),
        ({"state": "paused", "reason": "credits", "until": "=now() + interval '1 minute'"}, False),
        ({"state": "paused", "reason": "credits", "until": "=now() - interval '1 second'"}, True),
        ({"state": "paused", "reason": "operator", "until": None}, False),
    ],
)
async def test_the_gate_follows_the_platform(scene: Any, columns: dict[str, Any], is_open: bool) -> None:
    """A pause with an end ends by itself; an operator's does not."""
    seat = await scene.held_seat()
    await announce(scene, seat, label="P", **columns)
    request = call_of(scene, seat)
    seen = await view(scene, request)
    assert seen is not None
    assert seen.is_open is is_open
    assert await opens(scene, request) is is_open


@pytest.mark.parametrize("job", [{"pages_count": 9}, {"credits_spent": 40, "credits_reserved": 7}])
async def test_the_last_page_and_the_last_credit_are_used(scene: Any, job: dict[str, Any]) -> None:
    seat = await scene.held_seat(**job)
    assert await opens(scene, call_of(scene, seat))
    assert not await opens(scene, call_of(scene, seat))


async def test_a_profile_needs_no_page(scene: Any) -> None:
    seat = await scene.held_seat(pages_count=10)
    assert not await opens(scene, call_of(scene, seat))
    assert await opens(scene, call_of(scene, seat, kind="profile", pages=0))


async def test_the_same_call_is_not_opened_twice(scene: Any) -> None:
    """The second attempt fails as a whole: its reservation is not kept."""
    seat = await scene.held_seat()
    request = call_of(scene, seat)
    assert await opens(scene, request)
    with pytest.raises(Exception, match="upstream_calls_pkey"):
        await opens(scene, request)
    assert await money_of(scene, seat) == (3, 0)


async def test_twenty_calls_at_once_never_pass_the_limit_and_start_the_job_once(scene: Any) -> None:
    """50 credits, 3 a call: sixteen."""
    seat = await scene.held_seat()
    answers = await asyncio.gather(*(opens(scene, call_of(scene, seat, pages=0)) for _ in range(20)))
    assert sum(answers) == 16
    assert await money_of(scene, seat) == (48, 0)
    events = await scene.query("select seq from job_events where job_id = %s", seat.job_id)
    assert events == [{"seq": 1}]
    assert (await scene.job_of(seat))["event_seq"] == 1


async def test_there_is_no_view_of_a_step_that_is_not_there(scene: Any) -> None:
    seat = await scene.held_seat()
    assert await view(scene, call_of(scene, seat, step=1)) is None
    assert await view(scene, call_of(scene, seat)) == OPEN_VIEW


async def test_settling_turns_the_reservation_into_the_charge_once(scene: Any) -> None:
    seat = await scene.held_seat()
    request = call_of(scene, seat)
    await opens(scene, request)
    async with scene.database.connection() as connection:
        assert await settle_call(connection, settlement_of(request, credits=1))
        assert await money_of(scene, seat) == (0, 1)
        [row] = await calls_of(scene, seat)
        assert not await settle_call(connection, settlement_of(request, credits=9, http_status=500))
        assert not await lose_call(connection, settlement_of(request, reason="no_answer"))
        assert await calls_of(scene, seat) == [row]
    assert (row["status"], row["credits_charged"], row["http_status"]) == ("settled", 1, 200)
    assert (row["milliseconds"], row["bytes"], row["reason"]) == (12, 345, None)
    assert await money_of(scene, seat) == (0, 1)


async def test_a_lost_call_counts_as_charged(scene: Any) -> None:
    seat = await scene.held_seat()
    request = call_of(scene, seat)
    await opens(scene, request)
    async with scene.database.connection() as connection:
        lost = settlement_of(request, credits=0, http_status=None, reason="no_answer")
        assert await lose_call(connection, lost)
        assert not await lose_call(connection, lost)
        assert not await settle_call(connection, settlement_of(request))
    [row] = await calls_of(scene, seat)
    assert (row["status"], row["credits_charged"], row["reason"]) == ("unknown", 3, "no_answer")
    assert await money_of(scene, seat) == (0, 3)


@pytest.mark.parametrize(
    ("kind", "credits_", "status", "pages"),
    [
        ("page", 0, 500, 0),
        ("page", 0, None, 0),
        ("page", 0, 200, 1),
        ("page", 1, 500, 1),
        ("profile", 0, 404, 1),
    ],
)
async def test_a_page_that_failed_and_cost_nothing_does_not_count(
    scene: Any, kind: str, credits_: int, status: int | None, pages: int
) -> None:
    """It is given back once. A charged one, an answered one and a profile change no page."""
    seat = await scene.held_seat()
    first = call_of(scene, seat)
    request = first if kind == "page" else call_of(scene, seat, kind=kind, pages=0)
    assert await opens(scene, first)
    if request is not first:
        assert await opens(scene, request)
    async with scene.database.connection() as connection:
        settlement = settlement_of(request, credits=credits_, http_status=status)
        for _ in range(2):
            await settle_call(connection, settlement)
    assert (await scene.job_of(seat))["pages_count"] == pages


async def test_a_call_is_settled_only_for_its_own_job(scene: Any) -> None:
    seat, other = await scene.held_seat(), await scene.held_seat()
    request = call_of(scene, seat)
    await opens(scene, request)
    async with scene.database.connection() as connection:
        assert not await settle_call(connection, settlement_of(request, job_id=other.job_id))
    assert await money_of(scene, seat) == (3, 0)
    assert await money_of(scene, other) == (0, 0)


async def test_a_call_of_a_final_job_is_still_settled(scene: Any) -> None:
    """It was paid for."""
    seat = await scene.held_seat()
    request = call_of(scene, seat)
    await opens(scene, request)
    await scene.change_job(seat, status="cancelled", **FINAL)
    async with scene.database.connection() as connection:
        assert await settle_call(connection, settlement_of(request))
    assert await money_of(scene, seat) == (0, 3)


async def test_many_who_settle_one_call_charge_it_once(scene: Any) -> None:
    seat = await scene.held_seat()
    request = call_of(scene, seat)
    await opens(scene, request)

    async def close(number: int) -> bool:
        async with scene.database.connection() as connection:
            door = lose_call if number % 2 else settle_call
            return await door(connection, settlement_of(request))

    assert sum(await asyncio.gather(*(close(number) for number in range(20)))) == 1
    assert await money_of(scene, seat) == (0, 3)


async def test_what_another_holder_left_open_is_lost_and_ours_stays(scene: Any) -> None:
    seat = await scene.held_seat()
    dead = [call_of(scene, seat, pages=0, credits=price) for price in (2, 3)]
    settled, ours = call_of(scene, seat, pages=0, credits=4), uuid4()
    for request in (*dead, settled):
        assert await opens(scene, request)
    await scene.add_step(seat.job_id, seat.search_id, 1)
    await scene.query("update steps set token = %s where search_id = %s", seat.token, seat.search_id)
    assert await opens(scene, call_of(scene, seat, step=1, credits=5))
    async with scene.database.transaction() as connection:
        assert await settle_call(connection, settlement_of(settled))
        place = {"job_id": seat.job_id, **seat.place}
        assert await lose_open_calls(connection, **place, token=seat.token) == 0
        assert await lose_open_calls(connection, **place, token=ours) == 2
        assert await lose_open_calls(connection, **place, token=ours) == 0
    rows = {call["id"]: call for call in await calls_of(scene, seat)}
    assert [(rows[one.id]["status"], rows[one.id]["reason"]) for one in dead] == [("unknown", "lease_lost")] * 2
    assert await money_of(scene, seat) == (5, 9)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["open", "settle", "lose", "sweep"]), st.integers(0, 4), st.integers(0, 9)),
        max_size=20,
    )
)
async def test_whatever_happens_to_calls_the_sums_are_right(scene: Any, moves: list[tuple[str, int, int]]) -> None:
    """After each move the job's row equals its ledger and never passed its budget by a reservation."""
    seat = await scene.held_seat()
    requests: list[CallRequest] = []
    for kind, which, price in moves:
        async with scene.database.connection() as connection:
            if kind == "open":
                requests.append(call_of(scene, seat, pages=0, credits=price))
                await open_call(connection, requests[-1])
            elif kind == "sweep":
                await lose_open_calls(connection, job_id=seat.job_id, **seat.place, token=uuid4())
            elif requests:
                request = requests[which % len(requests)]
                door = settle_call if kind == "settle" else lose_call
                await door(connection, settlement_of(request, credits=min(price, request.credits)))
        reserved, spent = await money_of(scene, seat)
        assert reserved + spent <= 50
