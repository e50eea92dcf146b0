"""Jobs with many searches, so that there are real steps to deliver, each of them once."""

from typing import Final

from pydantic import SecretStr

from common.clock import Clock
from common.db.pool import Database
from common.domain.message import StepMessage
from common.platform import PlannedSearch
from common.settings import DatabaseSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit
from local.bench.gateway.seed import make_job

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
            job = make_job(unit.clock, _OWNER, target=100, pages_max=wanted, credits_max=100)
            job = job.model_copy(update={"parallel_searches_max": wanted})
            due = await create_job(unit, job, searches, region=None)
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
