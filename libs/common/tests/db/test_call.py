"""A job's calls as its owner reads them: in their order, page by page, and nobody else's."""

from typing import Any

import pytest

from common.db.call import CallQuery, CallRow, list_calls
from common.db.ledger import Settlement, lose_call, settle_call


async def calls(scene: Any, seat: Any, **given: Any) -> list[CallRow]:
    values = {"owner": seat.owner, "job_id": seat.job_id, "after": None, "kind": None, "status": None, "count_max": 9}
    async with scene.database.connection() as connection:
        return await list_calls(connection, CallQuery(**values | given))


@pytest.fixture
async def seat(scene: Any) -> Any:
    """A job with four calls: a settled page, a lost and an open profile, an open page."""
    seat = await scene.held_seat()
    opened = [scene.call_of(seat, kind=kind, path=f"/v1/{kind}") for kind in ("page", "profile", "profile", "page")]
    for call in opened:
        assert await scene.opens(call)
    given = {"job_id": seat.job_id, "milliseconds": 12, "bytes": 345}
    async with scene.database.connection() as connection:
        answer = Settlement(id=opened[0].id, credits=2, http_status=200, reason=None, **given)
        assert await settle_call(connection, answer)
        silence = Settlement(id=opened[1].id, credits=0, http_status=None, reason="UnreachableError", **given)
        assert await lose_call(connection, silence)
    return seat


async def test_every_call_is_listed_as_it_went(scene: Any, seat: Any) -> None:
    rows = await calls(scene, seat)
    assert [(row.kind, row.status, row.credits_reserved, row.credits_charged) for row in rows] == [
        ("page", "settled", 3, 2),
        ("profile", "unknown", 3, 3),
        ("profile", "open", 3, None),
        ("page", "open", 3, None),
    ]
    first, lost, open_one, _ = rows
    assert (first.search_kind, first.search_query, first.step, first.path) == ("keyword", "q0", 0, "/v1/page")
    assert (first.http_status, first.reason, first.milliseconds, first.bytes) == (200, None, 12, 345)
    assert first.settled_at is not None
    assert first.settled_at >= first.opened_at
    assert (lost.http_status, lost.reason) == (None, "UnreachableError")
    assert (open_one.settled_at, open_one.milliseconds, open_one.bytes) == (None, None, None)


@pytest.mark.parametrize("size", [1, 2, 3, 9])
async def test_pages_join(scene: Any, seat: Any, size: int) -> None:
    ids = [row.id for row in await calls(scene, seat)]
    assert ids == sorted(ids)
    walked: list[Any] = []
    while rows := await calls(scene, seat, after=walked[-1] if walked else None, count_max=size):
        assert len(rows) <= size
        walked += [row.id for row in rows]
    assert walked == ids


@pytest.mark.parametrize(
    ("kind", "status", "places"),
    [("page", None, [0, 3]), (None, "open", [2, 3]), ("profile", "unknown", [1]), ("page", "unknown", [])],
)
async def test_calls_of_one_kind_and_status(
    scene: Any, seat: Any, kind: str | None, status: str | None, places: list[int]
) -> None:
    ids = [row.id for row in await calls(scene, seat)]
    assert [row.id for row in await calls(scene, seat, kind=kind, status=status)] == [ids[place] for place in places]


async def test_calls_are_their_owners_and_their_jobs(scene: Any, seat: Any) -> None:
    other = await scene.held_seat()
    assert await scene.opens(scene.call_of(other))
    assert len(await calls(scene, seat)) == 4
    assert await calls(scene, seat, owner=other.owner) == []
    assert await calls(scene, seat, job_id=other.job_id) == []
