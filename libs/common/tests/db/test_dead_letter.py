"""Dead letters on real Postgres."""

from typing import Any
from uuid import uuid4

from common.db.dead_letter import DeadLetter, insert_dead_letter


async def test_a_letter_is_kept_once_per_step_generation_and_reason(scene: Any) -> None:
    letter = DeadLetter(
        id=scene.clock.new_id(),
        job_id=uuid4(),
        search_id=uuid4(),
        step=2,
        generation=1,
        reason="max_deliveries",
        details={"status": 500, "note": "💄"},
    )
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
    assert (rows[0]["resolved_at"], rows[0]["resolution"]) == (None, None)
