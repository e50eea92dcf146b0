"""Telling whoever watches a job that there is something new to read. A hint is empty: Postgres is the truth."""

from uuid import UUID

import structlog
from nats.errors import Error as NatsError

from common.crash import Crash, CrashPoint
from common.messaging.connection import Messaging
from common.messaging.topology import progress_subject

log = structlog.get_logger()


class Hints:
    """Given right after each commit that others may be watching."""

    def __init__(self, messaging: Messaging, crash: Crash) -> None:
        self._messaging = messaging
        self._crash = crash

    async def give(self, job_id: UUID) -> None:
        """Whoever watches the job may look now. Never raises: who misses it looks by itself a moment later."""
        try:
            await self._messaging.client.publish(progress_subject(job_id), b"")
        except NatsError as error:
            log.debug("hint.lost", job_id=str(job_id), error=type(error).__name__)
        self._crash.reach(CrashPoint.HINT_PUBLISHED)
