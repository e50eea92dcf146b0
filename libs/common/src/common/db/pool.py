"""The door to Postgres: a bounded pool whose transactions belong to whoever opens them."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import msgspec
from psycopg import AsyncConnection, Error, OperationalError, ProgrammingError, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from common.errors import ConfigurationError
from common.metric.process import Metrics, PoolSize
from common.settings import DatabaseSettings, is_on_loopback

Connection = AsyncConnection[TupleRow]

POOL_TIMEOUT_S = 3.0
GATE_WAIT_S = 3 * POOL_TIMEOUT_S
OPEN_MAX_S = 10.0
CONNECTION_LIFETIME_S = 1800.0
TRUSTED_S = 1.0
_OPTIONS = "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s -c timezone=UTC"


def _dumps(value: Any) -> bytes:
    return msgspec.json.encode(value)


set_json_dumps(_dumps)
set_json_loads(msgspec.json.decode)


# What to catch where an outage of Postgres has an answer of its own.
DATABASE_UNAVAILABLE = (PoolTimeout, OperationalError, TimeoutError)

# Everything that Postgres can answer a statement with, its refusals too.
DATABASE_FAULTS = (Error, PoolTimeout, TimeoutError)


EVERYBODY = "*"


class Door(Protocol):
    """Where connections come from. Each raises TimeoutError or PoolTimeout if none comes free in time."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for a few statements."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """One transaction: committed at the end, rolled back if anything is raised."""
        ...


def check_database_url(url: str) -> None:
    """Raises ConfigurationError if libpq cannot read it: its own complaint shows a part, and the pool logs that."""
    try:
        conninfo_to_dict(url)
    except (ProgrammingError, UnicodeDecodeError):
        raise ConfigurationError("DATABASE_URL: is not a connection URL of Postgres") from None


async def is_role_unbound(connection: Connection) -> bool:
    """Whether the role of this connection may do whatever it wants to our tables, or may become one that may."""
    cursor = await connection.execute(
        """select bool_or(r.rolsuper or r.rolbypassrls) or exists (
               select from pg_class c
               where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
                 and pg_has_role(c.relowner, 'member'))
           from pg_roles r where pg_has_role(r.oid, 'member')"""
    )
    row = await cursor.fetchone()
    return row is None or bool(row[0])


class Database:
    """A pool of autocommit connections.

    The semaphore in front is not for fairness: on Python 3.11 the pool loses a connection for ever when a task that
    waits in it is cancelled, so nobody may wait inside.
    """

    def __init__(self, settings: DatabaseSettings, *, name: str, size_max: int, metrics: Metrics | None = None) -> None:
        self._size_max = size_max
        self._in_use = 0
        self._waiting = 0
        self._metrics = metrics
        if metrics is not None:
            metrics.show_pool(self.size)
        self._gate = asyncio.Semaphore(size_max)
        self._renewal: asyncio.Task[None] | None = None
        self._answered_at: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
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
        if not is_on_loopback(self._url):
            await self._check_role()

    async def _check_role(self) -> None:
        """Raises ConfigurationError if neither grants nor row-level security bind us."""
        async with self.connection() as connection:
            is_unbound = await is_role_unbound(connection)
        if is_unbound:
            await self._pool.close()
            raise ConfigurationError(
                "DATABASE_URL: its role owns the tables, is a superuser or bypasses row-level security; "
                "a service needs a login of its own (docs/runbook.md), unless Postgres is on loopback"
            )

    async def close(self) -> None:
        await self._pool.close()

    async def _check(self, connection: Connection) -> None:
        """One that answered within the last second is taken to be alive: asking it costs as much as a statement. One
        dead connection means that all may be: the pool would find out one by one, waiting longer each time, while
        callers are refused."""
        if time.monotonic() - self._answered_at.get(connection, -TRUSTED_S) < TRUSTED_S:
            return
        try:
            await AsyncConnectionPool.check_connection(connection)
        except OperationalError:
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(self._pool.check())
            raise

    def of(self, owner: str) -> Door:
        """The rows of this owner alone, for a role that row-level security binds."""
        return self.of_owners([owner])

    def of_owners(self, owners: Iterable[str]) -> Door:
        """Those of these owners, for the few statements that look at several at once; nobody's if there are none."""
        names = sorted(set(owners))
        assert not any(name in ("", EVERYBODY) or "," in name for name in names)
        return _ScopedDoor(self, ",".join(names))

    def of_everybody(self) -> Door:
        """All rows, for such a role: what administrators do."""
        return _ScopedDoor(self, EVERYBODY)

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """One connection in autocommit: each statement is its own transaction.

        Raises TimeoutError if no place comes free within 9 s, PoolTimeout if no connection does within 3 s more.
        """
        began = time.perf_counter()
        try:
            async with asyncio.timeout(GATE_WAIT_S):
                self._waiting += 1
                try:
                    await self._gate.acquire()
                finally:
                    self._waiting -= 1
        except TimeoutError:
            self._note_refusal()
            raise
        self._in_use += 1
        is_given = False
        try:
            async with self._pool.connection() as connection:
                is_given = True
                if self._metrics is not None:
                    self._metrics.observe_pool_wait(time.perf_counter() - began)
                yield connection
                self._answered_at[connection] = time.monotonic()
        except PoolTimeout:
            if not is_given:
                self._note_refusal()
            raise
        except OperationalError:
            self._answered_at.clear()
            raise
        finally:
            self._in_use -= 1
            self._gate.release()

    def size(self) -> PoolSize:
        """As of now."""
        return PoolSize(max=self._size_max, in_use=self._in_use, waiting=self._waiting)

    def _note_refusal(self) -> None:
        if self._metrics is not None:
            self._metrics.count_pool_refusal()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """One transaction: committed at the end, rolled back if anything is raised."""
        async with self.connection() as connection, connection.transaction():
            yield connection


class _ScopedDoor:
    """Everything in a transaction that says for whom it is: the setting ends with it, so that no connection that comes
    back to a pool, ours or one between us and Postgres, has it still. Hence `connection` is a transaction, too."""

    def __init__(self, database: Database, scope: str) -> None:
        self._database = database
        self._begin = sql.SQL("begin; select set_config('app.owner', {}, true)").format(sql.Literal(scope))

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        async with self._database.connection() as connection:
            # One round trip for both; the pool commits, or rolls back, what it takes back.
            await connection.execute(self._begin, prepare=False)
            yield connection

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        return self.connection()
