"""Creating a job over the old route: what is stored, what is published, and what is answered."""

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from common.clock import Clock
from common.db.platform_state import Ability, announce_platform
from common.db.pool import Database
from common.settings import DatabaseSettings

pytestmark = pytest.mark.server

PATH = "/api/scraping/tiktok"


async def announce(url: str, platform: str, label: str, modes: list[str], kinds: list[str]) -> None:
    database = Database(DatabaseSettings(database_url=url), name="test", size_max=1)
    await database.open()
    async with database.connection() as connection:
        ability = Ability(platform=platform, label=label, modes=tuple(modes), search_kinds=tuple(kinds))
        await announce_platform(connection, ability)
    await database.close()


async def test_a_job_is_stored_published_and_answered_as_the_old_frontend_reads_it(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign = (await client.post("/api/v1/campaigns", json={"name": "Vegan"})).json()
        answer = await client.post(
            PATH,
            json={
                "keywords": ["  vegan   food ", "# PlantBased", "VEGAN FOOD"],
                "targetResults": 12,
                "campaignId": campaign["id"],
                "region": "de",
            },
        )
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"message", "jobId", "qstashMessageId"}
    assert body["message"] == "TikTok job started"
    first = "select qstash_message_id from steps s join searches q on q.id = s.search_id where q.ordinal = 0"
    assert body["qstashMessageId"] == gateway.rows(first)[0]["qstash_message_id"]
    (job,) = gateway.rows("select * from jobs")
    assert str(job["id"]) == body["jobId"]
    assert (job["owner"], job["created_by"]) == ("user:user_ada", "user_ada")
    assert str(job["campaign_id"]) == campaign["id"]
    assert (job["platform"], job["mode"], job["status"], job["target_results"]) == ("tiktok", "keyword", "pending", 12)
    assert job["input"] == {"keywords": ["vegan food", "#PlantBased", "VEGAN FOOD"], "region": "DE"}
    assert (job["pages_max"], job["credits_max"], job["parallel_searches_max"]) == (200, 5000, 5)
    assert job["timeout"].total_seconds() == 3600
    assert 86_300 < (job["queue_until"] - job["created_at"]).total_seconds() < 86_500
    searches = gateway.rows("select kind, query, region, status from searches order by ordinal")
    assert [(s["kind"], s["query"], s["region"]) for s in searches] == [
        ("keyword", "vegan food", "DE"),
        ("hashtag", "PlantBased", "DE"),
    ], "keywords that differ only in case or blanks are one search"
    assert sorted(message["searchId"] for message in gateway.qstash.published) == sorted(
        str(row["id"]) for row in gateway.rows("select id from searches")
    )
    assert all(message["jobId"] == body["jobId"] and message["step"] == 0 for message in gateway.qstash.published)
    assert gateway.count("steps where published_generation = 0") == 2


async def test_the_target_is_1000_by_default(gateway: Any) -> None:
    async with gateway.client() as client:
        assert (await client.post(PATH, json={"keywords": ["a"]})).status_code == 200
    assert gateway.rows("select target_results from jobs")[0]["target_results"] == 1000


async def test_only_as_many_searches_start_as_the_limits_admit(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, json={"keywords": [f"k{number}" for number in range(20)]})
    assert answer.status_code == 200
    assert gateway.count("searches") == 20
    assert gateway.count("searches where status = 'active'") == 5
    assert len(gateway.qstash.published) == 5


async def test_jobs_beyond_the_owners_limit_wait_for_their_turn(gateway: Any) -> None:
    async with gateway.client() as client:
        answers = [(await client.post(PATH, json={"keywords": ["a"]})).json() for _ in range(6)]
        job = (await client.get(f"/api/v1/jobs/{answers[5]['jobId']}")).json()
    assert [answer["qstashMessageId"] is not None for answer in answers] == [True] * 5 + [False]
    assert answers[5]["message"] == "TikTok job queued"
    assert (job["status"], job["waitingOn"]) == ("pending", "owner_limit")


async def test_limits_are_those_in_force(gateway: Any) -> None:
    gateway.rows(
        """insert into system_settings (category, key, value) values
           ('api', 'max_api_calls', '7'), ('api', 'max_credits_per_job', '70'), ('api', 'delay_between_calls', '2'),
           ('timeouts', 'standard_job_timeout', '120'), ('limits', 'parallel_searches_per_job', '1') returning 1"""
    )
    deadline = time.monotonic() + 10
    async with gateway.client(org="org_limits") as client:
        while True:  # settings are kept for three seconds
            assert (await client.post(PATH, json={"keywords": ["a", "b"]})).status_code == 200
            (job,) = gateway.rows("select * from jobs order by id desc limit 1")
            if job["pages_max"] == 7 or time.monotonic() > deadline:
                break
    assert (job["pages_max"], job["credits_max"], job["parallel_searches_max"]) == (7, 70, 1)
    assert (job["timeout"].total_seconds(), job["delay_between_calls"].total_seconds()) == (120, 2)


async def test_a_platform_whose_worker_never_started_is_a_503_to_try_again(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post("/api/scraping/youtube", json={"keywords": ["a"]})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["error"] == answer.json()["detail"]
    assert "started" in answer.json()["detail"]
    assert gateway.count("jobs") == 0


async def test_what_a_platform_does_not_understand_is_refused_in_clear_words(gateway: Any) -> None:
    async with gateway.client() as client:
        await announce(gateway.database_url, "youtube", "YouTube", ["keyword"], ["keyword"])
        answer = await client.post("/api/scraping/youtube", json={"targetUsername": "@jane"})
        assert answer.status_code == 422
        assert answer.json()["detail"] == "YouTube jobs by similar creator are not available yet."
        await announce(gateway.database_url, "instagram", "Instagram", ["keyword"], ["keyword"])
        answer = await client.post("/api/scraping/instagram", json={"keywords": ["#food"]})
        assert answer.status_code == 422
        assert answer.json()["detail"] == "Instagram searches by hashtag are not available yet."
    assert gateway.count("jobs") == 0
    assert gateway.qstash.published == []


async def test_a_job_by_likeness_has_one_search_for_its_target(gateway: Any) -> None:
    await announce(gateway.database_url, "instagram", "Instagram", ["keyword", "similar"], ["keyword", "target"])
    async with gateway.client() as client:
        answer = await client.post("/api/scraping/instagram", json={"targetUsername": " @jane.doe "})
    assert answer.status_code == 200
    assert gateway.rows("select kind, query from searches") == [{"kind": "target", "query": "jane.doe"}]
    (job,) = gateway.rows("select mode, input from jobs")
    assert job == {"mode": "similar", "input": {"targetUsername": "jane.doe"}}


@pytest.mark.parametrize("mode", ["error", "hang", "garbage"])
async def test_qstash_that_does_not_take_it_costs_at_most_three_seconds_and_no_job(gateway: Any, mode: str) -> None:
    gateway.qstash.mode = mode
    async with gateway.client() as client:
        began = time.monotonic()
        answer = await client.post(PATH, json={"keywords": ["a"]})
        seconds = time.monotonic() - began
    assert answer.status_code == 200
    assert answer.json()["qstashMessageId"] is None
    assert seconds < 3 + 3, "QStash's own bound is ten seconds"
    assert gateway.count("jobs") == 1
    assert gateway.count("steps where published_generation is not null") == 0


@pytest.mark.parametrize("which", ["unknown", "foreign"])
async def test_a_campaign_that_is_not_mine_answers_like_one_that_does_not_exist(gateway: Any, which: str) -> None:
    async with gateway.client("user_bob") as other, gateway.client() as client:
        foreign = (await other.post("/api/v1/campaigns", json={"name": "Bob's"})).json()["id"]
        campaign = foreign if which == "foreign" else str(uuid4())
        answer = await client.post(PATH, json={"keywords": ["a"], "campaignId": campaign})
    problem = answer.json()
    assert answer.status_code == 422
    problem.pop("instance")
    assert problem == {
        "type": "/problems/validation",
        "title": "The request is not valid",
        "status": 422,
        "detail": "campaignId is not one of your campaigns",
        "errors": [{"pointer": "/campaignId", "code": "unknown", "message": "is not one of your campaigns"}],
        "error": "campaignId is not one of your campaigns",
    }
    assert gateway.count("jobs") == 0
    assert gateway.qstash.published == []


async def test_a_campaign_that_goes_away_after_the_look_is_refused_by_the_database(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign = (await client.post("/api/v1/campaigns", json={"name": "c"})).json()["id"]
        with psycopg.connect(gateway.database_url) as other:
            other.execute("select from owners for update")
            creating = asyncio.create_task(client.post(PATH, json={"keywords": ["a"], "campaignId": campaign}))
            await asyncio.sleep(0.5)
            assert not creating.done(), "it waits for its owner's turn"
            other.execute("delete from campaigns")
        answer = await creating
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/campaignId"]
    assert gateway.count("jobs") == 0


async def test_ids_sort_by_creation(gateway: Any) -> None:
    async with gateway.client() as client:
        ids = [(await client.post(PATH, json={"keywords": ["a"]})).json()["jobId"] for _ in range(3)]
    assert ids == sorted(ids)
    assert all(UUID(job_id).version == 7 for job_id in ids)
    assert Clock().new_id() > UUID(ids[-1])


async def test_whoever_impersonates_a_user_may_read_but_not_create(gateway: Any) -> None:
    async with gateway.client(claims={"act": {"sub": "user_support"}}) as client:
        assert (await client.get("/api/v1/campaigns")).status_code == 200
        for path, body in [(PATH, {"keywords": ["a"]}), ("/api/v1/campaigns", {"name": "x"})]:
            answer = await client.post(path, json=body)
            assert answer.status_code == 403
            assert answer.json()["type"] == "/problems/impersonated"
    assert gateway.count("jobs") == gateway.count("campaigns") == 0
