"""The gate and the ledger on real Postgres: no paid call without a row, no row without a reservation."""

import asyncio
from datetime import UTC, datetime, timedelta
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
    settle_profile_call,
    view_gate,
)
from common.db.profile import ProfileClaim, SeenProfile, claim_profile, fresh_profiles
from common.domain.creator import Account
from common.domain.job import JobStatus

RICH: dict[str, Any] = {"credits_granted": 100}  # more than the job's own limit of 50
FINAL: dict[str, Any] = {"stop_reason": "failed", "ended_at": "=now()"}
OPEN_VIEW = GateView(
    status=JobStatus.PENDING,
    is_current=True,
    is_overdue=False,
    is_within_pages=True,
    is_within_credits=True,
    is_within_grant=True,
    is_open=True,
    is_stopped=False,
    is_within_minute=True,
)


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


async def view(scene: Any, request: CallRequest) -> GateView | None:
    async with scene.database.connection() as connection:
        return await view_gate(connection, request)


async def announce(scene: Any, seat: Any, **columns: Any) -> None:
    await scene.query(
        "insert into platform_states (platform, label, modes, search_kinds) values (%s, 'P', '{}', '{}')", seat.platform
    )
    await scene.change("platform_states", "platform", seat.platform, **columns)


async def test_the_first_call_starts_the_job_its_deadline_and_one_event(scene: Any) -> None:
    seat = await scene.held_seat(event_seq=4)
    first, second = scene.call_of(seat), scene.call_of(seat, kind="profile", pages=0, credits=2)
    assert await scene.opens(first)
    started = await scene.job_of(seat)
    assert started["status"] == "processing"
    assert started["started_at"] is not None
    assert started["deadline_at"] == started["started_at"] + started["timeout"]
    await scene.change_job(seat, event_seq="=event_seq + 1")  # a creator took the number
    assert await scene.opens(second)
    job = await scene.job_of(seat)
    assert (job["started_at"], job["deadline_at"]) == (started["started_at"], started["deadline_at"])
    assert (job["pages_count"], job["calls_count"], job["event_seq"]) == (1, 2, 6)
    events = await scene.query("select seq, kind from job_events where job_id = %s", seat.job_id)
    assert events == [{"seq": 5, "kind": "started"}]
    assert await scene.money_of(seat) == (5, 0)
    calls = await scene.calls_of(seat)
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
        pytest.param({**RICH, "credits_spent": 48}, {}, {"is_within_credits": False}, id="spent"),
        pytest.param({**RICH, "credits_reserved": 48}, {}, {"is_within_credits": False}, id="reserved"),
        pytest.param(
            {**RICH, "credits_spent": 24, "credits_reserved": 24}, {}, {"is_within_credits": False}, id="both"
        ),
        pytest.param({"credits_granted": 2}, {}, {"is_within_grant": False}, id="granted less than the call costs"),
        pytest.param(
            {"credits_granted": 10, "credits_spent": 8}, {}, {"is_within_grant": False}, id="spent of the grant"
        ),
        pytest.param(
            {"credits_granted": 10, "credits_reserved": 8}, {}, {"is_within_grant": False}, id="reserved of the grant"
        ),
    ],
)
async def test_the_gate_stays_shut(scene: Any, job: dict[str, Any], step: dict[str, Any], seen: dict[str, Any]) -> None:
    """Each clause alone falsified: no row, no reservation, and the view names the reason."""
    seat = await scene.held_seat(**job)
    if step:
        await scene.change_step(seat, **step)
    before, request = await scene.job_of(seat), scene.call_of(seat)
    assert not await scene.opens(request)
    assert await scene.job_of(seat) == before
    assert await scene.calls_of(seat) == []
    assert await view(scene, request) == GateView(**OPEN_VIEW.model_dump() | seen)


COOLING: dict[str, Any] = {"state": "cool_down", "reason": "cool_down"}
UNPAID: dict[str, Any] = {"state": "paused", "reason": "credits"}
SOON, OVER = "=now() + interval '1 minute'", "=now() - interval '1 second'"


@pytest.mark.parametrize(
    ("columns", "is_open"),
    [
        ({}, True),
        ({"resumed_at": "=now()"}, True),
        ({**COOLING, "until": SOON}, False),
        ({**COOLING, "until": OVER}, False),
        ({**COOLING, "until": SOON, "prober": uuid4()}, False),
        ({**UNPAID, "until": SOON}, False),
        ({**UNPAID, "until": OVER}, False),
        ({**UNPAID, "until": OVER, "prober": uuid4()}, False),
        ({"state": "paused", "reason": "operator", "until": None}, False),
    ],
)
async def test_the_gate_follows_the_platform(scene: Any, columns: dict[str, Any], is_open: bool) -> None:
    """A pause ends when a call went well, not when its time is over: until then no other call passes."""
    seat = await scene.held_seat()
    await announce(scene, seat, label="P", **columns)
    request = scene.call_of(seat)
    assert await view(scene, request) == GateView(**OPEN_VIEW.model_dump() | {"is_open": is_open})
    assert await scene.opens(request) is is_open
    assert await scene.money_of(seat) == ((3, 0) if is_open else (0, 0))


@pytest.mark.parametrize("until", [SOON, OVER])
async def test_under_a_pause_the_gate_lets_its_one_probe_through(scene: Any, until: str) -> None:
    """The very call that holds the platform's probe, and no other of the same step."""
    seat = await scene.held_seat()
    probe, other = scene.call_of(seat), scene.call_of(seat)
    await announce(scene, seat, **COOLING, until=until, prober=probe.id)
    assert await view(scene, probe) == OPEN_VIEW
    assert not await scene.opens(other)
    assert await scene.opens(probe)
    assert not await scene.opens(other)
    assert [call["id"] for call in await scene.calls_of(seat)] == [probe.id]


@pytest.mark.parametrize(
    "job",
    [
        {"pages_count": 9},
        {**RICH, "credits_spent": 40, "credits_reserved": 7},
        {"credits_granted": 10, "credits_spent": 4, "credits_reserved": 3},
    ],
)
async def test_the_last_page_and_the_last_credit_are_used(scene: Any, job: dict[str, Any]) -> None:
    seat = await scene.held_seat(**job)
    assert await scene.opens(scene.call_of(seat))
    assert not await scene.opens(scene.call_of(seat))


async def test_a_profile_needs_no_page(scene: Any) -> None:
    seat = await scene.held_seat(pages_count=10)
    assert not await scene.opens(scene.call_of(seat))
    assert await scene.opens(scene.call_of(seat, kind="profile", pages=0))


async def test_the_same_call_is_not_opened_twice(scene: Any) -> None:
    """The second attempt fails as a whole: its reservation is not kept."""
    seat = await scene.held_seat()
    request = scene.call_of(seat)
    assert await scene.opens(request)
    with pytest.raises(Exception, match="upstream_calls_pkey"):
        await scene.opens(request)
    assert await scene.money_of(seat) == (3, 0)


@pytest.mark.parametrize(("granted", "opened"), [(100, 16), (20, 6)])
async def test_twenty_calls_at_once_never_pass_the_limit_and_start_the_job_once(
    scene: Any, granted: int, opened: int
) -> None:
    """50 credits of the job's own, 3 a call: sixteen; of a grant of 20: six."""
    seat = await scene.held_seat(credits_granted=granted)
    answers = await asyncio.gather(*(scene.opens(scene.call_of(seat, pages=0)) for _ in range(20)))
    assert sum(answers) == opened
    assert await scene.money_of(seat) == (3 * opened, 0)
    events = await scene.query("select seq from job_events where job_id = %s", seat.job_id)
    assert events == [{"seq": 1}]
    assert (await scene.job_of(seat))["event_seq"] == 1


async def test_there_is_no_view_of_a_step_that_is_not_there(scene: Any) -> None:
    seat = await scene.held_seat()
    assert await view(scene, scene.call_of(seat, step=1)) is None
    assert await view(scene, scene.call_of(seat)) == OPEN_VIEW


async def test_settling_turns_the_reservation_into_the_charge_once(scene: Any) -> None:
    seat = await scene.held_seat()
    request = scene.call_of(seat)
    await scene.opens(request)
    async with scene.database.connection() as connection:
        assert await settle_call(connection, settlement_of(request, credits=1))
        assert await scene.money_of(seat) == (0, 1)
        [row] = await scene.calls_of(seat)
        assert not await settle_call(connection, settlement_of(request, credits=9, http_status=500))
        assert not await lose_call(connection, settlement_of(request, reason="no_answer"))
        assert await scene.calls_of(seat) == [row]
    assert (row["status"], row["credits_charged"], row["http_status"]) == ("settled", 1, 200)
    assert (row["milliseconds"], row["bytes"], row["reason"]) == (12, 345, None)
    assert await scene.money_of(seat) == (0, 1)


async def test_a_lost_call_counts_as_charged(scene: Any) -> None:
    seat = await scene.held_seat()
    request = scene.call_of(seat)
    await scene.opens(request)
    async with scene.database.connection() as connection:
        lost = settlement_of(request, credits=0, http_status=None, reason="no_answer")
        assert await lose_call(connection, lost)
        assert not await lose_call(connection, lost)
        assert not await settle_call(connection, settlement_of(request))
    [row] = await scene.calls_of(seat)
    assert (row["status"], row["credits_charged"], row["reason"]) == ("unknown", 3, "no_answer")
    assert await scene.money_of(seat) == (0, 3)


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
    first = scene.call_of(seat)
    request = first if kind == "page" else scene.call_of(seat, kind=kind, pages=0)
    assert await scene.opens(first)
    if request is not first:
        assert await scene.opens(request)
    async with scene.database.connection() as connection:
        settlement = settlement_of(request, credits=credits_, http_status=status)
        for _ in range(2):
            await settle_call(connection, settlement)
    assert (await scene.job_of(seat))["pages_count"] == pages


async def test_a_call_is_settled_only_for_its_own_job(scene: Any) -> None:
    seat, other = await scene.held_seat(), await scene.held_seat()
    request = scene.call_of(seat)
    await scene.opens(request)
    async with scene.database.connection() as connection:
        assert not await settle_call(connection, settlement_of(request, job_id=other.job_id))
    assert await scene.money_of(seat) == (3, 0)
    assert await scene.money_of(other) == (0, 0)


async def test_a_profile_call_is_settled_together_with_what_it_brought(scene: Any) -> None:
    """Once; who comes again stores what it brings, and charges nothing."""
    seat = await scene.held_seat()
    request = scene.call_of(seat, kind="profile", pages=0)
    await scene.opens(request)
    known = Account(platform_id="p1", handle="h1", followers=3)
    found = SeenProfile(platform="tiktok", platform_id="p1", status="found", account=known)
    claim = ProfileClaim(
        platform="tiktok", platform_id="p1", token=seat.token, lasts=timedelta(minutes=1), max_age=timedelta(days=1)
    )
    async with scene.database.connection() as connection:
        assert await claim_profile(connection, claim)
        await settle_profile_call(connection, settlement_of(request, credits=2), found)
        [row] = await scene.calls_of(seat)
        gone = found.model_copy(update={"status": "not_found", "account": None})
        await settle_profile_call(connection, settlement_of(request, credits=9, reason="again"), gone)
        assert await scene.calls_of(seat) == [row]
    assert (row["status"], row["credits_charged"], row["reason"]) == ("settled", 2, None)
    assert await scene.money_of(seat) == (0, 2)
    [profile] = await scene.query("select * from profiles where platform_id = 'p1'")
    assert (profile["status"], profile["account"], profile["claimed_by"]) == ("not_found", None, None)


async def test_what_a_profile_call_brought_is_stored_as_it_is(scene: Any) -> None:
    seat = await scene.held_seat()
    request = scene.call_of(seat, kind="profile", pages=0)
    await scene.opens(request)
    known = Account(platform_id="p2", handle="h2", bio="olá 🌱", links=("https://a.example",), native={"n": [1, None]})
    seen_at = datetime.now(UTC) - timedelta(hours=3)
    found = SeenProfile(platform="tiktok", platform_id="p2", status="found", account=known, seen_at=seen_at)
    async with scene.database.connection() as connection:
        await settle_profile_call(connection, settlement_of(request), found)
        ids, day = ["p2"], timedelta(days=1)
        [stored] = await fresh_profiles(connection, platform="tiktok", platform_ids=ids, max_age=day)
    assert (stored.account, stored.fetched_at) == (known, seen_at)
    assert await scene.money_of(seat) == (0, 3)


async def test_a_call_of_a_final_job_is_still_settled(scene: Any) -> None:
    """It was paid for."""
    seat = await scene.held_seat()
    request = scene.call_of(seat)
    await scene.opens(request)
    await scene.change_job(seat, status="cancelled", **FINAL)
    async with scene.database.connection() as connection:
        assert await settle_call(connection, settlement_of(request))
    assert await scene.money_of(seat) == (0, 3)


async def test_many_who_settle_one_call_charge_it_once(scene: Any) -> None:
    seat = await scene.held_seat()
    request = scene.call_of(seat)
    await scene.opens(request)

    async def close(number: int) -> bool:
        async with scene.database.connection() as connection:
            door = lose_call if number % 2 else settle_call
            return await door(connection, settlement_of(request))

    assert sum(await asyncio.gather(*(close(number) for number in range(20)))) == 1
    assert await scene.money_of(seat) == (0, 3)


async def test_what_another_holder_left_open_is_lost_and_ours_stays(scene: Any) -> None:
    seat = await scene.held_seat()
    dead = [scene.call_of(seat, pages=0, credits=price) for price in (2, 3)]
    settled, ours = scene.call_of(seat, pages=0, credits=4), uuid4()
    for request in (*dead, settled):
        assert await scene.opens(request)
    await scene.add_step(seat.job_id, seat.search_id, 1)
    await scene.query("update steps set token = %s where search_id = %s", seat.token, seat.search_id)
    assert await scene.opens(scene.call_of(seat, step=1, credits=5))
    async with scene.database.transaction() as connection:
        assert await settle_call(connection, settlement_of(settled))
        place = {"job_id": seat.job_id, **seat.place}
        assert await lose_open_calls(connection, **place, token=seat.token) == 0
        assert await lose_open_calls(connection, **place, token=ours) == 2
        assert await lose_open_calls(connection, **place, token=ours) == 0
    rows = {call["id"]: call for call in await scene.calls_of(seat)}
    assert [(rows[one.id]["status"], rows[one.id]["reason"]) for one in dead] == [("unknown", "lease_lost")] * 2
    assert await scene.money_of(seat) == (5, 9)


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
                requests.append(scene.call_of(seat, pages=0, credits=price))
                await open_call(connection, requests[-1])
            elif kind == "sweep":
                await lose_open_calls(connection, job_id=seat.job_id, **seat.place, token=uuid4())
            elif requests:
                request = requests[which % len(requests)]
                door = settle_call if kind == "settle" else lose_call
                await door(connection, settlement_of(request, credits=min(price, request.credits)))
        reserved, spent = await scene.money_of(seat)
        assert reserved + spent <= 50
