"""Who asks, and what their owner may still do."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from common.resources.setting import KEPT_S

pytestmark = pytest.mark.server

PATH = "/api/v1/me"


async def create(client: Any, target: int = 10) -> str:
    answer = await client.post("/api/scraping/tiktok", json={"keywords": ["a"], "targetResults": target})
    assert answer.status_code == 200
    return answer.json()["jobId"]


async def test_a_user_who_is_new_has_everything_left(gateway: Any) -> None:
    await asyncio.sleep(KEPT_S + 0.2)  # what another test set is forgotten
    async with gateway.client("user_new") as client:
        answer = await client.get(PATH)
    assert answer.status_code == 200
    midnight = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC)
    credits_per_day = {"limit": None, "grantedToday": 0, "left": None, "resetsAt": f"{midnight:%Y-%m-%dT%H:%M:%S}Z"}
    assert answer.json() == {
        "userId": "user_new",
        "organisationId": None,
        "owner": "user:user_new",
        "isAdministrator": False,
        "actor": None,
        "limits": {"activeJobs": 5, "creditsPerDay": credits_per_day},
        "activeJobs": 0,
        "waitingJobs": 0,
    }
    assert gateway.count("owners") == 0, "to look is not to begin"


async def test_it_counts_what_the_owners_jobs_use(gateway: Any) -> None:
    """Five run, one waits, one was cancelled and gave its grant back; the organisation's are not the user's."""
    gateway.rows(
        """insert into system_settings (category, key, value) values ('limits', 'credits_per_owner_per_day', '150')
           returning 1"""
    )
    await asyncio.sleep(KEPT_S + 0.2)
    async with gateway.client() as ada, gateway.client("user_ada", "org_acme") as ours:
        jobs = [await create(ada) for _ in range(7)]
        await ada.post(f"/api/v1/jobs/{jobs[6]}/cancel")
        await create(ours)
        mine, organisation = (await ada.get(PATH)).json(), (await ours.get(PATH)).json()
    assert (mine["activeJobs"], mine["waitingJobs"]) == (5, 1)
    credits_per_day = mine["limits"]["creditsPerDay"]
    assert (credits_per_day["limit"], credits_per_day["grantedToday"], credits_per_day["left"]) == (150, 126, 24)
    assert (organisation["owner"], organisation["organisationId"]) == ("org:org_acme", "org_acme")
    assert (organisation["activeJobs"], organisation["limits"]["creditsPerDay"]["left"]) == (1, 129)
    gateway.rows("update system_settings set value = '100' where key = 'credits_per_owner_per_day' returning 1")
    await asyncio.sleep(KEPT_S + 0.2)
    async with gateway.client() as ada:
        assert (await ada.get(PATH)).json()["limits"]["creditsPerDay"]["left"] == 0, "never less than nothing"


async def test_an_administrator_is_told_so_in_whatever_organisation(administered: Any) -> None:
    for user, org, expected in (("user_root", None, True), ("user_root", "org_acme", True), ("user_ada", None, False)):
        async with administered.client(user, org) as client:
            assert (await client.get(PATH)).json()["isAdministrator"] is expected


async def test_who_acts_for_an_administrator_is_named_and_is_none(administered: Any) -> None:
    async with administered.client("user_root", claims={"act": {"sub": "user_support"}}) as client:
        answer = (await client.get(PATH)).json()
    assert (answer["userId"], answer["actor"], answer["isAdministrator"]) == ("user_root", "user_support", False)


async def test_a_stranger_is_nobody(gateway: Any) -> None:
    async with gateway.stranger() as client:
        assert (await client.get(PATH)).status_code == 401
