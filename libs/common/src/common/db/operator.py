"""What operators read: everybody's jobs and platforms. No statement here carries an owner, so only the command
`operate` may use them; what an owner reads is in `poll`, what administrators too may read in `administration`.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.job import JobStatus, Mode, StopReason
from common.domain.model import Model
from common.domain.outcome import Outcome


class JobRecord(Model):
    """What a job's own page does not tell: whose it is, what was asked for, its limits, its turn."""

    id: UUID
    owner: str
    created_by: str
    input: dict[str, Any]
    pages_max: int
    parallel_searches_max: int
    queued_at: datetime
    queue_until: datetime
    admitted_at: datetime | None


class SearchRow(Model):
    id: UUID
    ordinal: int
    kind: str
    query: str | None
    status: str
    end_reason: str | None
    pages_count: int
    items_count: int


class OpenStep(Model):
    """A step that is not done. `is_leased`: a living worker holds it. `published_at` is None if QStash was not told of
    its present generation."""

    search_id: UUID
    ordinal: int
    step: int
    phase: str
    generation: int
    attempts: int
    redrives_count: int
    sweeps_count: int
    is_leased: bool
    is_due: bool
    due_at: datetime
    published_at: datetime | None
    delivered_at: datetime | None


class FunnelRow(Model):
    """`rule` says which filter it was, or what could not be read; empty for most outcomes."""

    outcome: Outcome
    rule: str
    count: int


class CallRow(Model):
    """A row of the ledger."""

    id: UUID
    opened_at: datetime
    kind: str
    path: str
    ordinal: int | None
    step: int
    status: str
    reason: str | None
    http_status: int | None
    credits_charged: int | None
    milliseconds: int | None


class JobLine(Model):
    id: UUID
    owner: str
    platform: str
    mode: Mode
    status: JobStatus
    stop_reason: StopReason | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None


class PlatformLine(Model):
    """A platform's state, and how many admitted jobs it keeps waiting. `until` is None while paused if only an
    operator ends it; `is_probing`: one call tries just now whether it may be opened."""

    platform: str
    state: str
    reason: str | None
    until: datetime | None
    is_probing: bool
    changed_at: datetime
    resumed_at: datetime | None
    announced_at: datetime
    active_jobs: int


class SpendingLine(Model):
    """`minute_max` is None without a cap, and then nobody counts a minute's credits."""

    is_stopped: bool
    minute_max: int | None
    minute_credits: int
    day_granted: int


class PersonPlace(Model):
    """Where a person is stored: as a `creator` of a job, of whatever outcome, as a cached `profile`, or as the `target`
    that a job was given. `data` is what is stored there, if it is asked for."""

    place: str
    platform: str
    platform_id: str | None
    handle: str | None
    job_id: UUID | None
    owner: str | None
    outcome: Outcome | None
    stored_at: datetime | None
    data: dict[str, Any] | None


async def begin_snapshot(connection: Connection) -> None:
    """Let all that this transaction reads be of one moment. It must be its first statement."""
    await connection.execute("set transaction isolation level repeatable read, read only")


async def open_letter_ids(connection: Connection) -> list[UUID]:
    """Every open letter, the oldest first."""
    cursor = await connection.execute("select id from dead_letters where resolved_at is null order by id")
    return [row[0] for row in await cursor.fetchall()]


async def jobs_of_reference(connection: Connection, *, reference: str) -> list[JobLine]:
    """Jobs that show this reference, and those that a letter of this reference belongs to."""
    async with connection.cursor(row_factory=class_row(JobLine)) as cursor:
        await cursor.execute(
            """select id, owner, platform, mode, status, stop_reason, error, created_at, ended_at from jobs
               where id in (
                   select id from jobs where reference = %(reference)s
                   union all select job_id from dead_letters where details ->> 'reference' = %(reference)s)
               order by id desc""",
            {"reference": reference},
        )
        return await cursor.fetchall()


async def read_record(connection: Connection, *, job_id: UUID) -> JobRecord | None:
    async with connection.cursor(row_factory=class_row(JobRecord)) as cursor:
        await cursor.execute(
            """select id, owner, created_by, input, pages_max, parallel_searches_max, queued_at, queue_until,
                   admitted_at
               from jobs where id = %(job_id)s""",
            {"job_id": job_id},
        )
        return await cursor.fetchone()


async def searches_of_job(connection: Connection, *, job_id: UUID) -> list[SearchRow]:
    async with connection.cursor(row_factory=class_row(SearchRow)) as cursor:
        await cursor.execute(
            """select q.id, q.ordinal, q.kind, q.query, q.status, q.end_reason, q.pages_count,
                   (select coalesce(sum(s.items_count), 0)::int from steps s where s.search_id = q.id) as items_count
               from searches q where q.job_id = %(job_id)s order by q.ordinal""",
            {"job_id": job_id},
        )
        return await cursor.fetchall()


async def open_steps(connection: Connection, *, job_id: UUID) -> list[OpenStep]:
    async with connection.cursor(row_factory=class_row(OpenStep)) as cursor:
        await cursor.execute(
            """select s.search_id, q.ordinal, s.step, s.phase, s.generation, s.attempts, s.redrives_count,
                   s.sweeps_count, coalesce(s.lease_until >= now(), false) as is_leased, s.due_at <= now() as is_due,
                   s.due_at, case when s.published_generation = s.generation then s.published_at end as published_at,
                   s.delivered_at
               from steps s join searches q on q.id = s.search_id
               where s.job_id = %(job_id)s and s.phase <> 'done' order by q.ordinal, s.step""",
            {"job_id": job_id},
        )
        return await cursor.fetchall()


async def funnel_of_job(connection: Connection, *, job_id: UUID) -> list[FunnelRow]:
    async with connection.cursor(row_factory=class_row(FunnelRow)) as cursor:
        await cursor.execute(
            """select outcome, rule, sum(count)::int as count from step_outcomes
               where job_id = %(job_id)s group by 1, 2 having sum(count) > 0 order by 3 desc, 1, 2""",
            {"job_id": job_id},
        )
        return await cursor.fetchall()


async def last_calls(connection: Connection, *, job_id: UUID, count_max: int) -> list[CallRow]:
    """The job's last rows of the ledger, the newest first."""
    async with connection.cursor(row_factory=class_row(CallRow)) as cursor:
        await cursor.execute(
            """select c.id, c.opened_at, c.kind, c.path, q.ordinal, c.step, c.status, c.reason, c.http_status,
                   c.credits_charged, c.milliseconds
               from upstream_calls c left join searches q on q.id = c.search_id
               where c.job_id = %(job_id)s order by c.id desc limit %(count_max)s""",
            {"job_id": job_id, "count_max": count_max},
        )
        return await cursor.fetchall()


async def list_platforms(connection: Connection) -> list[PlatformLine]:
    """Every platform of which a worker ever started."""
    async with connection.cursor(row_factory=class_row(PlatformLine)) as cursor:
        await cursor.execute(
            """select p.platform, p.state, p.reason, p.until,
                   p.prober is not null and coalesce(p.until > now(), false) as is_probing, p.changed_at, p.resumed_at,
                   p.announced_at,
                   (select count(*)::int from jobs j where j.platform = p.platform
                        and j.status in ('pending', 'processing') and j.admitted_at is not null) as active_jobs
               from platform_states p order by p.platform"""
        )
        return await cursor.fetchall()


async def read_spending(connection: Connection) -> SpendingLine:
    """What the gate looks at before each paid call of any platform, and what is granted of today."""
    async with connection.cursor(row_factory=class_row(SpendingLine)) as cursor:
        await cursor.execute(
            """select s.is_stopped, s.minute_max, s.minute_credits, coalesce(d.credits_granted, 0) as day_granted
               from spending s left join spending_days d on d.day = (now() at time zone 'UTC')::date"""
        )
        line = await cursor.fetchone()
    assert line is not None
    return line


async def find_person(connection: Connection, *, platform: str, handle: str, with_data: bool) -> list[PersonPlace]:
    """Everywhere that an account is stored under this handle, over all owners. A handle that it had before is another
    question: rows keep the handle under which somebody was found."""
    async with connection.cursor(row_factory=class_row(PersonPlace)) as cursor:
        await cursor.execute(
            """select 'creator' as place, j.platform, c.platform_id, c.handle, j.id as job_id, j.owner, c.outcome,
                   c.created_at as stored_at, case when %(with_data)s then c.details end as data
               from candidates c join jobs j on j.id = c.job_id
               where lower(c.handle) = any(%(names)s) and j.platform = %(platform)s
               union all
               select 'profile', p.platform, p.platform_id, p.account ->> 'handle', null, null, null, p.fetched_at,
                   case when %(with_data)s then p.account end
               from profiles p
               where p.platform = %(platform)s and lower(p.account ->> 'handle') = any(%(names)s)
                 and p.account is not null
               union all
               select 'target', j.platform, j.target #>> '{account,platform_id}',
                   coalesce(j.target #>> '{account,handle}', j.input ->> 'targetUsername'), j.id, j.owner, null,
                   j.created_at, case when %(with_data)s then j.target end
               from jobs j
               where j.platform = %(platform)s and (
                   j.input ->> 'targetUsername' is not null and lower(j.input ->> 'targetUsername') = any(%(names)s)
                   or j.target is not null and lower(j.target #>> '{account,handle}') = any(%(names)s))
               order by place, stored_at""",
            {"platform": platform, "names": _names(handle), "with_data": with_data},
        )
        return await cursor.fetchall()


def _names(handle: str) -> list[str]:
    """With and without the sign before it: platforms differ."""
    bare = handle.strip().removeprefix("@").lower()
    return [bare, f"@{bare}"]
