"""Campaigns: made, paged through, read."""

from typing import Any

import pytest

pytestmark = pytest.mark.server

PATH = "/api/v1/campaigns"


async def test_a_campaign_is_made_and_found_at_its_address(gateway: Any) -> None:
    async with gateway.client() as client:
        made = await client.post(PATH, json={"name": "  Ve\u0301gan   spring "})
        assert made.status_code == 201
        body = made.json()
        assert set(body) == {"id", "name", "createdAt", "updatedAt"}
        assert body["name"] == "V\u00e9gan spring"
        assert made.headers["Location"] == f"{PATH}/{body['id']}"
        await client.post("/api/scraping/tiktok", json={"keywords": ["a"], "campaignId": body["id"]})
        read = await client.get(made.headers["Location"])
    assert read.status_code == 200
    assert read.json() == {**body, "jobsCount": 1}


async def test_pages_follow_one_another_without_gap_or_repeat_while_more_are_made(gateway: Any) -> None:
    async with gateway.client() as client:
        made = [(await client.post(PATH, json={"name": f"c{number}"})).json() for number in range(7)]
        seen: list[dict[str, Any]] = []
        cursor = None
        for size in (3, 3, 1):
            query = f"?limit=3&cursor={cursor}" if cursor else "?limit=3"
            page = (await client.get(PATH + query)).json()
            assert len(page["items"]) == size
            seen += page["items"]
            cursor = page["nextCursor"]
            await client.post(PATH, json={"name": "later"})
        assert cursor is None
    assert seen == made[::-1], "newest first"


async def test_a_page_has_50_and_never_more_than_200(gateway: Any) -> None:
    gateway.rows("insert into owners (owner) values ('user:user_ada') returning 1")
    gateway.rows(
        """insert into campaigns (id, owner, name, created_by)
           select gen_random_uuid(), 'user:user_ada', 'c', 'user_ada' from generate_series(1, 250) returning 1"""
    )
    async with gateway.client() as client:
        assert len((await client.get(PATH)).json()["items"]) == 50
        page = (await client.get(f"{PATH}?limit=1000")).json()
        assert len(page["items"]) == 200
        rest = (await client.get(f"{PATH}?limit=200&cursor={page['nextCursor']}")).json()
        assert (len(rest["items"]), rest["nextCursor"]) == (50, None)


async def test_a_full_last_page_says_that_it_is_the_last(gateway: Any) -> None:
    async with gateway.client() as client:
        for _ in range(2):
            await client.post(PATH, json={"name": "c"})
        assert (await client.get(f"{PATH}?limit=2")).json()["nextCursor"] is None


async def test_who_has_none_gets_an_empty_list(gateway: Any) -> None:
    async with gateway.client("user_new") as client:
        assert (await client.get(PATH)).json() == {"items": [], "nextCursor": None}
