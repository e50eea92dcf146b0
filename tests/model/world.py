"""One example's world: its jobs, and what may happen to them. Every move is a method.

Nothing here is a rule of ours: a move hands a message over, kills a process or lets time pass, and looks at nothing.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from common.crash import CrashPoint
from common.db.job import NewJob
from common.db.platform_state import resume_platform, stop_platform
from common.domain.job import Mode
from common.platform import PlannedSearch
from common.transaction.creation import create_job
from common.transaction.failure import cancel_job
from common.transaction.quota import DayUsedUpError, QuotaExceededError
from common.transaction.reopening import NotReopenedError, Renewal, extend_job, retry_job
from common.transaction.setting import Request, reset_setting, set_setting

from .crew import Crew
from .plant import Plant
from .post import Post
from .process import SPARED, Fate, Process
from .upstream import PLATFORM, PagePlan, Person

CLOSED_MAX = 4
RENEWED_PAGES = 10
RENEWED_CREDITS = 30
ROUNDS_MAX = 40
SWITCH = Request(category="api", key="paid_calls", by="operator", is_operator=True)
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


@dataclass
class World:
    plant: Plant
    prefix: str
    post: Post
    crew: Crew
    gateway: Process
    spare: list[Wish] = field(default_factory=list[Wish])
    jobs: list[UUID] = field(default_factory=list[UUID])
    owners: set[str] = field(default_factory=set[str])
    pauses_ended: int = 0
    has_day_passed: bool = False
    stopped_with: set[UUID] | None = None  # the calls that were there when paid calls were stopped
    _strange: int = STRANGE_SEQUENCE

    @classmethod
    async def begin(cls, plant: Plant, prefix: str, people: list[Person], spare: list[Wish]) -> "World":
        plant.upstream.begin(prefix, people)
        await plant.renew_doors()
        post = await Post.begin(plant)
        world = cls(plant, prefix, post, Crew(plant, post), plant.process(), spare)
        await world.resume()
        return world

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        return await self.plant.sql(statement, jobs=self.jobs, **values)

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
        await self._by_gateway(
            self._create(job, [PlannedSearch(kind="keyword", query=query) for query in queries]), fate
        )

    async def _create(self, job: NewJob, searches: list[PlannedSearch]) -> None:
        resources = self.gateway.resources
        try:
            due = await create_job(await resources.unit(), job, searches, region=None)
        except (QuotaExceededError, DayUsedUpError):
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
        self.crew.leases_lost += 1
        renewal = Renewal(pages_max=RENEWED_PAGES, credits_max=RENEWED_CREDITS, queue_timeout=timedelta(hours=24))
        (target,) = (await self.sql("select target_results from jobs where id = %(id)s", id=job_id))[0]
        try:
            if more:
                due = await extend_job(await resources.unit(), job_id, renewal, target=target + more)
            else:
                due = await retry_job(await resources.unit(), job_id, renewal)
        except (NotReopenedError, QuotaExceededError, DayUsedUpError) as error:
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
        await self.gateway.alone(work, fate)
        if self.gateway.life.is_dead:
            self.gateway = self.plant.process()

    # Work

    async def work(self, pick: int, hand: int, fate: Fate = SPARED) -> int | None:
        """A worker gets a message; returns its sequence."""
        await self._bring_work()
        sequence = await self.post.hand_out(pick)
        if sequence is not None:
            await self._work_on(sequence, hand, fate)
        return sequence

    async def _bring_work(self) -> None:
        """An example in which nothing is left to do shows nothing: then a pause ends, or what was lost is found, or
        somebody wants another job."""
        if self.crew.closed >= CLOSED_MAX:
            await self.allow()
            await self.resume()
        if self.plant.qstash.waiting or self.post.stored:
            return
        if await self._active():
            await self.let_leases_run_out()
            await self.sweep(SPARED)
        elif self.spare:
            await self.create(self.spare.pop(), SPARED)

    async def _work_on(self, sequence: int | None, hand: int, fate: Fate) -> None:
        if sequence in self.post.stored:
            self.crew.start(self.post.stream[sequence], sequence, hand, fate)
            await self.crew.settle()

    async def work_together(self, picks: list[int], hands: list[int]) -> None:
        """Several messages at once."""
        await self.post.route_all()
        stored = self.post.stored
        for pick, hand in zip(picks, hands, strict=True):
            if stored:
                sequence = stored[pick % len(stored)]
                self.crew.start(self.post.stream[sequence], sequence, hand)
        await self.crew.settle()

    async def work_again(self, pick: int, hand: int) -> None:
        """A message comes that everybody has forgotten."""
        ever = self.plant.qstash.ever
        if ever:
            self._strange += 1
            self.crew.start(ever[pick % len(ever)], self._strange, hand)
            await self.crew.settle()

    async def relay(self, pick: int, first: Fate, second: Fate) -> None:
        """A worker comes to grief over a message, its lease runs out, and another one gets the message."""
        sequence = await self.work(pick, 0, first)
        await self.let_leases_run_out()
        await self._work_on(sequence, 1, second)

    async def interrupt(self, pick: int, first: Fate, between: str) -> None:
        """A worker stops over a message, and then something happens to its job or its platform."""
        sequence = await self.work(pick, 0, first)
        if sequence not in self.post.stream:
            return
        place = self.jobs.index(self.post.stream[sequence].job_id)
        match between:
            case "cancel":
                await self.cancel(place, SPARED)
            case "deadline":
                await self.let_deadline_pass(place)
            case "timeout":
                await self.let_deadline_pass(place)
                await self.sweep(SPARED)
            case "retry":
                await self.let_deadline_pass(place)
                await self.sweep(SPARED)
                await self.reopen(place, 0, SPARED)
            case _:
                await self.pause()

    # Time and people

    async def let_leases_run_out(self) -> None:
        """Of steps and profiles. Whoever lives and still has one of them may buy a second time."""
        self.crew.leases_lost += 1
        await self.sql(
            """update steps set lease_until = now() - interval '1 second'
               where job_id = any(%(jobs)s) and lease_until > now()"""
        )
        lost = await self.sql(
            """update profiles set claimed_until = now() - interval '1 second' where claimed_until > now()
               returning platform_id"""
        )
        self.crew.forget_claims([platform_id for (platform_id,) in lost])
        await self.crew.settle()

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
        self.has_day_passed = True
        await self.sql("update jobs set quota_day = quota_day - 1 where id = any(%(jobs)s)")
        for days in (-1000, 999):
            await self.sql(
                "update owner_days set day = day + %(days)s where owner = any(%(owners)s)",
                days=days,
                owners=sorted(self.owners),
            )
            await self.sql("update spending_days set day = day + %(days)s", days=days)

    async def answer_slow(self, pick: int | None = None) -> None:
        self.plant.upstream.answer_slow(pick)
        await self.crew.settle()

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

    async def stop(self) -> None:
        """An operator throws the switch over all paid calls."""
        unit = await self.gateway.resources.unit()
        await set_setting(unit, SWITCH, "stopped")
        rows = await self.sql("select id from upstream_calls where job_id = any(%(jobs)s)")
        self.stopped_with = {call_id for (call_id,) in rows}

    async def allow(self) -> None:
        """And throws it back."""
        if self.stopped_with is not None:
            await reset_setting(await self.gateway.resources.unit(), SWITCH)
            self.stopped_with = None
            self._look_again()

    def _look_again(self) -> None:
        self.pauses_ended += 1
        self.crew.look_again()

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
        await self.post.sweep(fate)

    # The end

    async def drive(self) -> None:
        """The world is well again, and time passes: everything that waits is delivered and swept."""
        self.plant.upstream.mend()
        self.plant.qstash.faults.clear()
        await self.crew.thaw()
        await self.crew.finish()
        for _ in range(ROUNDS_MAX):
            await self.allow()
            await self.resume()
            await self.let_leases_run_out()
            await self._deliver_all()
            await self.post.tell_again()
            await self.sweep(SPARED)
            if not await self._active():
                break

    async def _deliver_all(self) -> None:
        tried: set[int] = set()
        while True:
            await self.post.route_all()
            left = [sequence for sequence in self.post.stored if sequence not in tried]
            if not left:
                return
            for sequence in left:
                tried.add(sequence)
                self.crew.start(self.post.stream[sequence], sequence, 0)
                await self.crew.finish()

    async def _active(self) -> int:
        rows = await self.sql(
            "select count(*) from jobs where id = any(%(jobs)s) and status in ('pending', 'processing')"
        )
        return rows[0][0]

    async def end(self) -> None:
        """Nothing of this example is left for the next one."""
        self.plant.upstream.mend()
        await self.allow()
        await self.crew.end()
        for process in (self.gateway, self.post.webhook):
            process.life.end()
            await process.life.is_buried()
        await self.sql(
            """update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now()
               where id = any(%(jobs)s) and ended_at is null"""
        )
        await self.sql("update jobs set credits_reserved = 0 where id = any(%(jobs)s)")
        await self.sql("delete from jobs where id = any(%(jobs)s)")
        await self.sql("delete from upstream_calls where job_id = any(%(jobs)s)")
        await self.sql("delete from owner_days where owner = any(%(owners)s)", owners=sorted(self.owners))
        await self.sql("delete from spending_days")
