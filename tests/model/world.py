"""One example's world: its jobs, its processes and what may happen to them. Every move is a method.

Nothing here is a rule of ours: a move hands a message over, kills a process or lets time pass, and looks at nothing.
"""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from nats.js.errors import NotFoundError

from common.crash import CrashPoint
from common.db.job import NewJob
from common.db.platform_state import resume_platform, stop_platform
from common.domain.job import Mode
from common.domain.message import StepMessage
from common.engine.plan import FirstSearch
from common.messaging.topology import STEPS
from common.transaction.creation import create_job
from common.transaction.failure import cancel_job
from common.transaction.quota import QuotaExceededError
from common.transaction.reopening import NotReopenedError, Renewal, extend_job, retry_job
from common.worker.claiming import Answer, Delivery, Reply
from common.worker.step import Tools, perform
from webhook.composition import Webhook
from webhook.delivery import deliver
from webhook.failure import handle_failure
from webhook.problem import Kind, RefusalError
from webhook.reception import Received
from webhook.sweep import sweep_once

from .plant import Plant
from .process import DeathError, Process
from .upstream import PLATFORM, PagePlan, Person, profile_fingerprint

T = TypeVar("T")

GIVEN_UP = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{STEPS}.{PLATFORM.name}"
QUIET_S = 0.02
SETTLE_MAX_S = 2.0
ALONE_MAX_S = 20.0
WORKERS = 2
CLOSED_MAX = 4
SLOTS = 64
RENEWED_PAGES = 10
RENEWED_CREDITS = 30
ROUNDS_MAX = 40
COMMITTED = ("performed", "search_ended")
STRANGE_SEQUENCE = 1_000_000_000  # of messages that the stream has forgotten


@dataclass(frozen=True)
class Wish:
    """What a job is asked for."""

    owner: int
    searches: tuple[tuple[PagePlan, ...], ...]
    target: int
    pages_max: int
    credits_max: int
    parallel: int


@dataclass(frozen=True)
class Fate:
    """What befalls a process after so many crash points: `die`, `freeze`, or nothing."""

    passed: int = 0
    act: str = ""


@dataclass(eq=False)
class Worker:
    process: Process
    tools: Tools


@dataclass(eq=False)
class Turn:
    """A delivery in a worker's hands. `sequence` is its place in the stream."""

    task: asyncio.Task[Reply | None]
    worker: Worker
    sequence: int
    message: StepMessage
    token: UUID | None = None  # by which it holds its step, if it stops over it
    is_overtaken: bool = False


@dataclass
class World:
    plant: Plant
    prefix: str
    workers: list[Worker] = field(default_factory=list[Worker])
    frozen: list[Worker] = field(default_factory=list[Worker])
    turns: list[Turn] = field(default_factory=list[Turn])
    jobs: list[UUID] = field(default_factory=list[UUID])
    stream: dict[int, StepMessage] = field(default_factory=dict[int, StepMessage])
    given_up: set[int] = field(default_factory=set[int])
    excused: Counter[str] = field(default_factory=Counter[str])  # second calls that a lost claim explains
    spare: list[Wish] = field(default_factory=list[Wish])
    pauses_ended: int = 0
    _closed: int = 0  # how often nobody could work since the platform was open
    _stream_seen: int = 0
    owners: set[str] = field(default_factory=set[str])
    _strange: int = STRANGE_SEQUENCE

    async def begin(self, people: list[Person]) -> None:
        self.plant.upstream.begin(self.prefix, people)
        self.plant.qstash.begin()
        await self.plant.empty_streams()
        self._stream_seen = (await self.plant.messaging.jetstream.stream_info(STEPS)).state.last_seq
        await self.resume()
        self.gateway, self.sweeper = self.plant.process(), self.plant.process()
        self.workers = [self._new_worker() for _ in range(WORKERS)]

    def _new_worker(self) -> Worker:
        process = self.plant.process()
        return Worker(process, self.plant.tools(process))

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        """A statement of the test's own, which may have to wait for a lock."""
        async with self.plant.database.connection() as connection:
            cursor = await connection.execute(statement, {"jobs": self.jobs, **values})  # pyright: ignore
            return await cursor.fetchall() if cursor.description else []

    # The gateway

    async def create(self, wish: Wish, fate: Fate) -> None:
        queries = [f"{self.prefix}-{len(self.jobs)}-{number}" for number in range(len(wish.searches))]
        self.plant.upstream.plans |= dict(zip(queries, map(list, wish.searches), strict=True))
        clock = self.gateway.resources.clock
        job = NewJob(
            id=clock.new_id(),
            owner=f"user:{self.prefix}{wish.owner}",
            created_by="user_1",
            campaign_id=None,
            platform=PLATFORM.name,
            mode=Mode.KEYWORD,
            input={},
            target_results=wish.target,
            pages_max=wish.pages_max,
            credits_max=wish.credits_max,
            parallel_searches_max=wish.parallel,
            timeout=timedelta(hours=1),
            delay_between_calls=timedelta(0),
            queue_until=clock.now() + timedelta(hours=24),
        )
        self.jobs.append(job.id)
        self.owners.add(job.owner)
        await self._by_gateway(self._create(job, [FirstSearch(kind="keyword", query=query) for query in queries]), fate)

    async def _create(self, job: NewJob, searches: list[FirstSearch]) -> None:
        resources = self.gateway.resources
        try:
            due = await create_job(await resources.unit(), job, searches, region=None)
        except QuotaExceededError:
            self.jobs.remove(job.id)
            self.plant.tally["refused: quota"] += 1
            return
        resources.crash.reach(CrashPoint.JOB_COMMITTED)
        await resources.publication.publish(due)

    async def reopen(self, pick: int, more: int, fate: Fate) -> None:
        """Retry the job, or extend it by so many creators; whoever is at fault may ask, too."""
        if self.jobs:
            await self._by_gateway(self._reopen(self.jobs[pick % len(self.jobs)], more), fate)

    async def _reopen(self, job_id: UUID, more: int) -> None:
        resources = self.gateway.resources
        renewal = Renewal(pages_max=RENEWED_PAGES, credits_max=RENEWED_CREDITS, queue_timeout=timedelta(hours=24))
        (target,) = (await self.sql("select target_results from jobs where id = %(id)s", id=job_id))[0]
        try:
            if more:
                due = await extend_job(await resources.unit(), job_id, renewal, target=target + more)
            else:
                due = await retry_job(await resources.unit(), job_id, renewal)
        except (NotReopenedError, QuotaExceededError) as error:
            self.plant.tally[f"refused: {error or 'quota'}"] += 1
            return
        self.plant.tally["reopened: " + ("extend" if more else "retry")] += 1
        resources.crash.reach(CrashPoint.REOPENING_COMMITTED)
        await resources.publication.publish(due)

    async def cancel(self, pick: int, fate: Fate) -> None:
        if self.jobs:
            await self._by_gateway(self._cancel(self.jobs[pick % len(self.jobs)]), fate)

    async def _cancel(self, job_id: UUID) -> None:
        resources = self.gateway.resources
        _, due = await cancel_job(await resources.unit(), job_id)
        resources.crash.reach(CrashPoint.CANCEL_COMMITTED)
        await resources.publication.publish(due)

    async def _by_gateway(self, work: Coroutine[Any, Any, None], fate: Fate) -> None:
        await self._alone(self.gateway, work, fate)
        if self.gateway.life.is_dead:
            self.gateway = self.plant.process()

    # The webhook

    async def route(self, pick: int, fate: Fate) -> None:
        """QStash delivers a message; it is gone there once the webhook has said so."""
        waiting = self.plant.qstash.waiting
        if not waiting:
            return
        message = waiting[pick % len(waiting)]
        received = _received(message.model_dump_json(by_alias=True).encode())
        if await self._by_webhook(partial(deliver, received=received), fate):
            waiting.remove(message)
        await self._read_stream()

    async def fail(self, pick: int, fate: Fate) -> None:
        """QStash gives up on a message, whether it arrived or not."""
        ever = self.plant.qstash.ever
        if not ever:
            return
        message = ever[pick % len(ever)]
        source = base64.b64encode(message.model_dump_json(by_alias=True).encode()).decode()
        received = _received(json.dumps({"status": 503, "retried": 3, "sourceBody": source}).encode())
        if await self._by_webhook(partial(handle_failure, received=received), fate):
            self.plant.qstash.waiting[:] = [one for one in self.plant.qstash.waiting if one != message]

    async def sweep(self, fate: Fate) -> None:
        """Long after everything that happened."""
        await self.sql(
            """update steps set due_at = now() - interval '2 days', published_at = published_at - interval '2 days',
                   delivered_at = delivered_at - interval '2 days',
                   lease_until = case when lease_until < now() then lease_until - interval '2 days' else lease_until end
               where job_id = any(%(jobs)s) and phase in ('page', 'enrichment')"""
        )
        await self.sql(
            """update jobs set updated_at = now() - interval '2 days'
               where id = any(%(jobs)s) and status in ('pending', 'processing')"""
        )
        await self.sql(
            """update upstream_calls set opened_at = opened_at - interval '2 days'
               where job_id = any(%(jobs)s) and status = 'open'"""
        )
        repairs = await self._alone(self.sweeper, sweep_once(self.sweeper.resources), fate)
        self.plant.tally.update({f"sweep: {kind}": count for kind, count in (repairs or {}).items()})
        if self.sweeper.life.is_dead:
            self.sweeper = self.plant.process()
        await self._forget_given_up()

    async def _by_webhook(self, handle: Any, fate: Fate) -> bool:
        """Whether QStash got an answer that it takes for the last one."""
        webhook: Webhook = self.plant.webhook(self.sweeper)

        async def answer() -> bool:
            try:
                await handle(webhook)
            except RefusalError as error:
                if error.kind not in (Kind.NONSENSE, Kind.REPLAYED):
                    raise
            return True

        is_answered = await self._alone(self.sweeper, answer(), fate)
        if self.sweeper.life.is_dead:
            self.sweeper = self.plant.process()
        return bool(is_answered)

    # The stream

    async def give_up(self, pick: int) -> None:
        """JetStream delivers a message no more and tells so."""
        if self.stream:
            sequence = sorted(self.stream)[pick % len(self.stream)]
            self.given_up.add(sequence)
            advisory = json.dumps({"stream_seq": sequence, "deliveries": 50}).encode()
            await self.plant.messaging.jetstream.publish(GIVEN_UP, advisory)

    async def lose(self, pick: int) -> None:
        """A message is gone, from QStash or from the stream."""
        waiting, stored = self.plant.qstash.waiting, sorted(self.stream)
        if not waiting and not stored:
            return
        place = pick % (len(waiting) + len(stored))
        if place < len(waiting):
            waiting.pop(place)
        else:
            await self._delete(stored[place - len(waiting)])

    async def _delete(self, sequence: int) -> None:
        if self.stream.pop(sequence, None) is not None:
            self.given_up.discard(sequence)
            await self.plant.messaging.jetstream.delete_msg(STEPS, sequence)

    async def _read_stream(self) -> None:
        jetstream = self.plant.messaging.jetstream
        last = (await jetstream.stream_info(STEPS)).state.last_seq
        for sequence in range(self._stream_seen + 1, last + 1):
            stored = await jetstream.get_msg(STEPS, sequence)
            self.stream[sequence] = StepMessage.model_validate_json(stored.data or b"")
        self._stream_seen = last

    async def _forget_given_up(self) -> None:
        for sequence in list(self.given_up):
            try:
                await self.plant.messaging.jetstream.get_msg(STEPS, sequence)
            except NotFoundError:
                self.given_up.discard(sequence)
                self.stream.pop(sequence, None)

    # The workers

    async def work(self, pick: int, hand: int, fate: Fate = Fate()) -> int | None:
        """A worker gets a message of the stream, or one that QStash delivers just now; returns its sequence."""
        await self._bring_work()
        waiting = self.plant.qstash.waiting
        stored = self._stored
        if not waiting and not stored:
            return None
        place = pick % (len(waiting) + len(stored))
        if place < len(waiting):
            seen = self._stream_seen
            await self.route(place, Fate())
            if self._stream_seen == seen:
                return None
            sequence = self._stream_seen
        else:
            sequence = stored[place - len(waiting)]
        self._start(self.stream[sequence], sequence, hand, fate)
        await self.settle()
        return sequence

    async def _bring_work(self) -> None:
        """An example in which nothing is left to do shows nothing: somebody wants another job, or the pause ends."""
        if self._closed >= CLOSED_MAX:
            await self.resume()
        if self.spare and not await self._active():
            await self.create(self.spare.pop(), Fate())

    @property
    def _stored(self) -> list[int]:
        """What the stream delivers."""
        return [sequence for sequence in sorted(self.stream) if sequence not in self.given_up]

    async def relay(self, pick: int, first: Fate, second: Fate) -> None:
        """A worker comes to grief over a message, its lease runs out, and another one gets the message."""
        sequence = await self.work(pick, 0, first)
        await self.let_leases_run_out()
        if sequence in self.stream and sequence not in self.given_up:
            self._start(self.stream[sequence], sequence, 1, second)
            await self.settle()

    async def interrupt(self, pick: int, first: Fate, between: str) -> None:
        """A worker stops over a message, and then something happens to its job or its platform."""
        sequence = await self.work(pick, 0, first)
        if sequence not in self.stream:
            return
        place = self.jobs.index(self.stream[sequence].job_id)
        match between:
            case "cancel":
                await self.cancel(place, Fate())
            case "deadline":
                await self.let_deadline_pass(place)
            case "timeout":
                await self.let_deadline_pass(place)
                await self.sweep(Fate())
            case "retry":
                await self.let_deadline_pass(place)
                await self.sweep(Fate())
                await self.reopen(place, 0, Fate())
            case _:
                await self.pause()

    async def work_together(self, picks: list[int], hands: list[int]) -> None:
        """Several messages at once."""
        for _ in range(len(self.plant.qstash.waiting)):
            await self.route(0, Fate())
        stored = self._stored
        for pick, hand in zip(picks, hands, strict=True):
            if stored:
                sequence = stored[pick % len(stored)]
                self._start(self.stream[sequence], sequence, hand, Fate())
        await self.settle()

    async def work_again(self, pick: int, hand: int) -> None:
        """A message comes that everybody has forgotten."""
        ever = self.plant.qstash.ever
        if ever:
            self._strange += 1
            self._start(ever[pick % len(ever)], self._strange, hand, Fate())
            await self.settle()

    def _start(self, message: StepMessage, sequence: int, hand: int, fate: Fate) -> None:
        worker = self.workers[hand % len(self.workers)]
        self._arm(worker.process, fate)
        task = worker.process.start(_turn(worker, Delivery(message=message, sequence=sequence)))
        self.turns.append(Turn(task, worker, sequence, message))

    def _arm(self, process: Process, fate: Fate) -> None:
        life = process.life
        match fate.act:
            case "die":
                process.fuse.arm(fate.passed, life.die)
            case "freeze":
                process.fuse.arm(fate.passed, life.freeze)
            case _:
                process.fuse.disarm()

    async def settle(self) -> None:
        """Until all turns are over, or what is left of them waits for something that only a move brings."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + SETTLE_MAX_S
        quiet, before = 0, -1
        while self.turns and quiet < 2 and loop.time() < ends_at:
            await asyncio.wait([turn.task for turn in self.turns], timeout=QUIET_S)
            await self._take_replies()
            now = sum(self.plant.activity.values())
            quiet = quiet + 1 if now == before else 0
            before = now
        await self._take_stock()
        for turn in self.turns:
            await self._look_at(turn)

    async def _look_at(self, turn: Turn) -> None:
        """Which token a turn that stopped works under, and whether somebody else has the step by now."""
        rows = await self.sql(
            """select token, claimed_sequence, phase from steps
               where search_id = %(search_id)s and step = %(step)s and phase in ('page', 'enrichment')""",
            search_id=turn.message.search_id,
            step=turn.message.step,
        )
        for token, sequence, _ in rows:
            if turn.token is None and sequence == turn.sequence:
                turn.token = token
            elif turn.token is not None and token not in (None, turn.token):
                turn.is_overtaken = True

    async def _take_replies(self) -> None:
        for turn in [turn for turn in self.turns if turn.task.done()]:
            self.turns.remove(turn)
            if turn.worker.process.life.is_dead:
                continue
            reply = turn.task.result()
            if reply is None:
                self._closed += 1
                continue
            self.plant.tally[f"reply: {reply.answer} {reply.reason}"] += 1
            if turn.is_overtaken:
                assert reply.reason not in COMMITTED, f"who lost the step commits nothing: {reply}"
            if reply.answer is Answer.ACK:
                await self._delete(turn.sequence)

    async def _take_stock(self) -> None:
        """The dead are replaced, and those who stand still."""
        for place, worker in enumerate(self.workers):
            life = worker.process.life
            worker.process.fuse.disarm()
            if life.is_dead:
                await self._bury(worker.process)
            elif life.stands_still:
                self.frozen.append(worker)
            else:
                continue
            self.workers[place] = self._new_worker()

    async def _bury(self, process: Process) -> None:
        assert await process.life.is_buried(), "a dead process goes on"
        await self._take_replies()

    async def thaw(self) -> None:
        """Whoever stood still goes on, and does not know what happened meanwhile."""
        while self.frozen:
            self.frozen.pop().process.life.thaw()
        await self.settle()

    async def kill(self, pick: int) -> None:
        """At a moment that no crash point names."""
        busy = list(dict.fromkeys(turn.worker for turn in self.turns))
        if not busy:
            return
        worker = busy[pick % len(busy)]
        worker.process.life.end()
        await self._bury(worker.process)
        self.frozen = [one for one in self.frozen if one is not worker]
        await self._take_stock()

    # Time and people

    async def let_leases_run_out(self) -> None:
        """Of steps and profiles. Whoever lives and still has one of them may buy a second time."""
        await self.sql(
            """update steps set lease_until = now() - interval '1 second'
               where job_id = any(%(jobs)s) and lease_until > now()"""
        )
        lost = await self.sql(
            """update profiles set claimed_until = now() - interval '1 second' where claimed_until > now()
               returning platform_id"""
        )
        if self.turns:
            self.excused.update(profile_fingerprint(platform_id) for (platform_id,) in lost)
        await self.settle()

    async def let_deadline_pass(self, pick: int) -> None:
        if self.jobs:
            await self.sql(
                """update jobs set deadline_at = case when deadline_at is null then null
                                                     else now() - interval '1 second' end,
                       queue_until = now() - interval '1 second'
                   where id = %(id)s and status in ('pending', 'processing')""",
                id=self.jobs[pick % len(self.jobs)],
            )

    async def let_day_pass(self) -> None:
        """All that was granted was granted yesterday."""
        await self.sql("update jobs set quota_day = quota_day - 1 where id = any(%(jobs)s)")
        for days in (-1000, 999):
            await self.sql(
                "update owner_days set day = day + %(days)s where owner = any(%(owners)s)",
                days=days,
                owners=sorted(self.owners),
            )

    async def answer_slow(self, pick: int | None = None) -> None:
        self.plant.upstream.answer_slow(pick)
        await self.settle()

    async def end_pause(self) -> None:
        """The time of a pause is over. An operator's has none."""
        await self.sql("update platform_states set until = now() - interval '1 second' where until > now()")
        self._look_again()

    async def pause(self) -> None:
        """An operator's doing."""
        async with self.plant.database.connection() as connection:
            assert await stop_platform(connection, platform=PLATFORM.name)

    async def resume(self) -> None:
        """An operator's doing."""
        async with self.plant.database.connection() as connection:
            assert await resume_platform(connection, platform=PLATFORM.name)
        self._look_again()

    def _look_again(self) -> None:
        """A worker looks at the platform's state every second; here it does so now."""
        self.pauses_ended += 1
        self._closed = 0
        busy = {turn.worker for turn in self.turns}
        self.workers = [worker if worker in busy else self._new_worker() for worker in self.workers]

    # The end

    async def drive(self) -> None:
        """The world is well again, and time passes: everything that waits is delivered and swept."""
        self.plant.upstream.mend()
        self.plant.qstash.faults.clear()
        await self.thaw()
        await self._wait_for_turns()
        for _ in range(ROUNDS_MAX):
            await self.resume()
            await self.let_leases_run_out()
            await self._deliver_all()
            await self.sweep(Fate())
            if not await self._active():
                break

    async def _deliver_all(self) -> None:
        tried: set[int] = set()
        while True:
            while self.plant.qstash.waiting:
                await self.route(0, Fate())
            left = [sequence for sequence in sorted(self.stream) if sequence not in tried | self.given_up]
            if not left:
                return
            for sequence in left:
                tried.add(sequence)
                self._start(self.stream[sequence], sequence, 0, Fate())
                await self._wait_for_turns()

    async def _wait_for_turns(self) -> None:
        if self.turns:
            await asyncio.wait([turn.task for turn in self.turns], timeout=ALONE_MAX_S)
            await self._take_replies()
        assert not self.turns, "a turn does not end"

    async def _active(self) -> int:
        rows = await self.sql(
            "select count(*) from jobs where id = any(%(jobs)s) and status in ('pending', 'processing')"
        )
        return rows[0][0]

    async def end(self) -> None:
        """Nothing of this example is left for the next one."""
        self.plant.upstream.mend()
        for process in [worker.process for worker in (*self.workers, *self.frozen)] + [self.gateway, self.sweeper]:
            process.life.end()
            await process.life.is_buried()
        await asyncio.gather(*(turn.task for turn in self.turns), return_exceptions=True)
        await self.sql("delete from jobs where id = any(%(jobs)s)")
        await self.sql("delete from owner_days where owner = any(%(owners)s)", owners=sorted(self.owners))

    async def _alone(self, process: Process, work: Coroutine[Any, Any, T], fate: Fate) -> T | None:
        """Do it to its end; None if the process died of its fate."""
        self._arm(process, fate)
        task = process.start(work)
        await asyncio.wait({task}, timeout=ALONE_MAX_S)
        assert task.done(), "it does not end"
        process.fuse.disarm()
        if process.life.is_dead:
            await process.life.is_buried()
            assert isinstance(task.exception(), DeathError), task
            return None
        return task.result()


async def _turn(worker: Worker, delivery: Delivery) -> Reply | None:
    """As the worker's loop does it; None: the platform waits, so nobody pulls."""

    async def beat() -> None:
        """The message is kept alive."""

    if not await worker.tools.gate.steps_allowed(SLOTS):
        return None
    return await perform(worker.tools, delivery, beat)


def _received(raw: bytes) -> Received:
    return Received(raw=raw, jti=uuid4().hex, message_id=None)
