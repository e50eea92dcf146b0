"""Where jobs stand, for whoever polls: one statement looks at all that are asked for at once.

Who asks while a look is under way is part of the next one, which begins after they asked: so nobody is told what was
true before. An owner's job is told to that owner alone, though one look sees those of several.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextvars import Context
from functools import partial
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from common.db.poll import JobMark
from common.db.pool import Connection, Database

LOOKS_MAX: Final = 2
JOBS_MAX: Final = 100

M_co = TypeVar("M_co", bound=JobMark, covariant=True)
M = TypeVar("M", bound=JobMark)

_Key = tuple[str, UUID]
_Asked = dict[_Key, list[asyncio.Future[M | None]]]


class Read(Protocol[M_co]):
    """A statement that reads of which of these jobs of these owners it is told."""

    def __call__(
        self, connection: Connection, *, owners: list[str], job_ids: list[UUID]
    ) -> Awaitable[Sequence[M_co]]: ...


class Lookout(Generic[M]):
    """`read` raises whatever the database does."""

    def __init__(self, database: Database, statement: Read[M]) -> None:
        self._database = database
        self._statement = statement
        self._asked: _Asked[M] = {}
        self._looks: set[asyncio.Task[dict[_Key, M]]] = set()
        self._is_due = False

    async def read(self, *, owner: str, job_id: UUID) -> M | None:
        """None if the owner has no such job."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[M | None] = loop.create_future()
        self._asked.setdefault((owner, job_id), []).append(future)
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._begin)  # whoever else is being served at this moment comes along
        return await future

    def _begin(self) -> None:
        self._is_due = False
        while self._asked and len(self._looks) < LOOKS_MAX:
            asked = dict(islice(self._asked.items(), JOBS_MAX))
            for key in asked:
                del self._asked[key]
            # In no request's context: it is for several.
            look = asyncio.create_task(self._look(list(asked)), context=Context())
            self._looks.add(look)
            look.add_done_callback(partial(self._tell, asked))

    async def _look(self, keys: Sequence[_Key]) -> dict[_Key, M]:
        owners = sorted({owner for owner, _ in keys})
        async with self._database.of_owners(owners).connection() as connection:
            found = await self._statement(connection, owners=owners, job_ids=[job_id for _, job_id in keys])
        return {(mark.owner, mark.id): mark for mark in found}

    def _tell(self, asked: _Asked[M], look: asyncio.Task[dict[_Key, M]]) -> None:
        self._looks.discard(look)
        error = asyncio.CancelledError() if look.cancelled() else look.exception()
        for key, waiting in asked.items():
            for future in waiting:
                if future.done():  # who asked is gone
                    continue
                if error is None:
                    future.set_result(look.result().get(key))
                else:
                    future.set_exception(error)
        self._begin()
