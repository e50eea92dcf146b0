"""Dead letters on real Postgres: kept once, listed with what became of their job, resolved once."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation

from common.db.dead_letter import (
    DeadLetter,
    LockedLetter,
    insert_dead_letter,
    job_of_letter,
    resolve_letter,
    resolve_letters,
)


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
