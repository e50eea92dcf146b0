"""A campaign's creators, page by page: each once, the newest first, and only the new ones for who has the others."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.domain.creator import Account, Item
from gateway.routes.campaign_creator import IN_FLIGHT_MAX

pytestmark = pytest.mark.server


def person(number: int) -> Item:
    return Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}"))


async def make_campaign(client: Any) -> str:
    return (await client.post("/api/v1/campaigns", json={"name": "Ada's"})).json()["id"]


async def deliver(gateway: Any, worker: Any, client: Any, campaign: str, *numbers: int) -> str:
    """A new job of the campaign that finds these."""
    body = {"keywords": ["vegan"], "targetResults": 50, "campaignId": campaign}
    job_id = (await client.post("/api/scraping/tiktok", json=body)).json()["jobId"]
    await worker.deliver(gateway.qstash.published[-1], [person(n) for n in numbers], cursor="1")
    return job_id


def handles(body: dict[str, Any]) -> list[str]:
    return [item["creator"]["account"]["handle"] for item in body["items"]]


async def test_pages_join_and_say_the_same_instant(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        campaign = await make_campaign(client)
        first = await deliver(gateway, worker, client, campaign, 1, 2)
        second = await deliver(gateway, worker, client, campaign, 2, 3, 4)
        url = f"/api/v1/campaigns/{campaign}/creators"
        whole = await client.get(url)
        assert (whole.status_code, whole.headers["Cache-Control"]) == (200, "private, no-store")
        body = whole.json()
        assert handles(body) == ["h3", "h4", "h1", "h2"]
        assert body["nextCursor"] is None
        assert [item["jobIds"] for item in body["items"]] == [[second], [second], [first], [first, second]]
        pages: list[dict[str, Any]] = []
        cursor = ""
        while cursor is not None:
            pages.append((await client.get(f"{url}?limit=1&cursor={cursor}".removesuffix("&cursor="))).json())
            cursor = pages[-1]["nextCursor"]
    assert [handle for page in pages for handle in handles(page)] == handles(body)
    assert [item for page in pages for item in page["items"]] == body["items"]
    assert len({page["asOf"] for page in pages}) == 1, "as of when the walk began"


async def test_as_of_brings_who_came_since_and_misses_nobody_who_was_being_written(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        campaign = await make_campaign(client)
        await deliver(gateway, worker, client, campaign, 1, 2)
        gateway.rows("update candidates set delivered_at = delivered_at - interval '1 hour' returning 1")
        url = f"/api/v1/campaigns/{campaign}/creators"
        asked_at = datetime.now(UTC)
        as_of = (await client.get(url)).json()["asOf"]
        assert as_of.endswith("Z")
        lag = asked_at - datetime.fromisoformat(as_of)
        assert IN_FLIGHT_MAX - timedelta(seconds=5) <= lag <= IN_FLIGHT_MAX
        assert handles((await client.get(f"{url}?newSince={as_of}")).json()) == []
        await deliver(gateway, worker, client, campaign, 2, 3)
        assert handles((await client.get(f"{url}?newSince={as_of}")).json()) == ["h3"], "h2 was found before"
        # One whose transaction began before the answer and ended after it.
        await deliver(gateway, worker, client, campaign, 4)
        gateway.rows(
            "update candidates set delivered_at = %s + interval '1 second' where handle = 'h4' returning 1",
            datetime.fromisoformat(as_of),
        )
        assert handles((await client.get(f"{url}?newSince={as_of}")).json()) == ["h3", "h4"]


async def test_a_cursor_is_no_permission(gateway: Any, worker: Any) -> None:
    async with gateway.client() as ada, gateway.client("user_bob") as bob:
        campaign, bobs = await make_campaign(ada), await make_campaign(bob)
        await deliver(gateway, worker, ada, campaign, 1, 2)
        cursor = (await ada.get(f"/api/v1/campaigns/{campaign}/creators?limit=1")).json()["nextCursor"]
        assert (await bob.get(f"/api/v1/campaigns/{campaign}/creators?cursor={cursor}")).status_code == 404
        assert (await bob.get(f"/api/v1/campaigns/{bobs}/creators?cursor={cursor}")).json()["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "cursor=x",
        "newSince=yesterday",
        "newSince=2026-01-01T00:00:00+01:00",
        "newsince=2026-01-01T00:00:00Z",
    ],
)
async def test_what_cannot_be_read_is_named(gateway: Any, query: str) -> None:
    """A plus sign in an address is a blank."""
    async with gateway.client() as client:
        answer = await client.get(f"/api/v1/campaigns/{await make_campaign(client)}/creators?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


async def test_an_empty_campaign_has_an_instant_too(gateway: Any) -> None:
    async with gateway.client() as client:
        body = (await client.get(f"/api/v1/campaigns/{await make_campaign(client)}/creators")).json()
    assert set(body) == {"items", "nextCursor", "asOf"}
    assert (body["items"], body["nextCursor"]) == ([], None)
