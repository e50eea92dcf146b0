"""Another run of a final job, on real Postgres: what it needs, what it sets going; a refusal writes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.db.owner import lock_owner
from common.domain.job import Action, JobStatus
from common.engine.reopening import Refusal
from common.transaction.failure import SearchEnd, cancel_job, commit_search_end, conclude_job
from common.transaction.lock import UnknownJobError
from common.transaction.quota import QuotaExceededError
from common.transaction.reopening import NotReopenedError, Renewal, extend_job, retry_job
from local.held import until_waiting

Make = Callable[[Any], Awaitable[UUID]]


def renewal(*, pages_max: int = 10, credits_max: int = 100) -> Renewal:
    return Renewal(pages_max=pages_max, credits_max=credits_max, queue_timeout=timedelta(days=1))


async def pending(lab: Any) -> UUID:
    job_id, _ = await lab.create(target=5)
    return job_id


async def waiting(lab: Any) -> UUID:
    owner = lab.new_owner()
    return [(await lab.create(owner, target=5))[0] for _ in range(4)][3]


async def processing(lab: Any) -> UUID:
    job_id, due = await lab.create(target=5)
    await lab.page(due[0], lab.people(1, 2, cursor="1"))
    return job_id


async def completed(lab: Any) -> UUID:
    """With two in surplus and a cursor to go on at."""
    job_id, due = await lab.create(target=5)
    await lab.page(due[0], lab.people(*range(7), cursor="1"))
    return job_id


async def error(lab: Any) -> UUID:
    job_id, due = await lab.create(target=5)
    await lab.give_up(due[0])
    return job_id


async def timeout(lab: Any) -> UUID:
    job_id = await processing(lab)
    await lab.time_out(job_id)
    return job_id


async def cancelled(lab: Any) -> UUID:
    job_id = await processing(lab)
    await cancel_job(lab.unit, job_id)
    return job_id


async def reopen(lab: Any, job_id: UUID, action: Action, target: int = 6, **limits: int) -> list[Any]:
    if action is Action.RETRY:
        return await retry_job(lab.unit, job_id, renewal(**limits))
    return await extend_job(lab.unit, job_id, renewal(**limits), target=target)


async def refused(lab: Any, job_id: UUID, action: Action, target: int = 6, **limits: int) -> Refusal:
    """The refusal, which writes nothing."""
    before = await lab.dump()
    with pytest.raises(NotReopenedError) as caught:
        await reopen(lab, job_id, action, target, **limits)
    assert await lab.dump() == before
    return caught.value.refusal


async def steps_of(lab: Any, job_id: UUID) -> list[tuple[int, str, int, str | None]]:
    rows = await lab.query("select * from steps where job_id = %s order by step, search_id", job_id)
    return [(row["step"], row["phase"], row["generation"], row["cursor"]) for row in rows]


@pytest.mark.parametrize(
    ("make", "retry", "extend"),
    [
        (pending, Refusal.NOT_FINAL, Refusal.NOT_FINAL),
        (waiting, Refusal.NOT_FINAL, Refusal.NOT_FINAL),
        (processing, Refusal.NOT_FINAL, Refusal.NOT_FINAL),
        (completed, Refusal.NOT_RETRYABLE, None),
        (error, None, Refusal.NOT_EXTENDABLE),
        (timeout, None, Refusal.NOT_EXTENDABLE),
        (cancelled, Refusal.NOT_RETRYABLE, Refusal.NOT_EXTENDABLE),
    ],
)
async def test_what_may_follow_each_end(lab: Any, make: Make, retry: Refusal | None, extend: Refusal | None) -> None:
    job_id = await make(lab)
    for action, refusal in ((Action.RETRY, retry), (Action.EXTEND, extend)):
        if refusal is not None:
            assert await refused(lab, job_id, action) is refusal
    for action, refusal in ((Action.RETRY, retry), (Action.EXTEND, extend)):
        if refusal is None:
            await reopen(lab, job_id, action)
            job = await lab.job(job_id)
            assert (job["status"], job["run"], job["ended_at"]) == (JobStatus.PENDING, 2, None)
            assert await refused(lab, job_id, action) is Refusal.NOT_FINAL, "once"


@pytest.mark.parametrize("target", [5, 4, 1])
async def test_an_extension_needs_a_higher_target(lab: Any, target: int) -> None:
    assert await refused(lab, await completed(lab), Action.EXTEND, target) is Refusal.TARGET_NOT_HIGHER


@pytest.mark.parametrize("action", Action)
async def test_a_job_that_is_not_there_is_unknown(lab: Any, action: Action) -> None:
    with pytest.raises(UnknownJobError):
        await reopen(lab, uuid4(), action)


async def test_surplus_takes_the_new_places_and_pages_stay_held(lab: Any) -> None:
    """The step that found them is due for their enrichment, under a new generation; the next page waits."""
    job_id = await completed(lab)
    [step] = await reopen(lab, job_id, Action.EXTEND, 7)
    assert (step.step, step.generation) == (0, 1)
    job = await lab.job(job_id)
    assert (job["delivered_count"], job["pending_count"], job["reserve_count"]) == (5, 2, 0)
    assert await steps_of(lab, job_id) == [(0, "enrichment", 1, None), (1, "held", 1, "1")]
    searches = await lab.query("select status from searches where job_id = %s", job_id)
    assert searches == [{"status": "waiting"}]
    world = lab.world()
    world.waiting += [step]
    await lab.run(world)
    await lab.check_laws(job_id, world)


async def test_where_surplus_does_not_suffice_pages_go_on_at_once(lab: Any) -> None:
    """Both beside each other, as in every run."""
    job_id = await completed(lab)
    due = await reopen(lab, job_id, Action.EXTEND, 30)
    assert sorted((step.step, step.generation) for step in due) == [(0, 1), (1, 1)]
    assert await steps_of(lab, job_id) == [(0, "enrichment", 1, None), (1, "page", 1, "1")]
    world = lab.world(seed=5)
    world.waiting += due
    await lab.run(world)
    row = await lab.check_laws(job_id, world)
    assert row["status"] == "completed"
    assert row["delivered_count"] > 7


async def test_what_is_left_over_again_is_kept_for_the_next_run(lab: Any) -> None:
    job_id = await completed(lab)
    for target, left, run in ((6, 1, 2), (7, 0, 3)):
        [step] = await reopen(lab, job_id, Action.EXTEND, target)
        assert await lab.enrich(step) == []
        row = await lab.check_laws(job_id, lab.world())
        assert (row["stop_reason"], row["delivered_count"]) == ("target_reached", target)
        assert (row["pages_count"], row["run"]) == (1, run)
        surplus = await lab.query(
            "select count(*)::int as count from candidates where job_id = %s and outcome = 'surplus'", job_id
        )
        assert surplus[0]["count"] == left


async def test_an_exhausted_search_with_surplus_goes_on_with_that_alone(lab: Any) -> None:
    """Then there is nothing left."""
    job_id, due = await lab.create(target=5)
    await lab.page(due[0], lab.people(*range(7), cursor=None))
    [step] = await reopen(lab, job_id, Action.EXTEND, 9)
    assert await steps_of(lab, job_id) == [(0, "enrichment", 1, None)]
    world = lab.world()
    world.waiting += [step]
    await lab.run(world)
    row = await lab.check_laws(job_id, world)
    assert (row["status"], row["stop_reason"]) == ("completed", "exhausted")
    assert row["pages_count"] == 1
    assert await refused(lab, job_id, Action.EXTEND, 99) is Refusal.NOTHING_LEFT


@pytest.mark.parametrize(
    ("limits", "more", "less"),
    [
        ({"pages_max": 1}, {"pages_max": 2}, {"credits_max": 1000, "pages_max": 1}),
        ({"credits_max": 1}, {"credits_max": 2}, {"pages_max": 1000, "credits_max": 1}),
    ],
)
async def test_a_job_at_a_limit_goes_on_when_that_very_limit_allows_more(
    lab: Any, limits: dict[str, int], more: dict[str, int], less: dict[str, int]
) -> None:
    job_id, due = await lab.create(target=50, **limits)
    due = await lab.page(due[0], lab.people(1, 2, cursor="1"))
    if due:  # by credits it ends when the next page is not to be had
        token = uuid4()
        claim = await lab.claim(due[0], token)
        await commit_search_end(lab.unit, lab.platform, claim, token, SearchEnd(reason="credit_limit"))
    assert (await lab.job(job_id))["status"] == "completed"
    assert await refused(lab, job_id, Action.EXTEND, 51, **less) is Refusal.NOTHING_LEFT
    [step] = await reopen(lab, job_id, Action.EXTEND, 51, **more)
    assert await steps_of(lab, job_id) == [(0, "done", 0, None), (1, "page", 1, "1")]
    assert (step.step, step.generation) == (1, 1)
    job = await lab.job(job_id)
    assert {name: job[name] for name in more} == more


@pytest.mark.parametrize(("limits", "reason"), [({"pages_max": 1}, "call_limit"), ({"credits_max": 1}, "credit_limit")])
async def test_a_run_on_surplus_alone_ends_at_the_limit_that_let_no_page_be_bought(
    lab: Any, limits: dict[str, int], reason: str
) -> None:
    """Not as exhausted: with a higher limit its search goes on."""
    job_id, due = await lab.create(target=5, **limits)
    await lab.page(due[0], lab.people(*range(7), cursor="1"))
    assert (await lab.job(job_id))["stop_reason"] == "target_reached"
    [step] = await reopen(lab, job_id, Action.EXTEND, 9, **limits)
    await lab.enrich(step)
    row = await lab.check_laws(job_id, lab.world())
    assert (row["status"], row["stop_reason"], row["delivered_count"]) == ("completed", reason, 7)
    assert await refused(lab, job_id, Action.EXTEND, 10, **limits) is Refusal.NOTHING_LEFT
    [step] = await reopen(lab, job_id, Action.EXTEND, 10)
    assert (step.step, step.generation) == (1, 2)


async def test_another_run_reserves_what_it_is_likely_to_cost(lab: Any) -> None:
    owner = lab.new_owner()
    job_id, due = await lab.create(owner, target=5)
    await lab.page(due[0], lab.people(*range(7), cursor="1"))
    assert await lab.granted_to(owner) == 1
    await reopen(lab, job_id, Action.EXTEND, 25)
    job = await lab.job(job_id)
    assert (job["credits_granted"], await lab.granted_to(owner)) == (33, 33), "twenty creators, two pages, ten to spare"
    await cancel_job(lab.unit, job_id)
    assert await lab.granted_to(owner) == 1


async def test_a_run_never_reserves_more_than_the_job_may_still_spend(lab: Any) -> None:
    job_id = await completed(lab)
    await reopen(lab, job_id, Action.EXTEND, 1000, credits_max=100)
    assert (await lab.job(job_id))["credits_granted"] == 100


@pytest.mark.parametrize(("credits_per_day", "fits"), [(12, True), (11, False)])
async def test_a_run_that_the_quota_does_not_cover_is_refused(lab: Any, credits_per_day: int, fits: bool) -> None:
    """One credit is spent, one creator more and ten to spare are wanted."""
    lab = lab.having(credits_per_day=credits_per_day)
    owner = lab.new_owner()
    job_id, due = await lab.create(owner, target=1, credits_max=11)
    await lab.page(due[0], lab.people(*range(7), cursor="1"))
    before = await lab.dump()
    if fits:
        await reopen(lab, job_id, Action.EXTEND, 2, credits_max=100)
        assert await lab.granted_to(owner) == 12
        return
    with pytest.raises(QuotaExceededError):
        await reopen(lab, job_id, Action.EXTEND, 2, credits_max=100)
    assert await lab.dump() == before


async def test_open_calls_of_the_run_before_count_as_charged(lab: Any) -> None:
    """Their credits are within what the run before was granted; who made them is fenced."""
    owner = lab.new_owner()
    job_id, due = await lab.create(owner, target=5)
    token = uuid4()
    claim = await lab.claim(due[0], token)
    request = lab.request(claim, token)
    assert await lab.opens(request)
    await lab.time_out(job_id)
    [step] = await reopen(lab, job_id, Action.RETRY)
    calls = await lab.query("select status, reason, credits_charged from upstream_calls where job_id = %s", job_id)
    assert calls == [{"status": "unknown", "reason": "lease_lost", "credits_charged": 1}]
    job = await lab.job(job_id)
    assert (job["credits_spent"], job["credits_reserved"]) == (1, 0)
    assert job["credits_granted"] == await lab.granted_to(owner) == 1 + 15
    assert not await lab.opens(lab.request(claim, token)), "its token is no one's"
    assert not await lab.settles(lab.settlement(request))
    assert await lab.claim(claim) is None, "and its message is old"
    assert await lab.claim(step) is not None


async def test_another_run_waits_for_its_turn_and_gives_none_away(lab: Any) -> None:
    """The jobs that queue already go first, also where there is room for one."""
    lab, owner = lab.having(active_jobs_max=1), lab.new_owner()
    job_id, due = await lab.create(owner, target=5)
    await lab.create(owner, target=5)
    await lab.create(owner, target=5)
    await lab.give_up(due[0])
    assert (await lab.job(job_id))["status"] == "error"
    assert await reopen(lab, job_id, Action.RETRY) == []
    rows = await lab.query("select * from jobs where owner = %s order by queued_at", owner)
    assert [(row["id"] == job_id, row["admitted_at"] is not None) for row in rows] == [
        (False, True),
        (False, False),
        (True, False),
    ]
    order: list[UUID] = []
    for row in rows[:2]:
        _, due = await cancel_job(lab.unit, row["id"])
        order += [step.job_id for step in due]
    assert order == [rows[1]["id"], job_id]


async def test_a_run_that_frees_nobodys_turn_admits_those_before_it(lab: Any) -> None:
    """A turn that somebody missed is taken on the way, by the one who waits longest."""
    owner = lab.new_owner()
    job_id = (await lab.create(owner, target=5))[0]
    await lab.time_out(job_id)
    others = [(await lab.having(active_jobs_max=0).create(owner, target=5))[0] for _ in range(4)]
    due = await reopen(lab, job_id, Action.RETRY)
    assert [step.job_id for step in due] == others[:3]


async def test_the_owners_row_is_locked_before_the_jobs(lab: Any) -> None:
    """The order of all transactions: whoever holds the owner may lock the job without a deadlock."""
    job_id = await timeout(lab)
    async with lab.unit.database.transaction() as connection:
        await lock_owner(connection, owner=(await lab.job(job_id))["owner"])
        reopening = asyncio.create_task(reopen(lab, job_id, Action.RETRY))
        async with asyncio.timeout(10):
            await until_waiting(reopening, lab.query)
        assert not reopening.done(), "it waits for the owner"
        assert len(await lab.query("select id from jobs where id = %s for update skip locked", job_id)) == 1
    assert len(await reopening) == 1


async def test_of_jobs_reopened_at_once_no_more_run_than_may(lab: Any) -> None:
    owner = lab.new_owner()
    jobs = [(await lab.create(owner, target=5))[0] for _ in range(6)]
    for job_id in jobs:
        await lab.time_out(job_id)
    answers = await asyncio.gather(*(reopen(lab, job_id, Action.RETRY) for job_id in jobs))
    assert sum(len(due) for due in answers) == 3
    rows = await lab.query("select * from jobs where owner = %s order by queued_at", owner)
    assert sum(row["admitted_at"] is not None for row in rows) == 3


@pytest.mark.parametrize("make", [completed, timeout, error])
async def test_of_many_at_once_one_wins(lab: Any, make: Make) -> None:
    job_id = await make(lab)
    action = Action.EXTEND if make is completed else Action.RETRY
    answers = await asyncio.gather(*(reopen(lab, job_id, action, 6) for _ in range(6)), return_exceptions=True)
    lost = [answer.refusal for answer in answers if isinstance(answer, NotReopenedError)]
    assert lost == [Refusal.NOT_FINAL] * 5
    assert (await lab.job(job_id))["run"] == 2


async def test_a_second_run_ends_like_a_first_one(lab: Any) -> None:
    """Cancelled, out of time, or with nothing left to do."""
    for end in (cancel_job, None, conclude_job):
        job_id = await timeout(lab)
        await reopen(lab, job_id, Action.RETRY)
        if end is None:
            await lab.time_out(job_id)
        elif end is conclude_job:
            await lab.query("update searches set status = 'ended', end_reason = 'exhausted' where job_id = %s", job_id)
            assert (await conclude_job(lab.unit, job_id))[0]
        else:
            assert (await end(lab.unit, job_id))[0]
        row = await lab.check_laws(job_id, lab.world())
        assert row["run"] == 2
        assert row["delivered_count"] == 2
