"""Candidates: one row per (job, stable id of the platform)."""

from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.outcome import OutcomeMove
from common.db.pool import Connection
from common.domain.creator import Creator
from common.domain.model import Model
from common.domain.outcome import Enrichment, Outcome


class CandidateRow(Model):
    """A candidate as it is written."""

    platform_id: str
    ordinal: int
    outcome: Outcome
    rule: str | None
    seq: int | None
    enrichment: Enrichment | None
    handle: str
    name: str | None
    followers: int | None
    verified: bool | None
    has_email: bool | None
    likeness: float | None
    worth: float
    details: Creator


class PendingCandidate(Model):
    """A candidate whose profile is wanted, with the step that found it."""

    platform_id: str
    search_id: UUID
    step: int
    details: Creator


async def insert_candidates(
    connection: Connection, *, job_id: UUID, search_id: UUID, step: int, rows: list[CandidateRow]
) -> None:
    """Store the new candidates of a page. The primary key is the promise: once per job."""
    await connection.execute(
        """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
               outcome, rule, seq, enrichment, handle, name, followers, verified, has_email, likeness, worth, details,
               delivered_at)
           select %(job_id)s, r.platform_id, %(search_id)s, %(step)s, r.ordinal, %(search_id)s, %(step)s,
               r.outcome, r.rule, r.seq, r.enrichment, r.handle, r.name, r.followers, r.verified, r.has_email,
               r.likeness, r.worth, r.details, case when r.seq is not null then now() end
           from jsonb_to_recordset(%(rows)s) r(platform_id text, ordinal int, outcome text, rule text, seq bigint,
               enrichment text, handle text, name text, followers bigint, verified boolean, has_email boolean,
               likeness real, worth real, details jsonb)""",
        {"job_id": job_id, "search_id": search_id, "step": step, "rows": Jsonb(_dump(rows))},
    )


class Exclusion(Model):
    """Whose creators a job leaves out: those that its owner's other jobs delivered to these campaigns."""

    owner: str
    platform: str
    job_id: UUID
    campaigns: tuple[UUID, ...]


async def delivered_elsewhere(connection: Connection, exclusion: Exclusion, *, platform_ids: list[str]) -> set[str]:
    """Which of these accounts the campaigns have already."""
    cursor = await connection.execute(
        """select distinct c.platform_id from jobs j join candidates c on c.job_id = j.id
           where j.campaign_id = any(%(campaigns)s) and j.owner = %(owner)s and j.platform = %(platform)s
             and j.id <> %(job_id)s and c.platform_id = any(%(platform_ids)s) and c.seq is not null""",
        {**exclusion.model_dump(), "campaigns": list(exclusion.campaigns), "platform_ids": platform_ids},
    )
    return {row[0] for row in await cursor.fetchall()}


async def pending_of_step(
    connection: Connection, *, job_id: UUID, search_id: UUID, step: int
) -> list[PendingCandidate]:
    """The candidates that this step has to enrich, the most promising first, then in the order of their pages."""
    async with connection.cursor(row_factory=class_row(PendingCandidate)) as cursor:
        await cursor.execute(
            """select platform_id, search_id, step, details from candidates
               where job_id = %(job_id)s and assigned_search_id = %(search_id)s and assigned_step = %(step)s
                 and outcome = 'pending'
               order by worth desc, step, search_id, ordinal""",
            {"job_id": job_id, "search_id": search_id, "step": step},
        )
        return await cursor.fetchall()


async def still_pending(connection: Connection, *, job_id: UUID, search_id: UUID, step: int) -> set[str]:
    """Whom of them nothing has settled since: the platform's ids."""
    cursor = await connection.execute(
        """select platform_id from candidates
           where job_id = %(job_id)s and assigned_search_id = %(search_id)s and assigned_step = %(step)s
             and outcome = 'pending'""",
        {"job_id": job_id, "search_id": search_id, "step": step},
    )
    return {row[0] for row in await cursor.fetchall()}


async def settle_candidates(connection: Connection, *, job_id: UUID, rows: list[CandidateRow]) -> list[OutcomeMove]:
    """Give pending or reserved candidates their next outcome; returns what that moves in the funnel.

    A row that is not pending or reserved any more is left alone: it was settled by the job's end.
    """
    cursor = await connection.execute(
        """with incoming as (
               select * from jsonb_to_recordset(%(rows)s) r(platform_id text, outcome text, rule text, seq bigint,
                   enrichment text, handle text, name text, followers bigint, verified boolean, has_email boolean,
                   likeness real, worth real, details jsonb)
           ), before as (
               select c.platform_id, c.search_id, c.step, c.outcome from candidates c
               where c.job_id = %(job_id)s and c.outcome in ('pending', 'reserve')
                 and c.platform_id in (select platform_id from incoming)
               order by c.platform_id for no key update
           ), changed as (
               update candidates c set outcome = i.outcome, rule = i.rule, seq = i.seq, enrichment = i.enrichment,
                   handle = i.handle, name = i.name, followers = i.followers, verified = i.verified,
                   has_email = i.has_email, likeness = i.likeness, details = i.details,
                   delivered_at = case when i.seq is not null then now() end
               from incoming i, before b
               where c.job_id = %(job_id)s and c.platform_id = i.platform_id and b.platform_id = i.platform_id
               returning b.search_id, b.step, b.outcome as from_outcome, c.outcome as to_outcome,
                   coalesce(c.rule, '') as to_rule
           )
           select search_id, step, from_outcome, to_outcome, to_rule, count(*)::int
           from changed group by 1, 2, 3, 4, 5""",
        {"job_id": job_id, "rows": Jsonb(_dump(rows))},
    )
    return [move_of(row) for row in await cursor.fetchall()]


async def promote_reserve(
    connection: Connection, *, job_id: UUID, search_id: UUID, step: int, count_max: int
) -> list[OutcomeMove]:
    """Make the most promising of the reserve pending and give them to this step to enrich."""
    cursor = await connection.execute(
        """with chosen as (
               select platform_id from candidates where job_id = %(job_id)s and outcome = 'reserve'
               order by worth desc, step, search_id, ordinal limit %(count_max)s for no key update
           ), changed as (
               update candidates c set outcome = 'pending', assigned_search_id = %(search_id)s,
                   assigned_step = %(step)s
               from chosen where c.job_id = %(job_id)s and c.platform_id = chosen.platform_id
               returning c.search_id, c.step
           )
           select search_id, step, 'reserve', 'pending', '', count(*)::int from changed group by 1, 2""",
        {"job_id": job_id, "search_id": search_id, "step": step, "count_max": count_max},
    )
    return [move_of(row) for row in await cursor.fetchall()]


async def open_candidates(connection: Connection, *, job_id: UUID) -> list[PendingCandidate]:
    """Everything that the end of the job still has to deliver as known."""
    async with connection.cursor(row_factory=class_row(PendingCandidate)) as cursor:
        await cursor.execute(
            """select platform_id, search_id, step, details from candidates
               where job_id = %(job_id)s and outcome = 'pending' order by step, search_id, ordinal""",
            {"job_id": job_id},
        )
        return await cursor.fetchall()


async def discard_reserve(connection: Connection, *, job_id: UUID) -> list[OutcomeMove]:
    """The reserve becomes surplus: the job ended without needing it."""
    cursor = await connection.execute(
        """with changed as (
               update candidates set outcome = 'surplus' where job_id = %(job_id)s and outcome = 'reserve'
               returning search_id, step
           )
           select search_id, step, 'reserve', 'surplus', '', count(*)::int from changed group by 1, 2""",
        {"job_id": job_id},
    )
    return [move_of(row) for row in await cursor.fetchall()]


def _dump(rows: list[CandidateRow]) -> list[msgspec.Raw]:
    """As they are in JSON; not built up as dictionaries first, which takes twice as long."""
    return [msgspec.Raw(row.model_dump_json().encode()) for row in rows]


def move_of(row: tuple[Any, ...]) -> OutcomeMove:
    """(search, step, from, to, rule, count), as the statements that move candidates return it."""
    return OutcomeMove(
        search_id=row[0], step=row[1], from_outcome=row[2], to_outcome=row[3], to_rule=row[4], count=row[5]
    )
