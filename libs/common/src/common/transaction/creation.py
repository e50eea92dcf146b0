"""The creation of a job: the job, its searches and its first steps, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.db import idempotency as idempotency_table
from common.db import job as job_table
from common.db import quota as quota_table
from common.db import search as search_table
from common.db.job import NewJob
from common.db.poll import JobView, read_job
from common.db.pool import Connection
from common.db.search import NewSearch
from common.domain.step import DueStep
from common.engine.quota import estimate
from common.platform import PlannedSearch
from common.transaction.account import enter
from common.transaction.admission import admit_next
from common.transaction.lock import Unit
from common.transaction.quota import reserve, reserve_of_all


class KeyInUseError(Exception):
    """Another creation holds the key just now; nothing was written."""


class KeyUsedError(Exception):
    """The key was used before: its answer is kept; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Lets a caller repeat the creation. `fingerprint` names what was asked for, `write` makes the answer that is kept
    under `key` in the same transaction."""

    key: str
    fingerprint: str
    write: Callable[[JobView], str]


async def create_job(
    unit: Unit, job: NewJob, searches: Sequence[PlannedSearch], *, region: str | None
) -> list[DueStep]:
    """Store the job and start as much of it as the limits admit; returns the steps to publish (none: it waits).

    Raises AccountLeavesError, UnknownCampaignError if the campaign is not the owner's, QuotaExceededError if the
    owner's quota does not cover what the job is likely to cost, DayUsedUpError if the cap of all jobs does not.
    """
    async with unit.database.transaction() as connection:
        due = await _store(connection, unit, job, [_new_search(unit, one, region) for one in searches])
        await _reserve_of_all(connection, unit, job)
        return due


async def create_job_once(
    unit: Unit, job: NewJob, searches: Sequence[PlannedSearch], *, region: str | None, repetition: Repetition
) -> tuple[list[DueStep], str]:
    """The same under a key: the job, the key and the answer are there together or not at all. Returns the answer too.

    Raises KeyInUseError and KeyUsedError besides.
    """
    async with unit.database.transaction() as connection:
        if not await idempotency_table.hold_key(connection, owner=job.owner, key=repetition.key):
            raise KeyInUseError
        if await idempotency_table.read_answer(connection, owner=job.owner, key=repetition.key) is not None:
            raise KeyUsedError
        due = await _store(connection, unit, job, [_new_search(unit, one, region) for one in searches])
        await idempotency_table.insert_key(
            connection, owner=job.owner, key=repetition.key, fingerprint=repetition.fingerprint, job_id=job.id
        )
        view = await read_job(connection, owner=job.owner, job_id=job.id)
        assert view is not None
        answer = repetition.write(view)
        await idempotency_table.keep_answer(connection, owner=job.owner, key=repetition.key, answer=answer)
        await _reserve_of_all(connection, unit, job)
        return due, answer


def _estimate(job: NewJob) -> int:
    return estimate(places=job.target_results, credits_left=job.credits_max)


async def _reserve_of_all(connection: Connection, unit: Unit, job: NewJob) -> None:
    await reserve_of_all(connection, amount=_estimate(job), credits_per_day=unit.credits_per_day_of_all)


def _new_search(unit: Unit, search: PlannedSearch, region: str | None) -> NewSearch:
    return NewSearch(id=unit.clock.new_id(), ordinal=0, kind=search.kind, query=search.query, region=region)


async def _store(connection: Connection, unit: Unit, job: NewJob, searches: Sequence[NewSearch]) -> list[DueStep]:
    await enter(connection, owner=job.owner)
    amount = _estimate(job)
    day = await reserve(connection, owner=job.owner, amount=amount, credits_per_day=unit.credits_per_day)
    await job_table.insert_job(connection, job)
    await quota_table.grant(connection, job_id=job.id, amount=amount, day=day)
    await search_table.insert_searches(
        connection,
        job_id=job.id,
        searches=[search.model_copy(update={"ordinal": ordinal}) for ordinal, search in enumerate(searches)],
    )
    await job_table.insert_event(connection, job_id=job.id, seq=1, kind="created", data={})
    await job_table.bump_event_seq(connection, job_id=job.id)
    return await admit_next(connection, unit.clock, owner=job.owner, active_jobs_max=unit.active_jobs_max)
