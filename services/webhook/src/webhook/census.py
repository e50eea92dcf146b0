"""Counts how things stand, for the metrics: whoever sweeps looks once a sweep, so that no scrape asks anybody."""

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from common.db import census as census_table
from common.db.census import StepCount
from common.domain.job import PlatformName
from common.messaging.lag import queue_lag
from common.metric.sweep import Census, Row
from common.resources.process import Resources

log = structlog.get_logger()


async def take_census(resources: Resources) -> Census:
    """As of now. Raises what Postgres does; a queue that cannot be asked is left out."""
    async with resources.database.connection() as connection:
        jobs = await census_table.count_jobs(connection)
        steps = {row.platform: row for row in await census_table.count_steps(connection)}
        platforms = await census_table.platform_counts(connection)
        letters = await census_table.count_letters(connection)
    pending: list[Row] = []
    unanswered: list[Row] = []
    for platform in PlatformName:
        try:
            waiting, in_hand = await queue_lag(resources.messaging.jetstream, platform)
        except (NatsError, APIError) as error:
            log.warning("queue.unknown", platform=platform.value, error=type(error).__name__)
            continue
        pending.append(((platform.value,), waiting))
        unanswered.append(((platform.value,), in_hand))
    # A platform without an open step is shown with zeros: what is not there cannot be compared.
    by_platform = [
        steps.get(name.value)
        or StepCount(platform=name.value, open_count=0, due_count=0, unpublished_count=0, oldest_due_s=0.0)
        for name in PlatformName
    ]
    return Census(
        jobs=[((row.platform, row.state, row.waiting_on), row.count) for row in jobs],
        platforms=[((row.platform, row.state, row.reason), 1) for row in platforms],
        steps_due=[((row.platform,), row.due_count) for row in by_platform],
        steps_unpublished=[((row.platform,), row.unpublished_count) for row in by_platform],
        oldest_due_s=[((row.platform,), row.oldest_due_s) for row in by_platform],
        queue_pending=pending,
        queue_ack_pending=unanswered,
        letters=[((), letters)],
    )
