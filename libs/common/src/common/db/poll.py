"""Jobs as their owner reads them: polled by the frontend, and in full. Every statement carries the owner.

What a poll shows changes only together with `event_seq`, so (job, event_seq, status) names a state.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.job import JobStatus, Mode, PlatformName, StopReason, WaitingOn
from common.domain.model import Model
from common.domain.outcome import Outcome


class JobVersion(Model):
    """Names the state that a poll shows."""

    event_seq: int
    status: JobStatus


@dataclass(frozen=True, slots=True)
class JobMark:
    """Names the state that a poll shows, of a job among several."""

    id: UUID
    owner: str
    platform: str
    event_seq: int
    status: str


@dataclass(frozen=True, slots=True)
class JobState(JobMark):
    """Where a job stands. What is shown of it changes only together with what stands here, but for the place of one
    that waits for its owner's others: `revision` is a hash of its row, and whatever belongs to a job is changed under
    that row's lock, together with its counts and the time of the change."""

    revision: int
    waiting_on: str | None
    waiting_until: datetime | None


class JobPoll(JobVersion):
    """A job and all that it delivered. `results` is JSON text, made by Postgres in the same snapshot."""

    delivered_count: int
    target_results: int
    error: str | None
    progress: float
    results: str


class SearchView(Model):
    """One search of a job. `end_reason` None: it has not ended; `query` None: it went with the job's creators."""

    kind: str
    query: str | None
    status: str
    end_reason: str | None
    pages: int


class SampleView(Model):
    """What had been delivered, and how many pages bought, at a commit of the job."""

    at: datetime
    delivered: int
    pages: int


class JobView(Model):
    """Everything about a job but its creators.

    `event_seq` is the number of its last event or delivery; `revision` is that of `JobState`.
    `samples` are commits of this run: its first, the first of
    its last two minutes, its last; empty before there is one, and for a final job.
    `keywords`, `target` and `filters` are what was understood of what the caller asked for: None if it did not.
    `searches` stand in the order in which the job got them.
    `waiting_position` is its place among its owner's waiting jobs, from 1; `waiting_until` when its platform's pause
    ends, None if that is for an operator to say. Of the delivered, `removed_count` are gone, since
    `creators_removed_at`: they were kept long enough.
    """

    id: UUID
    platform: PlatformName
    mode: Mode
    status: JobStatus
    waiting_on: WaitingOn | None
    waiting_position: int | None
    waiting_until: datetime | None
    stop_reason: StopReason | None
    error: str | None
    reference: str | None
    campaign_id: UUID | None
    keywords: tuple[str, ...] | None
    target: str | None
    region: str | None
    filters: dict[str, Any] | None
    tags: tuple[str, ...]
    searches: tuple[SearchView, ...]
    target_results: int
    progress: float
    delivered_count: int
    removed_count: int
    creators_removed_at: datetime | None
    pending_count: int
    reserve_count: int
    items_count: int
    outcomes: dict[Outcome, int]
    rules: dict[Outcome, dict[str, int]]
    calls_count: int
    pages_count: int
    credits_spent: int
    credits_reserved: int
    credits_granted: int
    credits_max: int
    pages_max: int
    parallel_searches_max: int
    timeout: timedelta
    delay_between_calls: timedelta
    run: int
    event_seq: int
    revision: int
    samples: tuple[SampleView, ...]
    created_at: datetime
    started_at: datetime | None
    deadline_at: datetime | None
    ended_at: datetime | None


async def read_marks(connection: Connection, *, owners: list[str], job_ids: list[UUID]) -> list[JobMark]:
    """One look at the primary key for each. Those of the jobs that are one of these owners': who asks for several
    compares whose each is."""
    cursor = await connection.execute(
        """select id, owner, platform, event_seq, status from jobs
           where id = any(%(job_ids)s) and owner = any(%(owners)s)""",
        {"owners": owners, "job_ids": job_ids},
    )
    # Without the checks of a model, which the database has made: this is the statement of every poll.
    return [JobMark(*row) for row in await cursor.fetchall()]


async def read_states(connection: Connection, *, owners: list[str], job_ids: list[UUID]) -> list[JobState]:
    """The same, with all that tells whether anything is new."""
    cursor = await connection.execute(
        """select j.id, j.owner, j.platform, j.event_seq, j.status, hashtextextended(j::text, 0),
               case when j.ended_at is not null then null when j.admitted_at is null then 'owner_limit'
                    when stop.is_stopped then 'operator'
                    else coalesce(p.reason, case when stop.minute_credits >= stop.minute_max then 'credits' end)
               end,
               case when j.ended_at is null and j.admitted_at is not null and not stop.is_stopped then
                    coalesce(p.until, case when p.reason is null and stop.minute_credits >= stop.minute_max
                                      then stop.minute_ends_at end) end
           from jobs j left join platform_states p on p.platform = j.platform and p.state <> 'open'
           cross join spending stop
           where j.id = any(%(job_ids)s) and j.owner = any(%(owners)s)""",
        {"owners": owners, "job_ids": job_ids},
    )
    return [JobState(*row) for row in await cursor.fetchall()]


async def read_poll(connection: Connection, *, owner: str, platform: str, job_id: UUID) -> JobPoll | None:
    """The job with its creators: one element per step that found some, in the order of their delivery; in similar mode
    the most alike first."""
    async with connection.cursor(row_factory=class_row(JobPoll)) as cursor:
        await cursor.execute(
            """select j.event_seq, j.status, j.delivered_count, j.target_results, j.error,
                   round(j.progress::numeric, 2)::float8 as progress,
                   coalesce((
                       select json_agg(json_build_object(
                           'id', r.id,
                           'jobId', j.id,
                           'createdAt', to_char(r.paged_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                           'creators', r.creators) order by r.likeness desc nulls last, r.first_seq)
                       from (
                           select s.id, coalesce(s.paged_at, s.created_at) as paged_at, min(c.seq) as first_seq,
                               json_agg(json_build_object(
                                   'creator', json_build_object(
                                       'name', c.name,
                                       'followers', c.followers,
                                       'avatarUrl', c.details #> '{account,avatar_url}',
                                       'profilePicUrl', c.details #> '{account,avatar_url}',
                                       'bio', c.details #> '{account,bio}',
                                       'emails', case jsonb_typeof(c.details #> '{contact,emails}') when 'array' then
                                           jsonb_path_query_array(c.details, '$.contact.emails[*].address') end,
                                       'uniqueId', c.handle,
                                       'verified', c.verified),
                                   'video', json_build_object(
                                       'description', c.details #> '{content,text}',
                                       'url', c.details #> '{content,url}',
                                       'statistics', json_build_object(
                                           'likes', c.details #> '{content,statistics,likes}',
                                           'comments', c.details #> '{content,statistics,comments}',
                                           'shares', c.details #> '{content,statistics,shares}',
                                           'views', c.details #> '{content,statistics,views}')),
                                   'hashtags', coalesce(c.details #> '{content,hashtags}', '[]'),
                                   'platform', coalesce(p.label, j.platform))
                                   order by case j.mode when 'similar' then c.likeness end desc nulls last,
                                       c.seq) as creators,
                               max(case j.mode when 'similar' then c.likeness end) as likeness
                           from candidates c
                           join steps s on s.search_id = c.search_id and s.step = c.step
                           where c.job_id = j.id and c.seq is not null
                           group by s.search_id, s.step
                       ) r), '[]')::text as results
               from jobs j left join platform_states p on p.platform = j.platform
               where j.id = %(job_id)s and j.owner = %(owner)s and j.platform = %(platform)s""",
            {"owner": owner, "platform": platform, "job_id": job_id},
        )
        return await cursor.fetchone()


async def read_job(connection: Connection, *, owner: str, job_id: UUID) -> JobView | None:
    """None if there is no such job or it is another's."""
    async with connection.cursor(row_factory=class_row(JobView)) as cursor:
        await cursor.execute(
            """select j.id, j.platform, j.mode, j.status, j.stop_reason, j.error, j.reference, j.campaign_id,
                   j.target_results, round(j.progress::numeric, 2)::float8 as progress, j.delivered_count,
                   j.removed_count, j.creators_removed_at, j.pending_count, j.reserve_count, j.calls_count,
                   j.pages_count, j.credits_spent,
                   j.credits_reserved, j.credits_granted, j.credits_max, j.pages_max, j.parallel_searches_max,
                   j.timeout, j.delay_between_calls, j.run, j.event_seq, hashtextextended(j::text, 0) as revision,
                   j.created_at, j.started_at, j.deadline_at, j.ended_at,
                   j.input -> 'keywords' as keywords, j.input ->> 'targetUsername' as target,
                   j.input ->> 'region' as region, j.input -> 'filters' as filters, j.tags,
                   (select coalesce(jsonb_agg(jsonb_build_object('at', e.at, 'delivered', e.data -> 'delivered',
                        'pages', e.data -> 'pages')), '[]')
                    from (
                        (select at, data from job_events
                         where job_id = j.id and kind = 'progressed' and at >= j.started_at and last.at is not null
                         order by seq limit 1)
                        union
                        (select at, data from job_events
                         where job_id = j.id and kind = 'progressed' and at >= j.started_at
                           and at >= last.at - interval '2 minutes' order by seq limit 1)
                        union
                        select last.at, last.data where last.at is not null) e) as samples,
                   (select coalesce(jsonb_agg(jsonb_build_object('kind', q.kind, 'query', q.query, 'status', q.status,
                        'end_reason', q.end_reason, 'pages', q.pages_count) order by q.ordinal), '[]')
                    from searches q where q.job_id = j.id) as searches,
                   case when j.ended_at is not null then null when j.admitted_at is null then 'owner_limit'
                        when stop.is_stopped then 'operator'
                        else coalesce(p.reason, case when stop.minute_credits >= stop.minute_max then 'credits' end)
                   end as waiting_on,
                   case when j.ended_at is null and j.admitted_at is null then (
                        select count(*)::int from jobs w
                        where w.owner = j.owner and w.status = 'pending' and w.admitted_at is null
                          and (w.queued_at, w.id) <= (j.queued_at, j.id)) end as waiting_position,
                   case when j.ended_at is null and j.admitted_at is not null and not stop.is_stopped then
                        coalesce(p.until, case when p.reason is null and stop.minute_credits >= stop.minute_max
                                          then stop.minute_ends_at end) end as waiting_until,
                   (select coalesce(sum(s.items_count), 0)::int from steps s where s.job_id = j.id) as items_count,
                   (select coalesce(jsonb_object_agg(o.outcome, o.count), '{}') from (
                        select outcome, sum(count)::int as count from step_outcomes
                        where job_id = j.id group by outcome) o) as outcomes,
                   (select coalesce(jsonb_object_agg(o.outcome, o.rules), '{}') from (
                        select outcome, jsonb_object_agg(rule, count) as rules from (
                            select outcome, rule, sum(count)::int as count from step_outcomes
                            where job_id = j.id and rule <> '' and count > 0 group by outcome, rule) r
                        group by outcome) o) as rules
               from jobs j left join platform_states p on p.platform = j.platform and p.state <> 'open'
               left join lateral (
                    select at, data from job_events where job_id = j.id and kind = 'progressed'
                    order by seq desc limit 1
               ) last on j.ended_at is null and last.at >= j.started_at
               cross join spending stop
               where j.id = %(job_id)s and j.owner = %(owner)s""",
            {"owner": owner, "job_id": job_id},
        )
        return await cursor.fetchone()
