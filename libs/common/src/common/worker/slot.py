"""What a worker does at once: slots for paid calls, given to owners in turn, so that who has much to do does not keep
waiting who has little; and how many steps it has in hand."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID
from weakref import WeakValueDictionary


class FairSlots:
    """At most `count` holders at once; the number may change while it runs.

    A free slot goes to the owner whose turn it is, and then that owner waits behind all others who wait.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def resize(self, count: int) -> None:
        """More are given out at once; fewer, as those in use come back."""
        self._count = count
        self._give()

    @asynccontextmanager
    async def slot(self, owner: str) -> AsyncGenerator[None]:
        """Hold one slot in this owner's name."""
        await self._take(owner)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, owner: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        self._give()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()  # it was given just before
            raise

    def _give_back(self) -> None:
        self._taken -= 1
        self._give()

    def _give(self) -> None:
        while self._taken < self._count and self._waiting:
            owner, turns = next(iter(self._waiting.items()))
            turn = turns.popleft()
            if turns:
                self._waiting.move_to_end(owner)
            else:
                del self._waiting[owner]
            if not turn.done():
                turn.set_result(None)
                self._taken += 1


class JobTurns:
    """At most `count` at once for each job: they wait for its row's lock one after the other anyway, and who waits here
    holds no connection, and keeps nobody waiting in Postgres: a page's commit, or a user who cancels."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._semaphores: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()

    @property
    def jobs_count(self) -> int:
        """How many jobs' turns are taken or waited for."""
        return len(self._semaphores)

    def of(self, job_id: UUID) -> asyncio.Semaphore:
        """To be entered."""
        semaphore = self._semaphores.get(job_id)
        if semaphore is None:
            semaphore = self._semaphores[job_id] = asyncio.Semaphore(self._count)
        return semaphore


class Hand:
    """The steps that a worker has in hand, each with a message of its own or ahead of it, and how many it may have."""

    def __init__(self) -> None:
        self.count = 0
        self.count_max = 0

    @property
    def has_room(self) -> bool:
        """For one more. There is none once the worker stops, or may not call the platform."""
        return self.count < self.count_max

    @contextmanager
    def held(self) -> Generator[None]:
        """One more step, for as long as this lasts."""
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
