"""One watched job: its latest events, read once for all who watch it here.

Nobody has a queue. Each watcher knows its own place and takes what follows it from the events that are kept; who fell
further behind than they reach reads from Postgres.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from common.db.pool import DATABASE_UNAVAILABLE
from gateway.live.journal import Encoded, Journal, Stretch, WatchedJob
from gateway.live.limit import LiveLimits

log = structlog.get_logger()

CHUNK_BYTES_MAX = 32 * 1024

Wake = Callable[[], None]


class Chunk(NamedTuple):
    """Some events to be sent at once, and the place that they lead to."""

    wire: bytes
    place: int
    event_count: int


def chunk_of(events: Sequence[Encoded], place: int) -> Chunk:
    """The events as one, up to the size of a chunk but at least one; `place` is where one is without any."""
    wires: list[bytes] = []
    size = 0
    for seq, wire in events:
        if wires and size + len(wire) > CHUNK_BYTES_MAX:
            break
        wires.append(wire)
        size += len(wire)
        place = seq
    return Chunk(b"".join(wires), place, len(wires))


class Channel:
    """`tip`: everything up to this number was read. `is_over`: the job is final and nothing follows the tip."""

    def __init__(self, job: WatchedJob, journal: Journal, limits: LiveLimits, *, seq: int) -> None:
        self.job = job
        self.tip = seq
        self.is_over = False
        self.is_gone = False
        self.watchers: set[Wake] = set()
        self._journal = journal
        self._limits = limits
        self._floor = seq
        self._kept: list[Encoded] = []
        self._kept_bytes = 0
        self._reader: asyncio.Task[None] | None = None
        self._is_stale = False

    def look(self) -> None:
        """There may be something new. A reader that is at it already looks once more."""
        self._is_stale = True
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_on())
            self._reader.add_done_callback(self._settle)

    def after(self, place: int) -> Chunk | None:
        """What follows `place`, perhaps nothing; None if it is further back than what is kept."""
        if place < self._floor:
            return None
        start = bisect_right(self._kept, place, key=lambda event: event.seq)
        chunk = chunk_of(self._kept[start:], place)
        is_all = start + chunk.event_count == len(self._kept)
        return chunk._replace(place=max(chunk.place, self.tip)) if is_all else chunk

    async def replay(self, place: int) -> Chunk | None:
        """The same from Postgres; None if the job is no more. Raises DATABASE_UNAVAILABLE's errors."""
        stretch = await self._journal.read(self.job, place)
        if stretch is None:
            return None
        if stretch.head > self.tip:
            self.look()
        chunk = chunk_of(stretch.events, place)
        return chunk if chunk.event_count < len(stretch.events) else chunk._replace(place=stretch.reached)

    def vanish(self) -> None:
        """The job is no more."""
        self.is_gone = True
        self._wake()

    async def _read_on(self) -> None:
        while self._is_stale:
            self._is_stale = False
            try:
                await self._catch_up()
            except DATABASE_UNAVAILABLE as error:
                # The next look at all jobs finds this one behind.
                log.warning("events.not_read", job_id=str(self.job.id), error=type(error).__name__)

    async def _catch_up(self) -> None:
        while (stretch := await self._journal.read(self.job, self.tip)) is not None:
            self._keep(stretch)
            self._wake()
            if stretch.reached >= stretch.head:
                return
        self.vanish()

    def _keep(self, stretch: Stretch) -> None:
        self._kept.extend(stretch.events)
        self._kept_bytes += sum(len(event.wire) for event in stretch.events)
        self.tip = stretch.reached
        self.is_over = stretch.is_end
        dropped = 0
        while (
            self._kept_bytes > self._limits.kept_bytes_max or len(self._kept) - dropped > self._limits.kept_events_max
        ):
            self._kept_bytes -= len(self._kept[dropped].wire)
            self._floor = self._kept[dropped].seq
            dropped += 1
        del self._kept[:dropped]

    def _wake(self) -> None:
        for wake in self.watchers:
            wake()

    def _settle(self, reader: asyncio.Task[None]) -> None:
        self._reader = None
        if not reader.cancelled() and (error := reader.exception()) is not None:
            log.error("reader.failed", job_id=str(self.job.id), error=type(error).__name__)
        if self._is_stale and not reader.cancelled():
            self.look()
