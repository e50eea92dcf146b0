"""The creation of a job: the job, its searches and its first steps, in one transaction."""

from collections.abc import Sequence

from common.db import job as job_table
from common.db import owner as owner_table
from common.db import quota as quota_table
from common.db import search as search_table
from common.db.job import NewJob
from common.db.search import NewSearch
from common.domain.step import DueStep
from common.engine.quota import estimate
from common.platform import PlannedSearch
from common.transaction.admission import admit_next
from common.transaction.lock import Unit
from common.transaction.quota import reserve


async def create_job(
    unit: Unit, job: NewJob, searches: Sequence[PlannedSearch], *, region: str | None
) -> list[DueStep]:
    """Store the job and start as much of it as the limits admit; returns the steps to publish (none: it waits).

    Raises UnknownCampaignError if the campaign is not the owner's, QuotaExceededError if the owner's quota does not
    cover what the job is likely to cost.
    """
    async with unit.database.transaction() as connection:
        await owner_table.add_owner(connection, owner=job.owner)
        await owner_table.lock_owner(connection, owner=job.owner)
        amount = estimate(places=job.target_results, credits_left=job.credits_max)
        day = await reserve(connection, owner=job.owner, amount=amount, credits_per_day=unit.credits_per_day)
        await job_table.insert_job(connection, job)
        await quota_table.grant(connection, job_id=job.id, amount=amount, day=day)
        await search_table.insert_searches(
            connection,
            job_id=job.id,
            searches=[
                NewSearch(id=unit.clock.new_id(), ordinal=ordinal, kind=search.kind, query=search.query, region=region)
                for ordinal, search in enumerate(searches)
            ],
        )
        await job_table.insert_event(connection, job_id=job.id, seq=1, kind="created", data={})
        await job_table.bump_event_seq(connection, job_id=job.id)
        return await admit_next(connection, unit.clock, owner=job.owner, active_jobs_max=unit.active_jobs_max)
