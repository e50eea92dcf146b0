"""Lists of jobs, and their deletion."""

from typing import Any
from uuid import uuid4

import pytest

from common.domain.creator import Account, Item

pytestmark = pytest.mark.server

PATH = "/api/v1/jobs"
WISH = {"platform": "tiktok", "mode": "keyword", "keywords": ["vegan"]}


def person(number: int) -> Item:
    return Item(
        item_id=f"i{number}", account=Account(platform_id=str(number), handle=f"h{number}", bio="", followers=1)
    )


async def create(client: Any, **given: Any) -> str:
    answer = await client.post(PATH, json={k: v for k, v in (WISH | given).items() if v is not None})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def ids(client: Any, **asked: Any) -> list[str]:
    answer = await client.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_jobs_are_listed_newest_first_and_paged_without_gap_or_repetition(gateway: Any) -> None:
    async with gateway.client() as client:
        made = [await create(client, keywords=[f"k{number}"]) for number in range(5)]
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = (await client.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
            seen += [item["id"] for item in page["items"]]
            await create(client, keywords=["later"])
            cursor = page["nextCursor"]
            if cursor is None:
                break
    assert seen == made[::-1]


async def test_a_job_in_a_list_says_what_it_is_and_how_far(gateway: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client, tags=["t"], targetResults=9)
        [item] = (await client.get(PATH)).json()["items"]
        job = (await client.get(f"{PATH}/{job_id}")).json()
    assert item == {
        "id": job_id, "platform": "tiktok", "mode": "keyword", "status": "pending", "stopReason": None, "error": None,
        "campaignId": None, "tags": ["t"], "keywords": ["vegan"], "target": None, "targetResults": 9, "delivered": 0,
        "progress": 0.0, "creditsSpent": 0, "run": 1, "createdAt": job["createdAt"], "startedAt": None, "endedAt": None,
    }  # fmt: skip
    assert item["createdAt"].endswith("Z")


async def test_lists_are_filtered_by_status_platform_mode_campaign_and_tags(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign = (await client.post("/api/v1/campaigns", json={"name": "c"})).json()["id"]
        plain = await create(client)
        tagged = await create(client, tags=["a", "b"], campaignId=campaign)
        similar = await create(client, mode="similar", keywords=None, target="mira", tags=["a"])
        await client.post(f"{PATH}/{plain}/cancel")
        assert await ids(client, status="cancelled") == [plain]
        assert await ids(client, status="pending,processing") == [similar, tagged]
        assert await ids(client, platform="tiktok") == [similar, tagged, plain]
        assert await ids(client, platform="youtube") == []
        assert await ids(client, mode="similar") == [similar]
        assert await ids(client, campaignId=campaign) == [tagged]
        assert await ids(client, tag="a") == [similar, tagged]
        assert await ids(client, tag="a,b") == [tagged]
        assert await ids(client, tag="a", campaignId=campaign, status="pending", mode="keyword") == [tagged]
        assert await ids(client, campaignId=str(uuid4())) == []


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("status=new", "status"), ("status=", "status"), ("status=pending,", "status"), ("platform=x", "platform"),
        ("mode=x", "mode"), ("campaignId=1", "campaignId"), ("tag=", "tag"), ("tag=a%00b", "tag"), ("limit=0", "limit"),
        ("limit=x", "limit"), ("cursor=x", "cursor"), ("statuses=pending", "statuses"),
        ("platform=tiktok&platform=youtube", "platform"), ("a~b%2Fc=1", "a~0b~1c"),
    ],
)  # fmt: skip
async def test_a_parameter_that_cannot_be_read_is_named(gateway: Any, asked: str, name: str) -> None:
    async with gateway.client() as client:
        answer = await client.get(f"{PATH}?{asked}")
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{name}"]


async def test_a_cursor_is_worth_nothing_to_another_owner(gateway: Any) -> None:
    async with gateway.client() as client, gateway.client("user_eve") as other:
        for number in range(3):
            await create(client, keywords=[f"k{number}"])
        cursor = (await client.get(PATH, params={"limit": 1})).json()["nextCursor"]
        mine = await create(other)
        assert await ids(other, cursor=cursor) == []
        assert await ids(other) == [mine]


async def test_a_job_is_deleted_with_its_creators_and_its_cost_stays(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
        kept = await create(client, keywords=["other"])
        await worker.deliver(gateway.qstash.published[0], [person(1), person(2)], cursor="1")
        await client.post(f"{PATH}/{job_id}/cancel")
        gateway.rows(
            """insert into dead_letters (id, job_id, reason) values (gen_random_uuid(), %s, 'r') returning 1""", job_id
        )
        assert (await client.delete(f"{PATH}/{job_id}")).status_code == 204
        for path in ("", "/results", "/cancel"):
            answer = await client.request("POST" if path == "/cancel" else "GET", f"{PATH}/{job_id}{path}")
            assert answer.status_code == 404
        assert (await client.delete(f"{PATH}/{job_id}")).status_code == 404
        assert await ids(client) == [kept]
    for table in ("searches", "steps", "candidates", "job_events", "step_outcomes"):
        assert gateway.count(f"{table} where job_id = '{job_id}'") == 0
    [call] = gateway.rows("select owner, credits_charged from upstream_calls where job_id = %s", job_id)
    assert call == {"owner": "user:user_ada", "credits_charged": 1}
    [letter] = gateway.rows("select resolution, resolved_by from dead_letters where job_id = %s", job_id)
    assert letter == {"resolution": "discarded", "resolved_by": "user_ada"}


async def test_a_job_under_way_is_not_deleted(gateway: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
        answer = await client.delete(f"{PATH}/{job_id}")
        assert answer.status_code == 409
        assert "cancel" in answer.json()["detail"]
        assert (await client.get(f"{PATH}/{job_id}")).status_code == 200


async def test_a_job_with_a_call_to_be_settled_is_not_deleted(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
        await worker.deliver(gateway.qstash.published[0], [person(1)], cursor="1")
        await client.post(f"{PATH}/{job_id}/cancel")
        gateway.rows(
            """update upstream_calls set status = 'open', settled_at = null, credits_charged = null
               where job_id = %s returning 1""",
            job_id,
        )
        answer = await client.delete(f"{PATH}/{job_id}")
    assert answer.status_code == 409
    assert "settled" in answer.json()["detail"]


async def test_anothers_job_is_not_deleted(gateway: Any) -> None:
    async with gateway.client() as client, gateway.client("user_eve") as other:
        job_id = await create(client)
        await client.post(f"{PATH}/{job_id}/cancel")
        assert (await other.delete(f"{PATH}/{job_id}")).status_code == 404
        assert (await client.get(f"{PATH}/{job_id}")).status_code == 200
