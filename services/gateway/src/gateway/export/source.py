"""Where the creators of a file come from: batches, each read by a connection of its own for a moment."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from common.db.campaign import is_campaign
from common.db.export import FoundQuery, FoundRow, MergedQuery, MergedRow, list_campaign_batch, list_job_batch
from common.db.pool import Door
from common.db.result import read_result_head
from common.domain.job import PlatformName
from gateway.answer.campaign_creator import CampaignCreatorAnswer
from gateway.answer.result import ResultAnswer
from gateway.export.entry import Entry
from gateway.problem import not_found

BATCH_MAX: Final = 200

Batches = AsyncGenerator[Sequence[Entry]]


class GoneError(Exception):
    """What is being taken out was deleted meanwhile: what was sent is not all that there was."""


async def job_batches(database: Door, owner: str, job_id: UUID) -> Batches:
    """What a job has delivered so far, in that order; what it delivers meanwhile too. The first batch may be empty.

    Raises ProblemError before the first batch if there is no such job, GoneError after the last if there is none any
    more.
    """
    platform = await _platform_of(database, owner, job_id)
    if platform is None:
        raise not_found()
    query = FoundQuery(owner=owner, job_id=job_id, count_max=BATCH_MAX)
    while True:
        async with database.connection() as connection:
            rows = await list_job_batch(connection, query)
        yield [_found(row, platform, job_id) for row in rows]
        if len(rows) < BATCH_MAX:
            break
        query = query.model_copy(update={"seq": rows[-1].seq})
    if await _platform_of(database, owner, job_id) is None:
        raise GoneError


async def campaign_batches(database: Door, owner: str, campaign_id: UUID) -> Batches:
    """What a campaign's jobs have delivered, each creator once, in the order of platform and id; else as of a job."""
    if not await _is_there(database, owner, campaign_id):
        raise not_found()
    query = MergedQuery(owner=owner, campaign_id=campaign_id, count_max=BATCH_MAX)
    while True:
        async with database.connection() as connection:
            rows = await list_campaign_batch(connection, query)
        yield [_merged(row) for row in rows]
        if len(rows) < BATCH_MAX:
            break
        query = query.model_copy(update={"platform": rows[-1].platform, "platform_id": rows[-1].platform_id})
    if not await _is_there(database, owner, campaign_id):
        raise GoneError


def _found(row: FoundRow, platform: PlatformName, job_id: UUID) -> Entry:
    return Entry(
        platform=platform,
        creator=row.details,
        found_at=row.delivered_at,
        last_found_at=row.delivered_at,
        job_ids=(job_id,),
        answer=partial(ResultAnswer.of, row, platform),
        seq=row.seq,
        enrichment=row.enrichment,
    )


def _merged(row: MergedRow) -> Entry:
    return Entry(
        platform=row.platform,
        creator=row.details,
        found_at=row.first_found_at,
        last_found_at=row.last_found_at,
        job_ids=row.job_ids,
        answer=partial(CampaignCreatorAnswer.of, row),
    )


async def _platform_of(database: Door, owner: str, job_id: UUID) -> PlatformName | None:
    async with database.connection() as connection:
        head = await read_result_head(connection, owner=owner, job_id=job_id)
    return head.platform if head else None


async def _is_there(database: Door, owner: str, campaign_id: UUID) -> bool:
    async with database.connection() as connection:
        return await is_campaign(connection, owner=owner, campaign_id=campaign_id)
