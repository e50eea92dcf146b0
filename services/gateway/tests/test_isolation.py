"""A user sees only their own: a foreign id answers byte for byte like one that nobody has."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from common.domain.creator import Account, Item

pytestmark = pytest.mark.server

ROUTES = [
    ("GET", "/api/v1/campaigns/{campaign}"),
    ("GET", "/api/v1/jobs/{job}"),
    ("GET", "/api/v1/jobs/{job}/results"),
    *(("GET", f"/api/v1/jobs/{{job}}/export.{form}") for form in ("csv", "xlsx", "jsonl")),
    *(("GET", f"/api/v1/campaigns/{{campaign}}/export.{form}") for form in ("csv", "xlsx", "jsonl")),
    ("GET", "/api/v1/campaigns/{campaign}/creators"),
    ("POST", "/api/v1/jobs/{job}/cancel"),
    ("GET", "/api/scraping/tiktok?jobId={job}"),
]
OTHERS = [("user_bob", None), ("user_ada", "org_acme"), ("user_bob", "org_acme")]


@pytest.fixture
async def mine(gateway: Any, worker: Any) -> dict[str, str]:
    """A campaign and a job of Ada's, with something in it."""
    async with gateway.client() as client:
        campaign = (await client.post("/api/v1/campaigns", json={"name": "Ada's"})).json()["id"]
        body = {"keywords": ["a"], "targetResults": 5, "campaignId": campaign}
        job = (await client.post("/api/scraping/tiktok", json=body)).json()["jobId"]
    item = Item(item_id="v", account=Account(platform_id="u", handle="h", bio="ada@example.com"))
    await worker.deliver(gateway.qstash.published[0], [item], cursor="1")
    return {"campaign": campaign, "job": job}


@pytest.mark.parametrize(("method", "route"), ROUTES)
async def test_the_owner_is_answered(gateway: Any, mine: dict[str, str], method: str, route: str) -> None:
    async with gateway.client() as client:
        assert (await client.request(method, route.format(**mine))).status_code == 200


@pytest.mark.parametrize(("method", "route"), ROUTES)
@pytest.mark.parametrize(("user", "org"), OTHERS)
async def test_a_foreign_id_answers_like_an_unknown_one(
    gateway: Any, mine: dict[str, str], method: str, route: str, user: str, org: str | None
) -> None:
    unknown = {key: str(uuid4()) for key in mine}
    async with gateway.client(user, org) as client:
        answers = [await client.request(method, route.format(**ids)) for ids in (mine, unknown)]
    assert [answer.status_code for answer in answers] == [404, 404]
    texts = [answer.text.replace(answer.headers["X-Request-Id"], "") for answer in answers]
    assert texts[0] == texts[1]
    odd = {"x-request-id", "date"}
    headers = [[pair for pair in answer.headers.items() if pair[0] not in odd] for answer in answers]
    assert headers[0] == headers[1]
    assert gateway.rows("select status from jobs") == [{"status": "processing"}], "and nothing was done"


@pytest.mark.parametrize(("method", "route"), [route for route in ROUTES if "?" not in route[1]])
async def test_what_is_no_id_answers_like_an_unknown_one(gateway: Any, method: str, route: str) -> None:
    async with gateway.client() as client:
        texts: set[str] = set()
        for odd in (str(uuid4()), "1", "schema", "%00", "x" * 3000, f"urn:uuid:{uuid4()}", f"{{{uuid4()}}}"):
            answer = await client.request(method, route.format(campaign=odd, job=odd))
            assert answer.status_code == 404
            texts.add(answer.text.replace(answer.headers["X-Request-Id"], ""))
        assert len(texts) == 1


async def test_a_job_of_another_platform_is_unknown_there(gateway: Any, mine: dict[str, str]) -> None:
    async with gateway.client() as client:
        assert (await client.get(f"/api/scraping/youtube?jobId={mine['job']}")).status_code == 404
        assert (await client.get(f"/api/scraping/myspace?jobId={mine['job']}")).status_code == 404
        assert (await client.post("/api/scraping/myspace", json={"keywords": ["a"]})).status_code == 404


async def test_a_tag_or_a_cursor_is_no_permission(gateway: Any, mine: dict[str, str]) -> None:
    async with gateway.client() as ada, gateway.client("user_bob") as bob:
        url = f"/api/scraping/tiktok?jobId={mine['job']}"
        tag = (await ada.get(url)).headers["ETag"]
        for given in (tag, "*"):
            assert (await bob.get(url, headers={"If-None-Match": given})).status_code == 404
            assert (await bob.get(f"/api/v1/jobs/{mine['job']}", headers={"If-None-Match": given})).status_code == 404
        await ada.post("/api/v1/campaigns", json={"name": "second"})
        cursor = (await ada.get("/api/v1/campaigns?limit=1")).json()["nextCursor"]
        assert (await bob.get(f"/api/v1/campaigns?cursor={cursor}")).json()["items"] == []


async def test_the_count_of_a_campaigns_jobs_is_its_owners(gateway: Any, mine: dict[str, str]) -> None:
    async with gateway.client() as client:
        assert (await client.get(f"/api/v1/campaigns/{mine['campaign']}")).json()["jobsCount"] == 1
    assert UUID(mine["campaign"])
