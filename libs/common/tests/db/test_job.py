"""The statements of jobs and the guards of their table, on real Postgres."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation

from common.db.campaign import NewCampaign, insert_campaign
from common.db.job import (
    Ending,
    admit_job,
    bump_event_seq,
    end_job,
    insert_event,
    insert_job,
    lock_job,
    note_progress,
    note_reference,
    owner_of,
    start_job,
    update_counters,
)
from common.db.owner import add_owner
from common.domain.filter import Filters
from common.domain.job import TRANSITIONS, Action, JobStatus, StopReason
from common.engine.fact import JobFacts

PAIRS = list(product(JobStatus, JobStatus))


def final(status: JobStatus) -> dict[str, Any]:
    """The columns that go with a status."""
    if not status.is_final:
        return {"status": status.value, "ended_at": None, "stop_reason": None}
    progress = {"progress": 100} if status is JobStatus.COMPLETED else {}
    return {"status": status.value, "ended_at": "=now()", "stop_reason": "exhausted", **progress}


def path_to(status: JobStatus) -> Iterable[JobStatus]:
    return [JobStatus.PROCESSING, status] if status is JobStatus.COMPLETED else [status]


def another_run(before: JobStatus, after: JobStatus) -> dict[str, Any]:
    """What a transition out of an end needs besides."""
    match TRANSITIONS[before, after]:
        case None:
            return {}
        case Action.RETRY:
            return {"run": 2}
        case Action.EXTEND:
            return {"run": 2, "target_results": 101}


def ending(job_id: Any, status: JobStatus, **changes: Any) -> Ending:
    values = {"job_id": job_id, "status": status, "stop_reason": "exhausted", "error": None, "reference": None}
    return Ending(**values | changes)


async def test_the_database_holds_the_table_of_transitions(scene: Any) -> None:
    rows = await scene.query("select from_status, to_status, action from job_transitions")
    assert {(row["from_status"], row["to_status"]): row["action"] for row in rows} == TRANSITIONS


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[f"{before}-{after}" for before, after in PAIRS])
async def test_every_other_transition_is_refused_whoever_writes(
    scene: Any, before: JobStatus, after: JobStatus
) -> None:
    """Hand-made SQL that sets every column right still cannot move a job where the table does not."""
    seat = await scene.seat()
    for status in path_to(before):
        await scene.change_job(seat, **final(status))
    if (before, after) in TRANSITIONS:
        await scene.change_job(seat, **final(after), **another_run(before, after))
        assert (await scene.job_of(seat))["status"] == after
        return
    if before is after:
        await scene.change_job(seat, status=after.value)
        return
    with pytest.raises(CheckViolation, match="illegal transition"):
        await scene.change_job(seat, **final(after))
    assert (await scene.job_of(seat))["status"] == before


@pytest.mark.parametrize(("before", "after"), [pair for pair, action in TRANSITIONS.items() if action])
async def test_another_run_needs_its_number_and_an_extended_job_a_higher_target(
    scene: Any, before: JobStatus, after: JobStatus
) -> None:
    seat = await scene.seat()
    for status in path_to(before):
        await scene.change_job(seat, **final(status))
    needed = another_run(before, after)
    for lacking in needed:
        with pytest.raises(CheckViolation, match=r"another run|higher target"):
            await scene.change_job(seat, **final(after), **{k: v for k, v in needed.items() if k != lacking})
    with pytest.raises(CheckViolation, match="another run"):
        await scene.change_job(seat, **final(after), **needed | {"run": 3})


@pytest.mark.parametrize(
    "columns",
    [
        {"target_results": 200},
        {"stop_reason": "failed"},
        {"error": "else"},
        {"ended_at": "=now() + interval '1 second'"},
        {"progress": 50},
        {"delivered_count": 1},
        {"pending_count": 1},
        {"reserve_count": 1},
        {"admitted_at": None},
        {"deadline_at": "=now()"},
    ],
)
async def test_a_final_job_does_not_change(scene: Any, columns: dict[str, Any]) -> None:
    seat = await scene.seat()
    await scene.change_job(seat, **final(JobStatus.ERROR))
    with pytest.raises(CheckViolation, match="final job"):
        await scene.change_job(seat, **columns)
    await scene.change_job(seat, credits_spent=1, pages_count=1)


async def test_the_number_of_the_run_does_not_move_by_itself(scene: Any) -> None:
    seat = await scene.seat()
    with pytest.raises(CheckViolation, match="another run"):
        await scene.change_job(seat, run=2)


@pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.PENDING])
async def test_a_job_begins_as_pending(scene: Any, status: JobStatus) -> None:
    seat = await scene.seat()
    with pytest.raises(CheckViolation, match="begins as pending"):
        await scene.query(
            """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
                   parallel_searches_max, timeout, delay_between_calls, queue_until, status)
               select gen_random_uuid(), owner, created_by, platform, mode, input, target_results, pages_max,
                   credits_max, parallel_searches_max, timeout, delay_between_calls, queue_until, %s
               from jobs where id = %s""",
            status.value,
            seat.job_id,
        )


async def test_the_words_of_the_database_are_those_of_the_code(scene: Any) -> None:
    """Every status and stop reason of the enums is allowed, and nothing else."""
    rows = await scene.query(
        """select pg_get_constraintdef(oid) as text from pg_constraint
           where conrelid = 'jobs'::regclass and contype = 'c'"""
    )
    texts = [row["text"] for row in rows]
    for column, words in (("status", JobStatus), ("stop_reason", StopReason)):
        [text] = [text for text in texts if text.startswith(f"CHECK (({column} = ANY")]
        assert {part.split("'")[1] for part in text.split(",")} == set(words)


@pytest.mark.parametrize(
    "columns",
    [
        {"ended_at": "=now()"},
        {"stop_reason": "failed"},
        {"ended_at": "=now()", "stop_reason": "failed"},
        {"status": "cancelled"},
        {"status": "cancelled", "ended_at": "=now()"},
        {"status": "cancelled", "stop_reason": "cancelled"},
        {"status": "gone"},
        {"stop_reason": "bored", "status": "error", "ended_at": "=now()"},
        {"delivered_count": 101},
        {"delivered_count": -1},
        {"pending_count": -1},
        {"pending_count": 101},
        {"delivered_count": 60, "pending_count": 41},
        {"reserve_count": -1},
        {"pages_count": 11},
        {"credits_reserved": -1},
        {"credits_spent": -1},
        {"progress": 101},
        {"progress": -1},
        {"target_results": 0},
        {"target_results": 10001},
        {"mode": "guess"},
    ],
    ids=str,
)
async def test_the_schema_refuses_a_job_that_cannot_be(scene: Any, columns: dict[str, Any]) -> None:
    """An end without a reason, counters out of bounds, more promised than asked for."""
    seat = await scene.seat()
    with pytest.raises(CheckViolation):
        await scene.change_job(seat, **columns)


async def test_delivered_and_pending_fill_the_target_exactly(scene: Any) -> None:
    seat = await scene.seat()
    await scene.change_job(seat, delivered_count=60, pending_count=40)
    with pytest.raises(CheckViolation):
        await scene.change_job(seat, pending_count=41)


async def test_a_completed_job_is_at_one_hundred(scene: Any) -> None:
    seat = await scene.seat(status="processing")
    with pytest.raises(CheckViolation):
        await scene.change_job(seat, status="completed", stop_reason="exhausted", ended_at="=now()")


async def test_a_job_stands_only_in_a_campaign_of_its_owner(scene: Any) -> None:
    job = scene.new_job(campaign_id=scene.clock.new_id())
    async with scene.database.connection() as connection:
        await add_owner(connection, owner=job.owner)
        await add_owner(connection, owner="org:other")
        theirs = NewCampaign(id=job.campaign_id, owner="org:other", created_by="u", name="c")
        await insert_campaign(connection, theirs)
        with pytest.raises(ForeignKeyViolation):
            await insert_job(connection, job)
        await insert_job(connection, job.model_copy(update={"owner": "org:other"}))


@pytest.mark.parametrize("owner", ["user_1", "user:", "team:x", "org:a b", "org:" + "x" * 121, "org:x\n"])
async def test_an_owner_is_a_user_or_an_organisation(scene: Any, owner: str) -> None:
    async with scene.database.connection() as connection:
        with pytest.raises(CheckViolation):
            await add_owner(connection, owner=owner)


async def test_a_new_job_is_stored_as_it_was_asked_for(scene: Any) -> None:
    filters = Filters(followers_min=7, posted_within=timedelta(days=30))
    job = scene.new_job(
        input={"keywords": ["é", "💄"]}, delay_between_calls=timedelta(seconds=1.5), filters=filters, tags=("a", "b")
    )
    await scene.store(job, admitted_at=None)
    async with scene.database.connection() as connection:
        assert await owner_of(connection, job_id=job.id) == job.owner
        assert await owner_of(connection, job_id=uuid4()) is None
        with pytest.raises(UniqueViolation):
            await insert_job(connection, job)
    [row] = await scene.query("select * from jobs where id = %s", job.id)
    stored = {name: row[name] for name in type(job).model_fields}
    kept = {"filters": {"followers_min": 7, "posted_within": "P30D"}, "tags": ["a", "b"]}
    assert stored == job.model_dump() | kept
    assert (row["status"], row["admitted_at"], row["started_at"], row["event_seq"]) == ("pending", None, None, 0)


async def test_the_lock_reads_the_facts_and_holds_the_row(scene: Any) -> None:
    seat = await scene.seat(delivered_count=3, pending_count=2, reserve_count=1, pages_count=4, event_seq=9)
    async with scene.database.transaction() as connection:
        job = await lock_job(connection, job_id=seat.job_id)
        assert job is not None
        assert job.facts == JobFacts(
            status=JobStatus.PENDING, target=100, delivered=3, pending=2, reserve=1, pages=4, pages_max=10
        )
        assert (job.owner, job.platform, job.event_seq, job.is_overdue) == (seat.owner, seat.platform, 9, False)
        nowait = await scene.query("select id from jobs where id = %s for no key update skip locked", seat.job_id)
        assert nowait == [], "somebody else does not get the row"
        assert len(await scene.query("select id from jobs where id = %s for key share", seat.job_id)) == 1
    async with scene.database.connection() as connection:
        assert await lock_job(connection, job_id=uuid4()) is None


@pytest.mark.parametrize(
    ("columns", "is_overdue"),
    [
        ({}, False),
        ({"queue_until": "=now()"}, True),
        ({"queue_until": "=now()", "deadline_at": "=now() + interval '1 minute'"}, False),
        ({"deadline_at": "=now()"}, True),
    ],
)
async def test_a_job_is_overdue_by_its_queue_until_it_starts_then_by_its_deadline(
    scene: Any, columns: dict[str, Any], is_overdue: bool
) -> None:
    seat = await scene.seat(**columns)
    async with scene.database.connection() as connection:
        job = await lock_job(connection, job_id=seat.job_id)
    assert job is not None
    assert job.is_overdue is is_overdue


async def test_counters_are_written_and_progress_never_goes_back(scene: Any) -> None:
    seat = await scene.seat()
    facts = JobFacts(status=JobStatus.PROCESSING, target=100, delivered=5, pending=4, reserve=3, pages=1, pages_max=10)
    async with scene.database.connection() as connection:
        await update_counters(connection, job_id=seat.job_id, counters=facts, seq=7, progress=12.5)
        await update_counters(connection, job_id=seat.job_id, counters=facts, seq=8, progress=3.0)
    row = await scene.job_of(seat)
    assert (row["delivered_count"], row["pending_count"], row["reserve_count"]) == (5, 4, 3)
    assert (row["event_seq"], row["progress"]) == (8, 12.5)
    assert row["updated_at"] > row["created_at"]
    assert row["status"] == "pending", "the counters alone move no state"


async def test_progress_is_written_together_with_the_event_that_tells_of_it(scene: Any) -> None:
    seat = await scene.seat()
    facts = JobFacts(status=JobStatus.PROCESSING, target=100, delivered=5, pending=4, reserve=3, pages=2, pages_max=10)
    async with scene.database.connection() as connection:
        await note_progress(connection, job_id=seat.job_id, counters=facts, seq=7, progress=12.345)
    row = await scene.job_of(seat)
    assert (row["delivered_count"], row["pending_count"], row["reserve_count"]) == (5, 4, 3)
    assert (row["event_seq"], round(row["progress"], 3)) == (7, 12.345)
    [event] = await scene.query("select seq, kind, data from job_events where job_id = %s", seat.job_id)
    assert (event["seq"], event["kind"]) == (7, "progressed")
    assert event["data"] == {"delivered": 5, "pending": 4, "pages": 2, "progress": 12.35}


@pytest.mark.parametrize("status", JobStatus)
async def test_a_pending_job_can_start_without_a_paid_call(scene: Any, status: JobStatus) -> None:
    """Its deadline runs from then; any other stays as it is."""
    seat = await scene.seat()
    for step in path_to(status) if status is not JobStatus.PENDING else ():
        await scene.change_job(seat, **final(step))
    before = await scene.job_of(seat)
    async with scene.database.connection() as connection:
        await start_job(connection, job_id=seat.job_id)
    job = await scene.job_of(seat)
    if status is not JobStatus.PENDING:
        assert job == before
        return
    assert job["status"] == "processing"
    assert job["started_at"] == job["updated_at"] > before["updated_at"]
    assert job["deadline_at"] == job["started_at"] + job["timeout"]


async def test_a_job_is_admitted_once(scene: Any) -> None:
    seat = await scene.seat(admitted_at=None)
    async with scene.database.connection() as connection:
        await admit_job(connection, job_id=seat.job_id)
        first = await scene.job_of(seat)
        assert first["admitted_at"] is not None
        await admit_job(connection, job_id=seat.job_id)
    assert await scene.job_of(seat) == first


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_final])
async def test_a_job_ends_with_a_reason_and_stays_ended(scene: Any, status: JobStatus) -> None:
    seat = await scene.seat(status="processing", progress=40)
    async with scene.database.connection() as connection:
        await end_job(connection, ending(seat.job_id, status, error="e", reference="r"))
        row = await scene.job_of(seat)
        assert (row["status"], row["stop_reason"], row["error"], row["reference"]) == (status, "exhausted", "e", "r")
        assert row["progress"] == (100 if status is JobStatus.COMPLETED else 40)
        assert row["ended_at"] is not None
        for other in JobStatus:
            if other is not status:
                with pytest.raises(CheckViolation):
                    await end_job(connection, ending(seat.job_id, other))
    assert await scene.job_of(seat) == row


async def test_the_first_reference_is_kept(scene: Any) -> None:
    seat = await scene.seat()
    async with scene.database.connection() as connection:
        await note_reference(connection, job_id=seat.job_id, reference="first")
        await note_reference(connection, job_id=seat.job_id, reference="second")
        assert (await scene.job_of(seat))["reference"] == "first"
        await end_job(connection, ending(seat.job_id, JobStatus.ERROR))
        assert (await scene.job_of(seat))["reference"] == "first"


async def test_events_have_one_number_each(scene: Any) -> None:
    seat = await scene.seat()
    async with scene.database.connection() as connection:
        await insert_event(connection, job_id=seat.job_id, seq=1, kind="created", data={"a": "💄"})
        await bump_event_seq(connection, job_id=seat.job_id)
        with pytest.raises(UniqueViolation):
            await insert_event(connection, job_id=seat.job_id, seq=1, kind="again", data={})
    rows = await scene.query("select seq, kind, data from job_events where job_id = %s", seat.job_id)
    assert rows == [{"seq": 1, "kind": "created", "data": {"a": "💄"}}]
    assert (await scene.job_of(seat))["event_seq"] == 1


async def test_who_locks_second_reads_what_the_first_wrote(scene: Any) -> None:
    """Ten transactions that each add one creator under the lock: none is lost."""
    seat = await scene.seat()

    async def deliver() -> None:
        async with scene.database.transaction() as connection:
            job = await lock_job(connection, job_id=seat.job_id)
            assert job is not None
            facts = JobFacts(**{**_facts(job), "delivered": job.delivered_count + 1})
            await update_counters(connection, job_id=seat.job_id, counters=facts, seq=job.event_seq + 1, progress=0)

    await asyncio.gather(*(deliver() for _ in range(10)))
    row = await scene.job_of(seat)
    assert (row["delivered_count"], row["event_seq"]) == (10, 10)


def _facts(job: Any) -> dict[str, Any]:
    facts = job.facts
    return {name: getattr(facts, name) for name in facts.__slots__}
