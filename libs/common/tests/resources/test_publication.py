"""Publishing what became due: noted if QStash took it, None if it did not, and no exception for an outage."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from psycopg.rows import dict_row

from common.clock import Clock
from common.crash import Crash
from common.db.job import NewJob
from common.db.pool import Database
from common.domain.job import Mode
from common.domain.step import DueStep
from common.metric.process import Metrics
from common.platform import PlannedSearch
from common.qstash.publisher import QStashPublisher, deduplication_id
from common.resources.publication import AT_ONCE_MAX, Publication
from common.transaction.creation import create_job
from common.transaction.lock import Unit


@pytest.fixture
async def steps(database: Database) -> list[DueStep]:
    """The first steps of a job of three searches."""
    return await first_steps(database, 3)


async def first_steps(database: Database, count: int) -> list[DueStep]:
    """Of a job of so many searches."""
    clock = Clock()
    job = NewJob(
        id=clock.new_id(),
        owner="user:u",
        created_by="u",
        campaign_id=None,
        platform="tiktok",
        mode=Mode.KEYWORD,
        input={},
        target_results=10,
        pages_max=10,
        credits_max=100,
        parallel_searches_max=count,
        timeout=timedelta(hours=1),
        delay_between_calls=timedelta(0),
        queue_until=clock.now() + timedelta(hours=1),
    )
    searches = [PlannedSearch(kind="keyword", query=f"k{number}") for number in range(count)]
    return await create_job(Unit(database=database, clock=clock, active_jobs_max=5), job, searches, region=None)


async def published(database: Database) -> dict[Any, tuple[int | None, str | None]]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("select search_id, published_generation, qstash_message_id from steps")
        rows = await cursor.fetchall()
    return {row["search_id"]: (row["published_generation"], row["qstash_message_id"]) for row in rows}


async def test_what_qstash_took_is_noted_in_the_order_of_the_steps(
    database: Database, publisher: QStashPublisher, steps: list[DueStep]
) -> None:
    ids = await Publication(database, publisher, Crash(), Metrics("tests")).publish(steps)
    assert ids == [f"msg_{deduplication_id(step)}" for step in steps]
    assert await published(database) == {step.search_id: (0, name) for step, name in zip(steps, ids, strict=True)}


async def test_what_qstash_refuses_is_none_and_the_rest_goes_on(
    database: Database, publisher: QStashPublisher, steps: list[DueStep], taking: Any
) -> None:
    """It stays unpublished, so that the sweep finds it."""
    taking.refused.add(deduplication_id(steps[1]))
    ids = await Publication(database, publisher, Crash(), Metrics("tests")).publish(steps)
    assert ids[1] is None
    assert (await published(database))[steps[1].search_id] == (None, None)
    assert all(ids[number] for number in (0, 2))


async def test_without_qstash_every_step_is_none(
    database: Database, publisher: QStashPublisher, steps: list[DueStep], taking: Any
) -> None:
    taking.refused.update(deduplication_id(step) for step in steps)
    assert await Publication(database, publisher, Crash(), Metrics("tests")).publish(steps) == [None, None, None]
    assert set((await published(database)).values()) == {(None, None)}


async def test_of_many_some_are_under_way_and_each_gets_its_turn(
    database: Database, publisher: QStashPublisher, taking: Any
) -> None:
    taking.let_go = Event()
    many = await first_steps(database, 2 * AT_ONCE_MAX + 3)
    publishing = asyncio.create_task(Publication(database, publisher, Crash(), Metrics("tests")).publish(many))
    while taking.at_once < AT_ONCE_MAX:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert len(taking.asked) == AT_ONCE_MAX
    taking.let_go.set()
    assert await publishing == [f"msg_{deduplication_id(step)}" for step in many]
    assert taking.at_once_max == AT_ONCE_MAX
    assert {generation for generation, _ in (await published(database)).values()} == {0}


async def test_a_qstash_that_hangs_is_not_asked_for_all_of_them(
    database: Database, publisher: QStashPublisher, taking: Any
) -> None:
    """A sweep would hang as many times. What had no turn stays unpublished too."""
    taking.let_go = Event()
    many = await first_steps(database, 2 * AT_ONCE_MAX)
    ids = await Publication(database, publisher, Crash(), Metrics("tests")).publish(many)
    assert ids == [None] * len(many)
    assert len(set(taking.asked)) == AT_ONCE_MAX
    assert set((await published(database)).values()) == {(None, None)}


async def test_nothing_to_publish(database: Database, publisher: QStashPublisher) -> None:
    assert await Publication(database, publisher, Crash(), Metrics("tests")).publish([]) == []


async def test_a_step_that_moved_on_meanwhile_is_not_noted(
    database: Database, publisher: QStashPublisher, steps: list[DueStep]
) -> None:
    """Its row is of another generation, or gone."""
    older = steps[0].model_copy(update={"generation": 7})
    gone = steps[1].model_copy(update={"search_id": uuid4()})
    assert all(await Publication(database, publisher, Crash(), Metrics("tests")).publish([older, gone]))
    assert set((await published(database)).values()) == {(None, None)}


async def test_an_outage_of_postgres_is_not_raised_either(
    database: Database, publisher: QStashPublisher, steps: list[DueStep], cut_off: Callable[[], None]
) -> None:
    """QStash took the step: the caller gets its id. What was not noted, the sweep publishes again."""
    cut_off()
    ids = await Publication(database, publisher, Crash(), Metrics("tests")).publish(steps[:1])
    assert ids == [f"msg_{deduplication_id(steps[0])}"]
