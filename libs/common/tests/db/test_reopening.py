"""The statements that start another run, on real Postgres: what is left open goes on, what is over stays over."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import CheckViolation

from common.db.reopening import (
    Reopening,
    Spent,
    hold_step,
    hold_steps,
    note_limit,
    reopen_enrichments,
    reopen_failed_search,
    reopen_job,
    reopen_searches,
    view_spent,
)

DAY = timedelta(days=1)
ENDED: dict[str, Any] = {"ended_at": "=now() - interval '1 hour'"}
ERROR: dict[str, Any] = {"status": "error", "stop_reason": "failed", "error": "why", "reference": "r", **ENDED}
TIMEOUT: dict[str, Any] = {"status": "timeout", "stop_reason": "deadline", **ENDED}
COMPLETED: dict[str, Any] = {"status": "completed", "stop_reason": "exhausted", "progress": 100, **ENDED}
CANCELLED: dict[str, Any] = {"status": "cancelled", "stop_reason": "cancelled", **ENDED}

# A step that went through everything once.
WORN: dict[str, Any] = {
    "generation": 3,
    "token": uuid4(),
    "lease_until": "=now() + interval '1 minute'",
    "attempts": 4,
    "claims_count": 7,
    "claimed_sequence": 11,
    "published_generation": 3,
    "published_at": "=now()",
    "stream_sequence": 12,
    "delivered_at": "=now()",
    "redrives_count": 2,
    "sweeps_count": 5,
}
AS_NEW = dict.fromkeys(WORN) | {"attempts": 0, "claims_count": 0, "redrives_count": 0, "sweeps_count": 0}


async def final_seat(scene: Any, end: dict[str, Any], **columns: Any) -> Any:
    """A job with one step that ran and ended."""
    seat = await scene.seat()
    await scene.change_job(
        seat, status="processing", started_at="=now()", deadline_at="=now()", progress=40, pages_count=4, **columns
    )
    await scene.change_job(seat, **end)
    return seat


def reopening_of(seat: Any, **changes: Any) -> Reopening:
    values = {"job_id": seat.job_id, "target_results": 100, "pages_max": 10, "credits_max": 50, "queue_timeout": DAY}
    return Reopening(**values | changes)


async def reopen(scene: Any, seat: Any, **changes: Any) -> dict[str, Any]:
    async with scene.database.connection() as connection:
        await reopen_job(connection, reopening_of(seat, **changes))
    return await scene.job_of(seat)


async def search_of(scene: Any, seat: Any) -> dict[str, Any]:
    return (await scene.query("select * from searches where id = %s", seat.search_id))[0]


def worn(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in WORN if name != "generation"}


def as_new() -> dict[str, Any]:
    return {name: value for name, value in AS_NEW.items() if name != "generation"}


async def test_what_a_job_used_of_its_limits_counts_what_is_reserved(scene: Any) -> None:
    seat = await scene.seat(pages_count=4, credits_spent=20, credits_reserved=3)
    async with scene.database.connection() as connection:
        spent = await view_spent(connection, job_id=seat.job_id)
        assert spent == Spent(pages_count=4, pages_max=10, credits_used=23, credits_max=50)
        assert await view_spent(connection, job_id=uuid4()) is None


@pytest.mark.parametrize(("end", "target"), [(ERROR, 100), (TIMEOUT, 100), (COMPLETED, 101)])
async def test_a_reopened_job_waits_for_its_turn_as_if_it_were_new(
    scene: Any, end: dict[str, Any], target: int
) -> None:
    """But for what it found and spent, and for its number of runs."""
    seat = await final_seat(scene, end, delivered_count=20, credits_spent=30, credits_granted=31, event_seq=44)
    await scene.change_job(seat, queued_at="=now() - interval '2 hours'", queue_until="=now()")
    other = await final_seat(scene, end)
    untouched, before = await scene.job_of(other), await scene.job_of(seat)
    after = await reopen(scene, seat, target_results=target)
    fresh = ("stop_reason", "error", "reference", "ended_at", "admitted_at", "started_at", "deadline_at")
    changed = {"status": "pending", "run": 2, "target_results": target, "progress": 0} | dict.fromkeys(fresh)
    moved = {name: after[name] for name in ("queued_at", "queue_until", "updated_at")}
    assert after == before | changed | moved
    assert before["queued_at"] < after["queued_at"] == after["updated_at"]
    assert after["queue_until"] == after["queued_at"] + DAY
    assert await scene.job_of(other) == untouched


async def test_a_job_counts_its_runs(scene: Any) -> None:
    seat = await final_seat(scene, ERROR)
    for run in (2, 3, 4):
        assert (await reopen(scene, seat))["run"] == run
        await scene.change_job(seat, **ERROR)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"pages_max": 9, "credits_max": 49}, (10, 50)),
        ({"pages_max": 11, "credits_max": 49}, (11, 50)),
        ({"pages_max": 9, "credits_max": 51}, (10, 51)),
    ],
)
async def test_the_limits_of_a_job_never_shrink(scene: Any, limits: dict[str, int], expected: tuple[int, int]) -> None:
    job = await reopen(scene, await final_seat(scene, ERROR), **limits)
    assert (job["pages_max"], job["credits_max"]) == expected


@pytest.mark.parametrize(
    ("end", "target"),
    [
        pytest.param(CANCELLED, 101, id="cancelled"),
        pytest.param(COMPLETED, 100, id="completed, target not higher"),
        pytest.param(COMPLETED, 99, id="completed, target lower"),
        pytest.param({}, 101, id="active"),
    ],
)
async def test_the_database_refuses_another_run_where_the_transitions_do(
    scene: Any, end: dict[str, Any], target: int
) -> None:
    seat = await final_seat(scene, end) if end else await scene.seat()
    before = await scene.job_of(seat)
    with pytest.raises(CheckViolation):
        await reopen(scene, seat, target_results=target)
    assert await scene.job_of(seat) == before


ENDS = ("exhausted", "call_limit", "failed", "job_ended")


async def test_searches_that_ended_for_these_reasons_wait_again(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    ids = {end: await scene.search(seat.job_id, ordinal + 1) for ordinal, end in enumerate(ENDS)}
    for end, search_id in ids.items():
        await scene.change("searches", "id", search_id, status="ended", end_reason=end, ended_at="=now()")
    await scene.change("searches", "id", other.search_id, status="ended", end_reason="failed", ended_at="=now()")
    async with scene.database.connection() as connection:
        assert await reopen_searches(connection, job_id=seat.job_id, ends=[]) == 0
        assert await reopen_searches(connection, job_id=seat.job_id, ends=["failed", "job_ended", "shape"]) == 2
        assert await reopen_searches(connection, job_id=seat.job_id, ends=["failed", "job_ended", "shape"]) == 0
    rows = await scene.query("select * from searches where job_id = %s", seat.job_id)
    seen = {row["id"]: (row["status"], row["end_reason"], row["ended_at"] is None) for row in rows}
    assert seen == {
        seat.search_id: ("active", None, True),
        ids["exhausted"]: ("ended", "exhausted", False),
        ids["call_limit"]: ("ended", "call_limit", False),
        ids["failed"]: ("waiting", None, True),
        ids["job_ended"]: ("waiting", None, True),
    }
    assert (await search_of(scene, other))["status"] == "ended"


async def test_a_limit_is_noted_where_the_jobs_end_was_all_that_stopped_a_search(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    ids = {end: await scene.search(seat.job_id, ordinal + 1) for ordinal, end in enumerate(ENDS)}
    ids["other"] = other.search_id
    for end, search_id in ids.items():
        reason = "job_ended" if end == "other" else end
        await scene.change("searches", "id", search_id, status="ended", end_reason=reason, ended_at="=now()")
    async with scene.database.connection() as connection:
        await note_limit(connection, job_id=seat.job_id, reason="credit_limit")
    rows = await scene.query("select id, end_reason from searches where id = any(%s)", [*ids.values(), seat.search_id])
    assert {row["id"]: row["end_reason"] for row in rows} == {
        seat.search_id: None,
        ids["exhausted"]: "exhausted",
        ids["call_limit"]: "call_limit",
        ids["failed"]: "failed",
        ids["job_ended"]: "credit_limit",
        ids["other"]: "job_ended",
    }


@pytest.mark.parametrize(
    ("step", "search", "phase"),
    [
        pytest.param({"phase": "page"}, "waiting", "held", id="its page was due"),
        pytest.param({"phase": "page"}, "active", "held", id="of whatever search"),
        pytest.param({"phase": "held"}, "waiting", "held", id="it was held"),
        pytest.param({"phase": "enrichment", "items_count": 0}, "waiting", "done", id="its enrichment was cut short"),
        pytest.param({"phase": "done", "done_at": "=now()"}, "waiting", "held", id="it was given up with its search"),
        pytest.param({"phase": "done", "done_at": "=now()"}, "ended", None, id="its search stays ended"),
        pytest.param({"phase": "done", "done_at": "=now()", "items_count": 0}, "waiting", None, id="it was bought"),
    ],
)
async def test_a_step_whose_page_was_never_bought_is_held_as_new(
    scene: Any, step: dict[str, Any], search: str, phase: str | None
) -> None:
    """Older messages of it are void, nobody holds it, its tries count anew. What was bought is done."""
    seat = await scene.seat()
    await scene.change_step(seat, **WORN, **step)
    reason = {"end_reason": "exhausted"} if search == "ended" else {}
    await scene.change("searches", "id", seat.search_id, status=search, **reason)
    before = await scene.step_of(seat)
    async with scene.database.connection() as connection:
        await hold_steps(connection, job_id=seat.job_id)
    after = await scene.step_of(seat)
    if phase is None:
        assert after == before
        return
    assert (after["phase"], after["generation"]) == (phase, 4)
    assert worn(after) == as_new()
    assert (after["done_at"] is None) == (phase == "held")
    assert (after["cursor"], after["items_count"]) == (before["cursor"], before["items_count"])


async def test_steps_of_other_jobs_are_not_held(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    before = await scene.step_of(other)
    async with scene.database.connection() as connection:
        await hold_steps(connection, job_id=seat.job_id)
    assert await scene.step_of(other) == before


BOUGHT: dict[str, Any] = {"phase": "done", "done_at": "=now()", "items_count": 0}


@pytest.mark.parametrize(
    ("step", "outcome", "candidate", "is_due"),
    [
        pytest.param(BOUGHT, "pending", {}, True, id="done with one pending"),
        pytest.param(BOUGHT, "reserve", {}, False, id="with a reserve only"),
        pytest.param(BOUGHT, "pending", {"assigned_step": 1}, False, id="another step's"),
        pytest.param(BOUGHT, "pending", {"assigned_search_id": uuid4()}, False, id="another search's"),
        pytest.param({"phase": "held"}, "pending", {}, False, id="held"),
        pytest.param({"phase": "enrichment", "items_count": 0}, "pending", {}, False, id="due already"),
    ],
)
async def test_steps_with_pending_candidates_are_due_for_their_enrichment(
    scene: Any, step: dict[str, Any], outcome: str, candidate: dict[str, Any], is_due: bool
) -> None:
    seat = await scene.seat()
    await scene.change_step(seat, **WORN, **step, due_at="=now() - interval '1 hour'")
    await scene.add_candidates(seat, outcome, 0, **candidate)
    before = await scene.step_of(seat)
    async with scene.database.connection() as connection:
        await reopen_enrichments(connection, job_id=uuid4())
        assert await scene.step_of(seat) == before
        await reopen_enrichments(connection, job_id=seat.job_id)
    after = await scene.step_of(seat)
    if not is_due:
        assert after == before
        return
    assert (after["phase"], after["generation"], after["done_at"]) == ("enrichment", 4, None)
    assert after["due_at"] > before["due_at"]
    assert worn(after) == as_new()


FAILED: dict[str, Any] = {"status": "ended", "end_reason": "failed", "ended_at": "=now()"}
GIVEN_UP: dict[str, Any] = {"phase": "done", "done_at": "=now()"}


@pytest.mark.parametrize(
    ("search", "step", "asked", "is_reopened"),
    [
        pytest.param(FAILED, GIVEN_UP, 0, True, id="given up"),
        pytest.param({**FAILED, "end_reason": "exhausted"}, GIVEN_UP, 0, False, id="ended otherwise"),
        pytest.param({"status": "active"}, GIVEN_UP, 0, False, id="it goes on"),
        pytest.param(FAILED, {**GIVEN_UP, "items_count": 0}, 0, False, id="this page was bought"),
        pytest.param(FAILED, {"phase": "held"}, 0, False, id="not given up"),
        pytest.param(FAILED, GIVEN_UP, 1, False, id="no such step"),
    ],
)
async def test_a_search_that_failed_at_this_step_waits_again(
    scene: Any, search: dict[str, Any], step: dict[str, Any], asked: int, is_reopened: bool
) -> None:
    seat = await scene.seat()
    await scene.change("searches", "id", seat.search_id, **search)
    await scene.change_step(seat, **step)
    before = await search_of(scene, seat)
    async with scene.database.connection() as connection:
        answer = await reopen_failed_search(connection, search_id=seat.search_id, step=asked)
        assert answer is is_reopened
        assert not await reopen_failed_search(connection, search_id=seat.search_id, step=asked), "once"
    after = await search_of(scene, seat)
    waiting = {"status": "waiting", "end_reason": None, "ended_at": None} if is_reopened else {}
    assert after == before | waiting


async def test_one_step_is_held_as_new(scene: Any) -> None:
    """Unless its page was bought; its neighbours stay as they are."""
    seat = await scene.seat()
    for number in (1, 2):
        await scene.add_step(seat.job_id, seat.search_id, number)
    await scene.change_step(seat, **WORN, **GIVEN_UP)
    bought = {"search_id": seat.search_id, "step": 2}
    await scene.query("update steps set items_count = 0 where search_id = %s and step = 2", seat.search_id)
    neighbours = [await scene.step_of(seat, number) for number in (1, 2)]
    async with scene.database.connection() as connection:
        await hold_step(connection, **seat.place)
        await hold_step(connection, **bought)
        await hold_step(connection, search_id=uuid4(), step=1)
    row = await scene.step_of(seat)
    assert (row["phase"], row["generation"], row["done_at"], row["cursor"]) == ("held", 4, None, "c0")
    assert worn(row) == as_new()
    assert [await scene.step_of(seat, number) for number in (1, 2)] == neighbours
