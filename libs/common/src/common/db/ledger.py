"""The gate and the ledger: no paid call without a row, opened before it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import DatabaseError
from psycopg.rows import class_row

from common.db.pool import Connection
from common.db.profile import CLAIM_LASTS, CLAIM_SPARED, SeenProfile, profile_values
from common.domain.job import JobStatus
from common.domain.model import Model


class CallRequest(Model):
    """A call that is about to be made. `pages` is 1 for a page, 0 for a profile."""

    id: UUID
    job_id: UUID
    search_id: UUID
    step: int
    token: UUID
    platform: str
    kind: str
    path: str
    fingerprint: str
    credits: int
    pages: int


class GateView(Model):
    """Why the gate stayed shut."""

    status: JobStatus
    is_current: bool
    is_overdue: bool
    is_within_pages: bool
    is_within_credits: bool
    is_within_grant: bool
    is_open: bool
    is_stopped: bool
    is_within_minute: bool


# Raised by the wall behind the gate (migration 0007): the switch was thrown, or the minute used up, while the statement
# was under way.
_REFUSED = ("CS001", "CS002")


async def open_call(connection: Connection, request: CallRequest) -> bool:
    """One synchronous statement: reserve the credits (and the page) and open the ledger row, only if the token is
    current, the job active and before its deadline, its limits and what its owner's quota granted it allow it, its
    platform may be called: it is open, or this very call is its probe, and so are paid calls at all: nobody stopped
    them, and what all of them may spend in this minute covers it.

    The job's first call makes it `processing` and starts its deadline. False: `view_gate` tells why.
    """
    try:
        return await _open_call(connection, request)
    except DatabaseError as error:
        if error.sqlstate in _REFUSED:
            return False
        raise


async def _open_call(connection: Connection, request: CallRequest) -> bool:
    cursor = await connection.execute(
        """with allowed as (
               update jobs j set credits_reserved = credits_reserved + %(credits)s,
                   pages_count = pages_count + %(pages)s, calls_count = calls_count + 1, status = 'processing',
                   started_at = coalesce(j.started_at, now()), deadline_at = coalesce(j.deadline_at, now() + j.timeout),
                   event_seq = event_seq + case when j.status = 'pending' then 1 else 0 end, updated_at = now()
               from steps s
               where j.id = %(job_id)s and s.search_id = %(search_id)s and s.step = %(step)s
                 and s.token = %(token)s and j.status in ('pending', 'processing') and j.admitted_at is not null
                 and coalesce(j.deadline_at, j.queue_until) > now()
                 and j.pages_count + %(pages)s <= j.pages_max
                 and j.credits_spent + j.credits_reserved + %(credits)s <= least(j.credits_max, j.credits_granted)
                 and not exists (select from platform_states p where p.platform = %(platform)s and p.state <> 'open'
                                 and p.prober is distinct from %(id)s)
                 and (select not is_stopped and coalesce(minute_credits + %(credits)s <= minute_max, true)
                      from spending)
               returning j.id, j.event_seq, j.started_at = now() as is_start
           ), started as (
               insert into job_events (job_id, seq, kind)
               select id, event_seq, 'started' from allowed where is_start
               on conflict do nothing
           )
           insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
               credits_reserved)
           select %(id)s, allowed.id, %(search_id)s, %(step)s, %(platform)s, %(token)s, %(kind)s, %(path)s,
               %(fingerprint)s, 'open', %(credits)s from allowed
           returning 1""",
        request.model_dump(),
    )
    return await cursor.fetchone() is not None


async def view_gate(connection: Connection, request: CallRequest) -> GateView | None:
    async with connection.cursor(row_factory=class_row(GateView)) as cursor:
        await cursor.execute(
            """select j.status, s.token is not distinct from %(token)s as is_current,
                   coalesce(j.deadline_at, j.queue_until) <= now() as is_overdue,
                   j.pages_count + %(pages)s <= j.pages_max as is_within_pages,
                   j.credits_spent + j.credits_reserved + %(credits)s <= j.credits_max as is_within_credits,
                   j.credits_spent + j.credits_reserved + %(credits)s <= j.credits_granted as is_within_grant,
                   not exists (select from platform_states p where p.platform = %(platform)s and p.state <> 'open'
                               and p.prober is distinct from %(id)s) as is_open,
                   spending.is_stopped,
                   coalesce(spending.minute_credits + %(credits)s <= spending.minute_max, true) as is_within_minute
               from spending, jobs j join steps s on s.job_id = j.id
               where j.id = %(job_id)s and s.search_id = %(search_id)s and s.step = %(step)s""",
            request.model_dump(),
        )
        return await cursor.fetchone()


class Settlement(Model):
    """How a call went. `credits` is what the upstream charged; `reason` says why it was no plain 200."""

    id: UUID
    job_id: UUID
    credits: int
    http_status: int | None
    reason: str | None
    milliseconds: int
    bytes: int


async def settle_call(connection: Connection, settlement: Settlement) -> bool:
    """Close the row and turn the reservation into what was charged. False if it was settled already.

    A page that failed and cost nothing does not count against the job's pages.
    """
    return await _close(connection, {**settlement.model_dump(), "status": "settled"})


async def lose_call(connection: Connection, settlement: Settlement) -> bool:
    """No answer came: the row becomes unknown and counts as charged."""
    return await _close(connection, {**settlement.model_dump(), "status": "unknown"})


async def _close(connection: Connection, parameters: dict[str, Any]) -> bool:
    # The job's row first: the lock order.
    cursor = await connection.execute(
        """with job as materialized (
               select id from jobs where id = %(job_id)s for no key update
           ), closed as (
               update upstream_calls c set status = %(status)s,
                   credits_charged = case when %(status)s = 'unknown' then c.credits_reserved else %(credits)s end,
                   http_status = %(http_status)s, reason = %(reason)s, milliseconds = %(milliseconds)s,
                   bytes = %(bytes)s, settled_at = now()
               from job where c.id = %(id)s and c.job_id = job.id and c.status = 'open'
               returning c.job_id, c.credits_reserved, c.credits_charged,
                   c.kind = 'page' and c.credits_charged = 0 and c.http_status is distinct from 200 as is_free_failure
           )
           update jobs j set credits_reserved = j.credits_reserved - closed.credits_reserved,
               credits_spent = j.credits_spent + closed.credits_charged,
               pages_count = j.pages_count - case when closed.is_free_failure then 1 else 0 end, updated_at = now()
           from closed where j.id = closed.job_id
           returning 1""",
        parameters,
    )
    return await cursor.fetchone() is not None


async def settle_profile_call(connection: Connection, settlement: Settlement, profile: SeenProfile) -> None:
    """`settle_call` and `store_profile` in one statement: what was bought is kept with its row in the ledger, and the
    job's row is held for as short as it can be."""
    await connection.execute(
        """with job as materialized (
               select id from jobs where id = %(job_id)s for no key update
           ), closed as (
               update upstream_calls c set status = 'settled', credits_charged = %(credits)s,
                   http_status = %(http_status)s, reason = %(reason)s, milliseconds = %(milliseconds)s,
                   bytes = %(bytes)s, settled_at = now()
               from job where c.id = %(id)s and c.job_id = job.id and c.status = 'open'
               returning c.job_id, c.credits_reserved
           ), billed as (
               update jobs j set credits_reserved = j.credits_reserved - closed.credits_reserved,
                   credits_spent = j.credits_spent + %(credits)s, updated_at = now()
               from closed where j.id = closed.job_id
           )
           insert into profiles (platform, platform_id, status, account, fetched_at)
           select %(platform)s, %(platform_id)s, %(status)s, %(account)s, least(coalesce(%(seen_at)s, now()), now())
           from (select count(*) from job) held
           on conflict (platform, platform_id) do update
               set status = excluded.status, account = excluded.account, fetched_at = excluded.fetched_at,
                   claimed_by = null, claimed_until = null""",
        settlement.model_dump() | profile_values(profile),
    )


async def lose_open_calls(connection: Connection, *, job_id: UUID, search_id: UUID, step: int, token: UUID) -> int:
    """Rows that another holder of this step left open become unknown and count as charged, and the profiles that it was
    buying, but for those that it claimed just now, may be bought by others. Returns how many rows.

    The caller holds the job's lock.
    """
    cursor = await connection.execute(
        """with lost as (
               update upstream_calls set status = 'unknown', credits_charged = credits_reserved,
                   reason = 'lease_lost', settled_at = now()
               where search_id = %(search_id)s and step = %(step)s and status = 'open' and token <> %(token)s
               returning credits_reserved, token
           ), freed as (
               update profiles set claimed_by = null, claimed_until = null
               from (select distinct token from lost) l
               where profiles.claimed_by = l.token and profiles.claimed_until < now() + %(claim_left)s
           ), total as (select count(*)::int as calls, coalesce(sum(credits_reserved), 0)::int as credits from lost)
           update jobs set credits_reserved = credits_reserved - total.credits,
               credits_spent = credits_spent + total.credits
           from total where id = %(job_id)s returning total.calls""",
        {
            "job_id": job_id,
            "search_id": search_id,
            "step": step,
            "token": token,
            "claim_left": CLAIM_LASTS - CLAIM_SPARED,
        },
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


class StaleCalls(Model):
    """A step with open rows that nobody will settle: whoever opened them holds the step no more."""

    job_id: UUID
    search_id: UUID
    step: int


async def stale_calls(connection: Connection, *, older_than: timedelta, count_max: int) -> list[StaleCalls]:
    """Steps with open rows older than this whose lease ran out or went to another; at the next claim such rows are
    lost anyway, but a final job's steps are claimed no more."""
    async with connection.cursor(row_factory=class_row(StaleCalls)) as cursor:
        await cursor.execute(
            """select c.job_id, c.search_id, c.step
               from upstream_calls c join steps s on s.search_id = c.search_id and s.step = c.step
               where c.status = 'open' and c.opened_at < now() - %(older_than)s
                 and (s.token is distinct from c.token or s.lease_until < now())
               group by 1, 2, 3 order by min(c.opened_at) limit %(count_max)s""",
            {"older_than": older_than, "count_max": count_max},
        )
        return await cursor.fetchall()


async def living_token(connection: Connection, *, search_id: UUID, step: int) -> UUID | None:
    """Who holds the step under a lease that has not run out."""
    cursor = await connection.execute(
        "select token from steps where search_id = %(search_id)s and step = %(step)s and lease_until >= now()",
        {"search_id": search_id, "step": step},
    )
    row = await cursor.fetchone()
    return row[0] if row else None
