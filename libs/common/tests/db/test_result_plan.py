"""A page of results costs what it shows, however many creators the job has and however deep the page is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncCursor

from common.db.pool import Connection
from common.db.result import ResultPlace, ResultQuery, list_alike, list_followed, list_found

CREATORS = 10_000
PAGE = 51

# Every hundredth has no likeness and nobody told its followers; numbers repeat.
FILL = """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
    outcome, seq, delivered_at, handle, likeness, followers, details)
    select %(job_id)s, 'p' || n, %(search_id)s, 0, n, %(search_id)s, 0, 'delivered', n, now(), 'h' || n,
        case when n %% 100 <> 0 then (n * 7919 %% 1000) / 1000.0 end, case when n %% 100 <> 0 then n * 7919 %% 5000 end,
        jsonb_build_object('version', 1, 'account', jsonb_build_object('platform_id', 'p' || n, 'handle', 'h' || n),
            'contact', '{}'::jsonb, 'content', null, 'matched', '{"kind": "k", "query": "q"}'::jsonb)
    from generate_series(1, %(count)s) n"""


class Explainer(AsyncCursor[Any]):
    """A cursor that tells how Postgres ran what it is asked."""

    plans: list[dict[str, Any]]

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        cursor = AsyncCursor(self.connection)
        await cursor.execute(f"explain (analyze, format json) {query}", params)  # pyright: ignore
        row = await cursor.fetchone()
        assert row is not None
        Explainer.plans.append(row[0][0]["Plan"])
        return await super().execute(query, params, **options)


@pytest.fixture(scope="module")
async def crowd(scene: Any) -> AsyncIterator[tuple[Connection, Any]]:
    """A job with ten thousand creators."""
    seat = await scene.seat(target_results=CREATORS)
    async with scene.database.connection() as connection:
        given = {"job_id": seat.job_id, "search_id": seat.search_id, "count": CREATORS}
        await connection.execute(FILL, given)
        await connection.execute("analyze candidates")
        yield connection, seat


def rows_read(plan: dict[str, Any]) -> int:
    """How many candidates were looked at: shown and dropped."""
    inner = sum(rows_read(part) for part in plan.get("Plans", ()))
    if plan.get("Relation Name") != "candidates":
        return inner
    dropped = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return inner + int((plan["Actual Rows"] + dropped) * plan["Actual Loops"])


@pytest.mark.parametrize("is_walled", [False, True], ids=["owner", "gateway"])
@pytest.mark.parametrize("read", [list_found, list_alike, list_followed])
async def test_a_page_reads_no_more_than_it_shows(crowd: tuple[Connection, Any], read: Any, is_walled: bool) -> None:
    """The first, one in the middle and the last, also once the statement is prepared, also under row-level security."""
    connection, seat = crowd
    if is_walled:
        await connection.execute("set role creatorscout_gateway")
        await connection.execute("select set_config('app.owner', %s, false)", [seat.owner])
    try:
        await check_pages(connection, seat, read)
    finally:
        await connection.execute("reset role")


async def check_pages(connection: Connection, seat: Any, read: Any) -> None:
    query = ResultQuery(owner=seat.owner, job_id=seat.job_id, after=None, count_max=CREATORS)
    rows = await read(connection, query)
    assert len(rows) == CREATORS
    Explainer.plans = []
    connection.cursor_factory = Explainer
    try:
        for start in (0, 5000, 9980) * 8:
            last = rows[start - 1]
            place = ResultPlace(seq=last.seq, likeness=last.likeness, followers=last.followers) if start else None
            page = await read(connection, query.model_copy(update={"after": place, "count_max": PAGE}))
            assert page == rows[start : start + PAGE]
    finally:
        connection.cursor_factory = AsyncCursor
    read_counts = [rows_read(plan) for plan in Explainer.plans]
    assert all(0 < count <= PAGE for count in read_counts), read_counts
