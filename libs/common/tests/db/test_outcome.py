"""The funnel on real Postgres: moves keep its sum, and what does not add up is not committed."""

from dataclasses import replace
from typing import Any

import pytest
from psycopg.errors import CheckViolation, UniqueViolation

from common.db.outcome import OutcomeCount, OutcomeMove, insert_outcomes, move_outcomes
from common.db.step import PageMark, mark_paged
from common.domain.outcome import CANDIDATE_OUTCOMES, Outcome


def move(seat: Any, before: Outcome, after: Outcome, count: int, rule: str = "") -> OutcomeMove:
    return OutcomeMove(**seat.place, from_outcome=before, to_outcome=after, to_rule=rule, count=count)


async def page(scene: Any, seat: Any, items: int, counts: dict[tuple[Outcome, str], int]) -> None:
    async with scene.database.transaction() as connection:
        rows = [OutcomeCount(outcome=outcome, rule=rule, count=count) for (outcome, rule), count in counts.items()]
        await insert_outcomes(connection, job_id=seat.job_id, **seat.place, counts=rows)
        await mark_paged(connection, PageMark(**seat.place, phase="done", items_count=items, item_ids=[]))


async def test_a_page_is_counted(scene: Any) -> None:
    seat = await scene.held_seat()
    await page(
        scene,
        seat,
        9,
        {(Outcome.DELIVERED, ""): 2, (Outcome.FILTERED, "followers"): 3, (Outcome.FILTERED, "language"): 4},
    )
    assert await scene.outcomes_of(seat) == {"delivered": 2, "filtered:followers": 3, "filtered:language": 4}


async def test_an_empty_page_has_no_outcomes(scene: Any) -> None:
    seat = await scene.held_seat()
    await page(scene, seat, 0, {})
    assert (await scene.step_of(seat))["phase"] == "done"


@pytest.mark.parametrize("items", [0, 4, 6])
async def test_a_page_that_does_not_add_up_does_not_commit(scene: Any, items: int) -> None:
    seat = await scene.held_seat()
    with pytest.raises(CheckViolation, match="do not add up"):
        await page(scene, seat, items, {(Outcome.DELIVERED, ""): 2, (Outcome.DUPLICATE, ""): 3})
    assert await scene.outcomes_of(seat) == {}
    assert (await scene.step_of(seat))["phase"] == "page"


async def test_items_without_outcomes_do_not_commit(scene: Any) -> None:
    seat = await scene.held_seat()
    with pytest.raises(CheckViolation, match="do not add up"):
        await page(scene, seat, 1, {})


@pytest.mark.parametrize(
    "statement",
    [
        "update step_outcomes set count = count + 1 where search_id = %s and outcome = 'pending'",
        "update steps set items_count = items_count + 1 where search_id = %s",
        """insert into step_outcomes (search_id, step, job_id, outcome, count)
           select search_id, step, job_id, 'private', 1 from steps where search_id = %s""",
    ],
)
async def test_hand_made_sql_cannot_break_the_sum(scene: Any, statement: str) -> None:
    seat = await scene.paged_seat({"pending": 3, "delivered": 1})
    with pytest.raises(CheckViolation, match="do not add up"):
        await scene.query(statement, seat.search_id)
    assert await scene.outcomes_of(seat) == {"pending": 3, "delivered": 1}


async def test_moves_merge_into_what_is_there(scene: Any) -> None:
    """Counts that are new to the step begin, others grow, several moves between the same two add up."""
    seat = await scene.paged_seat({"pending": 6, "reserve": 2, "delivered": 1})
    async with scene.database.connection() as connection:
        await move_outcomes(
            connection,
            job_id=seat.job_id,
            moves=[
                move(seat, Outcome.PENDING, Outcome.DELIVERED, 2),
                move(seat, Outcome.PENDING, Outcome.DELIVERED, 1),
                move(seat, Outcome.PENDING, Outcome.FILTERED, 1, "followers"),
                move(seat, Outcome.PENDING, Outcome.PRIVATE, 1),
                move(seat, Outcome.RESERVE, Outcome.PENDING, 2),
            ],
        )
    assert await scene.outcomes_of(seat) == {"pending": 3, "delivered": 4, "filtered:followers": 1, "private": 1}


async def test_moves_reach_every_step_of_the_job(scene: Any) -> None:
    seat = await scene.paged_seat({"pending": 1})
    other = replace(seat, search_id=await scene.search(seat.job_id, ordinal=1))
    await scene.add_step(other.job_id, other.search_id)
    await scene.page(other, {"reserve": 2})
    async with scene.database.connection() as connection:
        moves = [
            move(seat, Outcome.PENDING, Outcome.DELIVERED, 1),
            move(other, Outcome.RESERVE, Outcome.SURPLUS, 2),
        ]
        await move_outcomes(connection, job_id=seat.job_id, moves=moves)
        await move_outcomes(connection, job_id=seat.job_id, moves=[])
    assert await scene.outcomes_of(seat) == {"delivered": 1}
    assert await scene.outcomes_of(other) == {"surplus": 2}


@pytest.mark.parametrize("before", [Outcome.PENDING, Outcome.RESERVE])
async def test_more_than_there_is_cannot_move(scene: Any, before: Outcome) -> None:
    """Neither below zero nor out of a count that is not there; nothing of the move is kept."""
    seat = await scene.paged_seat({"pending": 1})
    async with scene.database.connection() as connection:
        with pytest.raises(CheckViolation):
            await move_outcomes(connection, job_id=seat.job_id, moves=[move(seat, before, Outcome.DELIVERED, 2)])
    assert await scene.outcomes_of(seat) == {"pending": 1}


async def test_an_outcome_is_inserted_once(scene: Any) -> None:
    seat = await scene.paged_seat({"pending": 1})
    async with scene.database.connection() as connection:
        counts = [OutcomeCount(outcome=Outcome.PENDING, rule="", count=1)]
        with pytest.raises(UniqueViolation):
            await insert_outcomes(connection, job_id=seat.job_id, **seat.place, counts=counts)


async def test_the_words_of_the_database_are_those_of_the_code(scene: Any) -> None:
    for table, words in (("step_outcomes", set(Outcome)), ("candidates", CANDIDATE_OUTCOMES)):
        rows = await scene.query(
            f"""select pg_get_constraintdef(oid) as text from pg_constraint
                where conrelid = '{table}'::regclass and contype = 'c'"""
        )
        [text] = [row["text"] for row in rows if row["text"].startswith("CHECK ((outcome = ANY")]
        assert {part.split("'")[1] for part in text.split(",")} == words
