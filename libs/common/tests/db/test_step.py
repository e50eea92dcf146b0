"""The statements of steps on real Postgres: who gets a step, and what becomes of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import CheckViolation, LockNotAvailable

from common.db.step import (
    NewStep,
    PageMark,
    claim_step,
    due_steps,
    give_up,
    insert_steps,
    lock_page,
    lock_step,
    mark_done,
    mark_paged,
    note_published,
    release_held,
    release_step,
    renew_lease,
    seen_before,
    stranded_steps,
    view_step,
)
from common.domain.filter import Filters
from common.domain.job import JobStatus
from common.domain.step import DueStep

LEASE = timedelta(seconds=30)
FINAL: dict[str, Any] = {"stop_reason": "failed", "ended_at": "=now()"}


async def claim(scene: Any, seat: Any, **changes: Any) -> Any:
    async with scene.database.connection() as connection:
        return await claim_step(connection, scene.claim_of(seat, **changes))


def due_of(seat: Any, step: int = 0, generation: int = 0) -> DueStep:
    return DueStep(job_id=seat.job_id, search_id=seat.search_id, step=step, generation=generation)


async def test_a_claim_takes_the_token_the_lease_and_an_attempt_and_tells_what_to_do(scene: Any) -> None:
    seat = await scene.seat()
    claimed = await claim(scene, seat)
    assert claimed is not None
    row = await scene.step_of(seat)
    assert claimed.model_dump() == {
        "id": row["id"],
        "job_id": seat.job_id,
        "search_id": seat.search_id,
        "step": 0,
        "generation": 0,
        "phase": "page",
        "cursor": "c0",
        "attempts": 1,
        "owner": seat.owner,
        "kind": "keyword",
        "query": "q0",
        "region": "DE",
        "filters": Filters().model_dump(),
        "has_open_calls": False,
    }
    assert (row["token"], row["attempts"], row["claims_count"], row["claimed_sequence"]) == (seat.token, 1, 1, 7)
    [left] = await scene.query("select lease_until - now() as s from steps where search_id = %s", seat.search_id)
    assert timedelta(seconds=20) < left["s"] <= LEASE
    assert (await scene.job_of(seat))["status"] == "pending", "a claim alone starts nothing"


@pytest.mark.parametrize(
    ("job", "step", "request_"),
    [
        pytest.param({}, {"generation": 1}, {}, id="an older message"),
        pytest.param({}, {}, {"generation": 1}, id="a newer message than the row"),
        pytest.param({}, {"phase": "held"}, {}, id="held back"),
        pytest.param({}, {"phase": "done"}, {}, id="done"),
        pytest.param({}, {"lease_until": "=now() + interval '1 second'", "token": uuid4()}, {}, id="leased"),
        pytest.param({}, {"attempts": 3}, {}, id="attempts of the page used up"),
        pytest.param({}, {"phase": "enrichment", "items_count": 0, "attempts": 4}, {}, id="attempts of enrichment"),
        pytest.param({"status": "error", **FINAL}, {}, {}, id="job in error"),
        pytest.param({"status": "cancelled", **FINAL}, {}, {}, id="job cancelled"),
        pytest.param({"status": "timeout", **FINAL}, {}, {}, id="job timed out"),
        pytest.param({"admitted_at": None}, {}, {}, id="not admitted"),
        pytest.param({"queue_until": "=now()"}, {}, {}, id="waited too long"),
        pytest.param({"deadline_at": "=now()"}, {}, {}, id="past the deadline"),
        pytest.param({}, {}, {"step": 1}, id="no such step"),
        pytest.param({}, {}, {"search_id": uuid4()}, id="no such search"),
    ],
)
async def test_a_claim_is_refused(
    scene: Any, job: dict[str, Any], step: dict[str, Any], request_: dict[str, Any]
) -> None:
    """Each clause alone falsified: nothing is taken, nothing is written."""
    seat = await scene.seat(**job)
    if step:
        await scene.change_step(seat, **step)
    before = await scene.step_of(seat)
    assert await claim(scene, seat, **request_) is None
    assert await scene.step_of(seat) == before


@pytest.mark.parametrize(
    ("job", "step"),
    [
        ({"status": "processing"}, {}),
        ({"deadline_at": "=now() + interval '1 second'", "queue_until": "=now() - interval '1 day'"}, {}),
        ({}, {"attempts": 2}),
        ({}, {"phase": "enrichment", "items_count": 0, "attempts": 3}),
        ({}, {"lease_until": "=now() - interval '1 millisecond'", "token": uuid4()}),
    ],
)
async def test_a_claim_is_granted_at_the_very_edge(scene: Any, job: dict[str, Any], step: dict[str, Any]) -> None:
    """Running, a deadline that replaces the queue's, the last attempt, one more for enrichment, a lease just over."""
    seat = await scene.seat(**job)
    if step:
        await scene.change_step(seat, **step)
    claimed = await claim(scene, seat)
    assert claimed is not None
    assert (await scene.step_of(seat))["token"] == seat.token


async def test_of_many_who_claim_one_step_one_gets_it(scene: Any) -> None:
    seat = await scene.seat()
    claims = await asyncio.gather(*(claim(scene, seat, token=uuid4()) for _ in range(20)))
    assert sum(claimed is not None for claimed in claims) == 1
    assert (await scene.step_of(seat))["attempts"] == 1


async def test_a_claim_tells_of_calls_that_a_dead_holder_left_open(scene: Any) -> None:
    seat = await scene.held_seat()
    assert await scene.opens(scene.call_of(seat))
    await scene.change_step(seat, lease_until="=now() - interval '1 second'")
    claimed = await claim(scene, seat, token=uuid4())
    assert claimed is not None
    assert claimed.has_open_calls


async def test_a_step_that_was_not_to_be_had_says_why(scene: Any) -> None:
    seat = await scene.held_seat(admitted_at=None, queue_until="=now()")
    await scene.change_step(seat, claimed_sequence=9, generation=2)
    async with scene.database.connection() as connection:
        view = await view_step(connection, **seat.place)
        assert view is not None
        assert view.lease_remaining is not None
        assert timedelta(seconds=50) < view.lease_remaining <= timedelta(minutes=1)
        assert view.model_dump(exclude={"lease_remaining"}) == {
            "generation": 2,
            "phase": "page",
            "attempts": 1,
            "claimed_sequence": 9,
            "job_status": JobStatus.PENDING,
            "is_admitted": False,
            "is_overdue": True,
        }
        assert await view_step(connection, search_id=seat.search_id, step=1) is None


async def test_only_the_token_renews_locks_and_releases(scene: Any) -> None:
    seat = await scene.held_seat()
    stranger = uuid4()
    async with scene.database.connection() as connection:
        before = await scene.step_of(seat)
        assert not await renew_lease(connection, **seat.place, token=stranger, lease=LEASE)
        assert await lock_step(connection, **seat.place, token=stranger) is None
        assert not await release_step(connection, **seat.place, token=stranger, is_attempt_returned=True)
        assert await scene.step_of(seat) == before
        assert await renew_lease(connection, **seat.place, token=seat.token, lease=timedelta(hours=1))
        assert (await scene.step_of(seat))["lease_until"] > before["lease_until"]
        assert await lock_step(connection, **seat.place, token=seat.token) == "page"
        assert await release_step(connection, **seat.place, token=seat.token, is_attempt_returned=False)
        row = await scene.step_of(seat)
        assert (row["token"], row["lease_until"], row["attempts"]) == (None, None, 1)
        assert not await release_step(connection, **seat.place, token=seat.token, is_attempt_returned=True)


async def test_an_attempt_that_was_no_fault_is_given_back(scene: Any) -> None:
    seat = await scene.held_seat()
    async with scene.database.connection() as connection:
        assert await release_step(connection, **seat.place, token=seat.token, is_attempt_returned=True)
    assert (await scene.step_of(seat))["attempts"] == 0


async def test_a_renewal_is_asynchronous_for_itself_alone(scene: Any) -> None:
    """The connection's next commits wait for the disk again."""
    seat = await scene.held_seat()
    async with scene.database.connection() as connection:
        await connection.execute("set synchronous_commit = on")  # servers for tests have it off
        await renew_lease(connection, **seat.place, token=seat.token, lease=LEASE)
        await note_published(connection, step=due_of(seat), qstash_message_id="m")
        assert await (await connection.execute("show synchronous_commit")).fetchone() == ("on",)
        await connection.execute("reset synchronous_commit")


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("done", {"attempts": 0, "is_held": False, "is_done": True}),
        ("enrichment", {"attempts": 1, "is_held": True, "is_done": False}),
    ],
)
async def test_the_page_resets_attempts_and_keeps_the_lease_for_enrichment(
    scene: Any, phase: str, expected: dict[str, Any]
) -> None:
    seat = await scene.held_seat()
    await scene.change_step(seat, attempts=3, sweeps_count=4)
    async with scene.database.connection() as connection:
        await mark_paged(connection, PageMark(**seat.place, phase=phase, items_count=0, item_ids=["a"]))
    row = await scene.step_of(seat)
    assert (row["phase"], row["items_count"], row["item_ids"], row["sweeps_count"]) == (phase, 0, ["a"], 0)
    assert row["paged_at"] is not None
    is_held = row["token"] is not None and row["lease_until"] is not None
    assert {"attempts": row["attempts"], "is_held": is_held, "is_done": row["done_at"] is not None} == expected


async def test_a_done_step_is_nobodys(scene: Any) -> None:
    seat = await scene.held_seat()
    async with scene.database.connection() as connection:
        await mark_done(connection, **seat.place)
    row = await scene.step_of(seat)
    assert (row["phase"], row["token"], row["lease_until"], row["attempts"]) == ("done", None, None, 0)
    assert row["done_at"] is not None


async def test_a_successor_that_is_there_already_stays_as_it_is(scene: Any) -> None:
    seat = await scene.seat()
    before = await scene.step_of(seat)
    again = NewStep(id=uuid4(), **seat.place, cursor="other", phase="held", delay=timedelta(hours=1))
    following = NewStep(id=uuid4(), search_id=seat.search_id, step=1, cursor=None, phase="page", delay=LEASE)
    async with scene.database.connection() as connection:
        await insert_steps(connection, job_id=seat.job_id, steps=[again, following])
    assert await scene.step_of(seat) == before
    [late] = await scene.query(
        "select due_at - now() as delay, cursor from steps where search_id = %s and step = 1", seat.search_id
    )
    assert timedelta(seconds=20) < late["delay"] <= LEASE
    assert late["cursor"] is None


async def test_held_steps_of_active_searches_become_due(scene: Any) -> None:
    job_id = await scene.store(scene.new_job())
    active, ended = await scene.search(job_id, 0), await scene.search(job_id, 1)
    for search_id in (active, ended):
        await scene.add_step(job_id, search_id, 0, "held")
    await scene.change("searches", "id", ended, status="ended", end_reason="exhausted")
    async with scene.database.connection() as connection:
        released = await release_held(connection, job_id=job_id)
        assert released == [DueStep(job_id=job_id, search_id=active, step=0, generation=0)]
        assert await release_held(connection, job_id=job_id) == []
    phases = await scene.query("select search_id, phase from steps where job_id = %s", job_id)
    assert {row["search_id"]: row["phase"] for row in phases} == {active: "page", ended: "held"}


@pytest.mark.parametrize(
    ("job", "step", "is_due"),
    [
        ({}, {}, True),
        ({"status": "processing"}, {}, True),
        ({}, {"phase": "enrichment", "items_count": 0}, True),
        ({}, {"lease_until": "=now() - interval '1 second'"}, True),
        ({}, {"lease_until": "=now() + interval '1 minute'"}, False),
        ({}, {"phase": "held"}, False),
        ({}, {"phase": "done"}, False),
        ({"admitted_at": None}, {}, False),
        ({"status": "cancelled", **FINAL}, {}, False),
    ],
)
async def test_what_is_due_and_unleased_of_a_job(
    scene: Any, job: dict[str, Any], step: dict[str, Any], is_due: bool
) -> None:
    seat = await scene.seat(**job)
    await scene.change_step(seat, **{"generation": 4, **step})
    async with scene.database.connection() as connection:
        assert await due_steps(connection, job_id=seat.job_id) == ([due_of(seat, generation=4)] if is_due else [])


async def test_a_step_that_is_due_later_says_how_much_later(scene: Any) -> None:
    seat = await scene.seat()
    await scene.change_step(seat, due_at="=now() + interval '1 minute'")
    async with scene.database.connection() as connection:
        [step] = await due_steps(connection, job_id=seat.job_id)
    assert timedelta(seconds=50) < step.delay <= timedelta(minutes=1)


@pytest.mark.parametrize(
    ("phase", "claims", "published", "is_found"),
    [
        ("page", 0, None, True),
        ("page", 0, 0, True),
        ("held", 0, None, False),
        ("done", 0, None, False),
        ("page", 1, 0, False),
        ("page", 1, None, True),
        ("enrichment", 1, None, True),
        ("enrichment", 1, 0, False),
        ("done", 1, None, False),
    ],
)
async def test_a_step_is_stranded_if_qstash_may_never_have_been_told_of_it(
    scene: Any, phase: str, claims: int, published: int | None, is_found: bool
) -> None:
    seat = await scene.seat()
    await scene.add_step(seat.job_id, seat.search_id, 1, "held")
    await scene.query(
        """update steps set phase = %s, items_count = case when %s = 'enrichment' then 0 end, claims_count = %s,
               published_generation = %s
           where search_id = %s and step = 1""",
        phase,
        phase,
        claims,
        published,
        seat.search_id,
    )
    async with scene.database.connection() as connection:
        found = await stranded_steps(connection, **seat.place)
        assert [one.step for one in found] == ([1] if is_found else [])
        assert await stranded_steps(connection, search_id=seat.search_id, step=1) == []


async def test_of_a_stranded_step_it_is_told_who_may_still_hold_it(scene: Any) -> None:
    seat = await scene.seat()
    await scene.add_step(seat.job_id, seat.search_id, 1, "page")
    await scene.add_step(seat.job_id, seat.search_id, 2, "page")
    await scene.query(
        """update steps set claims_count = 1, claimed_sequence = 7, token = gen_random_uuid(),
               lease_until = now() + (case step when 1 then 20 else -1 end) * interval '1 second'
           where search_id = %s and step > 0""",
        seat.search_id,
    )
    async with scene.database.connection() as connection:
        held, free = await stranded_steps(connection, **seat.place)
    assert (held.step, held.claimed_sequence, free.step, free.lease_remaining) == (1, 7, 2, None)
    assert held.lease_remaining is not None
    assert 15 < held.lease_remaining.total_seconds() <= 20


async def test_a_publication_is_noted_only_for_the_current_generation(scene: Any) -> None:
    seat = await scene.seat()
    await scene.change_step(seat, generation=1)
    async with scene.database.connection() as connection:
        await note_published(connection, step=due_of(seat), qstash_message_id="old")
        assert (await scene.step_of(seat))["published_generation"] is None
        await note_published(connection, step=due_of(seat, generation=1), qstash_message_id="new")
    row = await scene.step_of(seat)
    assert (row["published_generation"], row["qstash_message_id"]) == (1, "new")
    assert row["published_at"] is not None


async def test_items_are_remembered_for_their_search_and_accounts_for_their_job(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    await scene.change_step(seat, item_ids=["a", "b", "b"])
    await scene.change_step(other, item_ids=["c"])
    place = {"job_id": seat.job_id, "search_id": seat.search_id}
    await scene.query(
        """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
               outcome, handle, details, worth)
           select * from (values (%s::uuid, '1', %s::uuid, 0, 0, %s::uuid, 0, 'pending', 'h', '{}'::jsonb, 0),
                                 (%s, '2', %s, 0, 0, %s, 0, 'pending', 'h', '{}', 0)) v""",
        *(seat.job_id, seat.search_id, seat.search_id, other.job_id, other.search_id, other.search_id),
    )
    async with scene.database.connection() as connection:
        seen = await seen_before(connection, **place, platform_ids=["1", "2", "3"], item_ids=["a", "b", "c", "d"])
        nothing = await seen_before(connection, **place, platform_ids=[], item_ids=[])
    assert (seen.accounts, seen.items) == ({"1"}, {"a", "b"})
    assert (nothing.accounts, nothing.items) == (set(), set())


async def test_a_page_is_held_with_its_search_by_the_current_token_alone(scene: Any) -> None:
    seat = await scene.held_seat()
    await scene.query("update searches set barren_pages = 1 where id = %s", seat.search_id)
    async with scene.database.connection() as connection:
        held = await lock_page(connection, **seat.place, token=seat.token)
        assert held is not None
        assert (held.phase, held.barren_pages) == ("page", 1)
        assert await lock_page(connection, **seat.place, token=uuid4()) is None
    async with scene.database.transaction() as connection:
        await lock_page(connection, **seat.place, token=seat.token)
        with pytest.raises(LockNotAvailable):
            await scene.query("select from searches where id = %s for no key update nowait", seat.search_id)
        with pytest.raises(LockNotAvailable):
            await scene.query("select from steps where search_id = %s for no key update nowait", seat.search_id)


@pytest.mark.parametrize(
    ("step", "is_given_up"),
    [
        ({}, True),
        ({"lease_until": "=now() - interval '1 second'", "token": uuid4()}, True),
        ({"lease_until": "=now() + interval '1 minute'", "token": uuid4()}, False),
        ({"generation": 1}, False),
        ({"phase": "held"}, False),
        ({"phase": "done"}, False),
        ({"phase": "other"}, False),
    ],
)
@pytest.mark.parametrize(("phase", "other"), [("page", "enrichment"), ("enrichment", "page")])
async def test_a_step_is_given_up_only_in_its_phase_while_nobody_holds_it(
    scene: Any, step: dict[str, Any], is_given_up: bool, phase: str, other: str
) -> None:
    seat = await scene.seat()
    found = other if step.get("phase") == "other" else step.get("phase", phase)
    items_count = 0 if found == "enrichment" else None
    await scene.change_step(seat, **{**step, "phase": found, "items_count": items_count})
    before = await scene.step_of(seat)
    async with scene.database.connection() as connection:
        assert await give_up(connection, **seat.place, generation=0, phase=phase) is is_given_up
    row = await scene.step_of(seat)
    if is_given_up:
        assert (row["phase"], row["token"], row["lease_until"]) == ("done", None, None)
    else:
        assert row == before


@pytest.mark.parametrize(
    "columns", [{"attempts": -1}, {"generation": -1}, {"items_count": -1}, {"items_count": 0}, {"phase": "enrichment"}]
)
async def test_the_schema_refuses_a_step_that_cannot_be(scene: Any, columns: dict[str, Any]) -> None:
    """Negative counts, items before the page, an enrichment without items."""
    seat = await scene.seat()
    with pytest.raises(CheckViolation):
        await scene.change_step(seat, **columns)


async def test_a_step_goes_with_its_job(scene: Any) -> None:
    seat = await scene.seat()
    await scene.change_job(seat, status="cancelled", stop_reason="cancelled", ended_at=datetime.now(UTC))
    await scene.query("delete from jobs where id = %s", seat.job_id)
    assert await scene.query("select id from steps where search_id = %s", seat.search_id) == []
