"""The funnel of a job as its owner reads it: everything that was seen is counted once, over all and by search."""

from typing import Any

from common.db.outcome import JobFunnel, OutcomeCount, insert_outcomes, read_funnel
from common.domain.outcome import Enrichment, Outcome


async def page(scene: Any, job_id: Any, search_id: Any, step: int, counts: list[tuple[str, str, int]]) -> None:
    """A step whose page brought these outcomes."""
    await scene.add_step(job_id, search_id, step, phase="held")
    rows = [OutcomeCount(outcome=Outcome(outcome), rule=rule, count=count) for outcome, rule, count in counts]
    async with scene.database.transaction() as connection:
        await connection.execute(
            "update steps set phase = 'done', items_count = %s where search_id = %s and step = %s",
            [sum(row.count for row in rows), search_id, step],
        )
        await insert_outcomes(connection, job_id=job_id, search_id=search_id, step=step, counts=rows)


async def funnel_of(scene: Any, job: Any) -> JobFunnel | None:
    async with scene.database.connection() as connection:
        return await read_funnel(connection, owner=job.owner, job_id=job.id)


def plain(counts: tuple[OutcomeCount, ...]) -> list[tuple[str, str, int]]:
    return [(row.outcome.value, row.rule, row.count) for row in counts]


async def test_a_job_and_its_searches_add_up(scene: Any) -> None:
    job = scene.new_job()
    await scene.store(job)
    first, second = await scene.search(job.id, 0), await scene.search(job.id, 1)
    await scene.search(job.id, 2)
    await page(
        scene, job.id, first, 0, [("delivered", "", 3), ("filtered", "hasEmail", 2), ("filtered", "verified", 1)]
    )
    await page(scene, job.id, first, 1, [("filtered", "hasEmail", 4), ("surplus", "", 0)])
    await page(scene, job.id, second, 0, [("duplicate", "", 5), ("delivered", "", 1)])
    await scene.change("searches", "id", first, pages_count=2)
    funnel = await funnel_of(scene, job)
    assert funnel is not None
    assert funnel.items_count == 16 == sum(row.count for row in funnel.outcomes)
    assert plain(funnel.outcomes) == [
        ("delivered", "", 4),
        ("duplicate", "", 5),
        ("filtered", "hasEmail", 6),
        ("filtered", "verified", 1),
    ]
    assert [(search.kind, search.query, search.pages, search.items_count) for search in funnel.searches] == [
        ("keyword", "q0", 2, 10),
        ("keyword", "q1", 0, 6),
        ("keyword", "q2", 0, 0),
    ]
    assert [plain(search.outcomes) for search in funnel.searches] == [
        [("delivered", "", 3), ("filtered", "hasEmail", 6), ("filtered", "verified", 1)],
        [("delivered", "", 1), ("duplicate", "", 5)],
        [],
    ]


async def test_what_became_of_profiles_is_counted(scene: Any) -> None:
    seat = await scene.seat()
    bought = await scene.add_candidates(seat, "delivered", 1, 2)
    (cached,) = await scene.add_candidates(seat, "filtered", 3)
    await scene.add_candidates(seat, "pending", 4)
    for name, enrichment in [(bought[0], "bought"), (bought[1], "bought"), (cached, "cached")]:
        await scene.change("candidates", "platform_id", name, enrichment=enrichment)
    async with scene.database.connection() as connection:
        funnel = await read_funnel(connection, owner=seat.owner, job_id=seat.job_id)
    assert funnel is not None
    assert funnel.enrichments == {Enrichment.BOUGHT: 2, Enrichment.CACHED: 1}
    assert funnel.items_count == 0


async def test_a_funnel_is_its_owners(scene: Any) -> None:
    job, other = scene.new_job(), scene.new_job()
    await scene.store(job)
    await scene.store(other)
    assert await funnel_of(scene, job) is not None
    assert await funnel_of(scene, job.model_copy(update={"owner": other.owner})) is None
    assert await funnel_of(scene, job.model_copy(update={"id": scene.clock.new_id()})) is None
