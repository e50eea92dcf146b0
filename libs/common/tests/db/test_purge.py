"""What goes because it was kept long enough: when it is due and not before, so many at a time, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from common.db import purge
from common.db.purge import PurgeNote, RemovedCreators
from common.domain.retention import DataClass

pytestmark = [pytest.mark.server, pytest.mark.security]

UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = UNTIL - timedelta(days=1), UNTIL + timedelta(days=1)
END = {"status": "cancelled", "stop_reason": "cancelled", "ended_at": datetime(2026, 3, 1, tzinfo=UTC)}


async def found(scene: Any, seat: Any, at: datetime, outcome: str, *ordinals: int) -> list[str]:
    names = await scene.add_candidates(seat, outcome, *ordinals)
    await scene.query("update candidates set created_at = %s where platform_id = any(%s)", at, names)
    return names


async def left(scene: Any, seat: Any) -> set[str]:
    rows = await scene.query("select platform_id from candidates where job_id = %s", seat.job_id)
    return {row["platform_id"] for row in rows}


async def test_old_creators_of_whatever_outcome_go_and_newer_ones_stay(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    await found(scene, seat, OLD, "delivered", 1, 2)
    await found(scene, seat, OLD, "surplus", 3)
    newer = await found(scene, seat, UNTIL, "delivered", 4)
    others = await found(scene, other, OLD, "delivered", 1)
    async with scene.database.connection() as connection:
        assert await purge.oldest_creator(connection, job_id=seat.job_id) == OLD
        removed = await purge.delete_creators(connection, job_id=seat.job_id, until=UNTIL, count_max=10)
        assert removed == RemovedCreators(count=3, delivered=2)
        again = await purge.delete_creators(connection, job_id=seat.job_id, until=UNTIL, count_max=10)
        assert again == RemovedCreators(count=0, delivered=0)
        assert await purge.oldest_creator(connection, job_id=seat.job_id) == UNTIL
        assert await purge.oldest_creator(connection, job_id=uuid4()) is None
    assert await left(scene, seat) == set(newer)
    assert await left(scene, other) == set(others)


async def test_no_more_go_at_once_than_are_asked_for(scene: Any) -> None:
    seat = await scene.seat()
    await found(scene, seat, OLD, "filtered", *range(5))
    counts: list[int] = []
    async with scene.database.connection() as connection:
        for _ in range(4):
            removed = await purge.delete_creators(connection, job_id=seat.job_id, until=UNTIL, count_max=2)
            counts.append(removed.count)
    assert counts == [2, 2, 1, 0]


async def test_jobs_are_looked_for_that_are_final_and_whose_creators_are_old(scene: Any) -> None:
    older, old, new, running, empty = [await scene.seat() for _ in range(5)]
    for seat, since in ((older, OLD - timedelta(days=1)), (old, OLD), (new, UNTIL), (running, OLD), (empty, None)):
        ended = {} if seat is running else END
        await scene.change_job(seat, **ended, creators_since=since)
    async with scene.database.connection() as connection:
        jobs = await purge.jobs_with_old_creators(connection, until=UNTIL, count_max=10)
        assert jobs == [older.job_id, old.job_id]
        assert await purge.jobs_with_old_creators(connection, until=UNTIL, count_max=1) == [older.job_id]


async def test_a_new_jobs_creators_are_counted_from_its_creation(scene: Any) -> None:
    seat = await scene.seat()
    job = await scene.job_of(seat)
    assert job["creators_since"] == job["created_at"]


async def test_a_removal_leaves_the_counts_and_moves_the_version(scene: Any) -> None:
    seat = await scene.seat(delivered_count=2, event_seq=7)
    async with scene.database.connection() as connection:
        removed = RemovedCreators(count=3, delivered=2)
        await purge.note_removal(connection, job_id=seat.job_id, removed=removed, since=None)
        await purge.tell_removal(connection, job_id=seat.job_id)
    job = await scene.job_of(seat)
    assert (job["delivered_count"], job["removed_count"], job["event_seq"]) == (2, 2, 8)
    assert job["creators_removed_at"] is not None
    assert job["creators_since"] is None
    events = await scene.query("select seq, kind from job_events where job_id = %s", seat.job_id)
    assert events == [{"seq": 8, "kind": "creators_removed"}]


async def test_a_job_of_which_nobody_went_does_not_say_so(scene: Any) -> None:
    seat = await scene.seat(event_seq=7)
    async with scene.database.connection() as connection:
        nobody = RemovedCreators(count=0, delivered=0)
        await purge.note_removal(connection, job_id=seat.job_id, removed=nobody, since=NEW)
    job = await scene.job_of(seat)
    assert (job["creators_since"], job["creators_removed_at"], job["event_seq"]) == (NEW, None, 7)


@pytest.mark.parametrize(("mode", "kept"), [("keyword", ["q0", "q1"]), ("similar", ["q0", None])])
async def test_what_was_read_of_the_target_goes_and_what_was_asked_for_stays(
    scene: Any, mode: str, kept: list[str | None]
) -> None:
    """The searches of a keyword job are the caller's own; of a similar job only the first is."""
    seat = await scene.seat(mode=mode, target={"account": {"platform_id": "1", "handle": "mira", "bio": "mira@b.c"}})
    await scene.search(seat.job_id, 1)
    async with scene.database.connection() as connection:
        await purge.forget_target(connection, job_id=seat.job_id)
    assert (await scene.job_of(seat))["target"] is None
    searches = await scene.query("select query from searches where job_id = %s order by ordinal", seat.job_id)
    assert [row["query"] for row in searches] == kept


async def test_ids_of_items_places_and_fingerprints_go_with_the_last(scene: Any) -> None:
    seat, other = await scene.held_seat(), await scene.held_seat()
    for one in (seat, other):
        assert await scene.opens(scene.call_of(one))
        await scene.change_step(one, item_ids=["a", "b"])
    async with scene.database.connection() as connection:
        await purge.forget_items(connection, job_id=seat.job_id)
        await purge.forget_questions(connection, job_id=seat.job_id)
    step, others = await scene.step_of(seat), await scene.step_of(other)
    assert (step["item_ids"], step["cursor"]) == (None, None)
    assert (others["item_ids"], others["cursor"]) == (["a", "b"], "c0")
    assert [call["fingerprint"] for call in await scene.calls_of(seat)] == [""]
    assert [call["fingerprint"] for call in await scene.calls_of(other)] == ["f"]


async def test_profiles_go_by_when_they_were_fetched(scene: Any) -> None:
    """Not one that is bought just now, nor one whose claim is fresh; one that was claimed and never came does."""
    rows = [
        ("old", "not_found", OLD, None),
        ("new", "not_found", UNTIL, None),
        ("bought", "not_found", OLD, datetime(2100, 1, 1, tzinfo=UTC)),
        ("released", "claimed", None, None),
        ("lost", "claimed", None, OLD),
        ("lapsed", "claimed", None, NEW),
        ("claimed", "claimed", None, datetime(2100, 1, 1, tzinfo=UTC)),
    ]
    for name, status, fetched_at, claimed_until in rows:
        await scene.query(
            """insert into profiles (platform, platform_id, status, fetched_at, claimed_until)
               values ('p', %s, %s, %s, %s)""",
            name,
            status,
            fetched_at,
            claimed_until,
        )
    await scene.query(
        """insert into profiles (platform, platform_id, status, fetched_at) values ('q', 'old', 'not_found', %s)""",
        UNTIL,
    )
    async with scene.database.connection() as connection:
        assert await purge.delete_profiles(connection, until=UNTIL, count_max=2) == 2
        assert await purge.delete_profiles(connection, until=UNTIL, count_max=2) == 1
        assert await purge.delete_profiles(connection, until=UNTIL, count_max=2) == 0
    names = await scene.query("select platform_id from profiles where platform = 'p' order by 1")
    assert [row["platform_id"] for row in names] == ["bought", "claimed", "lapsed", "new"]
    assert await scene.query("select platform_id from profiles where platform = 'q'"), "another platform's of that id"


async def test_settled_letters_go_and_open_ones_stay(scene: Any) -> None:
    for reason, at in (("old", OLD), ("new", UNTIL), ("open", None)):
        await scene.query(
            """insert into dead_letters (id, reason, created_at, resolved_at, resolution)
               values (gen_random_uuid(), %s, %s, %s, case when %s then 'discarded' end)""",
            reason,
            OLD,
            at,
            at is not None,
        )
    async with scene.database.connection() as connection:
        assert await purge.delete_letters(connection, until=UNTIL, count_max=9) == 1
        assert await purge.delete_letters(connection, until=UNTIL, count_max=9) == 0
    assert [row["reason"] for row in await scene.query("select reason from dead_letters order by 1")] == ["new", "open"]


async def test_old_changes_of_settings_go_and_what_is_in_force_stays(scene: Any) -> None:
    for at in (OLD, UNTIL):
        await scene.query(
            """insert into setting_changes (id, category, key, changed_by, changed_at)
               values (gen_random_uuid(), 'api', 'max_api_calls', 'user_1', %s)""",
            at,
        )
    await scene.query("insert into system_settings (category, key, value) values ('api', 'max_api_calls', '7')")
    async with scene.database.connection() as connection:
        assert await purge.delete_setting_changes(connection, until=UNTIL, count_max=9) == 1
    assert [row["changed_at"] for row in await scene.query("select changed_at from setting_changes")] == [UNTIL]
    assert await scene.query("select key from system_settings") == [{"key": "max_api_calls"}]


async def test_days_that_are_long_over_go(scene: Any) -> None:
    await scene.query("insert into owners (owner) values ('user:day')")
    for day in ("2025-12-31", "2026-01-01"):
        await scene.query("insert into owner_days (owner, day) values ('user:day', %s)", day)
    async with scene.database.connection() as connection:
        assert await purge.delete_owner_days(connection, until=UNTIL + timedelta(hours=23), count_max=9) == 1
    assert [str(row["day"]) for row in await scene.query("select day from owner_days where owner = 'user:day'")] == [
        "2026-01-01"
    ]


async def test_a_purge_leaves_one_row_of_proof_a_day(scene: Any) -> None:
    async with scene.database.connection() as connection:
        assert await purge.last_purges(connection) == []
        ats: list[datetime] = []
        for rows, is_done in ((1000, False), (3, True)):
            note = PurgeNote(data=DataClass.PROFILES, until=UNTIL, rows=rows, is_done=is_done)
            await purge.note_purge(connection, note)
            ats += [row.at for row in await purge.last_purges(connection)]
        assert ats[0] < ats[1], "the hour until the next look begins anew"
        for day, is_done, at in (("2026-01-01", True, OLD), ("2026-01-02", False, NEW)):
            statement = "insert into purges (class, day, until, is_done, at) values ('results', %s, now(), %s, %s)"
            await scene.query(statement, day, is_done, at)
        last = {row.data: row for row in await purge.last_purges(connection)}
    assert last[DataClass.PROFILES].is_done
    assert (last[DataClass.RESULTS].at, last[DataClass.RESULTS].is_done) == (NEW, False)
    proof = await scene.query("select rows, until, is_done from purges where class = 'profiles'")
    assert proof == [{"rows": 1003, "until": UNTIL, "is_done": True}]


async def test_every_class_has_its_place_among_the_proofs(scene: Any) -> None:
    async with scene.database.connection() as connection:
        for data in DataClass:
            await purge.note_purge(connection, PurgeNote(data=data, until=UNTIL, rows=0, is_done=True))
    assert {row["class"] for row in await scene.query("select class from purges")} == {data.value for data in DataClass}
