"""The settings in force: read from Postgres, a few seconds old at most, and always a good set."""

import asyncio
import time
from collections.abc import Callable

import pytest

from common.db.pool import Database
from common.domain.setting import SystemSettings
from common.resources.setting import KEPT_S, SettingCache


async def put(database: Database, value: str) -> None:
    async with database.connection() as connection:
        await connection.execute(
            """insert into system_settings (category, key, value) values ('api', 'max_api_calls', %s)
               on conflict (category, key) do update set value = excluded.value""",
            [value],
        )


async def test_without_stored_values_the_defaults_are_in_force(database: Database) -> None:
    assert await SettingCache(database).current() == SystemSettings()


@pytest.mark.parametrize("value", ["0", '"many"', "null", "{}", "1e9"])
async def test_a_bad_value_from_the_start_leaves_the_defaults(database: Database, value: str) -> None:
    await put(database, value)
    assert await SettingCache(database).current() == SystemSettings()


async def test_many_who_ask_at_once_read_once(database: Database) -> None:
    cache = SettingCache(database)
    await put(database, "7")
    answers = await asyncio.gather(*(cache.current() for _ in range(50)))
    assert {answer.api.max_api_calls for answer in answers} == {7}
    assert len({id(answer) for answer in answers}) == 1


async def test_a_new_value_counts_within_seconds_and_a_bad_one_keeps_the_last_good_set(database: Database) -> None:
    """The one test here that has to wait: the cache's age is its promise."""
    await put(database, "7")
    changing, failing = SettingCache(database), SettingCache(database)
    assert (await changing.current()).api.max_api_calls == 7
    assert (await failing.current()).api.max_api_calls == 7
    read_at = time.monotonic()
    await put(database, "8")
    assert (await changing.current()).api.max_api_calls == 7, "kept for a few seconds"
    await asyncio.sleep(KEPT_S + 0.05 - (time.monotonic() - read_at))
    assert (await changing.current()).api.max_api_calls == 8
    for value in ("0", '"many"'):
        await put(database, value)
        assert (await failing.current()).api.max_api_calls == 7


async def test_once_read_an_outage_keeps_the_last_good_set(database: Database, cut_off: Callable[[], None]) -> None:
    cache = SettingCache(database)
    await put(database, "7")
    assert (await cache.current()).api.max_api_calls == 7
    cut_off()
    await asyncio.sleep(KEPT_S + 0.05)
    assert (await cache.current()).api.max_api_calls == 7


async def test_what_was_changed_here_counts_at_once(database: Database) -> None:
    cache = SettingCache(database)
    await put(database, "7")
    assert (await cache.current()).api.max_api_calls == 7
    await put(database, "8")
    cache.forget()
    assert (await cache.current()).api.max_api_calls == 8


async def test_a_reading_that_began_before_a_change_is_not_kept(database: Database) -> None:
    """It brings what was stored then; who asks after the change reads once more."""
    cache = SettingCache(database)
    await put(database, "7")
    async with database.transaction() as other:
        await other.execute("lock table system_settings in access exclusive mode")
        reading = asyncio.create_task(cache.current())
        while not reading.done():
            cursor = await other.execute("select pid from pg_locks where not granted")
            if await cursor.fetchone() is not None:
                break
            await asyncio.sleep(0.01)
        cache.forget()
    assert (await reading).api.max_api_calls == 7
    await put(database, "8")
    assert (await cache.current()).api.max_api_calls == 8


async def test_who_does_not_wait_has_the_last_set_and_a_new_one_soon(database: Database) -> None:
    await put(database, "7")
    cache = SettingCache(database)
    assert cache.latest() == SystemSettings(), "the defaults, until they are read"
    for _ in range(200):
        if cache.latest().api.max_api_calls == 7:
            break
        await asyncio.sleep(0.02)
    assert cache.latest().api.max_api_calls == 7
    assert cache.latest() is await cache.current(), "one memory for both"


async def test_who_does_not_wait_hears_nothing_of_an_outage(database: Database, cut_off: Callable[[], None]) -> None:
    cut_off()
    cache = SettingCache(database)
    for _ in range(20):
        assert cache.latest() == SystemSettings()
        await asyncio.sleep(0.02)
