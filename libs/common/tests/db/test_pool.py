"""The pool on real Postgres: bounded, whole after any cancellation, its transactions all or nothing."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.errors import DivisionByZero, QueryCanceled
from pydantic import SecretStr

from common.db.ping import ping
from common.db.pool import DATABASE_FAULTS, DATABASE_UNAVAILABLE, Database, check_database_url
from common.errors import ConfigurationError
from common.settings import DatabaseSettings

SIZE_MAX = 6


@pytest.fixture
def url(module_database_url: str) -> str:
    return module_database_url


@asynccontextmanager
async def opened(url: str, size_max: int = SIZE_MAX) -> AsyncIterator[Database]:
    database = Database(DatabaseSettings(database_url=SecretStr(url)), name="pool test", size_max=size_max)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def all_at_once(database: Database) -> set[int]:
    """Hold every connection of the pool at the same time; the ids of their servers."""
    barrier = asyncio.Barrier(SIZE_MAX)

    async def hold() -> int:
        async with database.connection() as connection:
            await barrier.wait()
            await ping(connection)
            return connection.info.backend_pid

    async with asyncio.timeout(10):
        return set(await asyncio.gather(*(hold() for _ in range(SIZE_MAX))))


async def test_five_thousand_cancelled_waiters_leave_the_pool_whole(url: str) -> None:
    """Every place is taken, five thousand wait, all are cancelled; then all connections work side by side again."""
    async with opened(url) as database:
        release, taken = asyncio.Event(), asyncio.Barrier(SIZE_MAX + 1)

        async def hold() -> None:
            async with database.connection():
                await taken.wait()
                await release.wait()

        async def wait() -> None:
            async with database.connection() as connection:
                await ping(connection)

        holders = [asyncio.create_task(hold()) for _ in range(SIZE_MAX)]
        await taken.wait()
        waiters = [asyncio.create_task(wait()) for _ in range(5000)]
        await asyncio.sleep(0)
        for number, waiter in enumerate(waiters):
            if number == len(waiters) // 2:
                release.set()  # half of them while places come free
            if number % 100 == 0:
                await asyncio.sleep(0)
            waiter.cancel()
        answers = await asyncio.gather(*waiters, return_exceptions=True)
        await asyncio.gather(*holders)
        cancelled = sum(isinstance(answer, asyncio.CancelledError) for answer in answers)
        assert cancelled + answers.count(None) == 5000
        assert cancelled > 2500
        assert len(await all_at_once(database)) == SIZE_MAX


async def test_five_thousand_tasks_cancelled_at_any_point_obey_and_leave_the_pool_whole(url: str) -> None:
    """While they wait, while a connection is handed to them, in a statement: without the semaphore, on Python 3.11,
    one in forty goes on as if nobody had cancelled it. (While the pool still grows some may: the first of them wait
    inside it for their connection.)"""
    chance = random.Random(1)

    async def work(statement: bool) -> None:
        async with database.connection() as connection:
            await (ping(connection) if statement else asyncio.sleep(0))

    async with opened(url) as database:
        await all_at_once(database)
        for _ in range(100):
            tasks = [asyncio.create_task(work(number % 10 == 0)) for number in range(50)]
            told: list[asyncio.Task[None]] = []
            for task in tasks:
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
                if not task.done() and chance.random() < 0.8:
                    task.cancel()
                    told.append(task)
            await asyncio.gather(*tasks, return_exceptions=True)
            assert [task for task in told if not task.cancelled()] == []
        assert len(await all_at_once(database)) == SIZE_MAX


async def test_no_more_connections_than_allowed(url: str) -> None:
    async with opened(url) as database:
        await all_at_once(database)
        async with database.connection() as connection:
            rows = await connection.execute(
                "select count(*) from pg_stat_activity where application_name = 'pool test'"
            )
            count = await rows.fetchone()
    assert count == (SIZE_MAX,)


async def test_a_transaction_is_all_or_nothing(url: str) -> None:
    async with opened(url, 2) as database:
        with contextlib.suppress(ZeroDivisionError):
            async with database.transaction() as connection:
                await connection.execute("insert into owners (owner) values ('user:lost')")
                raise ZeroDivisionError
        async with database.transaction() as connection:
            await connection.execute("insert into owners (owner) values ('user:kept')")
        async with database.connection() as connection:
            rows = await connection.execute("select owner from owners where owner in ('user:lost', 'user:kept')")
            assert await rows.fetchall() == [("user:kept",)]


async def test_outside_of_a_transaction_each_statement_commits(url: str) -> None:
    async with opened(url, 2) as database:
        async with database.connection() as connection:
            await connection.execute("insert into owners (owner) values ('user:autocommit')")
            with pytest.raises(DivisionByZero):
                await connection.execute("select 1 / 0")
        async with database.connection() as connection:
            rows = await connection.execute("select 1 from owners where owner = 'user:autocommit'")
            assert await rows.fetchone() is not None


async def test_a_connection_that_died_is_replaced(url: str) -> None:
    async with opened(url, 1) as database:
        async with database.connection() as connection:
            first = connection.info.backend_pid
            with pytest.raises(DATABASE_UNAVAILABLE):
                await connection.execute("select pg_terminate_backend(pg_backend_pid())")
        async with database.connection() as connection:
            await ping(connection)
            assert connection.info.backend_pid != first


async def test_a_connection_has_its_limits(url: str) -> None:
    expected = {
        "statement_timeout": "15s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "TimeZone": "UTC",
    }
    async with opened(url, 1) as database, database.connection() as connection:
        for name, value in expected.items():
            row = await (await connection.execute("select current_setting(%s)", [name])).fetchone()
            assert row == (value,)
        await connection.execute("set statement_timeout = '10ms'")
        with pytest.raises(DATABASE_FAULTS) as caught:
            await connection.execute("select pg_sleep(1)")
        assert isinstance(caught.value, QueryCanceled)


async def test_every_outage_is_answered_within_its_bound(url: str) -> None:
    """Nobody listens, the password is wrong, there is no such database: one line. No place in the pool comes free:
    an outage too. All at once, because each takes its ten seconds."""
    server, _, name = url.rpartition("/")
    host = server.rpartition("@")[2]
    urls = [
        "postgresql://u:hunter2@127.0.0.1:1/db",
        f"postgresql://creatorscout:hunter2@{host}/{name}",
        f"{server}/missing",
    ]

    async def start(url: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            async with opened(url, 1):
                pass
        assert str(caught.value) == "DATABASE_URL: no Postgres let us in within 10 s"

    async def wait() -> None:
        async with opened(url, 1) as database, database.connection():
            with pytest.raises(DATABASE_UNAVAILABLE):
                async with database.connection():
                    pass

    async with asyncio.timeout(15):
        await asyncio.gather(wait(), *(start(url) for url in urls))


@given(secret=st.text(st.characters(codec="ascii", min_codepoint=33), min_size=8))
@example("pa%zzword")
@example("00%80000")
def test_a_url_that_libpq_cannot_read_is_not_shown(secret: str) -> None:
    for url in (f"postgresql://u:{secret}@h/db", f"postgresql://{secret}", f"postgresql://h/db?{secret}"):
        fault: ConfigurationError | None = None
        try:
            check_database_url(url)
        except ConfigurationError as error:
            fault = error
        assert fault is None or str(fault) == "DATABASE_URL: is not a connection URL of Postgres"
        assert fault is None or fault.__suppress_context__


async def test_a_url_that_cannot_be_read_fails_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match=r"DATABASE_URL: is not a connection URL"):
        async with opened("postgresql://u:pa%zzword@127.0.0.1/db"):
            pass
    assert time.monotonic() - began < 10, "the pool would wait for half a minute"
