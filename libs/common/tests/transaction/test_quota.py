"""An owner's quota on real Postgres: reserved with a job, raised as it goes, never exceeded, given back at the end."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from common.db.pool import Connection
from common.transaction.failure import cancel_job
from common.transaction.lock import UnknownJobError
from common.transaction.quota import QuotaExceededError, raise_grant, release_leftover, reserve

TASKS = 60


async def test_a_job_reserves_what_it_is_likely_to_cost(lab: Any) -> None:
    """A creator each, a tenth of them in pages, ten to spare; never more than its own limit."""
    owner = lab.new_owner()
    job_id, _ = await lab.create(owner, target=20, credits_max=100)
    job = await lab.job(job_id)
    assert (job["credits_granted"], await lab.granted_to(owner)) == (32, 32)
    assert job["quota_day"] == job["created_at"].date()
    small, _ = await lab.create(owner, target=20, credits_max=5)
    assert ((await lab.job(small))["credits_granted"], await lab.granted_to(owner)) == (5, 37)


@pytest.mark.parametrize(("credits_per_day", "fits"), [(64, True), (63, False), (0, False)])
async def test_a_job_beyond_the_days_quota_is_refused_and_nothing_of_it_is_stored(
    lab: Any, credits_per_day: int, fits: bool
) -> None:
    owner, lab = lab.new_owner(), lab.having(credits_per_day=credits_per_day)
    if credits_per_day:
        await lab.create(owner, target=20)
    before = await lab.dump()
    if fits:
        await lab.create(owner, target=20)
        assert await lab.granted_to(owner) == 64
        return
    with pytest.raises(QuotaExceededError):
        await lab.create(owner, target=20)
    assert await lab.dump() == before, "also no owner who was not there"


async def test_of_jobs_created_at_once_only_as_many_as_the_quota_covers_are_stored(lab: Any) -> None:
    owner, lab = lab.new_owner(), lab.having(credits_per_day=100)
    answers = await asyncio.gather(*(lab.create(owner, target=20) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(answer, QuotaExceededError) for answer in answers) == 5
    assert await lab.granted_to(owner) == 96
    [row] = await lab.query("select count(*)::int as count from jobs where owner = %s", owner)
    assert row["count"] == 3


async def test_a_grant_is_raised_when_it_is_used_up(lab: Any) -> None:
    """By a quarter, at least twenty; what is left of it is used first."""
    owner = lab.new_owner()
    job_id, due = await lab.create(owner, target=1, credits_max=100)
    claim, token = await lab.hold(due[0])
    assert (await lab.job(job_id))["credits_granted"] == 11
    assert await raise_grant(lab.unit, job_id, 1)
    assert (await lab.job(job_id))["credits_granted"] == 11, "there is something left"
    assert await raise_grant(lab.unit, job_id, 12)
    assert (await lab.job(job_id))["credits_granted"] == 31, "but not enough for what costs more"
    assert [await lab.spend(claim, token, tries_max=TASKS) for _ in range(32)] == [True] * 32
    assert ((await lab.job(job_id))["credits_granted"], await lab.granted_to(owner)) == (51, 51)


@pytest.mark.parametrize("is_quota", [True, False])
async def test_a_grant_is_raised_up_to_the_jobs_limit_or_the_quota_to_the_last_credit(lab: Any, is_quota: bool) -> None:
    owner = lab.new_owner()
    lab = lab.having(credits_per_day=35 if is_quota else None)
    job_id, due = await lab.create(owner, target=1, credits_max=100 if is_quota else 35)
    claim, token = await lab.hold(due[0])
    assert [await lab.spend(claim, token, tries_max=TASKS) for _ in range(36)] == [True] * 35 + [False]
    job = await lab.job(job_id)
    assert (job["credits_reserved"], job["credits_granted"], await lab.granted_to(owner)) == (35, 35, 35)
    before = await lab.dump()
    assert not await raise_grant(lab.unit, job_id, 1)
    assert await lab.dump() == before


async def test_a_grant_that_would_not_cover_the_price_is_not_raised(lab: Any) -> None:
    job_id, _ = await lab.create(lab.new_owner(), target=1, credits_max=15)
    before = await lab.dump()
    assert not await raise_grant(lab.unit, job_id, 16)
    assert await lab.dump() == before


async def test_calls_of_many_steps_at_once_never_pass_the_jobs_limit(lab: Any) -> None:
    owner = lab.new_owner()
    job_id, due = await lab.create(owner, searches=3, target=1, credits_max=40)
    held = [await lab.hold(step) for step in due]
    answers = await asyncio.gather(*(lab.spend(*held[number % 3], tries_max=TASKS) for number in range(TASKS)))
    assert sum(answers) == 40
    job = await lab.job(job_id)
    assert (job["credits_reserved"], job["credits_granted"], await lab.granted_to(owner)) == (40, 40, 40)


async def test_two_jobs_at_once_never_pass_their_owners_quota(lab: Any) -> None:
    """And use it to the last credit; another owner's job has its own."""
    owner, other = lab.new_owner(), lab.new_owner()
    lab = lab.having(credits_per_day=50)
    created = [await lab.create(one, target=1, credits_max=100) for one in (owner, owner, other)]
    held = [await lab.hold(due[0]) for _, due in created]
    answers = await asyncio.gather(*(lab.spend(*held[number % 3], tries_max=TASKS) for number in range(3 * 40)))
    spent = [(await lab.job(job_id))["credits_reserved"] for job_id, _ in created]
    assert spent[0] + spent[1] == await lab.granted_to(owner) == 50
    assert min(spent[:2]) >= 11, "none takes what the other reserved"
    assert spent[2] == 40
    assert sum(answers) == 90


async def test_of_many_who_ask_at_once_one_raises(lab: Any) -> None:
    """The others find that there is some again."""
    job_id, due = await lab.create(target=1, credits_max=100)
    claim, token = await lab.hold(due[0])
    assert all([await lab.spend(claim, token, tries_max=TASKS) for _ in range(11)])
    assert all(await asyncio.gather(*(raise_grant(lab.unit, job_id, 1) for _ in range(10))))
    assert (await lab.job(job_id))["credits_granted"] == 31


async def test_a_quota_that_was_lowered_stops_a_job_at_its_grant(lab: Any) -> None:
    owner = lab.new_owner()
    job_id, due = await lab.create(owner, target=1, credits_max=100)
    claim, token = await lab.hold(due[0])
    lab = lab.having(credits_per_day=5)
    assert [await lab.spend(claim, token, tries_max=TASKS) for _ in range(12)] == [True] * 11 + [False]
    assert ((await lab.job(job_id))["credits_granted"], await lab.granted_to(owner)) == (11, 11)


async def test_a_final_job_gets_no_more(lab: Any) -> None:
    job_id, due = await lab.create(target=1)
    claim, token = await lab.hold(due[0])
    assert all([await lab.spend(claim, token, tries_max=TASKS) for _ in range(11)])
    await cancel_job(lab.unit, job_id)
    before = await lab.dump()
    assert not await raise_grant(lab.unit, job_id, 1)
    assert await lab.dump() == before
    with pytest.raises(UnknownJobError):
        await raise_grant(lab.unit, uuid4(), 1)


async def test_the_end_gives_back_what_was_not_spent(lab: Any) -> None:
    """So that the owner's next job fits, which did not before."""
    owner, lab = lab.new_owner(), lab.having(credits_per_day=40)
    job_id, due = await lab.create(owner, target=20)
    claim, token = await lab.hold(due[0])
    request = lab.request(claim, token)
    assert await lab.opens(request)
    assert await lab.settles(lab.settlement(request))
    with pytest.raises(QuotaExceededError):
        await lab.create(owner, target=20)
    await cancel_job(lab.unit, job_id)
    job = await lab.job(job_id)
    assert (job["credits_granted"], job["credits_spent"], await lab.granted_to(owner)) == (1, 1, 1)
    await lab.create(owner, target=20)
    assert await lab.granted_to(owner) == 33


async def test_what_a_call_under_way_at_the_end_did_not_cost_is_given_back_later(lab: Any) -> None:
    """Not while it may still cost something, and once."""
    owner = lab.new_owner()
    job_id, due = await lab.create(owner, target=20)
    claim, token = await lab.hold(due[0])
    request = lab.request(claim, token)
    assert await lab.opens(request)
    assert await release_leftover(lab.unit, job_id) == 0, "it is active"
    await cancel_job(lab.unit, job_id)
    assert await lab.granted_to(owner) == 1
    assert await release_leftover(lab.unit, job_id) == 0, "the call is under way"
    assert await lab.settles(lab.settlement(request, credits_=0, http_status=500))
    assert sorted(await asyncio.gather(*(release_leftover(lab.unit, job_id) for _ in range(3)))) == [0, 0, 1]
    assert ((await lab.job(job_id))["credits_granted"], await lab.granted_to(owner)) == (0, 0)


async def test_a_reservation_is_of_the_transaction_that_makes_it(lab: Any) -> None:
    owner = lab.new_owner()
    await lab.create(owner, target=20)

    async def fail(connection: Connection) -> None:
        await reserve(connection, owner=owner, amount=5, credits_per_day=None)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with lab.unit.database.transaction() as connection:
            await fail(connection)
    assert await lab.granted_to(owner) == 32
