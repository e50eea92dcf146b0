"""Dead letters on real Postgres: kept once, listed with what became of their job, resolved once."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation

from common.db.dead_letter import (
    DeadLetter,
    LetterView,
    LockedLetter,
    insert_dead_letter,
    job_of_letter,
    list_letters,
    resolve_letter,
    resolve_letters,
)

MANY = 1000


def letter_of(scene: Any, **changes: Any) -> DeadLetter:
    values = {
        "id": scene.clock.new_id(),
        "job_id": uuid4(),
        "search_id": uuid4(),
        "step": 2,
        "generation": 1,
        "reason": "max_deliveries",
        "details": {"status": 500, "note": "💄"},
    }
    return DeadLetter(**values | changes)


async def keep(scene: Any, **changes: Any) -> DeadLetter:
    letter = letter_of(scene, **changes)
    async with scene.database.connection() as connection:
        assert await insert_dead_letter(connection, letter)
    return letter


async def listed(
    scene: Any, *, is_open: bool = True, before: datetime | None = None, count_max: int = MANY
) -> list[LetterView]:
    async with scene.database.connection() as connection:
        return await list_letters(connection, is_open=is_open, before=before, count_max=count_max)


async def resolve(scene: Any, letter_id: UUID, resolution: str = "discarded", by: str = "user_op") -> bool:
    async with scene.database.connection() as connection:
        return await resolve_letter(connection, letter_id=letter_id, resolution=resolution, by=by)


async def row_of(scene: Any, letter: DeadLetter) -> dict[str, Any]:
    return (await scene.query("select * from dead_letters where id = %s", letter.id))[0]


async def test_a_letter_is_kept_once_per_step_generation_and_reason(scene: Any) -> None:
    letter = letter_of(scene)
    others: list[dict[str, Any]] = [{"search_id": uuid4()}, {"step": 3}, {"generation": 2}, {"reason": "terminated"}]
    async with scene.database.connection() as connection:
        assert await insert_dead_letter(connection, letter)
        assert not await insert_dead_letter(connection, letter.model_copy(update={"id": scene.clock.new_id()}))
        for change in others:
            other = letter.model_copy(update={"id": scene.clock.new_id(), **change})
            assert await insert_dead_letter(connection, other)
    rows = await scene.query("select * from dead_letters where job_id = %s order by id", letter.job_id)
    assert len(rows) == 5
    assert {name: rows[0][name] for name in DeadLetter.model_fields} == letter.model_dump()
    assert (rows[0]["resolved_at"], rows[0]["resolution"], rows[0]["resolved_by"]) == (None, None, None)


async def test_a_letter_is_listed_with_its_job_as_it_is_now(scene: Any) -> None:
    seat = await scene.seat(status="error", stop_reason="failed", ended_at="=now()")
    letter = await keep(scene, job_id=seat.job_id, search_id=seat.search_id, step=0)
    [view] = [one for one in await listed(scene) if one.id == letter.id]
    row = await row_of(scene, letter)
    assert view.model_dump() == {
        "id": letter.id,
        "reason": "max_deliveries",
        "details": {"status": 500, "note": "💄"},
        "created_at": row["created_at"],
        "resolved_at": None,
        "resolution": None,
        "resolved_by": None,
        "job_id": seat.job_id,
        "search_id": seat.search_id,
        "step": 0,
        "owner": seat.owner,
        "platform": seat.platform,
        "job_status": "error",
    }


async def test_a_letter_outlives_its_job(scene: Any) -> None:
    """What is unknown of it then is null."""
    letter = await keep(scene)
    [view] = [one for one in await listed(scene) if one.id == letter.id]
    assert (view.job_id, view.owner, view.platform, view.job_status) == (letter.job_id, None, None, None)


async def test_the_newest_letters_come_first_and_the_next_page_begins_where_one_ended(scene: Any) -> None:
    letters = [await keep(scene) for _ in range(4)]
    for letter, hours in zip(letters, (1, 4, 2, 3), strict=True):
        instant = f"=now() + interval '{100 - hours} hours'"
        await scene.change("dead_letters", "id", letter.id, created_at=instant)
    first = await listed(scene, count_max=2)
    assert [view.id for view in first] == [letters[0].id, letters[2].id]
    second = await listed(scene, count_max=2, before=first[-1].created_at)
    assert [view.id for view in second] == [letters[3].id, letters[1].id]


async def test_of_letters_of_the_same_instant_the_greater_id_comes_first(scene: Any) -> None:
    letters = [await keep(scene) for _ in range(4)]
    for letter in letters:
        await scene.change(
            "dead_letters", "id", letter.id, created_at="=date_trunc('year', now()) + interval '5 years'"
        )
    found = [view.id for view in await listed(scene, count_max=4)]
    assert found == sorted((letter.id for letter in letters), reverse=True)


async def test_open_letters_and_resolved_ones_are_two_lists(scene: Any) -> None:
    opened, closed = await keep(scene), await keep(scene)
    assert await resolve(scene, closed.id)
    mine = {opened.id, closed.id}
    assert [view.id for view in await listed(scene) if view.id in mine] == [opened.id]
    [view] = [view for view in await listed(scene, is_open=False) if view.id in mine]
    assert (view.id, view.resolution, view.resolved_by) == (closed.id, "discarded", "user_op")
    assert view.resolved_at is not None


async def test_a_letter_is_resolved_once_and_keeps_who_did_it(scene: Any) -> None:
    letter, other = await keep(scene), await keep(scene)
    assert await resolve(scene, letter.id, "redriven", "user_a")
    row = await row_of(scene, letter)
    assert (row["resolution"], row["resolved_by"]) == ("redriven", "user_a")
    assert timedelta(0) <= scene.clock.now() - row["resolved_at"] < timedelta(minutes=1)
    assert not await resolve(scene, letter.id, "discarded", "user_b")
    assert await row_of(scene, letter) == row
    assert not await resolve(scene, uuid4())
    assert (await row_of(scene, other))["resolved_at"] is None


async def test_a_jobs_open_letters_are_resolved_with_it(scene: Any) -> None:
    """What an operator did before keeps its own resolution; other jobs' letters stay open."""
    job_id = uuid4()
    letters = [await keep(scene, job_id=job_id) for _ in range(2)]
    discarded, others = await keep(scene, job_id=job_id), await keep(scene)
    assert await resolve(scene, discarded.id)
    async with scene.database.connection() as connection:
        await resolve_letters(connection, job_id=job_id, resolution="retried")
        rows = [await row_of(scene, letter) for letter in letters]
        await resolve_letters(connection, job_id=job_id, resolution="discarded")
    assert {(row["resolution"], row["resolved_by"]) for row in rows} == {("retried", None)}
    assert all(row["resolved_at"] is not None for row in rows)
    assert [await row_of(scene, letter) for letter in letters] == rows
    assert (await row_of(scene, discarded))["resolution"] == "discarded"
    assert (await row_of(scene, others))["resolution"] is None


async def test_a_letter_tells_of_which_step_it_is_and_whether_it_is_open(scene: Any) -> None:
    letter = await keep(scene)
    async with scene.database.connection() as connection:
        found = await job_of_letter(connection, letter_id=letter.id)
        assert found == LockedLetter(job_id=letter.job_id, search_id=letter.search_id, step=2, is_open=True)
        assert await resolve(scene, letter.id)
        found = await job_of_letter(connection, letter_id=letter.id)
        assert found is not None
        assert not found.is_open
        assert await job_of_letter(connection, letter_id=uuid4()) is None


@pytest.mark.parametrize(
    "columns",
    [
        {"resolved_at": "=now()"},
        {"resolution": "discarded"},
        {"resolved_at": "=now()", "resolution": "forgotten"},
    ],
)
async def test_the_schema_refuses_a_resolution_that_cannot_be(scene: Any, columns: dict[str, Any]) -> None:
    letter = await keep(scene)
    with pytest.raises(CheckViolation):
        await scene.change("dead_letters", "id", letter.id, **columns)
