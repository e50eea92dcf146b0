"""The doors that name an owner for a transaction, on real Postgres, as the gateway's role."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from pydantic import SecretStr

from common.db.owner import add_owner
from common.db.pool import Connection, Database
from common.settings import DatabaseSettings

pytestmark = pytest.mark.security

ODD = ["user:o'brien", "user:a\\b", "user:%s", "user:x'); delete from owners; --", "user:é"]


@pytest.fixture
async def database(database_url: str, service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    with psycopg.connect(database_url) as connection:
        for owner in ("user:ada", "user:bob", "org:acme"):
            connection.execute("insert into owners (owner) values (%s)", [owner])
    settings = DatabaseSettings(database_url=SecretStr(service_database_url("gateway")))
    database = Database(settings, name="test", size_max=1)
    await database.open()
    yield database
    await database.close()


async def owners(connection: Connection) -> list[str]:
    cursor = await connection.execute("select owner from owners order by owner")
    return [row[0] for row in await cursor.fetchall()]


async def test_a_door_shows_what_is_its_owners(database: Database) -> None:
    """And the same connection, right after, nothing: there is one in the pool."""
    for door, seen in (
        (database.of("user:ada"), ["user:ada"]),
        (database.of_owners(["user:bob", "org:acme", "user:bob"]), ["org:acme", "user:bob"]),
        (database.of_owners([]), []),
        (database.of_everybody(), ["org:acme", "user:ada", "user:bob"]),
    ):
        for _ in range(2):
            async with door.connection() as connection:
                assert await owners(connection) == seen
            async with door.transaction() as connection:
                assert await owners(connection) == seen
            async with database.connection() as connection:
                assert await owners(connection) == []


async def test_a_door_commits_at_its_end_and_takes_back_what_is_interrupted(database: Database) -> None:
    async def interrupted() -> None:
        async with database.of("user:new").connection() as connection:
            await add_owner(connection, owner="user:new")
            raise ValueError("why not")

    with pytest.raises(ValueError, match="why not"):
        await interrupted()
    async with database.of("user:new").connection() as connection:
        assert await owners(connection) == []
        await add_owner(connection, owner="user:new")
    async with database.of("user:new").connection() as connection:
        assert await owners(connection) == ["user:new"]


async def test_nothing_is_put_through_a_door_that_is_anothers(database: Database) -> None:
    for door in (database.of("user:ada"), database.of_owners([]), database):
        with pytest.raises(InsufficientPrivilege):
            async with door.transaction() as connection:
                await add_owner(connection, owner="user:eve")


async def test_an_owner_is_quoted_whatever_it_is(database: Database) -> None:
    for owner in ODD:
        async with database.of(owner).connection() as connection:
            assert await owners(connection) == []
            cursor = await connection.execute("select current_setting('app.owner')")
            assert await cursor.fetchone() == (owner,)
    for owner in ("*", "", "user:a,user:b"):
        with pytest.raises(AssertionError):
            database.of(owner)
    async with database.of_everybody().connection() as connection:
        assert len(await owners(connection)) == 3


async def test_whoever_is_cancelled_leaves_no_owner_behind(database: Database) -> None:
    async def wait() -> None:
        async with database.of("user:ada").connection() as connection:
            await connection.execute("select pg_sleep(30)")

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.connection() as connection:
        assert await owners(connection) == []
