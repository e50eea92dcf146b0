"""Steps: claimed with a token under a lease, committed only by who holds it."""

from datetime import timedelta
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.db.profile import CLAIM_LASTS, CLAIM_SPARED
from common.domain.filter import Filters
from common.domain.job import JobStatus
from common.domain.model import Model
from common.domain.step import DueStep


class Claim(Model):
    """A step that is ours until the lease runs out: what its work needs to know."""

    id: UUID
    job_id: UUID
    search_id: UUID
    step: int
    generation: int
    phase: str
    cursor: str | None
    attempts: int
    owner: str
    kind: str
    query: str
    region: str | None
    filters: Filters
    has_open_calls: bool


class StepView(Model):
    """A step that could not be claimed, to tell why."""

    generation: int
    phase: str
    attempts: int
    lease_remaining: timedelta | None
    claimed_sequence: int | None
    job_status: JobStatus
    is_admitted: bool
    is_overdue: bool


class NewStep(Model):
    id: UUID
    search_id: UUID
    step: int
    cursor: str | None
    phase: str
    delay: timedelta = timedelta(0)


class ClaimRequest(Model):
    search_id: UUID
    step: int
    generation: int
    token: UUID
    lease: timedelta
    sequence: int
    attempts_max: int


async def claim_step(connection: Connection, request: ClaimRequest) -> Claim | None:
    """Take the step, or None if it is not to be had now (`view_step` tells why). One synchronous statement.

    What a holder who never gave it back (dead, or stopped for longer than its lease) was about to buy may be bought by
    others from now on, but for what it claimed just now.
    """
    async with connection.cursor(row_factory=class_row(Claim)) as cursor:
        await cursor.execute(
            """with claimed as (
                   update steps s set token = %(token)s, lease_until = now() + %(lease)s, attempts = s.attempts + 1,
                       claims_count = s.claims_count + 1, claimed_sequence = %(sequence)s
                   from jobs j, searches q, steps before
                   where s.search_id = %(search_id)s and s.step = %(step)s and s.generation = %(generation)s
                     and s.phase in ('page', 'enrichment') and (s.lease_until is null or s.lease_until < now())
                     and s.attempts < %(attempts_max)s + case when s.phase = 'enrichment' then 1 else 0 end
                     and j.id = s.job_id and j.status in ('pending', 'processing') and j.admitted_at is not null
                     and coalesce(j.deadline_at, j.queue_until) > now()
                     and q.id = s.search_id and before.search_id = s.search_id and before.step = s.step
                   returning s.id, s.job_id, s.search_id, s.step, s.generation, s.phase, s.cursor, s.attempts,
                       j.owner, q.kind, q.query, q.region, j.filters,
                       exists (select from upstream_calls c where c.search_id = s.search_id and c.step = s.step
                               and c.status = 'open') as has_open_calls,
                       before.token as previous_token
               ), freed as (
                   update profiles set claimed_by = null, claimed_until = null
                   from claimed where profiles.claimed_by = claimed.previous_token
                     and profiles.claimed_until < now() + %(claim_left)s
               )
               select id, job_id, search_id, step, generation, phase, cursor, attempts, owner, kind, query, region,
                   filters, has_open_calls
               from claimed""",
            {**request.model_dump(), "claim_left": CLAIM_LASTS - CLAIM_SPARED},
        )
        return await cursor.fetchone()


async def view_step(connection: Connection, *, search_id: UUID, step: int) -> StepView | None:
    async with connection.cursor(row_factory=class_row(StepView)) as cursor:
        await cursor.execute(
            """select s.generation, s.phase, s.attempts, s.lease_until - now() as lease_remaining, s.claimed_sequence,
                   j.status as job_status, j.admitted_at is not null as is_admitted,
                   coalesce(j.deadline_at, j.queue_until) <= now() as is_overdue
               from steps s join jobs j on j.id = s.job_id
               where s.search_id = %(search_id)s and s.step = %(step)s""",
            {"search_id": search_id, "step": step},
        )
        return await cursor.fetchone()


async def renew_lease(connection: Connection, *, search_id: UUID, step: int, token: UUID, lease: timedelta) -> bool:
    """Extend the lease; False if the token is no longer current."""
    cursor = await connection.execute(
        """update steps set lease_until = now() + %(lease)s
           where search_id = %(search_id)s and step = %(step)s and token = %(token)s
           returning set_config('synchronous_commit', 'off', true)""",
        {"search_id": search_id, "step": step, "token": token, "lease": lease},
    )
    return await cursor.fetchone() is not None


class LockedPage(Model):
    """A step and its search, both held."""

    phase: str
    barren_pages: int


async def lock_page(connection: Connection, *, search_id: UUID, step: int, token: UUID) -> LockedPage | None:
    """Hold the search's row and the step's; None if the token is not current: the step is somebody else's now."""
    async with connection.cursor(row_factory=class_row(LockedPage)) as cursor:
        await cursor.execute(
            """select s.phase, q.barren_pages from searches q join steps s on s.search_id = q.id
               where q.id = %(search_id)s and s.step = %(step)s and s.token = %(token)s for no key update""",
            {"search_id": search_id, "step": step, "token": token},
        )
        return await cursor.fetchone()


async def lock_step(connection: Connection, *, search_id: UUID, step: int, token: UUID) -> str | None:
    """Hold the step's row and return its phase; None if the token is not current: somebody else's now."""
    cursor = await connection.execute(
        """select phase from steps where search_id = %(search_id)s and step = %(step)s and token = %(token)s
           for no key update""",
        {"search_id": search_id, "step": step, "token": token},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def release_step(
    connection: Connection, *, search_id: UUID, step: int, token: UUID, is_attempt_returned: bool
) -> bool:
    """Give the step back, with its attempt if it was no fault of the step. False if it was not ours any more."""
    cursor = await connection.execute(
        """update steps set token = null, lease_until = null,
               attempts = attempts - case when %(is_attempt_returned)s then 1 else 0 end
           where search_id = %(search_id)s and step = %(step)s and token = %(token)s returning 1""",
        {"search_id": search_id, "step": step, "token": token, "is_attempt_returned": is_attempt_returned},
    )
    return await cursor.fetchone() is not None


class PageMark(Model):
    """What the page commit notes on its step."""

    search_id: UUID
    step: int
    phase: str
    items_count: int
    item_ids: list[str]


async def mark_paged(connection: Connection, mark: PageMark) -> None:
    """The page is in: attempts start anew; the lease stays if enrichment follows."""
    await connection.execute(
        """update steps set phase = %(phase)s, items_count = %(items_count)s, item_ids = %(item_ids)s,
               attempts = case when %(phase)s = 'done' then 0 else 1 end, sweeps_count = 0, paged_at = now(),
               done_at = case when %(phase)s = 'done' then now() end,
               token = case when %(phase)s = 'done' then null else token end,
               lease_until = case when %(phase)s = 'done' then null else lease_until end
           where search_id = %(search_id)s and step = %(step)s""",
        mark.model_dump(),
    )


async def mark_done(connection: Connection, *, search_id: UUID, step: int) -> None:
    await connection.execute(
        """update steps set phase = 'done', done_at = now(), token = null, lease_until = null, attempts = 0
           where search_id = %(search_id)s and step = %(step)s""",
        {"search_id": search_id, "step": step},
    )


async def insert_steps(connection: Connection, *, job_id: UUID, steps: list[NewStep]) -> None:
    await connection.execute(
        """insert into steps (id, search_id, step, job_id, phase, cursor, due_at)
           select r.id, r.search_id, r.step, %(job_id)s, r.phase, r.cursor, now() + r.delay
           from jsonb_to_recordset(%(steps)s)
               r(id uuid, search_id uuid, step int, phase text, cursor text, delay interval)
           on conflict (search_id, step) do nothing""",
        {"job_id": job_id, "steps": Jsonb([step.model_dump(mode="json") for step in steps])},
    )


async def release_held(connection: Connection, *, job_id: UUID) -> list[DueStep]:
    """Make every held step of the job's active searches due."""
    async with connection.cursor(row_factory=class_row(DueStep)) as cursor:
        await cursor.execute(
            """update steps s set phase = 'page', due_at = now()
               from searches q
               where s.job_id = %(job_id)s and s.phase = 'held' and q.id = s.search_id and q.status = 'active'
               returning s.job_id, s.search_id, s.step, s.generation""",
            {"job_id": job_id},
        )
        return await cursor.fetchall()


async def start_steps(connection: Connection, *, search_ids: list[UUID]) -> list[DueStep]:
    """Make the held steps of these searches due."""
    async with connection.cursor(row_factory=class_row(DueStep)) as cursor:
        await cursor.execute(
            """update steps set phase = 'page', due_at = greatest(due_at, now())
               where search_id = any(%(search_ids)s) and phase = 'held'
               returning job_id, search_id, step, generation, greatest(due_at - now(), interval '0') as delay""",
            {"search_ids": search_ids},
        )
        return await cursor.fetchall()


async def due_steps(connection: Connection, *, job_id: UUID) -> list[DueStep]:
    """What is due and unleased of an active job, at its current generation."""
    async with connection.cursor(row_factory=class_row(DueStep)) as cursor:
        await cursor.execute(
            """select s.job_id, s.search_id, s.step, s.generation,
                   greatest(s.due_at - now(), interval '0') as delay
               from steps s join jobs j on j.id = s.job_id
               where s.job_id = %(job_id)s and s.phase in ('page', 'enrichment')
                 and (s.lease_until is null or s.lease_until < now())
                 and j.status in ('pending', 'processing') and j.admitted_at is not null
               order by s.step, s.search_id""",
            {"job_id": job_id},
        )
        return await cursor.fetchall()


class Stranded(DueStep):
    """A step that no message may stand for. `lease_remaining`: its holder may live yet."""

    lease_remaining: timedelta | None
    claimed_sequence: int | None


async def stranded_steps(connection: Connection, *, search_id: UUID, step: int) -> list[Stranded]:
    """The due steps of the search after this one of which QStash may never have been told: the next one, if nobody ever
    claimed it (its publication may have been lost), and those that whoever had this one went on with."""
    async with connection.cursor(row_factory=class_row(Stranded)) as cursor:
        await cursor.execute(
            """select s.job_id, s.search_id, s.step, s.generation, greatest(s.due_at - now(), interval '0') as delay,
                   s.claimed_sequence,
                   case when s.lease_until > now() then s.lease_until - now() end as lease_remaining
               from steps s
               where s.search_id = %(search_id)s and s.step > %(step)s and s.phase in ('page', 'enrichment')
                 and case when s.claims_count = 0 then s.step = %(step)s + 1
                          else s.published_generation is distinct from s.generation end
               order by s.step""",
            {"search_id": search_id, "step": step},
        )
        return await cursor.fetchall()


async def note_published(connection: Connection, *, step: DueStep, qstash_message_id: str) -> None:
    """Remember the publication. Asynchronous: if it is lost, publishing again is safe."""
    await connection.execute(
        """update steps set published_generation = %(generation)s, published_at = now(),
               qstash_message_id = %(qstash_message_id)s
           where search_id = %(search_id)s and step = %(step)s and generation = %(generation)s
           returning set_config('synchronous_commit', 'off', true)""",
        {
            "search_id": step.search_id,
            "step": step.step,
            "generation": step.generation,
            "qstash_message_id": qstash_message_id,
        },
    )


class SeenBefore(Model):
    """What of a page was there before: accounts that are candidates of the job, items that its search saw."""

    accounts: set[str]
    items: set[str]


async def seen_before(
    connection: Connection, *, job_id: UUID, search_id: UUID, platform_ids: list[str], item_ids: list[str]
) -> SeenBefore:
    """Which of the accounts the job already has, and which of the items this search has seen on an earlier page."""
    async with connection.cursor(row_factory=class_row(SeenBefore)) as cursor:
        await cursor.execute(
            """select array(select platform_id from candidates
                            where job_id = %(job_id)s and platform_id = any(%(platform_ids)s)) as accounts,
                   array(select i.id from steps s cross join lateral unnest(s.item_ids) i(id)
                         where s.search_id = %(search_id)s and i.id = any(%(item_ids)s)) as items""",
            {"job_id": job_id, "search_id": search_id, "platform_ids": platform_ids, "item_ids": item_ids},
        )
        found = await cursor.fetchone()
    assert found is not None
    return found


async def give_up(connection: Connection, *, search_id: UUID, step: int, generation: int, phase: str) -> bool:
    """Close a step that nobody holds; False if it is not due any more in this phase at this generation."""
    cursor = await connection.execute(
        """update steps set phase = 'done', done_at = now(), token = null, lease_until = null
           where search_id = %(search_id)s and step = %(step)s and generation = %(generation)s and phase = %(phase)s
             and (lease_until is null or lease_until < now())
           returning 1""",
        {"search_id": search_id, "step": step, "generation": generation, "phase": phase},
    )
    return await cursor.fetchone() is not None
