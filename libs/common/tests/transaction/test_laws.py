"""Whatever the upstream invents and in whatever order messages come, a job on real Postgres keeps its laws."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.domain.job import JobStatus
from common.engine.reopening import Refusal
from common.transaction.reopening import NotReopenedError, Renewal, extend_job, retry_job

DELIVERED = "select platform_id, seq from candidates where job_id = %s and seq > 0 order by seq"

limits = st.fixed_dictionaries(
    {
        "target": st.integers(1, 30),
        "searches": st.integers(1, 4),
        "parallel": st.integers(1, 3),
        "pages_max": st.integers(1, 12),
        "credits_max": st.integers(1, 60),
    }
)
seeds = st.integers(0, 2**32)
crowds = st.integers(1, 80)
lawful = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@lawful
@given(limit=limits, seed=seeds, people=crowds)
async def test_a_job_ends_and_everything_adds_up(lab: Any, limit: dict[str, int], seed: int, people: int) -> None:
    world = lab.world(seed, people)
    job_id, due = await lab.create("user:law", **limit)
    world.waiting += due
    await lab.run(world)
    row = await lab.check_laws(job_id, world)
    assert row["status"] == "completed", "the job ends whatever the upstream invents"
    assert row["progress"] == 100
    assert len(world.asked) == row["pages_count"]
    assert (row["delivered_count"] == limit["target"]) == (row["stop_reason"] == "target_reached")
    assert row["credits_reserved"] == 0


@st.composite
def histories(draw: Any) -> list[dict[str, int]]:
    """Runs of a job: after so many turns its time is over; the next run may have so much more of everything."""
    run = {"turns": st.integers(0, 12), "target": st.integers(0, 20), "pages": st.integers(0, 6)}
    return draw(st.lists(st.fixed_dictionaries(run), min_size=1, max_size=4))


async def go_on(lab: Any, row: dict[str, Any], world: Any, renewal: Renewal, *, more: int) -> Refusal | None:
    """Another run of a final job, or why there is none."""
    try:
        if row["status"] == JobStatus.TIMEOUT:
            world.waiting += await retry_job(lab.unit, row["id"], renewal)
        else:
            world.waiting += await extend_job(lab.unit, row["id"], renewal, target=row["target_results"] + more)
    except NotReopenedError as error:
        return error.refusal
    return None


@settings(lawful, max_examples=40)
@given(limit=limits, seed=seeds, people=crowds, runs=histories())
async def test_however_often_a_job_goes_on_everything_adds_up(
    lab: Any, limit: dict[str, int], seed: int, people: int, runs: list[dict[str, int]]
) -> None:
    """Workers die with pages in hand, time is over in the middle, limits grow, and yet no page is bought twice."""
    owner = lab.new_owner()
    world = lab.world(seed, people)
    world.is_deadly = True
    job_id, due = await lab.create(owner, **limit)
    world.waiting += due
    count = 1
    for run in runs:
        await lab.run(world, run["turns"])
        if (await lab.job(job_id))["ended_at"] is None:
            await lab.time_out(job_id)
        row = await lab.check_laws(job_id, world)
        assert row["run"] == count
        found = await lab.query(DELIVERED, job_id)
        renewal = Renewal(
            pages_max=row["pages_max"] + run["pages"],
            credits_max=row["credits_max"] + run["pages"],
            queue_timeout=timedelta(days=1),
        )
        refusal = await go_on(lab, row, world, renewal, more=run["target"])
        if refusal is not None:
            assert await lab.facts(job_id) == row, "nothing is written"
            is_higher = row["status"] == JobStatus.TIMEOUT or run["target"] > 0
            assert refusal is (Refusal.NOTHING_LEFT if is_higher else Refusal.TARGET_NOT_HIGHER)
            return
        count += 1
        kept = await lab.query(DELIVERED, job_id)
        assert kept == found, "who was delivered stays delivered, in order"
    world.is_deadly = False
    await lab.run(world)
    row = await lab.job(job_id)
    if row["ended_at"] is None:
        await lab.time_out(job_id)
    row = await lab.check_laws(job_id, world)
    assert row["credits_granted"] >= row["credits_spent"] + row["credits_reserved"]
    assert row["credits_granted"] == await lab.granted_to(owner), "the owner's days count what its job holds"


async def test_jobs_beyond_the_owners_limit_wait_and_get_their_turn_in_order(lab: Any) -> None:
    world = lab.world()
    jobs: list[Any] = []
    for number in range(5):
        job_id, due = await lab.create("user:queue", target=5, pages_max=10, credits_max=100)
        assert bool(due) == (number < 3)
        jobs.append(job_id)
        world.waiting += due
    await lab.run(world)
    rows = [await lab.facts(job_id) for job_id in jobs]
    assert [row["status"] for row in rows] == ["completed"] * 5
    assert rows[2]["admitted_at"] < rows[3]["admitted_at"] < rows[4]["admitted_at"]
    ended = sorted(row["ended_at"] for row in rows)
    assert rows[3]["admitted_at"] == ended[0], "the transaction that ends a job admits the next one"
