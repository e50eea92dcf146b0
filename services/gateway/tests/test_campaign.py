"""Campaigns: made, paged through, read, renamed, archived, deleted."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

pytestmark = pytest.mark.server

PATH = "/api/v1/campaigns"


async def test_a_campaign_is_made_and_found_at_its_address(gateway: Any) -> None:
    async with gateway.client() as client:
        made = await client.post(PATH, json={"name": "  Ve\u0301gan   spring "})
        assert made.status_code == 201
        body = made.json()
        assert set(body) == {"id", "name", "archivedAt", "createdAt", "updatedAt", "jobsCount"}
        assert body["jobsCount"] == 0
        assert body["archivedAt"] is None
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
    assert seen == [{**one, "jobsCount": 0} for one in reversed(made)], "newest first"


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


async def make(client: Any, name: str = "c") -> str:
    return (await client.post(PATH, json={"name": name})).json()["id"]


async def listed(client: Any, archived: str | None = None) -> list[str]:
    answer = await client.get(PATH, params={} if archived is None else {"archived": archived})
    assert answer.status_code == 200
    return [one["id"] for one in answer.json()["items"]]


async def create_job(client: Any, campaign_id: str) -> Any:
    return await client.post("/api/scraping/tiktok", json={"keywords": ["a"], "campaignId": campaign_id})


async def test_a_campaign_is_renamed(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client, "before")
        before = (await client.get(f"{PATH}/{campaign_id}")).json()
        answer = await client.patch(f"{PATH}/{campaign_id}", json={"name": "  after   all "})
        assert answer.status_code == 200
        changed = answer.json()
        assert (await client.get(f"{PATH}/{campaign_id}")).json() == changed
        assert changed == {**before, "name": "after all", "updatedAt": changed["updatedAt"]}
        assert changed["updatedAt"] > before["updatedAt"]
        again = await client.patch(f"{PATH}/{campaign_id}", json={"name": "after all"})
        assert again.json() == changed, "the same again changes nothing"


async def test_an_archived_campaign_is_hidden_and_comes_back(gateway: Any) -> None:
    async with gateway.client() as client:
        one, other = await make(client), await make(client)
        archived = (await client.patch(f"{PATH}/{one}", json={"archived": True})).json()
        assert archived["archivedAt"] is not None
        assert await listed(client) == [other]
        assert await listed(client, "false") == [other]
        assert await listed(client, "true") == [one]
        assert await listed(client, "all") == [other, one]
        assert (await client.get(f"{PATH}/{one}")).json() == archived, "by its id it is found"
        back = (await client.patch(f"{PATH}/{one}", json={"archived": False, "name": "again"})).json()
        assert (back["archivedAt"], back["name"]) == (None, "again")
        assert await listed(client) == [other, one]


@pytest.mark.parametrize("odd", ["", "True", "1", "yes", "null", "\u0000"])
async def test_which_campaigns_are_listed_is_one_of_three_words(gateway: Any, odd: str) -> None:
    async with gateway.client() as client:
        answer = await client.get(PATH, params={"archived": odd})
    assert answer.status_code == 422
    message = "must be false, true or all"
    assert answer.json()["errors"] == [{"pointer": "/archived", "code": "enum", "message": message}]


async def test_no_job_is_created_in_an_archived_campaign_and_those_that_are_there_go_on(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client)
        job_id = (await create_job(client, campaign_id)).json()["jobId"]
        await client.patch(f"{PATH}/{campaign_id}", json={"archived": True})
        refused = await create_job(client, campaign_id)
        assert refused.status_code == 422
        assert refused.json()["errors"] == [{"pointer": "/campaignId", "code": "archived", "message": "is archived"}]
        assert gateway.count("jobs") == 1
        assert (await client.get(f"/api/v1/jobs/{job_id}")).json()["campaignId"] == campaign_id
        await client.patch(f"{PATH}/{campaign_id}", json={"archived": False})
        assert (await create_job(client, campaign_id)).status_code == 200


async def test_what_a_job_leaves_out_may_be_archived(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client)
        await client.patch(f"{PATH}/{campaign_id}", json={"archived": True})
        body = {"keywords": ["a"], "filters": {"excludeCampaigns": [campaign_id]}}
        assert (await client.post("/api/scraping/tiktok", json=body)).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "", "nothing"),
        ({"name": None, "archived": None}, "", "nothing"),
        ({"name": ""}, "/name", "blank"),
        ({"name": "a\nb"}, "/name", "control_character"),
        ({"name": "x" * 201}, "/name", "too_long"),
        ({"name": 1}, "/name", "string_type"),
        ({"archived": "true"}, "/archived", "bool_type"),
        ({"archived": 1}, "/archived", "bool_type"),
        ({"name": "a", "archivedAt": None}, "/archivedAt", "extra_forbidden"),
        ([], "", "model_type"),
    ],
)
async def test_a_change_that_is_wrong_is_422_and_names_the_field(
    gateway: Any, body: Any, pointer: str, code: str
) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client, "mine")
        before = (await client.get(f"{PATH}/{campaign_id}")).json()
        answer = await client.patch(f"{PATH}/{campaign_id}", json=body)
        assert answer.status_code == 422
        assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)
        assert (await client.get(f"{PATH}/{campaign_id}")).json() == before


async def test_a_campaign_without_jobs_is_deleted(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client)
        answer = await client.delete(f"{PATH}/{campaign_id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await client.get(f"{PATH}/{campaign_id}")).status_code == 404
        assert (await client.delete(f"{PATH}/{campaign_id}")).status_code == 404, "and once only"


async def test_a_campaign_with_jobs_stays(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client)
        await create_job(client, campaign_id)
        answer = await client.delete(f"{PATH}/{campaign_id}")
        assert answer.status_code == 409
        assert (answer.json()["type"], answer.json()["detail"]) == ("/problems/conflict", "The campaign has jobs.")
        assert (await client.get(f"{PATH}/{campaign_id}")).json()["jobsCount"] == 1


async def test_a_job_and_a_deletion_at_once_leave_both_or_neither(gateway: Any) -> None:
    async with gateway.client() as client:
        for _ in range(10):
            campaign_id = await make(client)
            created, deleted = await asyncio.gather(
                create_job(client, campaign_id), client.delete(f"{PATH}/{campaign_id}")
            )
            assert (created.status_code, deleted.status_code) in {(200, 409), (422, 204)}


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"name": "x", "archived": True}), ("DELETE", None)])
async def test_nobody_else_changes_a_campaign(gateway: Any, method: str, body: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client, "mine")
    before = gateway.rows("select * from campaigns")
    for user, org in (("user_bob", None), ("user_ada", "org_acme")):
        async with gateway.client(user, org) as client:
            urls = [f"{PATH}/{one}" for one in (campaign_id, uuid4(), "x")]
            answers = [await client.request(method, url, json=body) for url in urls]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert len({answer.text.replace(answer.headers["X-Request-Id"], "") for answer in answers}) == 1
    async with gateway.stranger() as client:
        assert (await client.request(method, f"{PATH}/{campaign_id}", json=body)).status_code == 401
    async with gateway.client(claims={"act": {"sub": "user_support"}}) as client:
        answer = await client.request(method, f"{PATH}/{campaign_id}", json=body)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/impersonated")
    assert gateway.rows("select * from campaigns") == before


async def end(gateway: Any, client: Any, job_id: str) -> None:
    assert (await client.post(f"/api/v1/jobs/{job_id}/cancel")).json()["status"] == "cancelled"


async def test_a_campaign_is_deleted_with_its_jobs(gateway: Any) -> None:
    """What they cost stays; another campaign's job stays."""
    async with gateway.client() as client:
        campaign_id, other = await make(client), await make(client)
        jobs = [(await create_job(client, one)).json()["jobId"] for one in (campaign_id, campaign_id, other)]
        for job_id in jobs:
            await end(gateway, client, job_id)
        assert (await client.delete(f"{PATH}/{campaign_id}?withJobs=false")).status_code == 409
        answer = await client.delete(f"{PATH}/{campaign_id}?withJobs=true")
        assert (answer.status_code, answer.content) == (204, b"")
        assert [(await client.get(f"/api/v1/jobs/{job_id}")).status_code for job_id in jobs] == [404, 404, 200]
        assert await listed(client) == [other]
        assert (await client.delete(f"{PATH}/{campaign_id}?withJobs=true")).status_code == 404


async def test_if_one_of_its_jobs_is_under_way_all_stay(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client)
        ended, _ = [(await create_job(client, campaign_id)).json()["jobId"] for _ in range(2)]
        await end(gateway, client, ended)
        before = [gateway.rows(f"select * from {table} order by 1") for table in ("jobs", "campaigns", "searches")]
        answer = await client.delete(f"{PATH}/{campaign_id}?withJobs=true")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
        assert answer.json()["detail"] == "The job has not ended yet: cancel it first."
    assert [gateway.rows(f"select * from {table} order by 1") for table in ("jobs", "campaigns", "searches")] == before


async def test_a_job_does_not_come_into_a_campaign_that_goes_with_its_jobs(gateway: Any) -> None:
    async with gateway.client() as client:
        for _ in range(10):
            campaign_id = await make(client)
            await end(gateway, client, (await create_job(client, campaign_id)).json()["jobId"])
            created, deleted = await asyncio.gather(
                create_job(client, campaign_id), client.delete(f"{PATH}/{campaign_id}?withJobs=true")
            )
            assert (created.status_code, deleted.status_code) in {(200, 409), (422, 204)}


async def test_nobody_else_deletes_a_campaign_with_its_jobs(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client)
        await end(gateway, client, (await create_job(client, campaign_id)).json()["jobId"])
    for user, org in (("user_bob", None), ("user_ada", "org_acme")):
        async with gateway.client(user, org) as client:
            assert (await client.delete(f"{PATH}/{campaign_id}?withJobs=true")).status_code == 404
    assert (gateway.count("jobs"), gateway.count("campaigns")) == (1, 1)


@pytest.mark.parametrize("query", ["withJobs=yes", "withJobs=", "withjobs=true", "withJobs=true&withJobs=false"])
async def test_whether_jobs_go_too_is_said_clearly_or_nothing_goes(gateway: Any, query: str) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client)
        assert (await client.delete(f"{PATH}/{campaign_id}?{query}")).status_code == 422
        assert await listed(client) == [campaign_id]


async def test_a_campaign_with_very_many_jobs_is_not_deleted_at_once(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign_id = await make(client)
        gateway.rows(
            """insert into jobs (id, owner, created_by, campaign_id, platform, mode, input, target_results, pages_max,
                   credits_max, parallel_searches_max, timeout, delay_between_calls, queue_until)
               select gen_random_uuid(), 'user:user_ada', 'user_ada', %s, 'tiktok', 'keyword', '{}', 1, 1, 1, 1, '1 h',
                   '0', now() from generate_series(1, 201) returning 1""",
            campaign_id,
        )
        gateway.rows("update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now() returning 1")
        answer = await client.delete(f"{PATH}/{campaign_id}?withJobs=true")
        assert answer.status_code == 409
        assert answer.json()["detail"] == "The campaign has more than 200 jobs: delete some of them first."
        gateway.rows("delete from jobs where id = (select id from jobs limit 1) returning 1")
        assert (await client.delete(f"{PATH}/{campaign_id}?withJobs=true")).status_code == 204
    assert gateway.count("jobs") == 0
