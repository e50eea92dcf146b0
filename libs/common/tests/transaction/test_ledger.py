"""Calls that nobody settles, on real Postgres: they become unknown once their holder is gone, and only then."""

from typing import Any
from uuid import uuid4

from common.db.ledger import StaleCalls
from common.transaction.failure import cancel_job
from common.transaction.ledger import lose_stale_calls


async def open_one(lab: Any, **limits: int) -> tuple[Any, Any, StaleCalls]:
    """A worker with a page call in hand: its request, its claim, and what the sweep finds of it."""
    _, due = await lab.create(**limits)
    token = uuid4()
    claim = await lab.claim(due[0], token)
    request = lab.request(claim, token)
    assert await lab.opens(request)
    return request, claim, StaleCalls(job_id=claim.job_id, search_id=claim.search_id, step=claim.step)


async def let_lease_run_out(lab: Any, claim: Any) -> None:
    await lab.query(
        "update steps set lease_until = now() - interval '1 second' where search_id = %s and step = %s",
        claim.search_id,
        claim.step,
    )


async def calls(lab: Any, claim: Any) -> list[tuple[str, int | None, str | None]]:
    rows = await lab.query("select * from upstream_calls where job_id = %s order by id", claim.job_id)
    return [(row["status"], row["credits_charged"], row["reason"]) for row in rows]


async def test_what_a_living_holder_has_in_hand_stays(lab: Any) -> None:
    """It took the step back between the sweep's look and its lock."""
    request, claim, stale = await open_one(lab)
    before = await lab.dump()
    assert await lose_stale_calls(lab.unit, stale) == 0
    assert await lab.dump() == before
    assert await lab.settles(lab.settlement(request))
    assert await calls(lab, claim) == [("settled", 1, None)]


async def test_what_the_holder_before_left_open_is_lost_beside_a_living_one(lab: Any) -> None:
    request, claim, stale = await open_one(lab)
    await let_lease_run_out(lab, claim)
    token = uuid4()
    second = await lab.claim(claim, token)
    mine = lab.request(second, token)
    assert await lab.opens(mine)
    assert await lose_stale_calls(lab.unit, stale) == 1
    assert await calls(lab, claim) == [("unknown", 1, "lease_lost"), ("open", None, None)]
    assert not await lab.settles(lab.settlement(request)), "its answer comes too late"
    job = await lab.job(claim.job_id)
    assert (job["credits_spent"], job["credits_reserved"]) == (1, 1)


async def test_calls_of_a_final_job_whose_worker_died_are_charged_once(lab: Any) -> None:
    _, claim, stale = await open_one(lab)
    await let_lease_run_out(lab, claim)
    await cancel_job(lab.unit, claim.job_id)
    ended = await lab.job(claim.job_id)
    assert await lose_stale_calls(lab.unit, stale) == 1
    assert await lose_stale_calls(lab.unit, stale) == 0
    assert await calls(lab, claim) == [("unknown", 1, "lease_lost")]
    job = await lab.job(claim.job_id)
    money = {"credits_spent": 1, "credits_reserved": 0, "updated_at": job["updated_at"]}
    assert job == ended | money, "else the job stays as it ended"
