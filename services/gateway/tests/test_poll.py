"""Polling: the old frontend's JSON, unknown is null, and what brings nothing new costs nothing."""

import json
import time
from typing import Any

import psycopg
import pytest

from common.domain.creator import Account, Content, Item, Statistics

pytestmark = pytest.mark.server

PATH = "/api/scraping/tiktok"


def person(number: int, **given: Any) -> Item:
    return Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"handle{number}"), **given)


KNOWN = Item(
    item_id="v1",
    account=Account(
        platform_id="u1",
        handle="jane",
        name='Jane "J" 🥦',
        followers=1234,
        verified=False,
        bio="mail jane@example.com",
        avatar_url="https://cdn.example.com/a.jpg",
    ),
    content=Content(
        platform_id="v1",
        text="soup\nof the day",
        url="https://www.tiktok.com/@jane/video/1",
        statistics=Statistics(likes=10, comments=0, shares=None, views=99),
        hashtags=("vegan", "soup"),
    ),
)


async def create(gateway: Any, client: Any, **given: Any) -> str:
    answer = await client.post(PATH, json={"keywords": ["vegan"], "targetResults": 5, **given})
    assert answer.status_code == 200
    return answer.json()["jobId"]


async def test_a_new_job_has_no_results_yet(gateway: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(gateway, client)
        answer = await client.get(f"{PATH}?jobId={job_id}")
    assert answer.status_code == 200
    assert answer.text == (
        '{"status":"pending","processedResults":0,"targetResults":5,"error":null,"results":[],"progress":0.0}'
    ), "the old keys in the old order"


async def test_one_element_per_step_with_what_is_known_and_null_for_what_is_not(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(gateway, client)
        await worker.deliver(gateway.qstash.published[0], [KNOWN, person(2)], cursor="20")
        answer = await client.get(f"{PATH}?jobId={job_id}")
    body = answer.json()
    assert (body["status"], body["processedResults"], body["targetResults"]) == ("processing", 2, 5)
    assert body["progress"] == pytest.approx(30 / 200 + 70 * 2 / 5, abs=0.01)
    (step,) = gateway.rows("select id, paged_at from steps where paged_at is not null")
    (element,) = body["results"]
    assert (element["id"], element["jobId"]) == (str(step["id"]), job_id)
    assert element["createdAt"] == step["paged_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert element["creators"][0] == {
        "creator": {
            "name": 'Jane "J" 🥦',
            "followers": 1234,
            "avatarUrl": "https://cdn.example.com/a.jpg",
            "profilePicUrl": "https://cdn.example.com/a.jpg",
            "bio": "mail jane@example.com",
            "emails": ["jane@example.com"],
            "uniqueId": "jane",
            "verified": False,
        },
        "video": {
            "description": "soup\nof the day",
            "url": "https://www.tiktok.com/@jane/video/1",
            "statistics": {"likes": 10, "comments": 0, "shares": None, "views": 99},
        },
        "hashtags": ["vegan", "soup"],
        "platform": "TikTok",
    }
    assert element["creators"][1] == {
        "creator": {
            "name": None,
            "followers": None,
            "avatarUrl": None,
            "profilePicUrl": None,
            "bio": None,
            "emails": None,
            "uniqueId": "handle2",
            "verified": None,
        },
        "video": {
            "description": None,
            "url": None,
            "statistics": {"likes": None, "comments": None, "shares": None, "views": None},
        },
        "hashtags": [],
        "platform": "TikTok",
    }


async def test_a_bio_without_an_address_has_an_empty_list_of_them(gateway: Any, worker: Any) -> None:
    item = Item(item_id="v", account=Account(platform_id="u", handle="h", bio=""))
    async with gateway.client() as client:
        job_id = await create(gateway, client)
        await worker.deliver(gateway.qstash.published[0], [item])
        body = (await client.get(f"{PATH}?jobId={job_id}")).json()
    creator = body["results"][0]["creators"][0]["creator"]
    assert (creator["bio"], creator["emails"]) == ("", [])


async def test_elements_stand_in_the_order_of_delivery(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(gateway, client, keywords=["a", "b"], targetResults=6)
        first, second = gateway.qstash.published
        await worker.deliver(second, [person(4), person(1)], cursor="1")
        await worker.deliver(first, [person(3), person(1), person(2)], cursor="1")
        body = (await client.get(f"{PATH}?jobId={job_id}")).json()
    handles = [[entry["creator"]["uniqueId"] for entry in element["creators"]] for element in body["results"]]
    assert handles == [["handle4", "handle1"], ["handle3", "handle2"]]
    assert body["processedResults"] == 4


async def test_a_step_that_delivered_nothing_has_no_element(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(gateway, client)
        await worker.deliver(gateway.qstash.published[0], [], cursor="1")
        body = (await client.get(f"{PATH}?jobId={job_id}")).json()
    assert body["results"] == []


async def test_the_end_shows(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(gateway, client, targetResults=1)
        await worker.deliver(gateway.qstash.published[0], [person(1), person(2)])
        body = (await client.get(f"{PATH}?jobId={job_id}")).json()
    assert (body["status"], body["processedResults"], body["progress"], body["error"]) == ("completed", 1, 100.0, None)


async def test_the_same_state_is_304_without_a_body_until_something_happens(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(gateway, client)
        url = f"{PATH}?jobId={job_id}"
        seen: list[str] = []

        async def check_new() -> None:
            first = await client.get(url)
            tag = first.headers["ETag"]
            assert tag not in seen, "a state that differs has another tag"
            assert tag.startswith('"'), "strong"
            seen.append(tag)
            for given in (tag, f'"x", {tag}', f"W/{tag}", "*"):
                again = await client.get(url, headers={"If-None-Match": given})
                assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
                assert "no-store" in again.headers["Cache-Control"]
            for given in ('"x"', "", tag[:-1], "x" * 5000, ", ".join(seen[:-1])):
                assert (await client.get(url, headers={"If-None-Match": given})).status_code == 200

        await check_new()
        await worker.deliver(gateway.qstash.published[0], [person(1)], cursor="1")
        await check_new()
        await worker.deliver({**gateway.qstash.published[0], "step": 1}, [person(2)], cursor="2")
        await check_new()
        assert (await client.post(f"/api/v1/jobs/{job_id}/cancel")).status_code == 200
        await check_new()


async def test_a_304_is_decided_without_reading_results(gateway: Any, worker: Any) -> None:
    """While nobody can read the results, "nothing new" is answered still, and a full poll waits in vain: 503."""
    async with gateway.client() as client:
        url = f"{PATH}?jobId={await create(gateway, client)}"
        tag = (await client.get(url)).headers["ETag"]
        with psycopg.connect(gateway.database_url) as blocker:
            blocker.execute("lock table candidates, steps, platform_states in access exclusive mode")
            assert (await client.get(url, headers={"If-None-Match": tag})).status_code == 304
            full = await client.get(url)
    assert full.status_code == 503
    assert int(full.headers["Retry-After"]) > 0


async def test_answers_with_addresses_are_not_to_be_kept(gateway: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(gateway, client)
        answer = await client.get(f"{PATH}?jobId={job_id}", headers={"Origin": "http://localhost:3000"})
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert {name.strip() for name in answer.headers["Vary"].split(",")} == {"Authorization", "Origin"}


async def test_a_job_of_ten_thousand_creators_is_polled_in_good_time(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(gateway, client, targetResults=10_000)
        items = [KNOWN.model_copy(update={"item_id": f"v{n}", "account": named(n)}) for n in range(10_000)]
        await worker.deliver(gateway.qstash.published[0], items)
        began = time.monotonic()
        answer = await client.get(f"{PATH}?jobId={job_id}")
        seconds = time.monotonic() - began
        assert len(answer.json()["results"][0]["creators"]) == 10_000
        began = time.monotonic()
        assert await client.get(f"{PATH}?jobId={job_id}", headers={"If-None-Match": answer.headers["ETag"]})
        seconds_unchanged = time.monotonic() - began
    print(json.dumps({"seconds": seconds, "bytes": len(answer.content), "seconds_unchanged": seconds_unchanged}))
    assert seconds_unchanged < seconds / 3


def named(number: int) -> Account:
    return KNOWN.account.model_copy(update={"platform_id": f"u{number}", "handle": f"h{number}"})
