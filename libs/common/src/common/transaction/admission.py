"""Whose turn it is: an owner's jobs start as the limit admits, their searches as the job's limit admits."""

from uuid import UUID

from common.clock import Clock
from common.db import job as job_table
from common.db import owner as owner_table
from common.db import search as search_table
from common.db import step as step_table
from common.db.pool import Connection
from common.db.step import NewStep
from common.domain.step import DueStep
from common.engine.enrichment import decide_refill


async def admit_next(connection: Connection, clock: Clock, *, owner: str, active_jobs_max: int) -> list[DueStep]:
    """Admit the owner's oldest waiting jobs as far as the limit allows; returns their first steps.

    The caller holds the owner's lock.
    """
    free = active_jobs_max - await owner_table.count_admitted(connection, owner=owner)
    if free <= 0:
        return []
    due: list[DueStep] = []
    for job_id in await owner_table.next_waiting(connection, owner=owner, count_max=free):
        job = await job_table.lock_job(connection, job_id=job_id)
        assert job is not None
        await job_table.admit_job(connection, job_id=job_id)
        if decide_refill(job.facts).is_released:
            await start_searches(connection, clock, job_id=job_id, count_max=job.parallel_searches_max)
        due.extend(await step_table.due_steps(connection, job_id=job_id))
    return due


async def start_searches(connection: Connection, clock: Clock, *, job_id: UUID, count_max: int) -> list[DueStep]:
    """Make at most `count_max` waiting searches active, and due the steps at which they go on: the first, or after an
    earlier run the one that it left. The caller holds the job's lock."""
    if count_max <= 0:
        return []
    started = await search_table.start_waiting(connection, job_id=job_id, count_max=count_max)
    if not started:
        return []
    steps = [
        NewStep(id=clock.new_id(), search_id=search_id, step=0, cursor=None, phase="held") for search_id in started
    ]
    await step_table.insert_steps(connection, job_id=job_id, steps=steps)
    return await step_table.start_steps(connection, search_ids=started)
