"""A job whose creators were removed: its counts stay, its people are gone, and it starts no other run."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from common.domain.setting import SystemSettings
from common.transaction.deletion import delete_job
from common.transaction.failure import cancel_job
from common.transaction.lock import UnknownJobError
from common.transaction.purge import remove_creators
from common.transaction.reopening import NotReopenedError, Renewal, extend_job

pytestmark = [pytest.mark.server, pytest.mark.security]


@pytest.fixture
def renewal() -> Renewal:
    return Renewal.under(SystemSettings())


async def completed(lab: Any, *people: int) -> UUID:
    """A job that found these people; it wanted so many."""
    job_id, [due] = await lab.create(target=len(people))
    await lab.page(due, lab.people(*people, cursor="1"))
    assert (await lab.job(job_id))["status"] == "completed"
    return job_id


async def remove(lab: Any, job_id: UUID, count_max: int = 1000) -> Any:
    until = lab.unit.clock.now() + timedelta(days=1)
    return await remove_creators(lab.unit, job_id, until=until, count_max=count_max)


async def test_the_funnel_adds_up_after_its_people_are_gone(lab: Any) -> None:
    job_id = await completed(lab, 1, 2, 3)
    before = await lab.facts(job_id)
    removal = await remove(lab, job_id)
    after = await lab.facts(job_id)
    assert (removal.count, removal.is_done) == (3, True)
    assert after["delivered_rows"] == 0
    assert after["items"] == after["outcomes"] == before["items"]
    assert after["delivered_outcomes"] == after["delivered_count"] == after["removed_count"] == 3
    assert after["charged"] == after["credits_spent"] == before["credits_spent"]


async def test_a_removal_goes_on_where_it_stopped_and_then_removes_nothing(lab: Any) -> None:
    """Each batch moves the job's version, so that nobody believes an older answer."""
    job_id = await completed(lab, 1, 2, 3)
    seqs = [(await lab.job(job_id))["event_seq"]]
    told: list[tuple[int, bool]] = []
    for _ in range(3):
        removal = await remove(lab, job_id, count_max=2)
        told.append((removal.count, removal.is_done))
        seqs.append((await lab.job(job_id))["event_seq"])
    assert told == [(2, False), (1, True), (0, True)]
    assert seqs == [seqs[0], seqs[0] + 1, seqs[0] + 2, seqs[0] + 2]


async def test_it_is_done_when_only_younger_ones_are_left(lab: Any) -> None:
    job_id = await completed(lab, 1, 2, 3)
    until = lab.unit.clock.now() - timedelta(days=1)
    await lab.query(
        "update candidates set created_at = %s where job_id = %s and platform_id <> 'u3'", until - timedelta(1), job_id
    )
    told = [await remove_creators(lab.unit, job_id, until=until, count_max=1) for _ in range(2)]
    assert [(removal.count, removal.is_done) for removal in told] == [(1, False), (1, True)]
    assert (await lab.facts(job_id))["delivered_rows"] == 1


async def test_nobody_is_left_in_any_table(lab: Any) -> None:
    """Their handles and addresses, nor the fingerprints of what was asked; another job's stay."""
    job_id, other = await completed(lab, 7001, 7002), await completed(lab, 8001)
    target = "jsonb_build_object('account', jsonb_build_object('platform_id', '1', 'handle', 'mira', 'bio', %s::text))"
    for one, bio in ((job_id, "u7001 of h7001"), (other, "target8001")):
        await lab.query(f"update jobs set target = {target} where id = %s", bio, one)
    await remove(lab, job_id)
    text = json.dumps(await lab.dump())
    assert [mark for mark in ("h7001", "u7001", "h7002", "u7002") if mark in text] == []
    assert "h8001" in text
    assert "target8001" in text
    calls = await lab.query("select fingerprint from upstream_calls where job_id = %s", job_id)
    assert [call["fingerprint"] for call in calls] == [""]
    assert (await lab.job(other))["creators_removed_at"] is None


async def test_a_job_that_runs_is_left_alone(lab: Any) -> None:
    job_id, [due] = await lab.create(target=5)
    await lab.page(due, lab.people(1, 2, cursor="1"))
    assert (await remove(lab, job_id)).count == 0
    assert (await lab.facts(job_id))["delivered_rows"] == 2


async def test_a_job_that_lost_creators_is_not_extended(lab: Any, renewal: Renewal) -> None:
    """It could not tell any more whom it found before. One whose creators are all there is."""
    lost, kept = await completed(lab, 1, 2), await completed(lab, 1, 2)
    await remove(lab, lost, count_max=1)
    with pytest.raises(NotReopenedError, match="creators were removed"):
        await extend_job(lab.unit, lost, renewal, target=9)
    assert (await lab.job(lost))["status"] == "completed"
    await extend_job(lab.unit, kept, renewal, target=9)
    assert (await lab.job(kept))["status"] == "pending"


async def test_another_run_does_not_renew_the_time_of_those_who_were_found_before(lab: Any, renewal: Renewal) -> None:
    job_id = await completed(lab, 1, 2)
    since = (await lab.job(job_id))["creators_since"]
    await extend_job(lab.unit, job_id, renewal, target=3)
    assert (await lab.job(job_id))["creators_since"] == since


async def test_another_run_of_a_job_that_found_nobody_is_looked_after_again(lab: Any, renewal: Renewal) -> None:
    """The purge had done with it: whoever is found now is not forgotten to be removed."""
    job_id = await completed(lab, 1)
    await lab.query("delete from candidates where job_id = %s", job_id)
    await remove(lab, job_id)
    assert (await lab.job(job_id))["creators_since"] is None
    await extend_job(lab.unit, job_id, renewal, target=3)
    assert (await lab.job(job_id))["creators_since"] is not None


async def test_a_job_that_was_deleted_meanwhile_is_told(lab: Any) -> None:
    job_id, _ = await lab.create()
    await cancel_job(lab.unit, job_id)
    await delete_job(lab.unit, job_id, by="user_1")
    with pytest.raises(UnknownJobError):
        await remove(lab, job_id)


async def test_the_questions_of_a_deleted_job_go_with_it(lab: Any) -> None:
    job_id = await completed(lab, 1)
    await delete_job(lab.unit, job_id, by="user_1")
    calls = await lab.query("select fingerprint, credits_charged from upstream_calls where job_id = %s", job_id)
    assert calls == [{"fingerprint": "", "credits_charged": 1}]
