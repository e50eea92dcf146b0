"""Another run of a final job: what was left open goes on, at the cursors that were reached."""

from datetime import timedelta
from uuid import UUID

from psycopg.rows import class_row

from common.db.candidate import move_of
from common.db.outcome import OutcomeMove
from common.db.pool import Connection
from common.domain.model import Model


class Spent(Model):
    """What the job used of its limits so far, and what its creation asked for: None: what the settings allow.
    `has_lost_creators`: some were removed, kept long enough."""

    pages_count: int
    pages_max: int
    credits_used: int
    credits_max: int
    pages_asked: int | None = None
    credits_asked: int | None = None
    has_lost_creators: bool = False


class Reopening(Model):
    """The new run. The limits only grow; `target_results` is the old one for a retry."""

    job_id: UUID
    target_results: int
    pages_max: int
    credits_max: int
    queue_timeout: timedelta


async def view_spent(connection: Connection, *, job_id: UUID) -> Spent | None:
    async with connection.cursor(row_factory=class_row(Spent)) as cursor:
        await cursor.execute(
            """select pages_count, pages_max, credits_spent + credits_reserved as credits_used, credits_max,
                   (input #>> '{limits,pagesMax}')::int as pages_asked,
                   (input #>> '{limits,creditsMax}')::int as credits_asked,
                   creators_removed_at is not null as has_lost_creators
               from jobs where id = %(job_id)s""",
            {"job_id": job_id},
        )
        return await cursor.fetchone()


async def reopen_job(connection: Connection, reopening: Reopening) -> None:
    """The job is pending again, behind its owner's other jobs. The database refuses it where the transitions do."""
    await connection.execute(
        """update jobs set status = 'pending', run = run + 1, target_results = %(target_results)s,
               pages_max = greatest(pages_max, %(pages_max)s), credits_max = greatest(credits_max, %(credits_max)s),
               stop_reason = null, error = null, reference = null, ended_at = null, admitted_at = null,
               started_at = null, deadline_at = null, queued_at = now(), queue_until = now() + %(queue_timeout)s,
               progress = 0, creators_since = coalesce(creators_since, now()), updated_at = now()
           where id = %(job_id)s""",
        reopening.model_dump(),
    )


async def reopen_searches(connection: Connection, *, job_id: UUID, ends: list[str]) -> int:
    """Searches that ended for one of these reasons wait for their turn again; returns how many."""
    cursor = await connection.execute(
        """update searches set status = 'waiting', end_reason = null, ended_at = null
           where job_id = %(job_id)s and status = 'ended' and end_reason = any(%(ends)s)""",
        {"job_id": job_id, "ends": ends},
    )
    return cursor.rowcount


async def note_limit(connection: Connection, *, job_id: UUID, reason: str) -> None:
    """What the job's end stopped is stopped by this limit now: it lets no page be bought."""
    await connection.execute(
        """update searches set end_reason = %(reason)s
           where job_id = %(job_id)s and status = 'ended' and end_reason = 'job_ended'""",
        {"job_id": job_id, "reason": reason},
    )


async def hold_steps(connection: Connection, *, job_id: UUID) -> None:
    """Every step whose page was never bought is held until its search starts again, with nobody's token on it, its
    tries counted anew, and older messages of it void. An enrichment that the end cut short is over: the end settled it.
    """
    await connection.execute(
        """update steps s set phase = case when s.items_count is null then 'held' else 'done' end,
               done_at = case when s.items_count is null then null else coalesce(s.done_at, now()) end,
               generation = s.generation + 1, token = null, lease_until = null, attempts = 0, claims_count = 0,
               claimed_sequence = null, published_generation = null, published_at = null, stream_sequence = null,
               delivered_at = null, redrives_count = 0, sweeps_count = 0
           from searches q
           where s.job_id = %(job_id)s and q.id = s.search_id
             and (s.phase <> 'done' or (s.items_count is null and q.status = 'waiting'))""",
        {"job_id": job_id},
    )


async def return_surplus(connection: Connection, *, job_id: UUID) -> list[OutcomeMove]:
    """What the end found too much is in reserve again: it was seen, and paid for with its page."""
    cursor = await connection.execute(
        """with changed as (
               update candidates set outcome = 'reserve' where job_id = %(job_id)s and outcome = 'surplus'
               returning search_id, step
           )
           select search_id, step, 'surplus', 'reserve', '', count(*)::int from changed group by 1, 2""",
        {"job_id": job_id},
    )
    return [move_of(row) for row in await cursor.fetchall()]


async def promote_in_place(connection: Connection, *, job_id: UUID, count_max: int) -> list[OutcomeMove]:
    """Make the most promising of the reserve pending, each for the step that found it."""
    cursor = await connection.execute(
        """with chosen as (
               select platform_id from candidates where job_id = %(job_id)s and outcome = 'reserve'
               order by worth desc, step, search_id, ordinal limit %(count_max)s for no key update
           ), changed as (
               update candidates c set outcome = 'pending', assigned_search_id = c.search_id, assigned_step = c.step
               from chosen where c.job_id = %(job_id)s and c.platform_id = chosen.platform_id
               returning c.search_id, c.step
           )
           select search_id, step, 'reserve', 'pending', '', count(*)::int from changed group by 1, 2""",
        {"job_id": job_id, "count_max": count_max},
    )
    return [move_of(row) for row in await cursor.fetchall()]


async def reopen_enrichments(connection: Connection, *, job_id: UUID) -> None:
    """The steps that have pending candidates are due for their enrichment."""
    await connection.execute(
        """update steps s set phase = 'enrichment', done_at = null, due_at = now(), generation = s.generation + 1,
               token = null, lease_until = null, attempts = 0, claims_count = 0, claimed_sequence = null,
               published_generation = null, published_at = null, stream_sequence = null, delivered_at = null,
               redrives_count = 0, sweeps_count = 0
           where s.job_id = %(job_id)s and s.phase = 'done' and exists (
               select from candidates c where c.job_id = s.job_id and c.assigned_search_id = s.search_id
                   and c.assigned_step = s.step and c.outcome = 'pending')""",
        {"job_id": job_id},
    )


async def lose_all_open_calls(connection: Connection, *, job_id: UUID) -> int:
    """Rows that a holder from the earlier run left open become unknown and count as charged. Returns how many."""
    cursor = await connection.execute(
        """with lost as (
               update upstream_calls set status = 'unknown', credits_charged = credits_reserved,
                   reason = 'lease_lost', settled_at = now()
               where job_id = %(job_id)s and status = 'open' returning credits_reserved
           ), total as (select count(*)::int as calls, coalesce(sum(credits_reserved), 0)::int as credits from lost)
           update jobs set credits_reserved = credits_reserved - total.credits,
               credits_spent = credits_spent + total.credits
           from total where id = %(job_id)s returning total.calls""",
        {"job_id": job_id},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def reopen_failed_search(connection: Connection, *, search_id: UUID, step: int) -> bool:
    """A search that ended as failed at this step waits for its turn again; False if it is not so."""
    cursor = await connection.execute(
        """update searches q set status = 'waiting', end_reason = null, ended_at = null
           from steps s
           where q.id = %(search_id)s and q.status = 'ended' and q.end_reason = 'failed'
             and s.search_id = q.id and s.step = %(step)s and s.phase = 'done' and s.items_count is null
           returning 1""",
        {"search_id": search_id, "step": step},
    )
    return await cursor.fetchone() is not None


async def hold_step(connection: Connection, *, search_id: UUID, step: int) -> None:
    """The same for the one step of a search that goes on in the same run."""
    await connection.execute(
        """update steps set phase = 'held', done_at = null, generation = generation + 1, token = null,
               lease_until = null, attempts = 0, claims_count = 0, claimed_sequence = null,
               published_generation = null, published_at = null, stream_sequence = null, delivered_at = null,
               redrives_count = 0, sweeps_count = 0
           where search_id = %(search_id)s and step = %(step)s and items_count is null""",
        {"search_id": search_id, "step": step},
    )
