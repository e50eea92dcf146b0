"""Publishing what a commit made due, within the time that a caller waits."""

import asyncio
from collections.abc import Sequence

import structlog

from common.crash import Crash, CrashPoint
from common.db.pool import Door
from common.domain.step import DueStep
from common.resources.publication import Publication
from gateway.metric import Metrics

log = structlog.get_logger()

WAITED_S = 3.0
CLOSING_S = 3.0


class BoundedPublication:
    """The commit has happened, so nothing here may fail a request. What takes longer than a caller waits goes on
    behind the answer, and what fails the sweep publishes; both are safe to repeat."""

    def __init__(self, publication: Publication, metrics: Metrics, crash: Crash) -> None:
        self._publication = publication
        self._crash = crash
        self._metrics = metrics
        self._tasks: set[asyncio.Task[list[str | None]]] = set()

    async def publish(self, database: Door, steps: Sequence[DueStep]) -> str | None:
        """QStash's id of the first message, None if it is not known within three seconds. `database` is where the steps
        can be seen."""
        if not steps:
            return None
        # Not cancelled at the end of the time: a cancelled wait for a connection costs the pool one on Python 3.11.
        task = asyncio.create_task(self._publication.within(database).publish(steps))
        self._tasks.add(task)
        task.add_done_callback(self._settle)
        await asyncio.wait({task}, timeout=WAITED_S)
        self._crash.reach(CrashPoint.PUBLICATION_AWAITED)
        ids = task.result() if task.done() and not task.cancelled() and task.exception() is None else []
        message_id = next((message_id for message_id in ids if message_id is not None), None)
        if message_id is None:
            self._metrics.count_unpublished()
            log.warning("job.unpublished", job_id=str(steps[0].job_id), step_count=len(steps))
        return message_id

    async def close(self) -> None:
        """Wait a little for what is under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSING_S)

    def _settle(self, task: asyncio.Task[list[str | None]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("publication.failed", error=type(error).__name__)
