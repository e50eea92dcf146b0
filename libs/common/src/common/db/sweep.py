"""What the sweep looks for. Every list is bounded; what is left over is found next time."""

from datetime import timedelta
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model
from common.domain.step import DueStep

SWEEP_LOCK = 4_201_976_002
BATCH_MAX = 500


class StalledStep(Model):
    """A due step that nobody holds and nobody has heard of for too long."""

    job_id: UUID
    search_id: UUID
    step: int
    generation: int
    is_published: bool
    stream_sequence: int | None

    @property
    def due(self) -> DueStep:
        return DueStep(job_id=self.job_id, search_id=self.search_id, step=self.step, generation=self.generation)


async def try_sweep_lock(connection: Connection) -> bool:
    """One sweep at a time over all replicas; held until the transaction ends, which may take minutes."""
    cursor = await connection.execute(
        """select pg_try_advisory_xact_lock(%(key)s),
               set_config('idle_in_transaction_session_timeout', '300s', true)""",
        {"key": SWEEP_LOCK},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def overdue_jobs(connection: Connection) -> list[UUID]:
    """Active jobs past their deadline or their time in the queue."""
    cursor = await connection.execute(
        """select id from jobs
           where status in ('pending', 'processing') and coalesce(deadline_at, queue_until) <= now()
           order by coalesce(deadline_at, queue_until) limit %(count_max)s""",
        {"count_max": BATCH_MAX},
    )
    return [row[0] for row in await cursor.fetchall()]


async def stalled_steps(
    connection: Connection, *, stalled_after: timedelta, unpublished_after: timedelta
) -> list[StalledStep]:
    """Due steps without a lease and without a sign of life. Each re-drive doubles the wait for the next one.

    Steps whose platform waits, or all while paid calls are stopped, are left alone, and so is what is not due yet.
    """
    async with connection.cursor(row_factory=class_row(StalledStep)) as cursor:
        await cursor.execute(
            """select s.job_id, s.search_id, s.step, s.generation,
                   coalesce(s.published_generation = s.generation, false) as is_published, s.stream_sequence
               from steps s join jobs j on j.id = s.job_id
               left join platform_states p on p.platform = j.platform
               where s.phase in ('page', 'enrichment') and (s.lease_until is null or s.lease_until < now())
                 and j.status in ('pending', 'processing') and j.admitted_at is not null
                 and (p.platform is null or p.state = 'open' or coalesce(p.until <= now(), false))
                 and not (select is_stopped from spending)
                 and case when coalesce(s.published_generation = s.generation, false)
                     then greatest(s.due_at, s.published_at, s.delivered_at, s.lease_until)
                          < now() - %(stalled_after)s * power(2, least(s.sweeps_count, 10))
                     else s.due_at < now() - %(unpublished_after)s end
               order by s.due_at limit %(count_max)s""",
            {"stalled_after": stalled_after, "unpublished_after": unpublished_after, "count_max": BATCH_MAX},
        )
        return await cursor.fetchall()


async def raise_generation(connection: Connection, *, search_id: UUID, step: int, generation: int) -> DueStep | None:
    """Make older messages of the step void; None if somebody moved it meanwhile."""
    async with connection.cursor(row_factory=class_row(DueStep)) as cursor:
        await cursor.execute(
            """update steps set generation = generation + 1, sweeps_count = sweeps_count + 1,
                   published_generation = null, stream_sequence = null, due_at = now()
               where search_id = %(search_id)s and step = %(step)s and generation = %(generation)s
                 and phase in ('page', 'enrichment') and (lease_until is null or lease_until < now())
               returning job_id, search_id, step, generation""",
            {"search_id": search_id, "step": step, "generation": generation},
        )
        return await cursor.fetchone()


async def idle_jobs(connection: Connection, *, idle_for: timedelta) -> list[UUID]:
    """Admitted active jobs of which nothing is due, leased or being enriched, the longest idle first.

    By id the planner would go through all jobs that ever were, expecting to be full before long; mostly none is idle.
    """
    cursor = await connection.execute(
        """select j.id from jobs j
           where j.status in ('pending', 'processing') and j.admitted_at is not null
             and j.updated_at < now() - %(idle_for)s
             and not exists (select from steps s where s.job_id = j.id and s.phase in ('page', 'enrichment'))
           order by j.updated_at, j.id limit %(count_max)s""",
        {"idle_for": idle_for, "count_max": BATCH_MAX},
    )
    return [row[0] for row in await cursor.fetchall()]


async def is_paused(connection: Connection, *, job_id: UUID) -> bool:
    """Whether the platform of this job waits, or all do because paid calls are stopped; or may have, again and again,
    because there is a cap on each minute: what was handed back for it is nobody's fault, and attempts are counted."""
    cursor = await connection.execute(
        """select 1 from spending s, jobs j join platform_states p on p.platform = j.platform
           where j.id = %(job_id)s and (p.state <> 'open' or s.is_stopped or s.minute_max is not null)""",
        {"job_id": job_id},
    )
    return await cursor.fetchone() is not None
