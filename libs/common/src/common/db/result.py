"""What a job delivered, a page at a time. Every statement carries the owner."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.creator import Creator
from common.domain.filter import Filters, Unknown
from common.domain.job import Mode, PlatformName
from common.domain.model import Model
from common.domain.outcome import Enrichment


class ResultHead(Model):
    """The job whose results are asked for."""

    platform: PlatformName
    mode: Mode


class DeliveredRow(Model):
    """A creator as the job has it."""

    seq: int
    delivered_at: datetime
    enrichment: Enrichment | None
    details: Creator


@dataclass(frozen=True, slots=True)
class ResultRow:
    """The same in a list, with the numbers by which it is sorted, at the database's precision. `details` is the
    creator as JSON text: of many nobody makes models."""

    seq: int
    delivered_at: datetime
    enrichment: str | None
    likeness: float | None
    followers: int | None
    details: str


class ResultPlace(Model):
    """Where a page ended; of the numbers only that of the order that is asked for means something."""

    seq: int
    likeness: float | None = None
    followers: int | None = None


class ResultQuery(Model):
    """Which page is asked for; `after` None: the first. `filters` leave creators out but move no place. Their lists of
    whom to leave out are not looked at: those are for jobs."""

    owner: str
    job_id: UUID
    after: ResultPlace | None
    count_max: int
    filters: Filters = Filters()


# The conditions after the place are the same in all three orders and say of a creator what common.engine.filter says: a
# filter that is not asked for passes, a comparison with what is unknown is null and then kept or dropped as asked.


async def read_result_head(connection: Connection, *, owner: str, job_id: UUID) -> ResultHead | None:
    """None if there is no such job or it is another's."""
    async with connection.cursor(row_factory=class_row(ResultHead)) as cursor:
        await cursor.execute(
            "select platform, mode from jobs where id = %(job_id)s and owner = %(owner)s",
            {"owner": owner, "job_id": job_id},
        )
        return await cursor.fetchone()


async def list_found(connection: Connection, query: ResultQuery) -> list[ResultRow]:
    """Creators in the order of their delivery. `seq` is given under the job's lock, so that
    nothing ever appears before a place that was read: paging on is complete while the job runs."""
    cursor = await connection.execute(
        """select c.seq, c.delivered_at, c.enrichment, c.likeness, c.followers, c.details::text
           from jobs j join candidates c on c.job_id = j.id
           where j.id = %(job_id)s and j.owner = %(owner)s and c.seq > %(seq)s::bigint
             and (%(followers_min)s::bigint is null or coalesce(c.followers >= %(followers_min)s, %(is_kept)s))
             and (%(followers_max)s::bigint is null or coalesce(c.followers <= %(followers_max)s, %(is_kept)s))
             and (%(verified)s::boolean is null or coalesce(c.verified = %(verified)s, %(is_kept)s))
             and (%(has_email)s::boolean is null or coalesce(c.has_email = %(has_email)s, %(is_kept)s))
             and (%(countries)s::text[] is null or coalesce(
                 c.details #>> '{account,country}' = any(%(countries)s), %(is_kept)s))
             and (%(languages)s::text[] is null or coalesce(
                 lower(split_part(replace(nullif(c.details #>> '{account,language}', ''), '_', '-'), '-', 1)
                     collate "C") = any(%(languages)s), %(is_kept)s))
             and (%(posted_within_s)s::float8 is null or coalesce(
                 case when greatest((c.details #>> '{account,last_posted_at}')::timestamptz,
                                    (c.details #>> '{content,posted_at}')::timestamptz)
                           >= now() - make_interval(secs => %(posted_within_s)s::float8) then true
                      when c.details #>> '{account,last_posted_at}' is not null then false end,
                 %(is_kept)s))
           order by c.seq limit %(count_max)s""",
        _parameters(query),
    )
    return [ResultRow(*row) for row in await cursor.fetchall()]


async def list_alike(connection: Connection, query: ResultQuery) -> list[ResultRow]:
    """The most alike first, those without likeness last, equals in the order of their delivery.

    Nothing is shown twice; but who is delivered while a reader pages on, and is more alike than the place that was
    reached, is missed: read again from the start for those, or by delivery.
    """
    cursor = await connection.execute(
        """select c.seq, c.delivered_at, c.enrichment, c.likeness, c.followers, c.details::text
           from jobs j join candidates c on c.job_id = j.id
           where j.id = %(job_id)s and j.owner = %(owner)s and c.seq is not null
             and (c.likeness_rank, c.seq) > (%(likeness_rank)s::real, %(seq)s::bigint)
             and (%(followers_min)s::bigint is null or coalesce(c.followers >= %(followers_min)s, %(is_kept)s))
             and (%(followers_max)s::bigint is null or coalesce(c.followers <= %(followers_max)s, %(is_kept)s))
             and (%(verified)s::boolean is null or coalesce(c.verified = %(verified)s, %(is_kept)s))
             and (%(has_email)s::boolean is null or coalesce(c.has_email = %(has_email)s, %(is_kept)s))
             and (%(countries)s::text[] is null or coalesce(
                 c.details #>> '{account,country}' = any(%(countries)s), %(is_kept)s))
             and (%(languages)s::text[] is null or coalesce(
                 lower(split_part(replace(nullif(c.details #>> '{account,language}', ''), '_', '-'), '-', 1)
                     collate "C") = any(%(languages)s), %(is_kept)s))
             and (%(posted_within_s)s::float8 is null or coalesce(
                 case when greatest((c.details #>> '{account,last_posted_at}')::timestamptz,
                                    (c.details #>> '{content,posted_at}')::timestamptz)
                           >= now() - make_interval(secs => %(posted_within_s)s::float8) then true
                      when c.details #>> '{account,last_posted_at}' is not null then false end,
                 %(is_kept)s))
           order by c.likeness_rank, c.seq limit %(count_max)s""",
        _parameters(query),
    )
    return [ResultRow(*row) for row in await cursor.fetchall()]


async def list_followed(connection: Connection, query: ResultQuery) -> list[ResultRow]:
    """Those with the most followers first, those of whom it is unknown last, equals in the order of their delivery;
    who comes while a reader pages on may be missed as in `list_alike`."""
    cursor = await connection.execute(
        """select c.seq, c.delivered_at, c.enrichment, c.likeness, c.followers, c.details::text
           from jobs j join candidates c on c.job_id = j.id
           where j.id = %(job_id)s and j.owner = %(owner)s and c.seq is not null
             and (c.followers_rank, c.seq) > (%(followers_rank)s::bigint, %(seq)s::bigint)
             and (%(followers_min)s::bigint is null or coalesce(c.followers >= %(followers_min)s, %(is_kept)s))
             and (%(followers_max)s::bigint is null or coalesce(c.followers <= %(followers_max)s, %(is_kept)s))
             and (%(verified)s::boolean is null or coalesce(c.verified = %(verified)s, %(is_kept)s))
             and (%(has_email)s::boolean is null or coalesce(c.has_email = %(has_email)s, %(is_kept)s))
             and (%(countries)s::text[] is null or coalesce(
                 c.details #>> '{account,country}' = any(%(countries)s), %(is_kept)s))
             and (%(languages)s::text[] is null or coalesce(
                 lower(split_part(replace(nullif(c.details #>> '{account,language}', ''), '_', '-'), '-', 1)
                     collate "C") = any(%(languages)s), %(is_kept)s))
             and (%(posted_within_s)s::float8 is null or coalesce(
                 case when greatest((c.details #>> '{account,last_posted_at}')::timestamptz,
                                    (c.details #>> '{content,posted_at}')::timestamptz)
                           >= now() - make_interval(secs => %(posted_within_s)s::float8) then true
                      when c.details #>> '{account,last_posted_at}' is not null then false end,
                 %(is_kept)s))
           order by c.followers_rank, c.seq limit %(count_max)s""",
        _parameters(query),
    )
    return [ResultRow(*row) for row in await cursor.fetchall()]


# Before every place of its order: a likeness is at most 1, followers are of 64 bits.
_FIRST_LIKENESS_RANK = -2.0
_FIRST_FOLLOWERS_RANK = -(2**63)


def _parameters(query: ResultQuery) -> dict[str, Any]:
    return {
        "owner": query.owner,
        "job_id": query.job_id,
        "count_max": query.count_max,
        **_place_parameters(query.after),
        **_filter_parameters(query.filters),
    }


def _place_parameters(after: ResultPlace | None) -> dict[str, Any]:
    if after is None:
        return {"seq": -1, "likeness_rank": _FIRST_LIKENESS_RANK, "followers_rank": _FIRST_FOLLOWERS_RANK}
    return {
        "seq": after.seq,
        "likeness_rank": 1.0 if after.likeness is None else -after.likeness,
        "followers_rank": 1 if after.followers is None else -after.followers,
    }


def _filter_parameters(filters: Filters) -> dict[str, Any]:
    return {
        "followers_min": filters.followers_min,
        "followers_max": filters.followers_max,
        "verified": filters.verified,
        "has_email": filters.has_email,
        "countries": list(filters.countries) or None,
        "languages": list(filters.languages) or None,
        "posted_within_s": None if filters.posted_within is None else filters.posted_within.total_seconds(),
        "is_kept": filters.unknown is Unknown.KEEP,
    }
