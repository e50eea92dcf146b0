"""The statements of candidates on real Postgres: once per job, in order, moved only while they are open."""

from typing import Any

import pytest
from psycopg.errors import CheckViolation, UniqueViolation

from common.db.candidate import (
    CandidateRow,
    discard_reserve,
    insert_candidates,
    open_candidates,
    pending_of_step,
    promote_reserve,
    settle_candidates,
    still_pending,
)
from common.db.outcome import OutcomeMove
from common.domain.creator import Account, Contact, Content, Creator, Match, Statistics
from common.domain.outcome import Enrichment, Outcome


def row(platform_id: str, outcome: Outcome, ordinal: int = 0, **changes: Any) -> CandidateRow:
    details = Creator(
        account=Account(platform_id=platform_id, handle=f"h{platform_id}"),
        contact=Contact(),
        content=None,
        matched=Match(kind="keyword", query="q"),
    )
    values = {
        "platform_id": platform_id,
        "ordinal": ordinal,
        "outcome": outcome,
        "rule": None,
        "seq": None,
        "enrichment": None,
        "handle": f"h{platform_id}",
        "name": None,
        "followers": None,
        "verified": None,
        "has_email": None,
        "likeness": None,
        "worth": 0.0,
        "details": details,
    }
    return CandidateRow(**values | changes)


async def put(scene: Any, seat: Any, *rows: CandidateRow, step: int = 0, search_id: Any = None) -> None:
    async with scene.database.connection() as connection:
        place = {"search_id": search_id or seat.search_id, "step": step}
        await insert_candidates(connection, job_id=seat.job_id, **place, rows=list(rows))


async def rows_of(scene: Any, seat: Any) -> dict[str, dict[str, Any]]:
    rows = await scene.query("select * from candidates where job_id = %s", seat.job_id)
    return {row["platform_id"]: row for row in rows}


def by_key(moves: list[OutcomeMove]) -> dict[tuple[int, str, str, str], int]:
    return {(move.step, move.from_outcome, move.to_outcome, move.to_rule): move.count for move in moves}


async def test_a_candidate_is_stored_as_known_and_unknown_stays_null(scene: Any) -> None:
    seat = await scene.seat()
    details = Creator(
        account=Account(platform_id="7", handle="ada", bio="", verified=False, followers=0),
        contact=Contact(emails=()),
        content=Content(platform_id="v", statistics=Statistics(likes=0), hashtags=("💄",)),
        matched=Match(kind="hashtag", query="💄"),
    )
    known = row(
        "7",
        Outcome.DELIVERED,
        3,
        seq=5,
        enrichment=Enrichment.NOT_NEEDED,
        name="Ada",
        followers=0,
        verified=False,
        has_email=False,
        likeness=0.5,
        worth=1.5,
        details=details,
    )
    await put(scene, seat, known, row("8", Outcome.PENDING))
    rows = await rows_of(scene, seat)
    assert Creator.model_validate(rows["7"].pop("details")) == details
    names = [name for name in CandidateRow.model_fields if name != "details"]
    assert {name: rows["7"][name] for name in names} == known.model_dump(exclude={"details"})
    assert rows["7"]["delivered_at"] is not None
    unknown = ("name", "followers", "verified", "has_email", "seq", "enrichment", "rule", "delivered_at", "likeness")
    assert [rows["8"][name] for name in unknown] == [None] * len(unknown)
    assert (rows["8"]["assigned_search_id"], rows["8"]["assigned_step"]) == (seat.search_id, 0)


async def test_a_creator_is_there_once_per_job(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    await put(scene, seat, row("1", Outcome.PENDING))
    with pytest.raises(UniqueViolation):
        await put(scene, seat, row("2", Outcome.PENDING), row("1", Outcome.RESERVE))
    await put(scene, other, row("1", Outcome.PENDING))


@pytest.mark.parametrize(
    ("outcome", "seq"),
    [(Outcome.DELIVERED, None), (Outcome.PENDING, 3), (Outcome.SURPLUS, 4), (Outcome.DUPLICATE, None)],
)
async def test_a_number_belongs_to_a_delivered_candidate_and_to_no_other(
    scene: Any, outcome: Outcome, seq: int | None
) -> None:
    """And an outcome that is only counted has no row."""
    seat = await scene.seat()
    with pytest.raises(CheckViolation):
        await put(scene, seat, row("1", outcome, seq=seq))


async def test_two_creators_never_share_a_number(scene: Any) -> None:
    seat = await scene.seat()
    with pytest.raises(UniqueViolation):
        await put(scene, seat, row("1", Outcome.DELIVERED, seq=1), row("2", Outcome.DELIVERED, seq=1))


async def test_hand_made_sql_cannot_deliver_without_a_number(scene: Any) -> None:
    seat = await scene.seat()
    await put(scene, seat, row("1", Outcome.PENDING))
    for assignment in ("outcome = 'delivered'", "outcome = 'delivered', seq = 1", "seq = 1", "followers = -1"):
        with pytest.raises(CheckViolation):
            await scene.query(f"update candidates set {assignment} where job_id = %s", seat.job_id)


async def test_a_step_enriches_what_is_assigned_to_it_in_the_order_of_the_pages(scene: Any) -> None:
    seat = await scene.seat()
    await scene.add_step(seat.job_id, seat.search_id, 1)
    await put(scene, seat, row("d", Outcome.PENDING, 1), row("c", Outcome.PENDING, 0), row("x", Outcome.RESERVE, 2))
    await put(scene, seat, row("b", Outcome.PENDING, 1), row("a", Outcome.DELIVERED, 0, seq=1), step=1)
    async with scene.database.connection() as connection:
        first = await pending_of_step(connection, job_id=seat.job_id, **seat.place)
        second = await pending_of_step(connection, job_id=seat.job_id, search_id=seat.search_id, step=1)
        everything = await open_candidates(connection, job_id=seat.job_id)
    assert [one.platform_id for one in first] == ["c", "d"]
    assert [one.platform_id for one in second] == ["b"]
    assert [one.platform_id for one in everything] == ["c", "d", "b"], "the end of a job delivers in this order too"
    assert first[0].details.account == Account(platform_id="c", handle="hc")
    async with scene.database.connection() as connection:
        assert await still_pending(connection, job_id=seat.job_id, **seat.place) == {"c", "d"}
        await settle_candidates(connection, job_id=seat.job_id, rows=[row("c", Outcome.FILTERED)])
        assert await still_pending(connection, job_id=seat.job_id, **seat.place) == {"d"}


async def test_the_reserve_moves_up_by_page_then_place_and_goes_to_the_step_that_asked(scene: Any) -> None:
    seat = await scene.seat()
    later = await scene.search(seat.job_id, 1)
    await scene.add_step(seat.job_id, seat.search_id, 1)
    await scene.add_step(seat.job_id, later, 0)
    first, second = sorted([seat.search_id, later])
    await put(scene, seat, row("e", Outcome.RESERVE, 0), step=1)
    await put(scene, seat, row("d", Outcome.RESERVE, 0), search_id=second)
    await put(scene, seat, row("b", Outcome.RESERVE, 5), row("a", Outcome.RESERVE, 2), search_id=first)
    await put(scene, seat, row("p", Outcome.PENDING, 9), search_id=first)
    taker = {"search_id": seat.search_id, "step": 1}
    async with scene.database.connection() as connection:
        moves = await promote_reserve(connection, job_id=seat.job_id, **taker, count_max=3)
        pending = await pending_of_step(connection, job_id=seat.job_id, **taker)
        assert [one.platform_id for one in pending] == ["a", "b", "d"]
        assert [(one.search_id, one.step) for one in pending] == [(first, 0), (first, 0), (second, 0)]
        assert {(move.search_id, move.step): move.count for move in moves} == {(first, 0): 2, (second, 0): 1}
        assert {(move.from_outcome, move.to_outcome) for move in moves} == {(Outcome.RESERVE, Outcome.PENDING)}
        last = await promote_reserve(connection, job_id=seat.job_id, **taker, count_max=3)
        assert by_key(last) == {(1, "reserve", "pending", ""): 1}
        assert await promote_reserve(connection, job_id=seat.job_id, **taker, count_max=3) == []


async def test_open_candidates_are_settled_and_the_moves_are_told(scene: Any) -> None:
    seat = await scene.seat()
    outcomes = [Outcome.PENDING, Outcome.PENDING, Outcome.PENDING, Outcome.RESERVE]
    await put(scene, seat, *(row(str(number), outcome, number) for number, outcome in enumerate(outcomes)))
    async with scene.database.connection() as connection:
        moves = await settle_candidates(
            connection,
            job_id=seat.job_id,
            rows=[
                row("0", Outcome.DELIVERED, seq=1, enrichment=Enrichment.BOUGHT, followers=9, name="A", handle="new"),
                row("1", Outcome.FILTERED, rule="followers", enrichment=Enrichment.CACHED),
                row("2", Outcome.DELIVERED, seq=2, enrichment=Enrichment.FAILED),
                row("3", Outcome.SURPLUS),
            ],
        )
    assert by_key(moves) == {
        (0, "pending", "delivered", ""): 2,
        (0, "pending", "filtered", "followers"): 1,
        (0, "reserve", "surplus", ""): 1,
    }
    rows = await rows_of(scene, seat)
    assert [(rows[one]["outcome"], rows[one]["seq"]) for one in "0123"] == [
        ("delivered", 1),
        ("filtered", None),
        ("delivered", 2),
        ("surplus", None),
    ]
    first = rows["0"]
    assert (first["followers"], first["name"], first["handle"], first["enrichment"]) == (9, "A", "new", "bought")
    assert first["delivered_at"] is not None
    assert [rows[str(number)]["ordinal"] for number in range(4)] == [0, 1, 2, 3], "the place on the page stays"


@pytest.mark.parametrize(
    ("outcome", "seq"), [(Outcome.DELIVERED, 7), (Outcome.SURPLUS, None), (Outcome.FILTERED, None)]
)
async def test_what_is_settled_stays_settled(scene: Any, outcome: Outcome, seq: int | None) -> None:
    """A commit that comes after the job's end neither changes the row nor moves a count; nor does an unknown one."""
    seat = await scene.seat()
    await put(scene, seat, row("1", outcome, seq=seq))
    before = await rows_of(scene, seat)
    async with scene.database.connection() as connection:
        rows = [row("1", Outcome.DELIVERED, seq=8), row("2", Outcome.DELIVERED, seq=9)]
        assert await settle_candidates(connection, job_id=seat.job_id, rows=rows) == []
        assert await discard_reserve(connection, job_id=seat.job_id) == []
    assert await rows_of(scene, seat) == before


async def test_whoever_is_settled_is_kept_as_known_by_then(scene: Any) -> None:
    """What the profile told replaces what the page told; what the candidate was worth stays."""
    seat = await scene.seat()
    await put(scene, seat, row("1", Outcome.PENDING, verified=False, has_email=False, likeness=0.25, worth=1.5))
    details = row("1", Outcome.PENDING).details.model_copy(
        update={"account": Account(platform_id="1", handle="ada", bio="bread")}
    )
    told = {"verified": True, "has_email": True, "likeness": 0.75, "details": details}
    async with scene.database.connection() as connection:
        known = row("1", Outcome.DELIVERED, seq=1, enrichment=Enrichment.BOUGHT, **told)
        await settle_candidates(connection, job_id=seat.job_id, rows=[known])
    stored = (await rows_of(scene, seat))["1"]
    assert (stored["verified"], stored["has_email"], stored["likeness"], stored["worth"]) == (True, True, 0.75, 1.5)
    assert Creator.model_validate(stored["details"]) == details


async def test_settling_twice_moves_once(scene: Any) -> None:
    seat = await scene.seat()
    await put(scene, seat, row("1", Outcome.PENDING))
    async with scene.database.connection() as connection:
        rows = [row("1", Outcome.DELIVERED, seq=1)]
        assert by_key(await settle_candidates(connection, job_id=seat.job_id, rows=rows)) == {
            (0, "pending", "delivered", ""): 1
        }
        assert await settle_candidates(connection, job_id=seat.job_id, rows=rows) == []


async def test_the_reserve_that_nobody_needed_is_surplus(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    await scene.add_step(seat.job_id, seat.search_id, 1)
    await put(scene, seat, row("a", Outcome.RESERVE), row("b", Outcome.RESERVE), row("c", Outcome.PENDING))
    await put(scene, seat, row("d", Outcome.RESERVE), step=1)
    await put(scene, other, row("a", Outcome.RESERVE))
    async with scene.database.connection() as connection:
        moves = await discard_reserve(connection, job_id=seat.job_id)
    assert by_key(moves) == {(0, "reserve", "surplus", ""): 2, (1, "reserve", "surplus", ""): 1}
    assert {one: found["outcome"] for one, found in (await rows_of(scene, seat)).items()} == {
        "a": "surplus",
        "b": "surplus",
        "c": "pending",
        "d": "surplus",
    }
    assert (await rows_of(scene, other))["a"]["outcome"] == "reserve"
