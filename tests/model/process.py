"""A process of ours that can die or stand still at any moment, with everything else in it real.

The doors through which it has effects (Postgres, QStash, the upstream) ask its life first: a dead process has none
any more, so that `finally` blocks and releases do nothing either; one that stands still waits there until it goes on.
"""

import asyncio
import contextvars
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from common.clock import Clock
from common.crash import Crash, CrashPoint
from common.db.pool import Connection, Database
from common.domain.step import DueStep
from common.messaging.connection import Messaging
from common.messaging.hint import Hints
from common.metric.process import Metrics
from common.qstash.publisher import QStashPublisher
from common.resources.process import Resources
from common.resources.publication import Publication
from common.resources.setting import SettingCache
from common.upstream.answer import Answer
from common.upstream.client import ScrapeCreators

T = TypeVar("T")

DEATH_MAX_S = 10.0
ALONE_MAX_S = 20.0


@dataclass(frozen=True)
class Fate:
    """What befalls a process after so many crash points: `die`, `freeze`, or nothing."""

    passed: int = 0
    act: str = ""


SPARED = Fate()


class DeathError(BaseException):
    """The process is no more. No handler of ours may catch it."""


class Life:
    """Whether a process lives, stands still or is dead, and the tasks that go with it."""

    def __init__(self, activity: Counter[str]) -> None:
        self.is_dead = False
        self.tasks: set[asyncio.Task[Any]] = set()
        self._activity = activity
        self._goes_on = asyncio.Event()
        self._goes_on.set()

    @property
    def stands_still(self) -> bool:
        return not self.is_dead and not self._goes_on.is_set()

    async def door(self) -> None:
        """Before every effect."""
        self._activity["doors"] += 1
        self.check()
        await self._goes_on.wait()
        self.check()

    def check(self) -> None:
        if self.is_dead:
            raise DeathError

    def freeze(self) -> None:
        """Like SIGSTOP: nothing further leaves the process until `thaw`."""
        self._goes_on.clear()

    def thaw(self) -> None:
        self._goes_on.set()

    def end(self) -> None:
        """Like SIGKILL: what waits for an answer does not hear it."""
        self.is_dead = True
        current = asyncio.current_task()
        for task in self.tasks:
            if task is not current:
                task.cancel()

    def die(self) -> None:
        """`end`, from inside."""
        self.end()
        raise DeathError

    def lose(self, task: asyncio.Task[Any]) -> None:
        """A task is over. Nobody asks a dead process why."""
        self.tasks.discard(task)
        if self.is_dead and not task.cancelled():
            task.exception()

    @property
    def places(self) -> str:
        """Where its tasks wait, for people."""
        return "\n".join(" > ".join(_places(task.get_coro())) for task in self.tasks)

    async def is_buried(self) -> bool:
        """After `end`: whether all of its tasks have noticed."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=DEATH_MAX_S)
        return not self.tasks


def _places(waiting: Any) -> Generator[str]:
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
        yield f"{frame.f_code.co_qualname}:{frame.f_lineno}" if frame else type(waiting).__name__
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)


_LIFE: contextvars.ContextVar[Life | None] = contextvars.ContextVar("life", default=None)


def make_task(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **more: Any) -> asyncio.Task[Any]:
    """A task factory: a task belongs to the process that starts it."""
    context = more.get("context")
    life = context.get(_LIFE) if context is not None else _LIFE.get()
    task = asyncio.Task(coro, loop=loop, **more)
    if life is not None:
        life.tasks.add(task)
        task.add_done_callback(life.lose)
        if life.is_dead:
            task.cancel()
    return task


class Fuse(Crash):
    """Acts when the process has passed so many crash points of whatever kind."""

    def __init__(self, tally: Counter[str]) -> None:
        super().__init__()
        self._tally = tally
        self._left: int | None = None
        self._act: Callable[[], None] = lambda: None

    def arm(self, passed: int, act: Callable[[], None]) -> None:
        self._left, self._act = passed, act

    def disarm(self) -> None:
        self._left = None

    def reach(self, point: CrashPoint) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            self._left = None
            self._tally[f"{self._act.__name__} at {point}"] += 1
            self._act()


class MortalDatabase(Database):
    """The pool of the whole test, as one process sees it."""

    def __init__(self, shared: Database, life: Life) -> None:
        self._shared = shared
        self._life = life

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        await self._life.door()
        async with self._shared.connection() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        await self._life.door()
        async with self._shared.connection() as connection, connection.transaction():
            yield connection
            self._life.check()  # who died meanwhile commits nothing


class MortalPublisher(QStashPublisher):
    def __init__(self, shared: QStashPublisher, life: Life) -> None:
        self._shared = shared
        self._life = life

    async def publish(self, step: DueStep) -> str:
        await self._life.door()
        return await self._shared.publish(step)


class MortalUpstream(ScrapeCreators):
    def __init__(self, shared: ScrapeCreators, life: Life) -> None:
        self._shared = shared
        self._life = life

    async def get(self, path: str, params: Mapping[str, str]) -> Answer:
        await self._life.door()
        return await self._shared.get(path, params)


class Process:
    """One process: its life, its fuse and its doors."""

    def __init__(
        self,
        database: Database,
        messaging: Messaging,
        publisher: QStashPublisher,
        activity: Counter[str],
        tally: Counter[str],
    ) -> None:
        self.life = Life(activity)
        self.fuse = Fuse(tally)
        mortal = MortalDatabase(database, self.life)
        its_publisher = MortalPublisher(publisher, self.life)
        metrics = Metrics("model")
        self.resources = Resources(
            database=mortal,
            messaging=messaging,
            publisher=its_publisher,
            publication=Publication(mortal, its_publisher, self.fuse, metrics),
            hints=Hints(messaging, self.fuse),
            settings=SettingCache(mortal),
            metrics=metrics,
            clock=Clock(),
            crash=self.fuse,
        )

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do something as this process."""
        context = contextvars.copy_context()
        context.run(_LIFE.set, self.life)
        return asyncio.get_running_loop().create_task(work, context=context)

    def arm(self, fate: Fate) -> None:
        match fate.act:
            case "die":
                self.fuse.arm(fate.passed, self.life.die)
            case "freeze":
                self.fuse.arm(fate.passed, self.life.freeze)
            case _:
                self.fuse.disarm()

    async def alone(self, work: Coroutine[Any, Any, T], fate: Fate) -> T | None:
        """Do it to its end; None if the process died of its fate."""
        self.arm(fate)
        task = self.start(work)
        await asyncio.wait({task}, timeout=ALONE_MAX_S)
        assert task.done(), "it does not end"
        self.fuse.disarm()
        if self.life.is_dead:
            assert await self.life.is_buried(), "a dead process goes on"
            return None
        return task.result()
