"""Jobs with many searches, so that there are real steps to deliver, each of them once."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from common.clock import Clock
from common.db.job import NewJob
from common.db.pool import Database
from common.domain.job import Mode
from common.domain.message import StepMessage
from common.platform import PlannedSearch
from common.settings import DatabaseSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit

SEARCHES_MAX: Final = 250
_OWNER: Final = "user:bench"


async def seed_steps(database_url: str, count: int) -> list[StepMessage]:
    """What QStash would deliver of so many steps, each the first of its search, on their way to us."""
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="seed", size_max=2)
    await database.open()
    try:
        unit = Unit(database=database, clock=Clock(), active_jobs_max=count)
        messages: list[StepMessage] = []
        while len(messages) < count:
            wanted = min(SEARCHES_MAX, count - len(messages))
            searches = [PlannedSearch(kind="keyword", query=f"query {number}") for number in range(wanted)]
            due = await create_job(unit, _job(unit.clock, wanted), searches, region=None)
            messages += [step.message for step in due]
        async with database.connection() as connection:
            # On their way for longer than a measurement lasts: else the sweep takes them for lost, and drives them on.
            await connection.execute(
                """update steps set published_generation = generation, published_at = now() + interval '1 hour',
                       due_at = now() + interval '1 hour'"""
            )
            # Told to the planner before the measurement, not at some time in it.
            await connection.execute("vacuum analyze steps")
        return messages
    finally:
        await database.close()


def _job(clock: Clock, searches: int) -> NewJob:
    job_id: UUID = clock.new_id()
    return NewJob(
        id=job_id,
        owner=_OWNER,
        created_by="bench",
        campaign_id=None,
        platform="tiktok",
        mode=Mode.KEYWORD,
        input={"keywords": ["query"]},
        target_results=100,
        pages_max=searches,
        credits_max=100,
        parallel_searches_max=searches,
        timeout=timedelta(hours=1),
        delay_between_calls=timedelta(0),
        queue_until=clock.now() + timedelta(hours=1),
    )
