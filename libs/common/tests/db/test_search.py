"""The statements of searches on real Postgres."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import CheckViolation, UniqueViolation

from common.db.search import (
    NewSearch,
    SearchTally,
    end_all,
    end_search,
    insert_searches,
    lock_search,
    note_page,
    start_waiting,
    tally,
)
from common.db.step import start_steps


async def row_of(scene: Any, search_id: Any) -> dict[str, Any]:
    return (await scene.query("select * from searches where id = %s", search_id))[0]


async def test_searches_are_stored_waiting_in_their_order(scene: Any) -> None:
    job_id = await scene.store(scene.new_job())
    searches = [
        NewSearch(id=uuid4(), ordinal=ordinal, kind="keyword", query=query, region=region)
        for ordinal, (query, region) in enumerate([("a 💄", None), ("b", "DE")])
    ]
    async with scene.database.connection() as connection:
        await insert_searches(connection, job_id=job_id, searches=searches)
        again = searches[0].model_copy(update={"id": uuid4()})
        with pytest.raises(UniqueViolation):
            await insert_searches(connection, job_id=job_id, searches=[again])
    rows = await scene.query("select * from searches where job_id = %s order by ordinal", job_id)
    names = NewSearch.model_fields
    assert [{name: row[name] for name in names} for row in rows] == [search.model_dump() for search in searches]
    assert [row["status"] for row in rows] == ["waiting", "waiting"]


async def test_the_first_waiting_searches_start(scene: Any) -> None:
    job_id = await scene.store(scene.new_job())
    searches = [await scene.search(job_id, ordinal, "waiting") for ordinal in range(5)]
    await scene.change("searches", "id", searches[1], status="ended", end_reason="exhausted")
    async with scene.database.connection() as connection:
        assert set(await start_waiting(connection, job_id=job_id, count_max=2)) == {searches[0], searches[2]}
        assert await start_waiting(connection, job_id=job_id, count_max=0) == []
        assert set(await start_waiting(connection, job_id=job_id, count_max=9)) == {searches[3], searches[4]}
        assert await start_waiting(connection, job_id=job_id, count_max=9) == []


async def test_the_held_steps_of_started_searches_become_due(scene: Any) -> None:
    """Not before their delay is over; steps of other searches, and what is done or due already, stay as they are."""
    job_id = await scene.store(scene.new_job())
    started, late, other = [await scene.search(job_id, ordinal) for ordinal in range(3)]
    for search_id in (started, late, other):
        await scene.add_step(job_id, search_id, 0, "done")
        await scene.add_step(job_id, search_id, 1, "held")
    await scene.add_step(job_id, started, 2, "page")
    await scene.change("steps", "search_id", started, due_at="=now() - interval '1 hour'", generation=4)
    await scene.change("steps", "search_id", late, due_at="=now() + interval '1 hour'")
    async with scene.database.connection() as connection:
        due = await start_steps(connection, search_ids=[started, late])
        assert await start_steps(connection, search_ids=[started, late]) == []
        assert await start_steps(connection, search_ids=[]) == []
    assert {(step.job_id, step.search_id, step.step, step.generation) for step in due} == {
        (job_id, started, 1, 4),
        (job_id, late, 1, 0),
    }
    rows = await scene.query("select *, due_at - now() as left from steps where job_id = %s", job_id)
    seen = {(row["search_id"], row["step"]): row for row in rows}
    assert {place: row["phase"] for place, row in seen.items()} == {
        (started, 0): "done",
        (started, 1): "page",
        (started, 2): "page",
        (late, 0): "done",
        (late, 1): "page",
        (other, 0): "done",
        (other, 1): "held",
    }
    assert abs(seen[started, 1]["left"]) < timedelta(minutes=1)
    assert seen[late, 1]["left"] > timedelta(minutes=50)
    assert seen[started, 2]["left"] < -timedelta(minutes=50)


async def test_a_page_is_counted_with_its_barren_pages(scene: Any) -> None:
    job_id = await scene.store(scene.new_job())
    search_id = await scene.search(job_id)
    async with scene.database.connection() as connection:
        await note_page(connection, search_id=search_id, barren_pages=1)
        await note_page(connection, search_id=search_id, barren_pages=0)
        await note_page(connection, search_id=search_id, barren_pages=1)
        locked = await lock_search(connection, search_id=search_id)
        assert await lock_search(connection, search_id=uuid4()) is None
    assert locked is not None
    assert locked.barren_pages == 1
    assert (await row_of(scene, search_id))["pages_count"] == 3


async def test_a_search_ends_once_and_the_upstreams_reason_replaces_the_jobs(scene: Any) -> None:
    """A page that was paid for and came after the job's end still tells why the search was over."""
    job_id = await scene.store(scene.new_job())
    first, second = await scene.search(job_id, 0), await scene.search(job_id, 1, "waiting")
    async with scene.database.connection() as connection:
        await end_search(connection, search_id=first, reason="exhausted")
        ended = await row_of(scene, first)
        assert (ended["status"], ended["end_reason"]) == ("ended", "exhausted")
        await end_search(connection, search_id=first, reason="failed")
        await end_all(connection, job_id=job_id)
        assert await row_of(scene, first) == ended
        closed = await row_of(scene, second)
        assert (closed["status"], closed["end_reason"]) == ("ended", "job_ended")
        await end_search(connection, search_id=second, reason="shape")
    late = await row_of(scene, second)
    assert (late["end_reason"], late["ended_at"]) == ("shape", closed["ended_at"])


async def test_the_tally_of_a_job(scene: Any) -> None:
    job_id, empty = await scene.store(scene.new_job()), await scene.store(scene.new_job())
    for ordinal, (status, reason) in enumerate(
        [("active", None), ("waiting", None), ("waiting", None), *[("ended", "exhausted")] * 2, ("ended", "shape")]
    ):
        search_id = await scene.search(job_id, ordinal)
        await scene.change("searches", "id", search_id, status=status, end_reason=reason)
    async with scene.database.connection() as connection:
        found = await tally(connection, job_id=job_id)
        assert (found.active, found.waiting, sorted(found.ends)) == (1, 2, ["exhausted", "shape"])
        assert await tally(connection, job_id=empty) == SearchTally(active=0, waiting=0, ends=[])


@pytest.mark.parametrize(
    "columns",
    [{"status": "ended"}, {"end_reason": "exhausted"}, {"status": "ended", "end_reason": "bored"}, {"status": "gone"}],
)
async def test_the_schema_refuses_a_search_that_cannot_be(scene: Any, columns: dict[str, Any]) -> None:
    """An end has a reason of the list, and only an end has one."""
    search_id = await scene.search(await scene.store(scene.new_job()))
    with pytest.raises(CheckViolation):
        await scene.change("searches", "id", search_id, **columns)
