"""What QStash delivered, and what must be delivered again."""

from datetime import timedelta
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.job import JobStatus
from common.domain.model import Model
from common.domain.step import DueStep


class Delivered(Model):
    """A step as the webhook needs it: where to route it, whether it is still wanted, and whether the token that came
    with it was accepted before."""

    job_id: UUID
    platform: str
    generation: int
    phase: str
    job_status: JobStatus
    redrives_count: int
    is_replay: bool


async def read_delivered(
    connection: Connection, *, search_id: UUID, step: int, jti: str | None = None
) -> Delivered | None:
    """None if there is no such step."""
    async with connection.cursor(row_factory=class_row(Delivered)) as cursor:
        await cursor.execute(
            """select s.job_id, j.platform, s.generation, s.phase, j.status as job_status, s.redrives_count,
                   exists (select from qstash_deliveries d where d.jti = %(jti)s) as is_replay
               from steps s join jobs j on j.id = s.job_id
               where s.search_id = %(search_id)s and s.step = %(step)s""",
            {"search_id": search_id, "step": step, "jti": jti},
        )
        return await cursor.fetchone()


async def note_delivered(
    connection: Connection, *, search_id: UUID, step: int, generation: int, stream_sequence: int
) -> None:
    """Where the stream keeps the step's message. Asynchronous: if it is lost, the sweep waits a little longer."""
    await connection.execute(
        """update steps set stream_sequence = greatest(stream_sequence, %(stream_sequence)s), delivered_at = now()
           where search_id = %(search_id)s and step = %(step)s and generation = %(generation)s
           returning set_config('synchronous_commit', 'off', true)""",
        {"search_id": search_id, "step": step, "generation": generation, "stream_sequence": stream_sequence},
    )


class Routed(Model):
    """A step that is in the stream, at this place, and the token that brought it to us."""

    search_id: UUID
    step: int
    generation: int
    stream_sequence: int
    jti: str
    message_id: str | None


async def accept_delivery(connection: Connection, routed: Routed) -> bool:
    """`note_delivered` and `insert_delivery` in one statement."""
    cursor = await connection.execute(
        """with noted as (
               update steps set stream_sequence = greatest(stream_sequence, %(stream_sequence)s), delivered_at = now()
               where search_id = %(search_id)s and step = %(step)s and generation = %(generation)s
           )
           insert into qstash_deliveries (jti, message_id) values (%(jti)s, %(message_id)s)
           on conflict do nothing returning 1""",
        routed.model_dump(),
    )
    return await cursor.fetchone() is not None


async def is_replay(connection: Connection, *, jti: str) -> bool:
    """Whether this token was accepted before."""
    cursor = await connection.execute("select 1 from qstash_deliveries where jti = %(jti)s", {"jti": jti})
    return await cursor.fetchone() is not None


async def insert_delivery(connection: Connection, *, jti: str, message_id: str | None) -> bool:
    """Remember an accepted token; False if somebody else did so first."""
    cursor = await connection.execute(
        """insert into qstash_deliveries (jti, message_id) values (%(jti)s, %(message_id)s)
           on conflict do nothing returning 1""",
        {"jti": jti, "message_id": message_id},
    )
    return await cursor.fetchone() is not None


async def delete_old_deliveries(connection: Connection, *, older_than: timedelta) -> int:
    cursor = await connection.execute(
        "delete from qstash_deliveries where received_at < now() - %(older_than)s", {"older_than": older_than}
    )
    return cursor.rowcount


async def redrive_after_failure(
    connection: Connection, *, search_id: UUID, step: int, generation: int, redrives_max: int
) -> DueStep | None:
    """QStash gave up on this generation: raise it by compare-and-set, at most `redrives_max` times.

    None if the generation is not current any more, the step is done or held by a worker, or its re-drives are used up.
    """
    async with connection.cursor(row_factory=class_row(DueStep)) as cursor:
        await cursor.execute(
            """update steps s set generation = s.generation + 1, redrives_count = s.redrives_count + 1,
                   published_generation = null, stream_sequence = null, due_at = now()
               from jobs j
               where s.search_id = %(search_id)s and s.step = %(step)s and s.generation = %(generation)s
                 and s.phase in ('page', 'enrichment') and (s.lease_until is null or s.lease_until < now())
                 and s.redrives_count < %(redrives_max)s
                 and j.id = s.job_id and j.status in ('pending', 'processing')
               returning s.job_id, s.search_id, s.step, s.generation""",
            {"search_id": search_id, "step": step, "generation": generation, "redrives_max": redrives_max},
        )
        return await cursor.fetchone()
