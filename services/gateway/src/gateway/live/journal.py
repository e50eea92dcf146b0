"""Reads what happened to a job, and writes each event down once as the bytes that all who watch it are sent.

The rule: few reads at once, and each holds its connection only while it reads, never while anything is sent. Nobody
cancels one: on Python 3.11 a cancelled wait for a connection costs the pool one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from common.db.event import EventQuery, EventRow, JobHead, list_events, list_heads
from common.db.pool import Database
from common.domain.job import PlatformName
from gateway.answer.event import event_of
from gateway.live.wire import write_event

READS_MAX = 4  # of the pool's connections, so that who asks for a job does not wait for who watches one
STRETCH_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedJob:
    id: UUID
    owner: str
    platform: PlatformName


class Encoded(NamedTuple):
    """An event as it is sent."""

    seq: int
    wire: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What follows a place in a job's events. `events` is complete up to `reached`; `head` is the number of the job's
    last event in the same snapshot."""

    events: Sequence[Encoded]
    reached: int
    head: int
    is_final: bool

    @property
    def is_end(self) -> bool:
        """The job is over, and nothing follows."""
        return self.is_final and self.reached == self.head


class Journal:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._gate = asyncio.Semaphore(READS_MAX)

    async def read(self, job: WatchedJob, after: int) -> Stretch | None:
        """At most 64 events after this number; None if the job is no more. Raises DATABASE_UNAVAILABLE's errors."""
        query = EventQuery(owner=job.owner, job_id=job.id, after=after, count_max=STRETCH_MAX)
        async with self._gate, self._database.of(job.owner).connection() as connection:
            rows = await list_events(connection, query)
        return _stretch(rows, job.platform, after) if rows else None

    async def heads(self, jobs: Sequence[WatchedJob]) -> list[JobHead]:
        """How far these jobs are; those that are no more are left out."""
        owners = {job.owner for job in jobs}
        async with self._gate, self._database.of_owners(owners).connection() as connection:
            return await list_heads(connection, [(job.id, job.owner) for job in jobs])

    async def close(self) -> None:
        """Wait for the reads that are under way; there are no more afterwards."""
        for _ in range(READS_MAX):
            await self._gate.acquire()


def _stretch(rows: Sequence[EventRow], platform: PlatformName, after: int) -> Stretch:
    events = [event for row in rows if (event := event_of(row, platform)) is not None]
    head = rows[-1].event_seq
    is_complete = len(rows) < STRETCH_MAX
    return Stretch(
        events=[Encoded(event.seq, write_event(event.name, event.document, seq=event.seq)) for event in events],
        reached=max(after, head) if is_complete else rows[-1].seq or after,
        head=head,
        is_final=rows[-1].status.is_final,
    )
