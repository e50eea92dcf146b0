"""Asks every question of a small and a large database in turn, and how Postgres goes about it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, LiteralString, cast

from psycopg import AsyncCursor
from pydantic import SecretStr

from bench.growth.plan import scanned, short
from bench.growth.question import GROUPS, Group, Place, Question
from bench.growth.size import Size
from bench.row import BenchError
from common.db.pool import Connection, Database, Door
from common.settings import DatabaseSettings
from local.postgres import Postgres

_TURN_S: Final = 0.02
_REPEATS_MAX: Final = 20
_OFTEN: Final = 8
"""After so many runs of a prepared statement Postgres has chosen between a plan for these values and one for all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How long a question took in each round, in seconds, and by which indexes it went in the large database."""

    group: Group
    question: Question
    small: tuple[float, ...]
    large: tuple[float, ...]
    plans: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """Of the rates."""
        return median(self.small) / median(self.large)

    @property
    def scanned(self) -> list[str]:
        return scanned(self.plans)

    @property
    def path(self) -> str:
        return ", ".join(dict.fromkeys(part for plan in self.plans for part in short(plan))) or "no large table"


def ask_all(server: Postgres, small: Size, large: Size, rounds: int) -> list[Answer]:
    """In the groups' order."""
    return asyncio.run(_ask_all(server, small, large, rounds))


async def _ask_all(server: Postgres, small: Size, large: Size, rounds: int) -> list[Answer]:
    answers: list[Answer] = []
    for group in GROUPS:
        async with AsyncExitStack() as stack:
            sides = [await stack.enter_async_context(_side(server, size, group)) for size in (small, large)]
            for question in group.questions:
                answers.append(await _compare(group, question, sides, rounds))
    return answers


@dataclass(frozen=True, slots=True)
class _Side:
    door: Door
    place: Place


@asynccontextmanager
async def _side(server: Postgres, size: Size, group: Group) -> AsyncGenerator[_Side]:
    place = await _place(server, size, group)
    url = SecretStr(server.database_url(size.name, group.role))
    database = Database(DatabaseSettings(database_url=url), name="bench", size_max=1)
    await database.open()
    try:
        yield _Side(database.of(place.owner) if group.is_scoped else database, place)
    finally:
        await database.close()


async def _place(server: Postgres, size: Size, group: Group) -> Place:
    async with await Connection.connect(server.database_url(size.name)) as connection:
        cursor = await connection.execute(
            """with mine as (
                   select id, owner, campaign_id, creators_since from jobs
                   where ended_at is not null and (owner = 'user:u1') = %(is_largest)s),
               latest as (select * from mine where creators_since is not null order by id desc limit 1)
               select owner, campaign_id, id, (
                   select m.id from mine m where m.owner = latest.owner order by m.id desc offset 60 limit 1),
                   current_date
               from latest""",
            {"is_largest": group.is_largest},
        )
        row = await cursor.fetchone()
    if row is None:
        raise BenchError(f"{size.name}: no job of the past holds creators")
    return Place(owner=row[0], campaign_id=row[1], job_id=row[2], middle_job_id=row[3], today=row[4])


async def _compare(group: Group, question: Question, sides: Sequence[_Side], rounds: int) -> Answer:
    plans = await _plans(question, sides[1])
    repeats = [max(1, min(_REPEATS_MAX, int(_TURN_S / await _warm(question, side)))) for side in sides]
    series: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for each in (0, 1) if number % 2 == 0 else (1, 0):
            series[each].append(await _time(question, sides[each], repeats[each]))
    return Answer(group, question, tuple(series[0]), tuple(series[1]), tuple(plans))


async def _warm(question: Question, side: _Side) -> float:
    began = time.perf_counter()
    await _time(question, side, 1)
    if time.perf_counter() - began > _TURN_S * 10:
        return time.perf_counter() - began
    return [await _time(question, side, 1) for _ in range(_OFTEN)][-1]


async def _time(question: Question, side: _Side, repeats: int) -> float:
    """Seconds for one, the least of so many: what disturbs only adds."""
    least = float("inf")
    for _ in range(repeats):
        async with side.door.connection() as connection:
            began = time.perf_counter()
            await question.ask(connection, side.place)
            least = min(least, time.perf_counter() - began)
    return least


async def _plans(question: Question, side: _Side) -> list[str]:
    async with side.door.connection() as connection:
        asked: list[tuple[Any, Any]] = await _listen(connection, lambda: question.ask(connection, side.place))
        plans: list[str] = []
        for query, params in asked:
            cursor = await connection.execute(cast(LiteralString, f"explain {query}"), params)
            plans.append("\n".join(line[0] for line in await cursor.fetchall()))
    return plans


async def _listen(connection: Connection, ask: Callable[[], Awaitable[Any]]) -> list[tuple[Any, Any]]:
    """The statements that it executes, with their parameters."""
    asked: list[tuple[Any, Any]] = []

    class Listener(AsyncCursor[Any]):
        async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            asked.append((query, params))
            return await super().execute(query, params, **options)

    before = connection.cursor_factory
    connection.cursor_factory = Listener
    try:
        await ask()
    finally:
        connection.cursor_factory = before
    return asked
