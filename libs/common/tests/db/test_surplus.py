"""What another run makes of the candidates that were too much, on real Postgres."""

from typing import Any

from common.db.outcome import OutcomeMove, move_outcomes
from common.db.reopening import promote_in_place, return_surplus


async def test_what_was_too_much_is_in_reserve_again(scene: Any) -> None:
    """The moves say of which step, so that the funnel follows; nothing else is touched."""
    seat, other = await scene.paged_seat({"surplus": 2, "delivered": 1, "filtered": 1}), await scene.seat()
    await scene.add_step(seat.job_id, seat.search_id, 1)
    surplus = await scene.add_candidates(seat, "surplus", 0, 1)
    surplus += await scene.add_candidates(seat, "surplus", 5, step=1)
    delivered, filtered = [(await scene.add_candidates(seat, outcome, 3))[0] for outcome in ("delivered", "filtered")]
    [others] = await scene.add_candidates(other, "surplus", 0)
    async with scene.database.connection() as connection:
        moves = await return_surplus(connection, job_id=seat.job_id)
        assert await return_surplus(connection, job_id=seat.job_id) == []
    found = dict.fromkeys(surplus, "reserve") | {delivered: "delivered", filtered: "filtered"}
    assert await scene.outcomes_by_id(seat) == found
    assert await scene.outcomes_by_id(other) == {others: "surplus"}
    assert {(move.search_id, move.step, move.count) for move in moves} == {
        (seat.search_id, 0, 2),
        (seat.search_id, 1, 1),
    }
    assert {(move.from_outcome, move.to_outcome, move.to_rule) for move in moves} == {("surplus", "reserve", "")}
    async with scene.database.transaction() as connection:
        first = [move for move in moves if move.step == 0]
        await move_outcomes(connection, job_id=seat.job_id, moves=first)
    assert await scene.outcomes_of(seat) == {"reserve": 2, "delivered": 1, "filtered": 1}


async def test_the_first_of_the_reserve_are_enriched_by_the_step_that_found_them(scene: Any) -> None:
    """Whichever step had them before; in the order of their pages, and so many as there are places."""
    seat = await scene.seat()
    second = await scene.search(seat.job_id, 1)
    await scene.add_step(seat.job_id, second)
    await scene.add_step(seat.job_id, seat.search_id, 1)
    [late] = await scene.add_candidates(seat, "reserve", 0, step=1, assigned_search_id=second, assigned_step=7)
    third, first = await scene.add_candidates(seat, "reserve", 9, 2)
    [between] = await scene.add_candidates(seat, "reserve", 1, search_id=second, assigned_search_id=second)
    [surplus] = await scene.add_candidates(seat, "surplus", 0)
    assert seat.search_id < second
    async with scene.database.connection() as connection:
        assert await promote_in_place(connection, job_id=seat.job_id, count_max=0) == []
        moves = await promote_in_place(connection, job_id=seat.job_id, count_max=2)
        assert {one for one, outcome in (await scene.outcomes_by_id(seat)).items() if outcome == "pending"} == {
            first,
            third,
        }
        moves += await promote_in_place(connection, job_id=seat.job_id, count_max=9)
    rows = await scene.query("select * from candidates where job_id = %s and outcome = 'pending'", seat.job_id)
    assert {row["platform_id"] for row in rows} == {first, third, between, late}
    for row in rows:
        assert (row["assigned_search_id"], row["assigned_step"]) == (row["search_id"], row["step"])
    assert (await scene.outcomes_by_id(seat))[surplus] == "surplus"
    assert sorted((str(move.search_id), move.step, move.count) for move in moves) == sorted(
        [(str(seat.search_id), 0, 2), (str(second), 0, 1), (str(seat.search_id), 1, 1)]
    )
    assert moves[0] == OutcomeMove(
        search_id=seat.search_id, step=0, from_outcome="reserve", to_outcome="pending", to_rule="", count=2
    )
