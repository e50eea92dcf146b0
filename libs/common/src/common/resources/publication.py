"""Telling QStash what became due, after the commit that made it so."""

import asyncio
from collections.abc import Sequence

import structlog

from common.crash import Crash, CrashPoint
from common.db.pool import DATABASE_UNAVAILABLE, Database, Door
from common.db.step import note_published
from common.domain.step import DueStep
from common.qstash.publisher import QStashPublisher, QStashUnavailableError

log = structlog.get_logger()


class Publication:
    """Publishes steps and remembers it. What cannot be published now, the sweep publishes."""

    def __init__(self, database: Database, publisher: QStashPublisher, crash: Crash) -> None:
        self._database = database
        self._publisher = publisher
        self._crash = crash

    async def publish(self, steps: Sequence[DueStep], door: Door | None = None) -> list[str | None]:
        """QStash's message id for each step, None where QStash did not take it. Never raises for an outage.

        `door` lets the process in to the steps' jobs; None: it is let in to all.
        """
        return list(await asyncio.gather(*(self._publish(step, door or self._database) for step in steps)))

    async def _publish(self, step: DueStep, door: Door) -> str | None:
        try:
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
            async with door.connection() as connection:
                await note_published(connection, step=step, qstash_message_id=message_id)
        except DATABASE_UNAVAILABLE as error:
            # QStash has it; the sweep publishes it once more, which is absorbed.
            log.warning("publication.not_noted", job_id=str(step.job_id), step=step.step, error=type(error).__name__)
        self._crash.reach(CrashPoint.PUBLICATION_NOTED)
        return message_id
