"""Telling QStash what became due, after the commit that made it so."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog

from common.crash import Crash, CrashPoint
from common.db.pool import DATABASE_UNAVAILABLE, Door
from common.db.step import note_published
from common.domain.step import DueStep
from common.metric.process import Metrics
from common.qstash.publisher import PUBLISH_MAX_S, QStashPublisher, QStashUnavailableError

log = structlog.get_logger()

AT_ONCE_MAX = 20


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
        """QStash's message id for each step, None where QStash did not take it. Never raises for an outage.

        Twenty are under way at once: each has its own ten seconds, which two hundred would use up waiting for each
        other where a processor is short. Whose turn has not come within ten seconds is not tried.
        """
        places = asyncio.Semaphore(AT_ONCE_MAX)
        # As long as one may take: those that QStash lets hang are the only ones then.
        ends_at = time.monotonic() + PUBLISH_MAX_S
        return list(await asyncio.gather(*(self._in_turn(step, places, ends_at) for step in steps)))

    async def _in_turn(self, step: DueStep, places: asyncio.Semaphore, ends_at: float) -> str | None:
        async with places:
            if time.monotonic() >= ends_at:
                log.warning("step.unpublished", **_named(step), error="no turn")
                return None
            return await self._publish(step)

    async def _publish(self, step: DueStep) -> str | None:
        try:
            with self._metrics.publishing():
                message_id = await self._publisher.publish(step)
        except QStashUnavailableError as error:
            log.warning("step.unpublished", **_named(step), error=str(error))
            return None
        self._crash.reach(CrashPoint.STEP_PUBLISHED)
        try:
            async with self._database.connection() as connection:
                await note_published(connection, step=step, qstash_message_id=message_id)
        except DATABASE_UNAVAILABLE as error:
            # QStash has it; the sweep publishes it once more, which is absorbed.
            log.warning("publication.not_noted", **_named(step), error=type(error).__name__)
        self._crash.reach(CrashPoint.PUBLICATION_NOTED)
        return message_id


def _named(step: DueStep) -> dict[str, Any]:
    """What tells a step in a line of the log."""
    return {"job_id": str(step.job_id), "search_id": str(step.search_id), "step": step.step}
