"""The purge: what was kept long enough goes, with every sweep that finds it due, a bounded number of rows at a time.

Each class of data is looked through every hour, and again with the next sweep while something is left. Every removal is
a transaction of its own that removes nothing when it is repeated, so a death between two loses and repeats nothing.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from common.crash import CrashPoint
from common.db import purge as purge_table
from common.db.pool import DATABASE_FAULTS
from common.db.purge import PurgeNote
from common.domain.retention import DataClass
from common.engine.retention import LastPurge, is_due, kept_for
from common.fault import describe
from common.resources.process import Resources
from common.transaction.lock import UnknownJobError
from common.transaction.purge import remove_creators
from webhook.departure import is_over

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Rows of one transaction, jobs whose creators one sweep removes, and from when on it begins nothing new."""

    rows_max: int = 1000
    jobs_max: int = 20
    ends_at: datetime | None = None


BOUNDS = Bounds()

_TABLES: Mapping[DataClass, Callable[..., Awaitable[int]]] = {
    DataClass.PROFILES: purge_table.delete_profiles,
    DataClass.DEAD_LETTERS: purge_table.delete_letters,
    DataClass.SETTING_CHANGES: purge_table.delete_setting_changes,
    DataClass.OWNER_DAYS: purge_table.delete_owner_days,
}


async def purge(resources: Resources, bounds: Bounds = BOUNDS) -> dict[str, int]:
    """Remove what is due, by class; returns how many rows went. A class that Postgres refuses keeps no other."""
    async with resources.database.connection() as connection:
        last = {
            row.data: LastPurge(at=row.at, is_done=row.is_done) for row in await purge_table.last_purges(connection)
        }
    now = resources.clock.now()
    settings = await resources.settings.current()
    removed: Counter[str] = Counter()
    for data in DataClass:
        if not is_due(last.get(data), now):
            continue
        until = now - kept_for(data, settings)
        try:
            rows, is_done = await _remove(resources, data, until, bounds)
            async with resources.database.connection() as connection:
                await purge_table.note_purge(connection, PurgeNote(data=data, until=until, rows=rows, is_done=is_done))
        except DATABASE_FAULTS as error:
            log.error("purge.failed", data=data.value, error=describe(error))
            continue
        removed[data.value] += rows
        resources.metrics.sweep.count_purged(data.value, rows)
        if rows:
            log.info("purge.performed", data=data.value, rows=rows, until=until.isoformat(), is_done=is_done)
    return dict(+removed)


async def _remove(resources: Resources, data: DataClass, until: datetime, bounds: Bounds) -> tuple[int, bool]:
    """How many rows went, and whether all are gone that were due."""
    if data is DataClass.RESULTS:
        return await _remove_results(resources, until, bounds)
    async with resources.database.connection() as connection:
        rows = await _TABLES[data](connection, until=until, count_max=bounds.rows_max)
    resources.crash.reach(CrashPoint.PURGE_COMMITTED)
    return rows, rows < bounds.rows_max


async def _remove_results(resources: Resources, until: datetime, bounds: Bounds) -> tuple[int, bool]:
    async with resources.database.connection() as connection:
        jobs = await purge_table.jobs_with_old_creators(connection, until=until, count_max=bounds.jobs_max)
    unit = await resources.unit()
    rows, is_done = 0, len(jobs) < bounds.jobs_max
    for job_id in jobs:
        if is_over(resources, bounds.ends_at):
            return rows, False
        try:
            removal = await remove_creators(unit, job_id, until=until, count_max=bounds.rows_max)
        except UnknownJobError:
            continue  # its owner was faster
        resources.crash.reach(CrashPoint.PURGE_COMMITTED)
        rows += removal.count
        is_done = is_done and removal.is_done
    return rows, is_done
