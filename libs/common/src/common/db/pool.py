"""The door to Postgres: a bounded pool whose transactions belong to whoever opens them."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import msgspec
from psycopg import AsyncConnection, Error, OperationalError, ProgrammingError, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from common.errors import ConfigurationError
from common.settings import DatabaseSettings

Connection = AsyncConnection[TupleRow]

POOL_TIMEOUT_S = 3.0
OPEN_MAX_S = 10.0
CONNECTION_LIFETIME_S = 1800.0
_OPTIONS = "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s -c timezone=UTC"


def _dumps(value: Any) -> bytes:
    return msgspec.json.encode(value)


set_json_dumps(_dumps)


_EVERYBODY = "*"

# What to catch where an outage of Postgres has an answer of its own.
DATABASE_UNAVAILABLE = (PoolTimeout, OperationalError, TimeoutError)

# Everything that Postgres can answer a statement with, its refusals too.
DATABASE_FAULTS = (Error, PoolTimeout, TimeoutError)


def check_database_url(url: str) -> None:
    """Raises ConfigurationError if libpq cannot read it: its own complaint shows a part, and the pool logs that."""
    try:
        conninfo_to_dict(url)
    except (ProgrammingError, UnicodeDecodeError):
        raise ConfigurationError("DATABASE_URL: is not a connection URL of Postgres") from None


class Door(Protocol):
    """What lets a statement in: the whole database, or what is its owners'."""

    def connection(self) -> AbstractAsyncContextManager[Connection]: ...

    def transaction(self) -> AbstractAsyncContextManager[Connection]: ...


class Database:
    """A pool of autocommit connections.

    The semaphore in front is not for fairness: on Python 3.11 the pool loses a connection for ever when a task that
    waits in it is cancelled, so nobody may wait inside.
    """

    def __init__(self, settings: DatabaseSettings, *, name: str, size_max: int) -> None:
        self._gate = asyncio.Semaphore(size_max)
        self._renewal: asyncio.Task[None] | None = None
        self._url = settings.database_url.get_secret_value()
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self._url,
            connection_class=AsyncConnection[TupleRow],
            kwargs={
                "autocommit": True,
                "application_name": name,
                "options": _OPTIONS,
                "prepare_threshold": 1,
                "keepalives_idle": 15,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 15_000,
            },
            # Python 3.11 swallows cancels of tasks that wait while the pool grows, so there it does not grow.
            min_size=size_max if sys.version_info < (3, 12) else 1,
            max_size=size_max,
            max_lifetime=CONNECTION_LIFETIME_S,
            timeout=POOL_TIMEOUT_S,
            open=False,
            check=self._check,
        )

    async def open(self) -> None:
        """Connect once. Raises ConfigurationError if no Postgres answers within ten seconds."""
        check_database_url(self._url)
        try:
            await self._pool.open(wait=True, timeout=OPEN_MAX_S)
        except PoolTimeout:
            await self._pool.close()
            raise ConfigurationError(f"DATABASE_URL: no Postgres let us in within {OPEN_MAX_S:.0f} s") from None

    async def close(self) -> None:
        await self._pool.close()

    async def _check(self, connection: Connection) -> None:
        """One dead connection means that all may be: the pool would find out one by one, waiting longer each time,
        while callers are refused."""
        try:
            await AsyncConnectionPool.check_connection(connection)
        except OperationalError:
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(self._pool.check())
            raise

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """One connection in autocommit: each statement is its own transaction.

        Raises TimeoutError if no place comes free within 9 s, PoolTimeout if no connection does within 3 s more.
        """
        async with asyncio.timeout(POOL_TIMEOUT_S * 3):
            await self._gate.acquire()
        try:
            async with self._pool.connection() as connection:
                yield connection
        finally:
            self._gate.release()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """One transaction: committed at the end, rolled back if anything is raised."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    def of(self, owner: str) -> "OwnersDoor":
        """The door to what is this owner's."""
        return self.of_owners([owner])

    def of_owners(self, owners: Iterable[str]) -> "OwnersDoor":
        """The door to what is these owners', for the few statements that look at several at once."""
        names = sorted(set(owners))
        assert not any(name in ("", _EVERYBODY) or "," in name for name in names)
        return OwnersDoor(self, ",".join(names))

    def of_everybody(self) -> "OwnersDoor":
        """The door to what is anybody's: for administrators."""
        return OwnersDoor(self, _EVERYBODY)


class OwnersDoor:
    """Lets a service whom row-level security binds see and change what is its owners', and nothing else.

    Whose it is holds for one transaction, always, so that it is safe behind a pooler that hands out a connection for a
    transaction only, and never left behind in ours: hence `connection` is a transaction here as well.
    """

    def __init__(self, database: Database, owners: str) -> None:
        self._database = database
        self._begin = sql.SQL("begin; select set_config('app.owner', {}, true)").format(sql.Literal(owners))

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """One transaction: committed at the end, rolled back if anything is raised. Raises as `Database.connection`."""
        async with self._database.connection() as connection:
            # One round trip for both; the pool commits, or rolls back, what it takes back.
            await connection.execute(self._begin, prepare=False)
            yield connection

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        return self.connection()
