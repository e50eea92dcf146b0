"""The statements behind live events on real Postgres: both tables in one order, one owner, one snapshot."""

from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from common.db.event import EventQuery, EventRow, JobHead, list_events, list_heads
from common.domain.creator import Account, Contact, Creator, Match
from common.domain.job import JobStatus

CREATOR = Creator(
    account=Account(platform_id="u", handle="h"), contact=Contact(), content=None, matched=Match(kind="k", query="q")
)


async def seat_with(scene: Any, events: dict[int, str], creators: list[int]) -> Any:
    """A job with these numbers."""
    seat = await scene.seat(event_seq=max([*events, *creators, 0]))
    for seq, kind in events.items():
        await scene.query(
            "insert into job_events (job_id, seq, kind, data) values (%s, %s, %s, %s)",
            seat.job_id,
            seq,
            kind,
            Jsonb({"n": seq}),
        )
    await scene.add_candidates(seat, "delivered", *creators)
    await scene.add_candidates(seat, "surplus", 100, 101)
    as_stored = CREATOR.model_dump(mode="json")
    await scene.change("candidates", "job_id", seat.job_id, details=as_stored, enrichment="bought")
    return seat


async def ask(scene: Any, seat: Any, after: int = 0, count_max: int = 100, **changes: Any) -> list[EventRow]:
    query = EventQuery(owner=seat.owner, job_id=seat.job_id, after=after, count_max=count_max)
    async with scene.database.connection() as connection:
        return await list_events(connection, query.model_copy(update=changes))


EVENTS = {1: "created", 2: "started", 5: "progressed", 9: "ended"}
CREATORS = [3, 4, 7]


async def test_events_and_creators_come_in_one_order(scene: Any) -> None:
    seat = await seat_with(scene, EVENTS, CREATORS)
    rows = await ask(scene, seat)
    assert [(row.seq, row.kind) for row in rows] == [
        (1, "created"), (2, "started"), (3, None), (4, None), (5, "progressed"), (7, None), (9, "ended")
    ]  # fmt: skip
    assert {(row.event_seq, row.status) for row in rows} == {(9, JobStatus.PENDING)}
    assert [row.data for row in rows] == [{"n": 1}, {"n": 2}, None, None, {"n": 5}, None, {"n": 9}]
    assert [(row.details, row.enrichment) for row in rows if row.kind is None] == [(CREATOR, "bought")] * 3
    assert all(row.at is not None for row in rows)


@pytest.mark.parametrize("count_max", [1, 2, 3, 7, 8])
async def test_stretches_join_without_gap_or_overlap(scene: Any, count_max: int) -> None:
    seat = await seat_with(scene, EVENTS, CREATORS)
    seen: list[int] = []
    while rows := [row.seq for row in await ask(scene, seat, seen[-1] if seen else 0, count_max) if row.seq]:
        assert len(rows) <= count_max
        seen.extend(rows)
    assert seen == [1, 2, 3, 4, 5, 7, 9]


async def test_a_job_without_further_events_is_one_row_without_number(scene: Any) -> None:
    seat = await seat_with(scene, EVENTS, CREATORS)
    await scene.change_job(seat, status="cancelled", stop_reason="cancelled", ended_at="=now()")
    [row] = await ask(scene, seat, after=9)
    assert (row.seq, row.event_seq, row.status) == (None, 9, JobStatus.CANCELLED)


async def test_anothers_job_is_no_job(scene: Any) -> None:
    seat = await seat_with(scene, EVENTS, CREATORS)
    other = await seat_with(scene, {1: "created"}, [])
    assert await ask(scene, seat, owner=other.owner) == []
    assert await ask(scene, seat, job_id=uuid4()) == []


async def test_heads_are_those_of_the_owners_named(scene: Any) -> None:
    one, two = await seat_with(scene, EVENTS, CREATORS), await seat_with(scene, {1: "created"}, [])
    async with scene.database.connection() as connection:
        heads = await list_heads(connection, [(one.job_id, one.owner), (two.job_id, two.owner), (uuid4(), one.owner)])
        assert sorted(heads, key=lambda head: head.event_seq) == [
            JobHead(id=two.job_id, event_seq=1, status=JobStatus.PENDING),
            JobHead(id=one.job_id, event_seq=9, status=JobStatus.PENDING),
        ]
        assert await list_heads(connection, [(one.job_id, two.owner)]) == []
        assert await list_heads(connection, []) == []
