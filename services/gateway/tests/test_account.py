"""An account is deleted by who may, on purpose; and what a job shows whose creators are no longer kept."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from common.clock import Clock
from common.domain.creator import Account, Item
from common.transaction.purge import remove_creators

pytestmark = [pytest.mark.server, pytest.mark.security]

PATH = "/api/v1/account"
JOB = {"platform": "tiktok", "mode": "keyword", "keywords": ["vegan"], "targetResults": 2}


async def create(client: Any, **more: Any) -> str:
    answer = await client.post("/api/v1/jobs", json=JOB | more)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def test_it_answers_what_will_go_and_takes_nothing_new(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign = (await client.post("/api/v1/campaigns", json={"name": "Spring"})).json()["id"]
        job = await create(client, campaignId=campaign)
        answer = await client.delete(PATH, params={"confirm": "user:user_ada"})
        assert answer.status_code == 202
        body = answer.json()
        counts = {"jobs": 1, "activeJobs": 1, "campaigns": 1}
        assert body == {"owner": "user:user_ada", "requestedAt": body["requestedAt"], **counts}
        assert (await client.get(f"/api/v1/jobs/{job}")).json()["status"] == "cancelled", "spending stops at once"
        for address, given in (
            ("/api/v1/jobs", JOB),
            ("/api/v1/campaigns", {"name": "Summer"}),
            ("/api/scraping/tiktok", {"keywords": ["a"], "targetResults": 1}),
        ):
            refused = await client.post(address, json=given)
            assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
            assert "being deleted" in refused.json()["detail"]
        again = await client.delete(PATH, params={"confirm": "user:user_ada"})
        assert again.json() == body | {"activeJobs": 0}
    async with gateway.client("user_bob") as other:
        await create(other)
    assert gateway.count("account_deletions") == 1


@pytest.mark.parametrize("query", ["", "confirm=", "confirm=yes", "confirm=user:user_bob", "confirm=user_ada"])
async def test_without_the_owners_name_nothing_happens(gateway: Any, query: str) -> None:
    async with gateway.client() as client:
        answer = await client.delete(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/confirm"
    assert gateway.count("account_deletions") == 0


ROLES = [
    ({"o": {"id": "org_acme", "rol": "admin", "slg": "acme"}}, 202),
    ({"o": {"id": "org_acme", "rol": "member", "slg": "acme"}}, 403),
    ({"o": {"id": "org_acme", "slg": "acme"}}, 403),
    ({"o": {"id": "org_acme", "rol": None}}, 403),
    ({"o": {"id": "org_acme", "rol": ["admin"]}}, 403),
    ({"o": {"id": "org_acme", "rol": "Admin"}}, 403),
    ({"o": {"id": "org_acme", "rol": "administrator"}}, 403),
    ({"o": {"id": "org_acme", "rol": "admin"}, "org_role": "org:member"}, 403),
    ({"o": {"id": "org_acme", "rol": "member"}, "org_role": "org:admin"}, 403),
    ({"o": None, "org_id": "org_acme", "org_role": "org:admin"}, 202),
    ({"o": None, "org_id": "org_acme", "org_role": "org:member"}, 403),
    ({"o": None, "org_id": "org_acme"}, 403),
]


@pytest.mark.parametrize(("claims", "status"), ROLES, ids=range(len(ROLES)))
async def test_an_organisations_account_is_deleted_by_its_administrators_only(
    gateway: Any, claims: dict[str, Any], status: int
) -> None:
    async with gateway.client(org="org_acme", claims=claims) as client:
        answer = await client.delete(PATH, params={"confirm": "org:org_acme"})
    assert answer.status_code == status
    assert gateway.count("account_deletions") == (status == 202)


async def test_a_user_does_not_delete_their_own_in_an_organisations_session(gateway: Any) -> None:
    """What a session names is what goes."""
    async with gateway.client(org="org_acme") as client:
        answer = await client.delete(PATH, params={"confirm": "user:user_ada"})
    assert answer.status_code == 422
    assert gateway.count("account_deletions") == 0


async def test_who_acts_for_a_user_deletes_nothing(gateway: Any) -> None:
    async with gateway.client(claims={"act": {"sub": "user_root"}}) as client:
        answer = await client.delete(PATH, params={"confirm": "user:user_ada"})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/impersonated")
    assert gateway.count("account_deletions") == 0


async def completed(gateway: Any, worker: Any, client: Any) -> str:
    job = await create(client, campaignId=(await client.post("/api/v1/campaigns", json={"name": "c"})).json()["id"])
    people = [
        Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}", bio="a@example.com"))
        for number in range(2)
    ]
    await worker.deliver(gateway.qstash.published[-1], people, cursor="1")
    return job


async def test_a_job_whose_creators_are_no_longer_kept_says_so_everywhere(gateway: Any, worker: Any) -> None:
    """Its counts stay and add up; lists are empty; who asks with an old tag is told anew."""
    async with gateway.client() as client:
        job = await completed(gateway, worker, client)
        one, results, poll = f"/api/v1/jobs/{job}", f"/api/v1/jobs/{job}/results", f"/api/scraping/tiktok?jobId={job}"
        before = {path: await client.get(path) for path in (one, results, poll)}
        seq = before[one].json()["seq"]
        assert len(before[results].json()["items"]) == 2
        await remove_creators(worker.unit, UUID(job), until=Clock().now() + timedelta(days=1), count_max=10)
        after = {
            path: await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
            for path, answer in before.items()
        }
        assert {answer.status_code for answer in after.values()} == {200}
        shown = after[one].json()
        counts = shown["counts"]
        assert (counts["delivered"], counts["removed"], counts["outcomes"]["delivered"]) == (2, 2, 2)
        assert counts["itemsSeen"] == sum(counts["outcomes"].values())
        assert shown["resultsRemovedAt"] is not None
        assert before[one].json()["resultsRemovedAt"] is None
        assert shown["keywords"] == ["vegan"]
        assert after[results].json() == {"items": [], "nextCursor": None}
        old = after[poll].json()
        assert (old["results"], old["processedResults"], old["status"]) == ([], 2, "completed")
        assert set(old) == set(before[poll].json())
        for form in ("csv", "jsonl", "xlsx"):
            assert (await client.get(f"{one}/export.{form}")).status_code == 200
        assert (await client.get(f"{one}/export.jsonl")).text == ""
        creators = await client.get(f"/api/v1/campaigns/{shown['campaignId']}/creators")
        assert creators.json()["items"] == []
        funnel = (await client.get(f"{one}/funnel")).json()
        assert funnel["itemsSeen"] == 2
        refused = await client.post(f"{one}/extend", json={"targetResults": 9})
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
        assert "were removed" in refused.json()["detail"]
        stream = await client.get(f"{one}/events", headers={"Last-Event-ID": str(seq)})
        assert "event: removed" in stream.text
        assert "@example.com" not in stream.text
        last = {"Last-Event-ID": str(shown["seq"])}
        assert (await client.get(f"{one}/events", headers=last)).status_code == 204
