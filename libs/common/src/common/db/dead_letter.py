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
    """Keep the letter; False if there is one of the same step, generation and reason already."""
    cursor = await connection.execute(
        """insert into dead_letters (id, job_id, search_id, step, generation, reason, details)
           values (%(id)s, %(job_id)s, %(search_id)s, %(step)s, %(generation)s, %(reason)s, %(details)s)
           on conflict do nothing
           returning 1""",
        {**letter.model_dump(), "details": Jsonb(letter.details)},
    )
    return await cursor.fetchone() is not None
