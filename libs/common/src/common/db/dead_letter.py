"""Dead letters: what could not be delivered, for an operator to look at."""

from typing import Any
from uuid import UUID

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
    """Keep the letter; False if there is one of the same step, generation and reason already.

    There is one only if the caller holds the search's lock.
    """
    cursor = await connection.execute(
        """insert into dead_letters (id, job_id, search_id, step, generation, reason, details)
           select %(id)s, %(job_id)s, %(search_id)s, %(step)s, %(generation)s, %(reason)s, %(details)s
           where not exists (
               select from dead_letters d
               where d.search_id = %(search_id)s and d.step = %(step)s and d.generation = %(generation)s
                 and d.reason = %(reason)s)
           returning 1""",
        {**letter.model_dump(), "details": Jsonb(letter.details)},
    )
    return await cursor.fetchone() is not None


async def find_dead_letter(
    connection: Connection, *, search_id: UUID, step: int, generation: int, reason: str
) -> UUID | None:
    """The letter that `insert_dead_letter` found there, or inserted."""
    cursor = await connection.execute(
        """select id from dead_letters
           where search_id = %(search_id)s and step = %(step)s and generation = %(generation)s and reason = %(reason)s
           order by id limit 1""",
        {"search_id": search_id, "step": step, "generation": generation, "reason": reason},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def drop_dead_letter(connection: Connection, *, letter_id: UUID) -> None:
    """The step was not given up after all."""
    await connection.execute("delete from dead_letters where id = %(letter_id)s", {"letter_id": letter_id})
