"""Telling QStash what became due, after the commit that made it so."""

import asyncio
from collections.abc import Sequence

import structlog

from common.crash import Crash, CrashPoint
from common.db.pool import DATABASE_UNAVAILABLE, Door
from common.db.step import note_published
from common.domain.step import DueStep
from common.metric.process import Metrics
from common.qstash.publisher import QStashPublisher, QStashUnavailableError

log = structlog.get_logger()


class Publication:
    """Publishes steps and remembers it. What cannot be published now, the sweep publishes."""

    def __init__(self, database: Door, publisher: QStashPublisher, crash: Crash, metrics: Metrics) -> None:
        self._database = database
        self._publisher = publisher
        self._crash = crash
        self._metrics = metrics

    def within(self, database: Door) -> "Publication":
        """The same, noting what it does through another door."""
        return Publication(database, self._publisher, self._crash, self._metrics)

    async def publish(self, steps: Sequence[DueStep]) -> list[str | None]:
        """QStash's message id for each step, None where QStash did not take it. Never raises for an outage."""
        return list(await asyncio.gather(*(self._publish(step) for step in steps)))

    async def _publish(self, step: DueStep) -> str | None:
        try:
            with self._metrics.publishing():
                message_id = await self._publisher.publish(step)
        except QStashUnavailableError as error:
            log.warning(
                "step.unpublished",
                job_id=str(step.job_id),
                search_id=str(step.search_id),
                step=step.step,
                error=str(error),
            )
            return None
        self._crash.reach(CrashPoint.STEP_PUBLISHED)
        try:
            async with self._database.connection() as connection:
                await note_published(connection, step=step, qstash_message_id=message_id)
        except DATABASE_UNAVAILABLE as error:
            # QStash has it; the sweep publishes it once more, which is absorbed.
            log.warning("publication.not_noted", job_id=str(step.job_id), step=step.step, error=type(error).__name__)
        self._crash.reach(CrashPoint.PUBLICATION_NOTED)
        return message_id
