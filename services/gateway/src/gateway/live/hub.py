"""All that is watched in this process. One subscription hears the hints of all jobs; only those that are watched here
matter. Hints may be lost, so every two seconds all watched jobs are looked at, in one statement."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from common.db.pool import DATABASE_FAULTS
from common.messaging.topology import progress_subject
from common.resources.process import Resources
from gateway.live.channel import Channel, Wake
from gateway.live.journal import Journal, WatchedJob
from gateway.live.limit import LiveLimits, Seats
from gateway.metric import Metrics

log = structlog.get_logger()


class Hub:
    """`is_draining`: the process ends, and so must every stream."""

    def __init__(self, resources: Resources, metrics: Metrics, limits: LiveLimits) -> None:
        self.limits = limits
        self.seats = Seats(limits, metrics)
        self.is_draining = False
        self._messaging = resources.messaging
        self._journal = Journal(resources.database)
        self._channels: dict[str, Channel] = {}
        self._subscription: Subscription | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def open(self) -> None:
        self._subscription = await self._messaging.client.subscribe(progress_subject("*"), cb=self._hear)
        self._looking = asyncio.create_task(self._look_on())

    @contextmanager
    def watched(self, job: WatchedJob, seq: int, wake: Wake) -> Generator[Channel]:
        """The job's channel while it is watched by one more, who knows it up to `seq`; `wake` is called when there is
        something new, also the end of the process."""
        channel = self._channels.get(str(job.id))
        if channel is None:
            channel = self._channels[str(job.id)] = Channel(job, self._journal, self.limits, seq=seq)
            channel.look()  # what came between reading the job and watching it
        elif seq > channel.tip:
            channel.look()
        channel.watchers.add(wake)
        try:
            yield channel
        finally:
            channel.watchers.discard(wake)
            if not channel.watchers:
                del self._channels[str(job.id)]

    def drain(self) -> None:
        """End all streams, now."""
        self.is_draining = True
        for channel in self._channels.values():
            for wake in channel.watchers:
                wake()

    async def close(self) -> None:
        """Stop listening and wait for the reads that are under way."""
        self._closing.set()
        if self._looking is not None:
            await self._looking
        if self._subscription is not None:
            try:
                await self._subscription.unsubscribe()
            except NatsError as error:
                log.debug("hints.not_unsubscribed", error=type(error).__name__)
        await self._journal.close()

    async def _hear(self, message: Msg) -> None:
        channel = self._channels.get(message.subject.rpartition(".")[2])
        if channel is not None:
            channel.look()

    async def _look_on(self) -> None:
        while not self._closing.is_set():
            try:
                await self._look()
            except DATABASE_FAULTS as error:
                log.warning("jobs.not_looked_at", error=type(error).__name__)
            try:
                async with asyncio.timeout(self.limits.look_s):
                    await self._closing.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        """Whoever is not as far as its job reads on."""
        channels = [(channel, channel.tip) for channel in self._channels.values()]
        if not channels:
            return
        heads = {head.id: head for head in await self._journal.heads([channel.job for channel, _ in channels])}
        for channel, tip in channels:
            head = heads.get(channel.job.id)
            if head is None:
                channel.vanish()
            elif head.event_seq > tip or (head.status.is_final and not channel.is_over):
                channel.look()
