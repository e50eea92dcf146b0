"""Jobs: one row each, changed only by who holds its lock."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.domain.creator import Target
from common.domain.filter import Filters
from common.domain.job import JobStatus, Mode
from common.domain.model import Model
from common.engine.fact import JobFacts


class NewJob(Model):
    """What creation stores. The limits are those in force now; they stay with the job."""

    id: UUID
    owner: str
    created_by: str
    campaign_id: UUID | None
    platform: str
    mode: Mode
    input: dict[str, Any]
    target_results: int
    pages_max: int
    credits_max: int
    parallel_searches_max: int
    timeout: timedelta
    delay_between_calls: timedelta
    queue_until: datetime
    filters: Filters = Filters()
    tags: tuple[str, ...] = ()


class LockedJob(Model):
    """The job under its lock."""

    id: UUID
    owner: str
    platform: str
    status: JobStatus
    target_results: int
    pages_max: int
    parallel_searches_max: int
    delay_between_calls: timedelta
    event_seq: int
    delivered_count: int
    pending_count: int
    reserve_count: int
    pages_count: int
    is_overdue: bool
    mode: Mode
    filters: Filters
    target: Target | None

    @property
    def facts(self) -> JobFacts:
        return JobFacts(
            status=self.status,
            target=self.target_results,
            delivered=self.delivered_count,
            pending=self.pending_count,
            reserve=self.reserve_count,
            pages=self.pages_count,
            pages_max=self.pages_max,
        )


async def insert_job(connection: Connection, job: NewJob) -> None:
    await connection.execute(
        """insert into jobs (id, owner, created_by, campaign_id, platform, mode, input, target_results, pages_max,
               credits_max, parallel_searches_max, timeout, delay_between_calls, queue_until, filters,
               tags)
           values (%(id)s, %(owner)s, %(created_by)s, %(campaign_id)s, %(platform)s, %(mode)s, %(input)s,
               %(target_results)s, %(pages_max)s, %(credits_max)s, %(parallel_searches_max)s, %(timeout)s,
               %(delay_between_calls)s, %(queue_until)s, %(filters)s, %(tags)s)""",
        {
            **job.model_dump(exclude={"filters"}),
            "tags": list(job.tags),
            "input": Jsonb(job.input),
            "filters": Jsonb(job.filters.model_dump(mode="json", exclude_defaults=True)),
        },
    )


async def owner_of(connection: Connection, *, job_id: UUID) -> str | None:
    """Who owns the job; the owner's row is locked before the job's."""
    cursor = await connection.execute("select owner from jobs where id = %(job_id)s", {"job_id": job_id})
    row = await cursor.fetchone()
    return row[0] if row else None


async def lock_job(connection: Connection, *, job_id: UUID) -> LockedJob | None:
    """Hold the job's row until the transaction ends and read it; None if there is none."""
    async with connection.cursor(row_factory=class_row(LockedJob)) as cursor:
        await cursor.execute(
            """select id, owner, platform, status, target_results, pages_max, parallel_searches_max,
                   delay_between_calls, event_seq, delivered_count, pending_count, reserve_count, pages_count,
                   coalesce(deadline_at, queue_until) <= now() as is_overdue, mode, filters, target
               from jobs where id = %(job_id)s for no key update""",
            {"job_id": job_id},
        )
        return await cursor.fetchone()


async def set_target(connection: Connection, *, job_id: UUID, target: Target) -> None:
    """Keep what is known of the account that a similar job was given."""
    await connection.execute(
        "update jobs set target = %(target)s where id = %(job_id)s",
        {"job_id": job_id, "target": Jsonb(target.model_dump(mode="json"))},
    )


async def update_counters(
    connection: Connection, *, job_id: UUID, counters: JobFacts, seq: int, progress: float
) -> None:
    """Write the counters that a decision arrived at. `progress` never goes back within a run."""
    await connection.execute(
        """update jobs set delivered_count = %(delivered)s, pending_count = %(pending)s, reserve_count = %(reserve)s,
               event_seq = %(seq)s, progress = greatest(progress, %(progress)s), updated_at = now()
           where id = %(job_id)s""",
        {
            "job_id": job_id,
            "delivered": counters.delivered,
            "pending": counters.pending,
            "reserve": counters.reserve,
            "seq": seq,
            "progress": progress,
        },
    )


async def note_progress(connection: Connection, *, job_id: UUID, counters: JobFacts, seq: int, progress: float) -> None:
    """The same together with the event that tells of it, whose number is `seq`."""
    told = {
        "delivered": counters.delivered,
        "pending": counters.pending,
        "pages": counters.pages,
        "progress": round(progress, 2),
    }
    await connection.execute(
        """with told as (
               insert into job_events (job_id, seq, kind, data) values (%(job_id)s, %(seq)s, 'progressed', %(data)s)
           )
           update jobs set delivered_count = %(delivered)s, pending_count = %(pending)s, reserve_count = %(reserve)s,
               event_seq = %(seq)s, progress = greatest(progress, %(progress)s), updated_at = now()
           where id = %(job_id)s""",
        {
            "job_id": job_id,
            "delivered": counters.delivered,
            "pending": counters.pending,
            "reserve": counters.reserve,
            "seq": seq,
            "progress": progress,
            "data": Jsonb(told),
        },
    )


async def admit_job(connection: Connection, *, job_id: UUID) -> None:
    await connection.execute(
        "update jobs set admitted_at = now(), updated_at = now() where id = %(job_id)s and admitted_at is null",
        {"job_id": job_id},
    )


async def start_job(connection: Connection, *, job_id: UUID) -> None:
    """Make a pending job `processing` that needs no paid call; with one, the gate does it."""
    await connection.execute(
        """update jobs set status = 'processing', started_at = now(), deadline_at = now() + timeout, updated_at = now()
           where id = %(job_id)s and status = 'pending'""",
        {"job_id": job_id},
    )


class Ending(Model):
    """How a job ends. `reference` leads an operator to the log."""

    job_id: UUID
    status: JobStatus
    stop_reason: str
    error: str | None
    reference: str | None


async def end_job(connection: Connection, ending: Ending) -> None:
    """Set the final state. The database refuses it where the table of transitions does."""
    await connection.execute(
        """update jobs set status = %(status)s, stop_reason = %(stop_reason)s, error = %(error)s,
               reference = coalesce(%(reference)s, reference), ended_at = now(), updated_at = now(),
               progress = case when %(status)s = 'completed' then 100 else progress end
           where id = %(job_id)s""",
        ending.model_dump(),
    )


async def insert_event(connection: Connection, *, job_id: UUID, seq: int, kind: str, data: dict[str, Any]) -> None:
    await connection.execute(
        "insert into job_events (job_id, seq, kind, data) values (%(job_id)s, %(seq)s, %(kind)s, %(data)s)",
        {"job_id": job_id, "seq": seq, "kind": kind, "data": Jsonb(data)},
    )


async def bump_event_seq(connection: Connection, *, job_id: UUID) -> None:
    """Account for one event inserted with the next number."""
    await connection.execute("update jobs set event_seq = event_seq + 1 where id = %(job_id)s", {"job_id": job_id})


async def note_reference(connection: Connection, *, job_id: UUID, reference: str) -> None:
    """Keep the first reference to the log; a job that ends in error shows it."""
    await connection.execute(
        "update jobs set reference = coalesce(reference, %(reference)s) where id = %(job_id)s",
        {"job_id": job_id, "reference": reference},
    )
