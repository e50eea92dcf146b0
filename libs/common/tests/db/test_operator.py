"""What operators read, on real Postgres: everybody's, and only what was asked for."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from common.db import operator as operator_table
from common.db.dead_letter import DeadLetter, insert_dead_letter
from common.db.platform_state import Ability, announce_platform, pause_platform, stop_platform, take_probe


@pytest.mark.security
async def test_a_person_is_found_wherever_they_are_stored(scene: Any) -> None:
    """As a creator, in the cache, as a target; over all owners; only on the platform that is asked for."""
    one, other = await scene.seat(), await scene.seat(mode="similar")
    await scene.change_job(other, platform=one.platform, target={"account": {"handle": "@Mira.P", "platform_id": "9"}})
    for seat in (one, other):
        await scene.add_candidates(seat, "filtered", 1)
    await scene.query("update candidates set handle = 'mira.p' where job_id = any(%s)", [one.job_id, other.job_id])
    await scene.query(
        """insert into profiles (platform, platform_id, status, account, fetched_at)
           values (%s, '9', 'found', '{"handle": "mira.p"}', now())""",
        one.platform,
    )
    async with scene.database.connection() as connection:
        found = await operator_table.find_person(connection, platform=one.platform, handle=" @MIRA.p", with_data=False)
        full = await operator_table.find_person(connection, platform=one.platform, handle="mira.p", with_data=True)
        assert await operator_table.find_person(connection, platform="x", handle="mira.p", with_data=True) == []
    places = [(place.place, place.job_id, place.data) for place in found]
    assert places == [
        ("creator", one.job_id, None),
        ("creator", other.job_id, None),
        ("profile", None, None),
        ("target", other.job_id, None),
    ]
    assert full[2].data == {"handle": "mira.p"}
    assert full[3].data == {"account": {"handle": "@Mira.P", "platform_id": "9"}}


async def letter(scene: Any, seat: Any, *, reference: str | None = None, step: int = 0) -> UUID:
    letter_id = scene.clock.new_id()
    details = {} if reference is None else {"reference": reference}
    new = DeadLetter(
        id=letter_id,
        job_id=seat.job_id,
        search_id=seat.search_id,
        step=step,
        generation=0,
        reason="max_deliver",
        details=details,
    )
    async with scene.database.connection() as connection:
        assert await insert_dead_letter(connection, new)
    return letter_id


async def test_a_reference_leads_to_the_job_that_shows_it_or_has_a_letter_of_it(scene: Any) -> None:
    shows, has_letter, _ = await scene.seat(reference="ref1"), await scene.seat(), await scene.seat(reference="ref2")
    await letter(scene, has_letter, reference="ref1")
    async with scene.database.connection() as connection:
        jobs = await operator_table.jobs_of_reference(connection, reference="ref1")
        assert [job.id for job in jobs] == [has_letter.job_id, shows.job_id]
        assert await operator_table.jobs_of_reference(connection, reference="") == []


async def test_a_jobs_record_searches_and_funnel(scene: Any) -> None:
    seat = await scene.paged_seat({"delivered": 0, "duplicate": 2, "unparsable": 3})
    await scene.search(seat.job_id, 1, "waiting")
    async with scene.database.connection() as connection:
        record = await operator_table.read_record(connection, job_id=seat.job_id)
        assert record is not None
        assert (record.owner, record.created_by, record.pages_max) == (seat.owner, "user_1", 10)
        assert await operator_table.read_record(connection, job_id=uuid4()) is None
        searches = await operator_table.searches_of_job(connection, job_id=seat.job_id)
        assert [(search.ordinal, search.query, search.status, search.items_count) for search in searches] == [
            (0, "q0", "active", 5),
            (1, "q1", "waiting", 0),
        ]
        funnel = await operator_table.funnel_of_job(connection, job_id=seat.job_id)
    assert [(row.outcome, row.rule, row.count) for row in funnel] == [("unparsable", "", 3), ("duplicate", "", 2)]


async def test_open_steps_say_who_has_them(scene: Any) -> None:
    """A lease that ran out is none; a publication of an older generation is none."""
    seat = await scene.held_seat()

    async def only() -> Any:
        async with scene.database.connection() as connection:
            (step,) = await operator_table.open_steps(connection, job_id=seat.job_id)
        return step

    step = await only()
    assert (step.is_leased, step.is_due, step.published_at, step.attempts) == (True, True, None, 1)
    await scene.change_step(seat, lease_until="=now() - interval '1 s'", published_generation=0, published_at="=now()")
    step = await only()
    assert (step.is_leased, step.published_at is None) == (False, False)
    await scene.change_step(seat, generation=1, due_at="=now() + interval '1 h'")
    step = await only()
    assert (step.published_at, step.is_due, step.generation) == (None, False, 1)
    await scene.change_step(seat, phase="done", done_at="=now()")
    async with scene.database.connection() as connection:
        assert await operator_table.open_steps(connection, job_id=seat.job_id) == []


async def test_the_last_calls_come_first(scene: Any) -> None:
    seat = await scene.seat()
    for number in range(3):
        await scene.query(
            """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint,
                   status, credits_reserved)
               values (%s, %s, %s, 0, 'p', %s, 'page', %s, 'f', 'open', 1)""",
            scene.clock.new_id(),
            seat.job_id,
            seat.search_id,
            seat.token,
            f"/{number}",
        )
    async with scene.database.connection() as connection:
        calls = await operator_table.last_calls(connection, job_id=seat.job_id, count_max=2)
    assert [(call.path, call.ordinal, call.status, call.credits_charged) for call in calls] == [
        ("/2", 0, "open", None),
        ("/1", 0, "open", None),
    ]


async def test_platforms_with_their_state_and_the_jobs_that_they_keep_waiting(scene: Any) -> None:
    seat = await scene.seat()
    await scene.store(scene.new_job(platform=seat.platform), admitted_at=None)

    async def mine() -> Any:
        async with scene.database.connection() as connection:
            platforms = await operator_table.list_platforms(connection)
        assert [one.platform for one in platforms] == sorted(one.platform for one in platforms)
        return next(one for one in platforms if one.platform == seat.platform)

    async with scene.database.connection() as connection:
        await announce_platform(connection, Ability(platform=seat.platform, label="P", modes=(), search_kinds=()))
        one = await mine()
        assert (one.state, one.reason, one.until, one.is_probing, one.active_jobs) == ("open", None, None, False, 1)
        await pause_platform(
            connection, platform=seat.platform, state="paused", reason="credits", lasts=timedelta(seconds=-1)
        )
        assert (await mine()).is_probing is False
        assert await take_probe(
            connection, platform=seat.platform, prober=scene.clock.new_id(), lasts=timedelta(seconds=60)
        )
        one = await mine()
        assert (one.state, one.reason, one.is_probing) == ("paused", "credits", True)
        await stop_platform(connection, platform=seat.platform)
        one = await mine()
    assert (one.state, one.reason, one.until, one.is_probing) == ("paused", "operator", None, False)


async def test_a_snapshot_is_of_one_moment_and_writes_nothing(scene: Any) -> None:
    seat = await scene.seat()
    async with scene.database.transaction() as connection:
        await operator_table.begin_snapshot(connection)
        before = await operator_table.read_record(connection, job_id=seat.job_id)
        await scene.change_job(seat, pages_max=77)
        assert await operator_table.read_record(connection, job_id=seat.job_id) == before
    async with scene.database.connection() as connection:
        await connection.execute("begin")
        await operator_table.begin_snapshot(connection)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("delete from jobs")
        await connection.execute("rollback")
