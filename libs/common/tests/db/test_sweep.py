"""What the sweep looks for, on real Postgres: all of it, and nothing that is well."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from common.db.sweep import (
    StalledStep,
    idle_jobs,
    is_paused,
    overdue_jobs,
    raise_generation,
    stalled_steps,
    try_sweep_lock,
)
from common.domain.step import DueStep

STALLED = timedelta(seconds=60)
UNPUBLISHED = timedelta(seconds=5)
FINAL: dict[str, Any] = {"status": "error", "stop_reason": "failed", "ended_at": "=now()"}
PUBLISHED: dict[str, Any] = {
    "due_at": "=now() - interval '1 hour'",
    "published_generation": 0,
    "published_at": "=now() - interval '70 seconds'",
}
NEVER_PUBLISHED: dict[str, Any] = {"due_at": "=now() - interval '6 seconds'"}


async def stalled(scene: Any, seat: Any) -> list[StalledStep]:
    async with scene.database.connection() as connection:
        found = await stalled_steps(connection, stalled_after=STALLED, unpublished_after=UNPUBLISHED)
    return [step for step in found if step.job_id == seat.job_id]


async def test_two_sweeps_at_once_are_one(scene: Any) -> None:
    """The lock goes with its transaction, also when that fails, and the sweep may take minutes."""
    async with scene.database.transaction() as first:
        assert await try_sweep_lock(first)
        row = await (await first.execute("show idle_in_transaction_session_timeout")).fetchone()
        assert row == ("5min",)
        async with scene.database.transaction() as second:
            assert not await try_sweep_lock(second)
    with contextlib.suppress(ZeroDivisionError):
        async with scene.database.transaction() as third:
            assert await try_sweep_lock(third)
            raise ZeroDivisionError
    async with scene.database.transaction() as fourth:
        assert await try_sweep_lock(fourth)
    async with scene.database.connection() as connection:
        row = await (await connection.execute("show idle_in_transaction_session_timeout")).fetchone()
        assert row == ("30s",), "the connection is as before"


@pytest.mark.parametrize(
    ("columns", "is_found"),
    [
        ({}, False),
        ({"queue_until": "=now()"}, True),
        ({"admitted_at": None, "queue_until": "=now()"}, True),
        ({"status": "processing", "deadline_at": "=now()"}, True),
        ({"status": "processing", "deadline_at": "=now() + interval '1 minute'", "queue_until": "=now()"}, False),
        ({**FINAL, "deadline_at": "=now()", "queue_until": "=now()"}, False),
    ],
)
async def test_overdue_jobs(scene: Any, columns: dict[str, Any], is_found: bool) -> None:
    seat = await scene.seat(**columns)
    async with scene.database.connection() as connection:
        assert (seat.job_id in await overdue_jobs(connection)) is is_found


@pytest.mark.parametrize(
    ("step", "is_found"),
    [
        pytest.param(PUBLISHED, True, id="published and gone"),
        pytest.param({**PUBLISHED, "published_at": "=now() - interval '50 seconds'"}, False, id="published just now"),
        pytest.param({**PUBLISHED, "delivered_at": "=now() - interval '50 seconds'"}, False, id="delivered just now"),
        pytest.param({**PUBLISHED, "due_at": "=now() - interval '50 seconds'"}, False, id="due just now"),
        pytest.param({**PUBLISHED, "due_at": "=now() + interval '1 hour'"}, False, id="not due yet"),
        pytest.param({**PUBLISHED, "lease_until": "=now() - interval '50 seconds'"}, False, id="lease over just now"),
        pytest.param({**PUBLISHED, "lease_until": "=now() - interval '70 seconds'"}, True, id="lease long over"),
        pytest.param({**PUBLISHED, "lease_until": "=now() + interval '1 second'"}, False, id="leased"),
        pytest.param({**PUBLISHED, "phase": "enrichment", "items_count": 0}, True, id="enrichment"),
        pytest.param({**PUBLISHED, "phase": "held"}, False, id="held"),
        pytest.param({**PUBLISHED, "phase": "done"}, False, id="done"),
        pytest.param({**PUBLISHED, "sweeps_count": 1}, False, id="swept once: twice the wait"),
        pytest.param(
            {**PUBLISHED, "sweeps_count": 1, "published_at": "=now() - interval '121 seconds'"}, True, id="twice over"
        ),
        pytest.param(
            {**PUBLISHED, "sweeps_count": 99, "published_at": "=now() - interval '18 hours'"}, False, id="at most 2^10"
        ),
        pytest.param(
            {
                **PUBLISHED,
                "due_at": "=now() - interval '2 days'",
                "sweeps_count": 99,
                "published_at": "=now() - interval '17 hours 5 minutes'",
            },
            True,
            id="beyond 2^10",
        ),
        pytest.param(NEVER_PUBLISHED, True, id="never published"),
        pytest.param({**NEVER_PUBLISHED, "lease_until": "=now() + interval '1 second'"}, False, id="but leased"),
        pytest.param({"due_at": "=now() - interval '4 seconds'"}, False, id="perhaps published any moment"),
        pytest.param({**PUBLISHED, "generation": 1}, True, id="published at an older generation"),
    ],
)
async def test_stalled_steps(scene: Any, step: dict[str, Any], is_found: bool) -> None:
    """Due, without a lease and without a sign of life; each re-drive doubles the wait."""
    seat = await scene.seat()
    await scene.change_step(seat, **step)
    assert bool(await stalled(scene, seat)) is is_found


@pytest.mark.parametrize(
    ("job", "is_found"),
    [({"status": "processing"}, True), ({"admitted_at": None}, False), (FINAL, False)],
)
async def test_steps_stall_only_in_admitted_active_jobs(scene: Any, job: dict[str, Any], is_found: bool) -> None:
    seat = await scene.seat(**job)
    await scene.change_step(seat, **NEVER_PUBLISHED)
    assert bool(await stalled(scene, seat)) is is_found


@pytest.mark.parametrize(
    ("columns", "is_found"),
    [
        ({"label": "P"}, True),
        ({"state": "cool_down", "reason": "cool_down", "until": "=now() + interval '1 minute'"}, False),
        ({"state": "cool_down", "reason": "cool_down", "until": "=now()"}, True),
        ({"state": "paused", "reason": "operator", "until": None}, False),
    ],
)
async def test_steps_of_a_platform_that_waits_are_left_alone(
    scene: Any, columns: dict[str, Any], is_found: bool
) -> None:
    seat = await scene.seat()
    await scene.change_step(seat, **NEVER_PUBLISHED)
    insert = "insert into platform_states (platform, label, modes, search_kinds) values (%s, 'P', '{}', '{}')"
    await scene.query(insert, seat.platform)
    await scene.change("platform_states", "platform", seat.platform, **columns)
    assert bool(await stalled(scene, seat)) is is_found


async def test_a_stalled_step_says_where_its_message_should_be(scene: Any) -> None:
    seat = await scene.seat()
    await scene.change_step(seat, **PUBLISHED, stream_sequence=42)
    [step] = await stalled(scene, seat)
    assert (step.is_published, step.stream_sequence) == (True, 42)
    assert step.due == DueStep(job_id=seat.job_id, search_id=seat.search_id, step=0, generation=0)


async def test_raising_the_generation_voids_older_messages_and_the_publication(scene: Any) -> None:
    seat = await scene.seat()
    await scene.change_step(seat, **PUBLISHED, stream_sequence=42, sweeps_count=2)
    async with scene.database.connection() as connection:
        raised = await raise_generation(connection, **seat.place, generation=0)
        assert raised == DueStep(job_id=seat.job_id, search_id=seat.search_id, step=0, generation=1)
        assert await raise_generation(connection, **seat.place, generation=0) is None, "another sweep was first"
    row = await scene.step_of(seat)
    assert (row["generation"], row["sweeps_count"]) == (1, 3)
    assert (row["published_generation"], row["stream_sequence"]) == (None, None)
    assert row["due_at"] > row["published_at"]


@pytest.mark.parametrize(
    "step",
    [
        {"lease_until": "=now() + interval '1 second'"},
        {"phase": "done"},
        {"phase": "held"},
        {"generation": 3},
    ],
)
async def test_a_step_that_moved_meanwhile_keeps_its_generation(scene: Any, step: dict[str, Any]) -> None:
    seat = await scene.seat()
    await scene.change_step(seat, **step)
    before = await scene.step_of(seat)
    async with scene.database.connection() as connection:
        assert await raise_generation(connection, **seat.place, generation=0) is None
    assert await scene.step_of(seat) == before


@pytest.mark.parametrize(
    ("job", "step", "is_found"),
    [
        ({}, {"phase": "done"}, True),
        ({"status": "processing"}, {"phase": "held"}, True),
        ({}, {"phase": "page"}, False),
        ({}, {"phase": "enrichment", "items_count": 0}, False),
        ({"admitted_at": None}, {"phase": "done"}, False),
        (FINAL, {"phase": "done"}, False),
        ({"updated_at": "=now()"}, {"phase": "done"}, False),
    ],
)
async def test_idle_jobs(scene: Any, job: dict[str, Any], step: dict[str, Any], is_found: bool) -> None:
    """Admitted, active, untouched for a while, and nothing of them is due."""
    seat = await scene.seat(**{"updated_at": "=now() - interval '2 minutes'", **job})
    await scene.change_step(seat, **step)
    async with scene.database.connection() as connection:
        assert (seat.job_id in await idle_jobs(connection, idle_for=STALLED)) is is_found


@pytest.mark.parametrize(
    ("columns", "is_told"),
    [
        pytest.param(None, False, id="never announced"),
        pytest.param({"label": "P"}, False, id="open"),
        pytest.param(
            {"state": "cool_down", "reason": "cool_down", "until": "=now() + interval '1 minute'"}, True, id="cool-down"
        ),
        pytest.param({"state": "cool_down", "reason": "cool_down", "until": "=now()"}, True, id="nobody tried yet"),
        pytest.param({"state": "paused", "reason": "operator", "until": None}, True, id="operator"),
    ],
)
async def test_a_job_is_paused_as_long_as_its_platform_is_not_open(
    scene: Any, columns: dict[str, Any] | None, is_told: bool
) -> None:
    seat, other = await scene.seat(), await scene.seat()
    if columns is not None:
        insert = "insert into platform_states (platform, label, modes, search_kinds) values (%s, 'P', '{}', '{}')"
        await scene.query(insert, seat.platform)
        await scene.change("platform_states", "platform", seat.platform, **columns)
    async with scene.database.connection() as connection:
        assert await is_paused(connection, job_id=seat.job_id) is is_told
        assert not await is_paused(connection, job_id=other.job_id)
        assert not await is_paused(connection, job_id=scene.clock.new_id())


async def test_a_job_may_have_waited_for_the_next_minute_wherever_a_minute_has_a_cap(scene: Any) -> None:
    """So that a step which was handed back too often for it does not end as a dead letter."""
    seat = await scene.seat()
    insert = "insert into platform_states (platform, label, modes, search_kinds) values (%s, 'P', '{}', '{}')"
    await scene.query(insert, seat.platform)
    async with scene.database.connection() as connection:
        assert not await is_paused(connection, job_id=seat.job_id)
        await scene.query(
            "insert into system_settings (category, key, value) values ('limits', 'credits_per_minute', '600')"
        )
        try:
            assert await is_paused(connection, job_id=seat.job_id)
        finally:
            await scene.query("delete from system_settings where key = 'credits_per_minute'")
