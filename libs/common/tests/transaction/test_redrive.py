"""What an operator does with a dead letter, on real Postgres: all of it or nothing."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.db.dead_letter import DeadLetter, insert_dead_letter
from common.domain.step import DueStep
from common.transaction.failure import cancel_job
from common.transaction.lock import UnknownJobError
from common.transaction.quota import QuotaExceededError
from common.transaction.redrive import LetterRefusal, LetterRefusedError, discard_letter, redrive_letter
from common.transaction.reopening import Renewal, retry_job

RENEWAL = Renewal(pages_max=10, credits_max=100, queue_timeout=timedelta(days=1))
OPERATOR = "user_op"


async def letters(lab: Any, job_id: UUID) -> list[dict[str, Any]]:
    return await lab.query("select * from dead_letters where job_id = %s order by created_at, id", job_id)


async def redrive(lab: Any, letter: Any) -> list[DueStep]:
    return await redrive_letter(lab.unit, letter["id"], RENEWAL, by=OPERATOR)


async def refused(lab: Any, letter: Any) -> LetterRefusal:
    """The refusal, which writes nothing: the letter stays as it is."""
    before = await lab.dump()
    with pytest.raises(LetterRefusedError) as caught:
        await redrive(lab, letter)
    assert await lab.dump() == before
    return caught.value.refusal


async def step_of(lab: Any, due: DueStep) -> dict[str, Any]:
    rows = await lab.query("select * from steps where search_id = %s and step = %s", due.search_id, due.step)
    return rows[0]


async def search_of(lab: Any, due: DueStep) -> dict[str, Any]:
    return (await lab.query("select * from searches where id = %s", due.search_id))[0]


async def give_up_one(lab: Any, **limits: int) -> tuple[UUID, list[DueStep], dict[str, Any]]:
    """An active job of two searches, of which the first failed at its first page."""
    job_id, due = await lab.create(searches=2, **limits)
    await lab.query("update steps set attempts = 5, redrives_count = 3 where search_id = %s", due[0].search_id)
    await lab.give_up(due[0])
    [letter] = await letters(lab, job_id)
    assert (await lab.job(job_id))["ended_at"] is None
    return job_id, due, letter


async def fail(lab: Any, *, count: int = 2) -> tuple[UUID, list[DueStep], list[dict[str, Any]]]:
    """A job in error: all its searches failed, each left a letter."""
    job_id, due = await lab.create(searches=count)
    for step in due:
        await lab.give_up(step)
    assert (await lab.job(job_id))["status"] == "error"
    return job_id, due, await letters(lab, job_id)


async def test_a_search_of_a_job_that_runs_goes_on_at_the_page_that_failed(lab: Any) -> None:
    job_id, due, letter = await give_up_one(lab)
    before = await lab.job(job_id)
    [step] = await redrive(lab, letter)
    assert (step.search_id, step.step, step.generation) == (due[0].search_id, 0, 1)
    row = await step_of(lab, step)
    assert (row["phase"], row["attempts"], row["redrives_count"], row["done_at"]) == ("page", 0, 0, None)
    search = await search_of(lab, step)
    assert (search["status"], search["end_reason"], search["ended_at"]) == ("active", None, None)
    [letter] = await letters(lab, job_id)
    assert (letter["resolution"], letter["resolved_by"]) == ("redriven", OPERATOR)
    job = await lab.job(job_id)
    assert (job["run"], job["status"]) == (1, "pending"), "the same run goes on"
    assert job["credits_granted"] == before["credits_granted"]
    world = lab.world()
    world.waiting += [step, *due]
    await lab.run(world)
    row = await lab.check_laws(job_id, world)
    assert row["status"] == "completed"
    assert (await search_of(lab, step))["end_reason"] != "failed"


async def test_a_search_that_failed_late_goes_on_there(lab: Any) -> None:
    job_id, due = await lab.create(searches=2)
    world = lab.world()
    for _ in range(3):
        world.waiting = [due[0]]
        await lab.turn(world, due[0])
        [due[0]] = world.waiting[-1:]
    await lab.give_up(due[0])
    [letter] = await letters(lab, job_id)
    assert letter["step"] == due[0].step > 0
    [step] = await redrive(lab, letter)
    assert (step.search_id, step.step, step.generation) == (due[0].search_id, due[0].step, 1)
    assert (await step_of(lab, step))["cursor"] is not None


async def test_a_search_beyond_the_jobs_parallel_ones_goes_on_when_another_ends(lab: Any) -> None:
    job_id, due = await lab.create(searches=2, parallel=1)
    [second] = await lab.give_up(due[0])
    [letter] = await letters(lab, job_id)
    assert await redrive(lab, letter) == []
    assert (await search_of(lab, due[0]))["status"] == "waiting"
    assert (await step_of(lab, due[0]))["phase"] == "held"
    [step] = await lab.give_up(second)
    assert (step.search_id, step.step, step.generation) == (due[0].search_id, 0, 1)


async def test_a_job_in_error_is_retried_as_a_whole(lab: Any) -> None:
    """All its searches go on; the other letters are settled by that."""
    job_id, due, [letter, other] = await fail(lab)
    steps = await redrive(lab, letter)
    assert {(step.search_id, step.step, step.generation) for step in steps} == {(one.search_id, 0, 1) for one in due}
    job = await lab.job(job_id)
    assert (job["status"], job["run"], job["error"]) == ("pending", 2, None)
    rows = {row["id"]: row for row in await letters(lab, job_id)}
    assert (rows[letter["id"]]["resolution"], rows[letter["id"]]["resolved_by"]) == ("redriven", OPERATOR)
    assert (rows[other["id"]]["resolution"], rows[other["id"]]["resolved_by"]) == ("retried", None)
    world = lab.world()
    world.waiting += steps
    await lab.run(world)
    assert (await lab.check_laws(job_id, world))["status"] == "completed"


async def test_a_job_out_of_time_is_retried_as_a_whole(lab: Any) -> None:
    job_id, due, letter = await give_up_one(lab)
    await lab.time_out(job_id)
    steps = await redrive(lab, letter)
    assert {step.search_id for step in steps} == {one.search_id for one in due}
    assert (await lab.job(job_id))["run"] == 2


async def test_a_retry_that_the_quota_does_not_cover_leaves_the_letter_open(lab: Any) -> None:
    _, _, [letter, _] = await fail(lab)
    before = await lab.dump()
    with pytest.raises(QuotaExceededError):
        await redrive(lab.having(credits_per_day=5), letter)
    assert await lab.dump() == before


async def test_a_letter_of_a_completed_job_asks_for_an_extension(lab: Any) -> None:
    job_id, due, letter = await give_up_one(lab, target=1)
    await lab.page(due[1], lab.people(1, cursor="1"))
    assert (await lab.job(job_id))["status"] == "completed"
    assert await refused(lab, letter) is LetterRefusal.COMPLETED


async def test_a_letter_of_a_cancelled_job_is_not_driven_again(lab: Any) -> None:
    job_id, _, letter = await give_up_one(lab)
    await cancel_job(lab.unit, job_id)
    assert await refused(lab, letter) is LetterRefusal.CANCELLED


async def test_an_enrichment_that_was_given_up_is_settled(lab: Any) -> None:
    """Its creators were delivered as known; their page is not bought again."""
    job_id, due = await lab.create(searches=2)
    await lab.page(due[0], lab.people(1, 2, cursor="1", bio=None))
    await lab.query("update steps set token = null, lease_until = null where search_id = %s", due[0].search_id)
    await lab.give_up(due[0])
    assert (await lab.job(job_id))["delivered_count"] == 2
    [letter] = await letters(lab, job_id)
    assert await refused(lab, letter) is LetterRefusal.DELIVERED


async def test_a_letter_is_driven_again_once(lab: Any) -> None:
    _, _, letter = await give_up_one(lab)
    answers = await asyncio.gather(*(redrive(lab, letter) for _ in range(5)), return_exceptions=True)
    refusals = [answer.refusal for answer in answers if isinstance(answer, LetterRefusedError)]
    assert refusals == [LetterRefusal.UNKNOWN] * 4
    assert await refused(lab, letter) is LetterRefusal.UNKNOWN


async def test_a_step_that_is_given_up_again_leaves_a_letter_again(lab: Any) -> None:
    """It is of another generation."""
    job_id, _, letter = await give_up_one(lab)
    [step] = await redrive(lab, letter)
    await lab.give_up(step)
    assert [row["resolution"] for row in await letters(lab, job_id)] == ["redriven", None]


async def test_a_letter_that_a_retry_settled_is_not_open(lab: Any) -> None:
    job_id, _, [letter, _] = await fail(lab)
    await retry_job(lab.unit, job_id, RENEWAL)
    assert await refused(lab, letter) is LetterRefusal.UNKNOWN


async def test_a_letter_that_is_not_there_or_of_no_job_is_unknown(lab: Any) -> None:
    assert await refused(lab, {"id": uuid4()}) is LetterRefusal.UNKNOWN
    letter = DeadLetter(
        id=uuid4(), job_id=uuid4(), search_id=uuid4(), step=0, generation=0, reason="unreadable", details={}
    )
    async with lab.unit.database.connection() as connection:
        await insert_dead_letter(connection, letter)
        await connection.execute("update dead_letters set job_id = null where id = %s", [letter.id])
    assert await refused(lab, {"id": letter.id}) is LetterRefusal.UNKNOWN


async def test_a_letter_whose_job_is_gone_cannot_be_driven_again(lab: Any) -> None:
    job_id, _, letter = await give_up_one(lab)
    await lab.query(
        "update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now() where id = %s", job_id
    )
    await lab.query("delete from jobs where id = %s", job_id)
    with pytest.raises(UnknownJobError):
        await redrive(lab, letter)
    await discard_letter(lab.unit, letter["id"], by=OPERATOR)


async def test_a_letter_is_put_away_once_and_its_job_stays_as_it_is(lab: Any) -> None:
    job_id, _, letter = await give_up_one(lab)
    before = await lab.dump()
    await discard_letter(lab.unit, letter["id"], by=OPERATOR)
    after = await lab.dump()
    assert {name for name in after if after[name] != before[name]} == {"dead_letters"}
    [row] = await letters(lab, job_id)
    assert (row["resolution"], row["resolved_by"]) == ("discarded", OPERATOR)
    assert row["resolved_at"] is not None
    for letter_id in (letter["id"], uuid4()):
        with pytest.raises(LetterRefusedError) as caught:
            await discard_letter(lab.unit, letter_id, by="user_other")
        assert caught.value.refusal is LetterRefusal.UNKNOWN
    assert await lab.dump() == after
    assert await refused(lab, letter) is LetterRefusal.UNKNOWN
