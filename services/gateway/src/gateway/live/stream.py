"""One stream of one job's events: first the job as it is, then what the client missed, then what happens."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from litestar.types import Receive, Scope, Send

from common.db.poll import JobView, read_job
from common.db.pool import DATABASE_UNAVAILABLE
from common.errors import CallerError
from common.resources.process import Resources
from gateway.answer.event import SNAPSHOT
from gateway.answer.job import JobAnswer
from gateway.auth.principal import Principal
from gateway.live.channel import Channel, Chunk
from gateway.live.hub import Hub
from gateway.live.journal import WatchedJob
from gateway.live.line import Line
from gateway.live.wire import HEARTBEAT, MEDIA_TYPE, write_bye, write_event
from gateway.metric import Metrics
from gateway.problem import not_found

RETRY_MAX_S = 4.0  # who is sent away comes again within this, at random: not all at once

HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # proxies that know it pass each event on at once
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LastEvent:
    """The number of the last event that the client has, and the name under which it said so."""

    seq: int
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants to watch what; `last` None: from now on."""

    principal: Principal
    job_id: UUID
    last: LastEvent | None


class EventStream:
    """The response, as an application: what it takes it gives back when the response ends, however it ends."""

    def __init__(self, wish: Wish, hub: Hub, resources: Resources, metrics: Metrics) -> None:
        self._wish = wish
        self._hub = hub
        self._resources = resources
        self._metrics = metrics
        self._news = asyncio.Event()
        self._line: Line | None = None
        self._ends_at = 0.0
        self._beats_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what becomes a problem (no place, no such job, a number that was never given) before it answers."""
        with self._hub.seats.taken(self._wish.principal.user_id):
            view = await self._read_job()
            place = self._place(view)
            line = self._line = Line(scope, receive, send, wake=self._wake)
            if self._wish.last is not None and place == view.event_seq and view.status.is_final:
                await line.start(204, {"Cache-Control": HEADERS["Cache-Control"]})
                await line.write(b"", is_last=True)
                return
            self._ends_at = self._now() + self._hub.limits.lifetime_s
            line.open(patient_until=self._ends_at)
            job = WatchedJob(id=view.id, owner=self._wish.principal.owner, platform=view.platform)
            try:
                with self._hub.watched(job, view.event_seq, self._wake) as channel:
                    await line.start(200, HEADERS)
                    await self._write(line, self._snapshot(view))
                    await self._follow(line, channel, place)
            finally:
                line.close()

    async def _read_job(self) -> JobView:
        principal = self._wish.principal
        async with self._resources.database.of(principal.owner).connection() as connection:
            view = await read_job(connection, owner=principal.owner, job_id=self._wish.job_id)
        if view is None:
            raise not_found()
        return view

    def _place(self, view: JobView) -> int:
        """The number after which the client is told. Raises CallerError."""
        last = self._wish.last
        if last is None:
            return view.event_seq
        if last.seq > view.event_seq:
            raise CallerError("is beyond the job's last event", pointer=last.pointer, code="too_large")
        return last.seq

    def _snapshot(self, view: JobView) -> bytes:
        """It carries an id only if nothing is replayed after it: a stream that is cut in the middle of a replay goes on
        where the replay was."""
        seq = view.event_seq if self._wish.last is None else None
        return write_event(SNAPSHOT, JobAnswer.of(view), seq=seq)

    async def _follow(self, line: Line, channel: Channel, place: int) -> None:
        while not line.is_gone:
            self._news.clear()
            reason = self._why_bye(channel)
            if reason is not None:
                await self._say_bye(line, reason)
                return
            chunk = channel.after(place) or await self._replay(channel, place)
            if chunk is None:
                await self._say_bye(line, "unavailable")
                return
            place = chunk.place
            if chunk.event_count:
                await self._write(line, chunk.wire)
                self._metrics.count_events(chunk.event_count)
            elif channel.is_over and place == channel.tip:
                await line.write(b"", is_last=True)
                return
            else:
                await self._wait(line)

    async def _replay(self, channel: Channel, place: int) -> Chunk | None:
        """From Postgres; None if it does not answer or the job is no more."""
        try:
            return await channel.replay(place)
        except DATABASE_UNAVAILABLE:
            return None

    def _why_bye(self, channel: Channel) -> str | None:
        if self._hub.is_draining:
            return "draining"
        if self._now() >= self._ends_at:
            return "lifetime"
        return "unavailable" if channel.is_gone else None

    async def _say_bye(self, line: Line, reason: str) -> None:
        line.hurry()
        await line.write(write_bye(reason, retry_s=self._resources.clock.jitter(RETRY_MAX_S)), is_last=True)

    async def _write(self, line: Line, chunk: bytes) -> None:
        await line.write(chunk)
        self._beats_at = self._now() + self._hub.limits.heartbeat_s

    async def _wait(self, line: Line) -> None:
        """Until there is news, or the time for a sign of life or the end has come."""
        try:
            async with asyncio.timeout_at(min(self._beats_at, self._ends_at)):
                await self._news.wait()
        except TimeoutError:
            if self._now() >= self._beats_at:
                await self._write(line, HEARTBEAT)

    def _wake(self) -> None:
        self._news.set()
        if self._hub.is_draining and self._line is not None:
            self._line.hurry()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
