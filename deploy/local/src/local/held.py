"""For tests that hold a lock and go on in the transaction that has it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from common.db.pool import Connection

# Of this database: its locks on rows stand in pg_locks without a name of one, among those of all others.
_WAITING = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


class Held:
    """A door to one connection whose transaction is under way: what is done through it is committed with that."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        yield self._connection

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        return self.connection()


async def until_waiting(task: asyncio.Task[Any], query: Callable[[str], Awaitable[list[Any]]]) -> None:
    """Until the task waits for a lock. Raises AssertionError if it comes to its end without."""
    while not await query(_WAITING):
        assert not task.done(), "it waits for nobody"
        await asyncio.sleep(0.01)
