"""What is there before the clock starts: jobs, each of an owner of its own, and the profiles of everybody."""

from typing import Final

from pydantic import SecretStr

from bench.floor.people import PAGE_SIZE, profile
from bench.floor.tape import JobKey
from common.clock import Clock
from common.db.platform_state import Ability, announce_platform
from common.db.pool import Database
from common.db.profile import SeenProfile, store_profile
from common.domain.setting import SystemSettings
from common.platform import PlannedSearch
from common.settings import DatabaseSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit
from local.bench.gateway.seed import make_job
from tiktok.table import TIKTOK

_TARGET: Final = 10_000  # the most there is, 333 pages: no job ends while the clock runs


async def seed(database_url: str, jobs: int, pages: int) -> tuple[JobKey, ...]:
    """So many jobs at their first step, and the profiles of all people on so many pages."""
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="seed", size_max=1)
    await database.open()
    try:
        await _announce(database)
        await _fill_profiles(database, pages * PAGE_SIZE)
        unit = Unit.under(SystemSettings(), database, Clock())
        return tuple([await _create(unit, number) for number in range(jobs)])
    finally:
        await database.close()


async def _announce(database: Database) -> None:
    ability = Ability(
        platform=TIKTOK.name,
        label=TIKTOK.label,
        modes=tuple(sorted(TIKTOK.modes)),
        search_kinds=tuple(sorted(TIKTOK.searches)),
    )
    async with database.connection() as connection:
        await announce_platform(connection, ability)


async def _fill_profiles(database: Database, people: int) -> None:
    async with database.transaction() as connection:
        for number in range(people):
            account = profile(number)
            seen = SeenProfile(
                platform=TIKTOK.name, platform_id=account.platform_id, status="found", account=account, seen_at=None
            )
            await store_profile(connection, seen)


async def _create(unit: Unit, number: int) -> JobKey:
    limits = {"target": _TARGET, "pages_max": _TARGET, "credits_max": _TARGET}
    job = make_job(unit.clock, f"user:bench_{number}", **limits)
    (first,) = await create_job(unit, job, [PlannedSearch(kind="keyword", query="vegan")], region=None)
    return JobKey(number, job.id, first.search_id)
