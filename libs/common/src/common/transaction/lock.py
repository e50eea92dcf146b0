"""One unit of work on a job, under its lock.

Every commit that changes a job goes through here: lock, read the facts, let the engine decide, write, and carry out
what must be published after the commit.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

from common.clock import Clock
from common.db import job as job_table
from common.db.job import LockedJob
from common.db.owner import lock_owner
from common.db.pool import Connection, Door
from common.domain.job import JobStatus
from common.domain.setting import SystemSettings
from common.domain.step import DueStep
from common.engine.end import End
from common.engine.fact import JobFacts

T = TypeVar("T")


class OwnerLockNeededError(Exception):
    """The work turned out to end the job, which also admits the owner's next one: it is done again with the owner's
    row locked first, because the lock order is owner, job, search, step."""


class UnknownJobError(Exception):
    """There is no such job."""


def _tell_nobody(_platform: str, _end: End) -> None:
    """For who counts nothing."""


@dataclass(slots=True)
class LockedWork:
    """A job under its lock: its facts as they change, the next sequence number, what became due."""

    connection: Connection
    clock: Clock
    job: LockedJob
    has_owner: bool
    active_jobs_max: int
    credits_per_day: int | None
    credits_per_day_of_all: int | None
    facts: JobFacts
    seq: int
    due: list[DueStep] = field(default_factory=list[DueStep])
    end: End | None = None

    @property
    def is_ended(self) -> bool:
        return self.end is not None

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def count(self, *, delivered: int = 0, pending: int = 0, reserve: int = 0) -> None:
        """Move the counters by these differences."""
        self.facts = replace(
            self.facts,
            delivered=self.facts.delivered + delivered,
            pending=self.facts.pending + pending,
            reserve=self.facts.reserve + reserve,
        )

    def begin_run(self, *, target: int, pages_max: int) -> None:
        """The job is pending again, with these limits."""
        self.facts = replace(self.facts, status=JobStatus.PENDING, target=target, pages_max=pages_max)
        limits = {"target_results": target, "pages_max": pages_max}
        self.job = self.job.model_copy(update={"status": JobStatus.PENDING, **limits})

    async def add_event(self, kind: str, data: dict[str, Any]) -> None:
        await job_table.insert_event(self.connection, job_id=self.job.id, seq=self.next_seq(), kind=kind, data=data)


@dataclass(frozen=True, slots=True)
class Unit:
    """What every transaction needs from its process."""

    database: Door
    clock: Clock
    active_jobs_max: int
    credits_per_day: int | None = None  # what an owner's jobs may be granted a day; None: no limit
    credits_per_day_of_all: int | None = None  # and all owners' jobs together
    on_ended: Callable[[str, End], None] = _tell_nobody  # platform and end of a job, when that is committed

    @classmethod
    def under(
        cls,
        settings: SystemSettings,
        database: Door,
        clock: Clock,
        on_ended: Callable[[str, End], None] = _tell_nobody,
    ) -> "Unit":
        """With the limits in force."""
        return cls(
            database=database,
            clock=clock,
            active_jobs_max=settings.limits.active_jobs_per_owner,
            credits_per_day=settings.limits.credits_per_owner_per_day,
            credits_per_day_of_all=settings.limits.credits_per_day,
            on_ended=on_ended,
        )


async def under_lock(unit: Unit, job_id: UUID, work: Callable[[LockedWork], Awaitable[T]]) -> tuple[T, list[DueStep]]:
    """Run `work` in one transaction under the job's lock; returns its result and what to publish now.

    Raises UnknownJobError. The owner's row is locked only when it turns out to be needed.
    """
    try:
        return await _attempt(unit, job_id, work, has_owner=False)
    except OwnerLockNeededError:
        return await under_both_locks(unit, job_id, work)


async def under_both_locks(
    unit: Unit, job_id: UUID, work: Callable[[LockedWork], Awaitable[T]]
) -> tuple[T, list[DueStep]]:
    """The same for work that is known to need the owner's row, too. Raises UnknownJobError."""
    return await _attempt(unit, job_id, work, has_owner=True)


async def _attempt(
    unit: Unit, job_id: UUID, work: Callable[[LockedWork], Awaitable[T]], *, has_owner: bool
) -> tuple[T, list[DueStep]]:
    async with unit.database.transaction() as connection:
        if has_owner:
            owner = await job_table.owner_of(connection, job_id=job_id)
            if owner is not None:
                await lock_owner(connection, owner=owner)
        job = await job_table.lock_job(connection, job_id=job_id)
        if job is None:
            raise UnknownJobError
        locked = LockedWork(
            connection=connection,
            clock=unit.clock,
            job=job,
            has_owner=has_owner,
            active_jobs_max=unit.active_jobs_max,
            credits_per_day=unit.credits_per_day,
            credits_per_day_of_all=unit.credits_per_day_of_all,
            facts=job.facts,
            seq=job.event_seq,
        )
        result = await work(locked)
    if locked.end is not None:
        unit.on_ended(job.platform, locked.end)
    return result, locked.due
