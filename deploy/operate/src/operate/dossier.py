"""All that is known of one job, read at one moment."""

from uuid import UUID

from common.db import operator as operator_table
from common.db.administration import LetterFilter, LetterRow, read_letters
from common.db.operator import CallRow, FunnelRow, JobRecord, OpenStep, PlatformLine, SearchRow
from common.db.poll import JobView, read_job
from common.db.pool import Connection
from common.domain.model import Model
from common.tracing.identity import job_place


class Dossier(Model):
    """`job` is what its owner sees. `platform` is None if no worker of it ever started. `trace_id` is that of the
    job's trace, whether or not anybody records it."""

    job: JobView
    trace_id: str
    record: JobRecord
    platform: PlatformLine | None
    searches: list[SearchRow]
    open_steps: list[OpenStep]
    funnel: list[FunnelRow]
    calls: list[CallRow]
    letters: list[LetterRow]


async def read_dossier(connection: Connection, *, job_id: UUID, calls_max: int) -> Dossier | None:
    """None if there is no such job. The connection is in a fresh transaction."""
    await operator_table.begin_snapshot(connection)
    record = await operator_table.read_record(connection, job_id=job_id)
    if record is None:
        return None
    job = await read_job(connection, owner=record.owner, job_id=job_id)
    assert job is not None
    platforms = await operator_table.list_platforms(connection)
    return Dossier(
        job=job,
        trace_id=job_place(job_id).trace_hex,
        record=record,
        platform=next((one for one in platforms if one.platform == job.platform), None),
        searches=await operator_table.searches_of_job(connection, job_id=job_id),
        open_steps=await operator_table.open_steps(connection, job_id=job_id),
        funnel=await operator_table.funnel_of_job(connection, job_id=job_id),
        calls=await operator_table.last_calls(connection, job_id=job_id, count_max=calls_max),
        letters=await read_letters(connection, LetterFilter(job_id=job_id)),
    )
