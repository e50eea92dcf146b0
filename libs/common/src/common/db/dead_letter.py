"""Dead letters: what could not be delivered, for an operator to look at."""

from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.domain.model import Model


class DeadLetter(Model):
    """A step that was given up. `details` are facts for people: no bodies, no tokens."""

    id: UUID
    job_id: UUID
    search_id: UUID
    step: int
    generation: int
    reason: str
    details: dict[str, Any]


async def insert_dead_letter(connection: Connection, letter: DeadLetter) -> bool:
    """Keep the letter; False if there is one of the same step, generation and reason already."""
    cursor = await connection.execute(
        """insert into dead_letters (id, job_id, search_id, step, generation, reason, details)
           values (%(id)s, %(job_id)s, %(search_id)s, %(step)s, %(generation)s, %(reason)s, %(details)s)
           on conflict do nothing
           returning 1""",
        {**letter.model_dump(), "details": Jsonb(letter.details)},
    )
    return await cursor.fetchone() is not None


class LockedLetter(Model):
    job_id: UUID | None
    search_id: UUID | None
    step: int | None
    is_open: bool


async def job_of_letter(connection: Connection, *, letter_id: UUID) -> LockedLetter | None:
    """The letter as it is, not locked: its job's lock comes first."""
    async with connection.cursor(row_factory=class_row(LockedLetter)) as cursor:
        await cursor.execute(
            "select job_id, search_id, step, resolved_at is null as is_open from dead_letters where id = %(id)s",
            {"id": letter_id},
        )
        return await cursor.fetchone()


async def resolve_letter(connection: Connection, *, letter_id: UUID, resolution: str, by: str) -> bool:
    """Note what was done with an open letter; False if there is none."""
    cursor = await connection.execute(
        """update dead_letters set resolved_at = now(), resolution = %(resolution)s, resolved_by = %(by)s
           where id = %(id)s and resolved_at is null returning 1""",
        {"id": letter_id, "resolution": resolution, "by": by},
    )
    return await cursor.fetchone() is not None


async def resolve_letters(connection: Connection, *, job_id: UUID, resolution: str) -> None:
    """The job's open letters are settled by what was done with the whole job."""
    await connection.execute(
        """update dead_letters set resolved_at = now(), resolution = %(resolution)s
           where job_id = %(job_id)s and resolved_at is null""",
        {"job_id": job_id, "resolution": resolution},
    )
