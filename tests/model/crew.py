"""The workers of an example, and what they have in hand."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from common.domain.message import StepMessage
from common.worker.claiming import Answer, Delivery, Reply
from common.worker.step import perform
from common.worker.turn import Tools

from .plant import Plant
from .post import Post
from .process import SPARED, Fate, Process
from .upstream import profile_fingerprint

WORKERS = 2
SLOTS = 64
QUIET_S = 0.02
SETTLE_MAX_S = 2.0
TURN_MAX_S = 20.0
COMMITTED = ("performed", "search_ended")


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
    token: UUID | None = None  # by which it holds its step, once it stopped over it
    leases_lost: int = 0  # the crew's, when that was seen
    leased_until: datetime | None = None
    is_overtaken: bool = False
    is_past: bool = False  # it gave the step back or is done with it, so whoever has it next does not overtake


@dataclass
class Crew:
    """`overtaken` are the tokens of those who lost their step and do not know it yet; `excused` counts the second calls
    for a profile that a lost claim explains, by fingerprint."""

    plant: Plant
    post: Post
    workers: list[Worker] = field(default_factory=list[Worker])
    frozen: list[Worker] = field(default_factory=list[Worker])
    turns: list[Turn] = field(default_factory=list[Turn])
    overtaken: set[UUID] = field(default_factory=set[UUID])
    excused: Counter[str] = field(default_factory=Counter[str])
    leases_lost: int = 0
    closed: int = 0  # how often nobody could work since the platform was open

    def __post_init__(self) -> None:
        self.workers = [self._new() for _ in range(WORKERS)]

    def _new(self) -> Worker:
        process = self.plant.process()
        return Worker(process, self.plant.tools(process))

    def start(self, message: StepMessage, sequence: int, hand: int, fate: Fate = SPARED) -> None:
        """Give a message to a worker."""
        worker = self.workers[hand % len(self.workers)]
        worker.process.arm(fate)
        task = worker.process.start(_turn(worker, Delivery(message=message, sequence=sequence)))
        self.turns.append(Turn(task, worker, sequence, message))

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

    async def finish(self) -> None:
        """Until all turns are over."""
        if self.turns:
            await asyncio.wait([turn.task for turn in self.turns], timeout=TURN_MAX_S)
            await self._take_replies()
        places = [turn.worker.process.life.places for turn in self.turns]
        assert not places, "a turn does not end:\n" + "\n".join(places)

    async def _take_replies(self) -> None:
        for turn in [turn for turn in self.turns if turn.task.done()]:
            self.turns.remove(turn)
            if turn.worker.process.life.is_dead:
                continue
            reply = turn.task.result()
            if reply is None:
                self.closed += 1
                continue
            self.plant.tally[f"reply: {reply.answer} {reply.reason}"] += 1
            if turn.is_overtaken:
                assert reply.reason not in COMMITTED, f"who lost the step commits nothing: {reply}"
            if reply.reason in COMMITTED:
                assert not await self._left_open(turn), "the calls of who lost the step are closed by who has it"
            if reply.answer is Answer.ACK:
                await self.post.delete(turn.sequence)

    async def _left_open(self, turn: Turn) -> list[UUID]:
        rows = await self.plant.sql(
            """select id from upstream_calls
               where search_id = %(search_id)s and step = %(step)s and status = 'open' and token = any(%(tokens)s)""",
            search_id=turn.message.search_id,
            step=turn.message.step,
            tokens=list(self.overtaken),
        )
        return [call_id for (call_id,) in rows]

    async def _take_stock(self) -> None:
        """The dead are replaced, and those who stand still."""
        for place, worker in enumerate(self.workers):
            life = worker.process.life
            worker.process.arm(SPARED)
            if life.is_dead:
                await self._bury(worker)
            elif life.stands_still:
                self.frozen.append(worker)
            else:
                continue
            self.workers[place] = self._new()

    async def _bury(self, worker: Worker) -> None:
        assert await worker.process.life.is_buried(), "a dead process goes on"
        await self._take_replies()

    async def _look_at(self, turn: Turn) -> None:
        """Which token a turn that stopped works under, and whether somebody else has the step by now."""
        rows = await self.plant.sql(
            """select token, claimed_sequence, lease_until, now() from steps
               where search_id = %(search_id)s and step = %(step)s and phase in ('page', 'enrichment')
                 and token is not null""",
            search_id=turn.message.search_id,
            step=turn.message.step,
        )
        if not rows and turn.token is not None and turn.leases_lost == self.leases_lost:
            turn.is_past = True
        for token, sequence, leased_until, now in rows:
            if turn.token is None and sequence == turn.sequence and leased_until > now:
                turn.token, turn.leases_lost = token, self.leases_lost
            if token == turn.token:
                turn.leased_until = leased_until
            elif turn.token is not None and not turn.is_past:
                is_over = turn.leases_lost < self.leases_lost or turn.leased_until is None or turn.leased_until < now
                assert turn.is_overtaken or is_over, "who has a lease is not overtaken"
                turn.is_overtaken = True
                self.overtaken.add(turn.token)

    def look_again(self) -> None:
        """A worker looks at the platform's state every second; here it does so now."""
        self.closed = 0
        busy = {turn.worker for turn in self.turns}
        self.workers = [worker if worker in busy else self._new() for worker in self.workers]

    def forget_claims(self, platform_ids: list[str]) -> None:
        """Profiles may be bought again. Whoever is still at work may have one of them in hand."""
        if self.turns:
            self.excused.update(profile_fingerprint(platform_id) for platform_id in platform_ids)

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
        await self._bury(worker)
        self.frozen = [one for one in self.frozen if one is not worker]
        await self._take_stock()

    async def end(self) -> None:
        for worker in (*self.workers, *self.frozen, *(turn.worker for turn in self.turns)):
            worker.process.life.end()
            await worker.process.life.is_buried()


async def _turn(worker: Worker, delivery: Delivery) -> Reply | None:
    """As the worker's loop does it; None: the platform waits, so nobody pulls."""

    async def beat() -> None:
        """The message is kept alive."""

    if not await worker.tools.gate.steps_allowed(SLOTS):
        return None
    return await perform(worker.tools, delivery, beat)
