"""Creating a job over the new route: one body for all platforms and modes, and a key by which it may be repeated."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

pytestmark = pytest.mark.server

PATH = "/api/v1/jobs"
WISH = {"platform": "tiktok", "mode": "keyword", "keywords": ["vegan"], "targetResults": 7}


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


async def test_a_job_is_accepted_with_its_address_and_its_document(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign = (await client.post("/api/v1/campaigns", json={"name": "Vegan"})).json()
        limits = {"pagesMax": 9, "creditsMax": 90, "parallelSearchesMax": 2, "timeoutSeconds": 600}
        wish = WISH | {
            "region": "de",
            "campaignId": campaign["id"],
            "tags": [" spring ", "food", "spring"],
            "limits": limits,
            "filters": {"followersMin": 5},
        }
        answer = await client.post(PATH, json=wish)
        job = answer.json()
        read = await client.get(answer.headers["Location"])
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{PATH}/{job['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert read.json() == job
    assert (job["platform"], job["mode"], job["status"], job["targetResults"]) == ("tiktok", "keyword", "pending", 7)
    assert (job["tags"], job["region"], job["campaignId"]) == (["spring", "food"], "DE", campaign["id"])
    assert (job["keywords"], job["target"], job["filters"]) == (["vegan"], None, {"followersMin": 5, "unknown": "keep"})
    assert job["limits"] == limits | {"delayBetweenCallsSeconds": 0.0}
    assert (job["seq"], job["estimate"]) == (1, None)
    assert [message["jobId"] for message in gateway.qstash.published] == [job["id"]]


async def test_a_job_by_likeness_names_its_target(gateway: Any) -> None:
    async with gateway.client() as client:
        wish = {"platform": "tiktok", "mode": "similar", "target": "https://www.tiktok.com/@Mira.Ovens"}
        job = (await client.post(PATH, json=wish)).json()
    assert (job["mode"], job["target"], job["keywords"], job["targetResults"]) == ("similar", "mira.ovens", None, 1000)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"platform": None}, "/platform"),
        ({"platform": "myspace"}, "/platform"),
        ({"mode": "best"}, "/mode"),
        ({"mode": "similar"}, "/target"),
        ({"target": "mira"}, "/target"),
        ({"keywords": None}, "/keywords"),
        ({"mode": "similar", "target": "mira"}, "/keywords"),
        ({"mode": "similar", "keywords": None, "target": "a!b"}, "/target"),
        ({"targetUsername": "mira"}, "/targetUsername"),
        ({"tags": ["x"] * 21}, "/tags"),
        ({"tags": ["ok", "a\nb"]}, "/tags/1"),
        ({"tags": ["x" * 51]}, "/tags/0"),
        ({"limits": {"pagesMax": 201}}, "/limits/pagesMax"),
        ({"limits": {"creditsMax": 5001}}, "/limits/creditsMax"),
        ({"limits": {"parallelSearchesMax": 6}}, "/limits/parallelSearchesMax"),
        ({"limits": {"timeoutSeconds": 3601}}, "/limits/timeoutSeconds"),
        ({"limits": {"pagesMax": 0}}, "/limits/pagesMax"),
        ({"limits": {"pages": 1}}, "/limits/pages"),
        ({"campaignId": str(uuid4())}, "/campaignId"),
    ],
)
async def test_what_cannot_be_read_is_named(gateway: Any, change: dict[str, Any], pointer: str) -> None:
    wish = {name: value for name, value in (WISH | change).items() if value is not None}
    async with gateway.client() as client:
        answer = await client.post(PATH, json=wish)
    assert answer.status_code == 422
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]
    assert gateway.count("jobs") == 0


async def test_a_limit_that_is_too_high_says_what_is_allowed(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, json=WISH | {"limits": {"timeoutSeconds": 9999, "creditsMax": 9999}})
    assert [fault["message"] for fault in answer.json()["errors"]] == ["must be at most 5000", "must be at most 3600"]


async def test_the_same_key_gives_the_first_answer_again(gateway: Any) -> None:
    async with gateway.client() as client:
        first = await client.post(PATH, json=WISH, headers=key('"a1"'))
        await client.post(f"{first.headers['Location']}/cancel")
        again = await client.post(PATH, json=dict(reversed(WISH.items())), headers=key("a1"))
    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.content, again.headers["Location"]) == (first.content, first.headers["Location"])
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert gateway.count("jobs") == 1
    assert len(gateway.qstash.published) == 1


async def test_a_key_is_of_one_body_and_of_one_owner(gateway: Any) -> None:
    async with gateway.client() as client, gateway.client("user_eve") as other:
        first = await client.post(PATH, json=WISH, headers=key("k"))
        changed = await client.post(PATH, json=WISH | {"targetResults": 8}, headers=key("k"))
        others = await other.post(PATH, json=WISH, headers=key("k"))
    assert changed.status_code == 422
    assert changed.json()["type"] == "/problems/idempotency-key-reused"
    assert others.status_code == 202
    assert others.json()["id"] != first.json()["id"]
    assert gateway.count("jobs") == 2


async def test_fifty_at_once_under_one_key_are_one_job(gateway: Any) -> None:
    """Each hears of that job, or that the first is not answered yet."""
    async with gateway.client() as client:
        answers = await asyncio.gather(*(client.post(PATH, json=WISH, headers=key("k")) for _ in range(50)))
        last = await client.post(PATH, json=WISH, headers=key("k"))
    assert gateway.count("jobs") == 1
    assert len(gateway.qstash.published) == 1
    assert {answer.status_code for answer in answers} <= {202, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "/problems/idempotency-key-in-flight"
            assert int(answer.headers["Retry-After"]) > 0
        else:
            assert answer.content == last.content


async def test_a_key_is_in_flight_while_its_transaction_is_open(gateway: Any) -> None:
    """The owner's row is held by somebody else, so that the first creation waits with its key."""
    async with gateway.client() as client:
        await client.post(PATH, json=WISH)
        with gateway.holding("select from owners for update"):
            first = asyncio.create_task(client.post(PATH, json=WISH, headers=key("k")))
            while gateway.rows("select count(*) as n from pg_locks where locktype = 'advisory'")[0]["n"] == 0:
                await asyncio.sleep(0.01)
            second = await client.post(PATH, json=WISH, headers=key("k"))
        third = await first
    assert (second.status_code, third.status_code) == (409, 202)
    assert gateway.count("jobs") == 2


async def test_a_creation_that_failed_leaves_its_key_unused(gateway: Any) -> None:
    async with gateway.client() as client:
        refused = await client.post(PATH, json=WISH | {"campaignId": str(uuid4())}, headers=key("k"))
        accepted = await client.post(PATH, json=WISH, headers=key("k"))
    assert (refused.status_code, accepted.status_code) == (422, 202)


async def test_the_answer_is_given_again_also_when_the_job_is_deleted(gateway: Any) -> None:
    async with gateway.client() as client:
        first = await client.post(PATH, json=WISH, headers=key("k"))
        await client.post(f"{first.headers['Location']}/cancel")
        assert (await client.delete(first.headers["Location"])).status_code == 204
        again = await client.post(PATH, json=WISH, headers=key("k"))
    assert (again.status_code, again.content) == (202, first.content)
    assert gateway.count("jobs") == 0


@pytest.mark.parametrize("text", ["", '""', "a b", '"a', "x" * 256, '"\\x"', "é"])
async def test_a_key_that_is_none_is_refused(gateway: Any, text: str) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, json=WISH, headers={"Idempotency-Key": text.encode()})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/Idempotency-Key"
    assert gateway.count("jobs") == 0


async def test_a_key_and_its_answer_are_stored_with_the_job(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, json=WISH, headers=key("k"))
    [row] = gateway.rows("select owner, key, job_id, answer, xmin from idempotency_keys")
    [job] = gateway.rows("select id, created_at from jobs")
    assert (row["owner"], row["key"], row["job_id"]) == ("user:user_ada", "k", job["id"])
    assert row["answer"] == answer.text
    assert UUID(answer.json()["id"]) == job["id"]
