"""An account that is deleted: nothing new comes to be, everything goes, the ledger goes on as nobody's."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.db import account as account_table
from common.db.account import Departure
from common.domain.setting import SystemSettings
from common.transaction.account import (
    AccountLeavesError,
    clear_estate,
    end_departure,
    enter,
    remove_some_of_job,
    request_deletion,
)
from common.transaction.failure import cancel_job
from common.transaction.reopening import NotReopenedError, Renewal, extend_job
from local.held import Held, until_waiting

pytestmark = [pytest.mark.server, pytest.mark.security]


def new_user() -> str:
    return f"user:user_{uuid4().hex}"


async def completed(lab: Any, owner: str, *people: int) -> UUID:
    job_id, [due] = await lab.create(owner, target=len(people))
    await lab.page(due, lab.people(*people, cursor="1"))
    return job_id


async def request(lab: Any, owner: str) -> Departure:
    departure, _ = await request_deletion(lab.unit.database, lab.unit.clock, owner=owner)
    return departure


async def tomorrow(lab: Any, owner: str) -> None:
    """The day of the owner's quota is over."""
    await lab.query("update owner_days set day = day - 1 where owner = %s", owner)


async def test_from_the_request_on_nothing_new_comes_to_be(lab: Any) -> None:
    owner = new_user()
    job_id = await completed(lab, owner, 1)
    first = await request(lab, owner)
    with pytest.raises(AccountLeavesError):
        await lab.create(owner)
    with pytest.raises(NotReopenedError, match="being deleted"):
        await extend_job(lab.unit, job_id, Renewal.under(SystemSettings()), target=5)
    async with lab.unit.database.transaction() as connection:
        with pytest.raises(AccountLeavesError):
            await enter(connection, owner=owner)
    assert await request(lab, owner) == first, "a repetition changes nothing"
    await lab.create(new_user())


async def test_a_job_that_is_created_at_the_moment_of_the_request_is_before_or_after_it(lab: Any) -> None:
    """Never beside it: two at once, each time one of them first."""
    for _ in range(10):
        owner = new_user()
        created, (_, estate) = await asyncio.gather(
            lab.create(owner),
            request_deletion(lab.unit.database, lab.unit.clock, owner=owner),
            return_exceptions=True,
        )
        assert estate.jobs == (0 if isinstance(created, AccountLeavesError) else 1)


@pytest.mark.parametrize("asks_for", ["a job", "the deletion"])
async def test_whose_row_an_earlier_deletion_takes_away_gets_another(lab: Any, asks_for: str) -> None:
    """Just when they had made sure that it is there. Without it nobody would wait for them."""
    owner = new_user()
    departure = await request(lab, owner)
    async with lab.unit.database.transaction() as connection:
        await account_table.lock_for_deletion(connection, owner=owner)
        asking = asyncio.create_task(lab.create(owner) if asks_for == "a job" else request(lab, owner))
        await until_waiting(asking, lab.query)
        assert await end_departure(Held(connection), departure)
    await asking
    assert len(await lab.query("select owner from owners where owner = %s", owner)) == 1


async def test_what_will_go_is_counted(lab: Any) -> None:
    owner = new_user()
    await completed(lab, owner, 1)
    await lab.create(owner)
    _, estate = await request_deletion(lab.unit.database, lab.unit.clock, owner=owner)
    assert (estate.jobs, estate.active_jobs, estate.campaigns) == (2, 1, 0)


async def test_all_goes_but_the_ledger_which_is_nobodys_then(lab: Any) -> None:
    owner = new_user()
    job_id = await completed(lab, owner, 1, 2)
    departure = await request(lab, owner)
    assert not await end_departure(lab.unit.database, departure), "a job is left"
    assert await remove_some_of_job(lab.unit, departure, job_id)
    assert not await end_departure(lab.unit.database, departure), "the ledger is still the owner's"
    assert await clear_estate(lab.unit.database, departure) == 1
    assert await clear_estate(lab.unit.database, departure) == 0
    assert not await end_departure(lab.unit.database, departure), "today's quota is not given twice"
    await tomorrow(lab, owner)
    assert await end_departure(lab.unit.database, departure)
    text = json.dumps(await lab.dump())
    assert owner.removeprefix("user:") not in text
    calls = await lab.query("select owner, credits_charged from upstream_calls where job_id = %s", job_id)
    assert calls == [{"owner": departure.heir, "credits_charged": 1}]
    [proof] = await lab.query("select owner, done_at, jobs_count from account_deletions where id = %s", departure.id)
    assert (proof["owner"], proof["jobs_count"]) == (None, 1)
    assert proof["done_at"] is not None


async def test_who_comes_again_begins_as_new(lab: Any) -> None:
    owner = new_user()
    departure = await request(lab, owner)
    assert await end_departure(lab.unit.database, departure)
    await lab.create(owner)
    assert await request(lab, owner) != departure


async def test_an_open_call_is_waited_for(lab: Any) -> None:
    owner = new_user()
    job_id, [due] = await lab.create(owner)
    token = lab.unit.clock.new_id()
    claim = await lab.claim(due, token)
    call = lab.request(claim, token)
    assert await lab.opens(call)
    departure = await request(lab, owner)
    await cancel_job(lab.unit, job_id)
    assert not await remove_some_of_job(lab.unit, departure, job_id)
    await clear_estate(lab.unit.database, departure)
    assert not await end_departure(lab.unit.database, departure)
    assert await lab.settles(lab.settlement(call))
    assert await remove_some_of_job(lab.unit, departure, job_id)
    assert await lab.query("select id from jobs where id = %s", job_id) == []


async def test_a_job_that_another_removed_is_no_obstacle(lab: Any) -> None:
    departure = await request(lab, new_user())
    assert await remove_some_of_job(lab.unit, departure, uuid4())


async def test_an_organisation_goes_and_its_members_stay(lab: Any) -> None:
    organisation, user = f"org:org_{uuid4().hex}", new_user()
    theirs, own = await completed(lab, organisation, 1), await completed(lab, user, 2)
    await lab.query("update jobs set created_by = %s where owner = any(%s)", user[5:], [organisation, user])
    departure = await request(lab, organisation)
    await remove_some_of_job(lab.unit, departure, theirs)
    await clear_estate(lab.unit.database, departure)
    await tomorrow(lab, organisation)
    assert await end_departure(lab.unit.database, departure)
    assert organisation not in json.dumps(await lab.dump())
    assert (await lab.job(own))["created_by"] == user[5:]


async def test_a_user_goes_and_their_organisations_jobs_stay_as_nobodys_work(lab: Any) -> None:
    organisation, user = f"org:org_{uuid4().hex}", new_user()
    theirs = await completed(lab, organisation, 1)
    await lab.query("update jobs set created_by = %s where id = %s", user[5:], theirs)
    departure = await request(lab, user)
    await clear_estate(lab.unit.database, departure)
    assert await end_departure(lab.unit.database, departure)
    assert (await lab.job(theirs))["created_by"] == departure.pseudonym
    assert (await lab.facts(theirs))["delivered_rows"] == 1


async def test_two_who_see_off_at_once_do_no_harm(lab: Any) -> None:
    """Two sweeps beside each other, which a lost lock may cause."""
    owner = new_user()
    jobs = [await completed(lab, owner, 1, 2) for _ in range(3)]
    departure = await request(lab, owner)
    await tomorrow(lab, owner)

    async def see_off() -> bool:
        for job_id in jobs:
            await remove_some_of_job(lab.unit, departure, job_id)
        await clear_estate(lab.unit.database, departure)
        return await end_departure(lab.unit.database, departure)

    await asyncio.gather(see_off(), see_off(), return_exceptions=True)
    await tomorrow(lab, owner)  # leftovers of a quota may come back to the day of their grant
    await end_departure(lab.unit.database, departure)
    assert owner not in json.dumps(await lab.dump())
    [proof] = await lab.query("select owner from account_deletions where id = %s", departure.id)
    assert proof["owner"] is None
