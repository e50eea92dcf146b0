"""Deletions of accounts, carried out by the sweep: some transactions each time, until nothing is left."""

from contextlib import suppress
from datetime import datetime

import structlog

from common.crash import CrashPoint
from common.db import account as account_table
from common.db.account import Departure
from common.db.pool import DATABASE_FAULTS
from common.fault import describe
from common.resources.process import Resources
from common.transaction.account import clear_estate, end_departure, remove_some_of_job
from common.transaction.failure import cancel_job
from common.transaction.lock import UnknownJobError

log = structlog.get_logger()

DEPARTURES_MAX = 5  # that one sweep works on
JOBS_MAX = 20  # whose turn it is in one sweep


async def see_off(resources: Resources, *, ends_at: datetime | None = None) -> int:
    """Go on with the deletions that are under way; returns how many came to their end. One that Postgres refuses keeps
    no other. From `ends_at` on nothing new is begun."""
    async with resources.database.connection() as connection:
        departures = await account_table.some_departures(connection, count_max=DEPARTURES_MAX)
    ended = 0
    for departure in departures:
        if is_over(resources, ends_at):
            break
        try:
            ended += await _go_on(resources, departure, ends_at)
        except DATABASE_FAULTS as error:
            log.error("departure.failed", departure=str(departure.id), error=describe(error))
    return ended


def is_over(resources: Resources, ends_at: datetime | None) -> bool:
    """Whether the time of this part of a sweep is over."""
    return ends_at is not None and resources.clock.now() >= ends_at


async def _go_on(resources: Resources, departure: Departure, ends_at: datetime | None) -> bool:
    await _stop_jobs(resources, departure)
    await _remove_jobs(resources, departure, ends_at)
    await clear_estate(resources.database, departure)
    resources.crash.reach(CrashPoint.DEPARTURE_COMMITTED)
    is_ended = await end_departure(resources.database, departure)
    resources.crash.reach(CrashPoint.DEPARTURE_COMMITTED)
    if is_ended:
        resources.metrics.sweep.count_deleted()
        log.info("account.deleted", departure=str(departure.id))
    return is_ended


async def _stop_jobs(resources: Resources, departure: Departure) -> None:
    """Spending stops before anything is removed. What the end of one makes due of another is not published: that one
    ends next."""
    async with resources.database.connection() as connection:
        jobs = await account_table.active_jobs_of(connection, owner=departure.owner, count_max=JOBS_MAX)
    for job_id in jobs:
        with suppress(UnknownJobError):
            await cancel_job(await resources.unit(), job_id)
        resources.crash.reach(CrashPoint.DEPARTURE_COMMITTED)
        await resources.hints.give(job_id)


async def _remove_jobs(resources: Resources, departure: Departure, ends_at: datetime | None) -> None:
    """Those whose calls are still open wait for a later sweep, which settles them."""
    async with resources.database.connection() as connection:
        jobs = await account_table.jobs_of(connection, owner=departure.owner, count_max=JOBS_MAX)
    for job_id in jobs:
        if is_over(resources, ends_at):
            return
        await remove_some_of_job(await resources.unit(), departure, job_id)
        resources.crash.reach(CrashPoint.DEPARTURE_COMMITTED)
        await resources.hints.give(job_id)
