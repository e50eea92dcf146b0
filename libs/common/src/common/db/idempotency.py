"""Keys by which a caller may repeat a creation safely: the first answer is kept with the job and given again."""

from datetime import timedelta
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model


class KeptAnswer(Model):
    """What a key was used for. `answer` is the body of the first answer; None: none was kept."""

    fingerprint: str
    answer: str | None


async def read_answer(connection: Connection, *, owner: str, key: str) -> KeptAnswer | None:
    """None if the owner has not used the key, or it was forgotten."""
    async with connection.cursor(row_factory=class_row(KeptAnswer)) as cursor:
        await cursor.execute(
            "select fingerprint, answer from idempotency_keys where owner = %(owner)s and key = %(key)s",
            {"owner": owner, "key": key},
        )
        return await cursor.fetchone()


async def hold_key(connection: Connection, *, owner: str, key: str) -> bool:
    """Hold the key until the transaction ends; False if another transaction holds it just now.

    A lock of two numbers never meets one of one number: those are the sweep's, the migration's and the switch's, and a
    key whose hash is theirs can be computed.
    """
    cursor = await connection.execute(
        "select pg_try_advisory_xact_lock(hashtext(%(owner)s), hashtext(%(key)s))",
        {"owner": owner, "key": key},
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def insert_key(connection: Connection, *, owner: str, key: str, fingerprint: str, job_id: UUID) -> None:
    """Note what the key is used for. The caller holds it and has seen that it is new; the owner and the job exist."""
    await connection.execute(
        """insert into idempotency_keys (owner, key, fingerprint, job_id)
           values (%(owner)s, %(key)s, %(fingerprint)s, %(job_id)s)""",
        {"owner": owner, "key": key, "fingerprint": fingerprint, "job_id": job_id},
    )


async def keep_answer(connection: Connection, *, owner: str, key: str, answer: str) -> None:
    await connection.execute(
        "update idempotency_keys set answer = %(answer)s where owner = %(owner)s and key = %(key)s",
        {"owner": owner, "key": key, "answer": answer},
    )


async def forget_keys(connection: Connection, *, older_than: timedelta) -> int:
    """Remove keys that were used longer ago; returns how many."""
    cursor = await connection.execute(
        "delete from idempotency_keys where created_at < now() - %(older_than)s", {"older_than": older_than}
    )
    return cursor.rowcount
