"""For tests that hold a lock and go on in the transaction that has it."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from common.db.pool import Connection


class Held:
    """A door to one connection whose transaction is under way: what is done through it is committed with that."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        yield self._connection

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        return self.connection()
