"""The creation of a job: the job, its searches and its first steps, in one transaction."""

from collections.abc import Sequence

from common.db import job as job_table
from common.db import owner as owner_table
from common.db import search as search_table
from common.db.job import NewJob
from common.db.search import NewSearch
from common.domain.step import DueStep
from common.engine.plan import FirstSearch
from common.transaction.admission import admit_next
from common.transaction.lock import Unit


async def create_job(unit: Unit, job: NewJob, searches: Sequence[FirstSearch], *, region: str | None) -> list[DueStep]:
    """Store the job and start as much of it as the limits admit; returns the steps to publish (none: it waits).

    Raises psycopg.errors.ForeignKeyViolation if the campaign is not the owner's.
    """
    async with unit.database.transaction() as connection:
        await owner_table.add_owner(connection, owner=job.owner)
        await owner_table.lock_owner(connection, owner=job.owner)
        await job_table.insert_job(connection, job)
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
