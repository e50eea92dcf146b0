"""Keys of creations: held by one at a time, kept with the job and its answer, forgotten in time."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg.errors import UniqueViolation

from common.db.idempotency import KeptAnswer, forget_keys, hold_key, insert_key, keep_answer, read_answer

pytestmark = pytest.mark.server


async def test_a_key_is_held_by_one_transaction_of_one_owner(scene: Any) -> None:
    async with scene.database.transaction() as first, scene.database.transaction() as second:
        assert await hold_key(first, owner="user:a", key="k")
        assert await hold_key(first, owner="user:a", key="k"), "whoever holds it may ask again"
        assert not await hold_key(second, owner="user:a", key="k")
        assert await hold_key(second, owner="user:b", key="k")
        assert await hold_key(second, owner="user:a", key="l")
    async with scene.database.transaction() as third:
        assert await hold_key(third, owner="user:a", key="k"), "free when the transaction ends"


@pytest.mark.security
async def test_no_key_can_be_the_lock_of_the_sweep_or_of_the_switch(scene: Any) -> None:
    """Whoever computes a key with the hash that they need would keep all replicas from sweeping, or all calls waiting.
    Postgres keeps locks of two numbers (objsubid 2) apart from those of one."""
    async with scene.database.transaction() as connection:
        assert await hold_key(connection, owner="user:a", key="k")
        cursor = await connection.execute(
            "select objsubid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        )
        assert await cursor.fetchall() == [(2,)]


async def test_a_key_is_kept_with_its_answer(scene: Any) -> None:
    seat = await scene.seat()
    async with scene.database.transaction() as connection:
        assert await read_answer(connection, owner=seat.owner, key="k") is None
        await insert_key(connection, owner=seat.owner, key="k", fingerprint="f", job_id=seat.job_id)
        assert await read_answer(connection, owner=seat.owner, key="k") == KeptAnswer(fingerprint="f", answer=None)
        await keep_answer(connection, owner=seat.owner, key="k", answer="{}")
    async with scene.database.connection() as connection:
        assert await read_answer(connection, owner=seat.owner, key="k") == KeptAnswer(fingerprint="f", answer="{}")
        assert await read_answer(connection, owner="user:other", key="k") is None
        with pytest.raises(UniqueViolation):
            await insert_key(connection, owner=seat.owner, key="k", fingerprint="g", job_id=seat.job_id)


async def test_keys_are_forgotten_by_age(scene: Any) -> None:
    seat = await scene.seat()
    async with scene.database.connection() as connection:
        for key in ("old", "new"):
            await insert_key(connection, owner=seat.owner, key=key, fingerprint="f", job_id=seat.job_id)
        await connection.execute("update idempotency_keys set created_at = now() - interval '3 days' where key = 'old'")
        assert await forget_keys(connection, older_than=timedelta(days=2)) == 1
        assert await read_answer(connection, owner=seat.owner, key="old") is None
        assert await read_answer(connection, owner=seat.owner, key="new") is not None
