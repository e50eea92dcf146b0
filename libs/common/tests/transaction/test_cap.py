"""The cap of all jobs on real Postgres: reserved with a job, raised as it goes, never passed, given back at the end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.transaction.failure import cancel_job
from common.transaction.quota import DayUsedUpError, release_leftover
from common.transaction.reopening import Renewal, retry_job

pytestmark = pytest.mark.security

TASKS = 40


@pytest.fixture(autouse=True)
async def clean(lab: Any) -> None:
    await lab.query("delete from spending_days")


async def total(lab: Any) -> int:
    rows = await lab.query("select credits_granted::int as credits from spending_days")
    return sum(row["credits"] for row in rows)


@pytest.mark.parametrize(("cap", "fits"), [(64, True), (63, False), (0, False)])
async def test_a_job_beyond_the_cap_of_all_is_refused_and_nothing_of_it_is_stored(
    lab: Any, cap: int, fits: bool
) -> None:
    lab = lab.having(credits_per_day_of_all=cap)
    if cap:
        await lab.create(target=20)
    before = await lab.dump()
    if fits:
        await lab.create(target=20)
        assert await total(lab) == 64
        return
    with pytest.raises(DayUsedUpError):
        await lab.create(target=20)
    assert await lab.dump() == before, "also no owner who was not there"


async def test_of_owners_who_create_at_once_only_as_many_as_the_cap_covers_get_a_job(lab: Any) -> None:
    lab = lab.having(credits_per_day_of_all=100)
    answers = await asyncio.gather(*(lab.create(target=20) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(answer, DayUsedUpError) for answer in answers) == 5
    assert await total(lab) == 96


async def test_without_a_cap_grants_are_counted_all_the_same(lab: Any) -> None:
    """So that a cap that comes in the middle of a day holds at once."""
    await lab.create(target=20)
    with pytest.raises(DayUsedUpError):
        await lab.having(credits_per_day_of_all=63).create(target=20)
    assert await total(lab) == 32


async def test_jobs_of_many_owners_race_for_the_last_credit_and_never_pass_the_cap(lab: Any) -> None:
    """And use it to the last one."""
    lab = lab.having(credits_per_day_of_all=60)
    created = [await lab.create(target=1, credits_max=100) for _ in range(4)]
    held = [await lab.hold(due[0]) for _, due in created]
    answers = await asyncio.gather(*(lab.spend(*held[number % 4], tries_max=TASKS) for number in range(4 * TASKS)))
    spent = [(await lab.job(job_id))["credits_reserved"] for job_id, _ in created]
    assert sum(answers) == sum(spent) == await total(lab) == 60
    assert min(spent) >= 11, "none takes what another reserved"


async def test_the_end_gives_back_what_was_not_spent(lab: Any) -> None:
    lab = lab.having(credits_per_day_of_all=40)
    job_id, due = await lab.create(target=20)
    claim, token = await lab.hold(due[0])
    request = lab.request(claim, token)
    assert await lab.opens(request)
    await cancel_job(lab.unit, job_id)
    assert await total(lab) == 1, "the call under way may still cost something"
    assert await lab.settles(lab.settlement(request, credits_=0, http_status=500))
    assert await release_leftover(lab.unit, job_id) == 1
    assert await total(lab) == 0
    await lab.create(target=20)


async def test_yesterdays_grant_goes_back_to_no_other_day(lab: Any) -> None:
    """A job that was granted more after midnight and leaves more than that: today counts no less than others hold."""
    await lab.create(target=20)
    job_id, _ = await lab.create(target=20)
    await lab.query("update jobs set credits_granted = 50, credits_of_day = 5 where id = %s", job_id)
    await cancel_job(lab.unit, job_id)
    assert await total(lab) == 64 - 5


async def test_another_run_needs_room_under_the_cap_and_the_job_stays_as_it_is(lab: Any) -> None:
    job_id, due = await lab.create(target=20)
    await lab.give_up(due[0])
    assert ((await lab.job(job_id))["status"], await total(lab)) == ("error", 0)
    renewal = Renewal(pages_max=10, credits_max=100, queue_timeout=timedelta(hours=1))
    before = await lab.dump()
    with pytest.raises(DayUsedUpError):
        await retry_job(lab.having(credits_per_day_of_all=31).unit, job_id, renewal)
    assert await lab.dump() == before
    await retry_job(lab.having(credits_per_day_of_all=32).unit, job_id, renewal)
    assert await total(lab) == 32
