"""What an owner's jobs may be granted a day: beyond it nothing is stored, and the answer says when to come again."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from common.domain.creator import Account, Item
from common.domain.step import DueStep
from common.resources.setting import KEPT_S
from common.transaction.abandonment import Abandonment, abandon_step

pytestmark = pytest.mark.server

OLD = "/api/scraping/tiktok"
DETAIL = "This job would exceed the credits that your jobs may use today (UTC)."
TABLES = ("owners", "jobs", "searches", "steps", "step_outcomes", "job_events", "owner_days", "dead_letters")


async def limit(gateway: Any, granted_max: int) -> None:
    """Set the quota, and wait until the gateway knows it."""
    gateway.rows(
        """insert into system_settings (category, key, value)
           values ('limits', 'credits_per_owner_per_day', to_jsonb(%s::int))
           on conflict (category, key) do update set value = excluded.value returning 1""",
        granted_max,
    )
    await asyncio.sleep(KEPT_S + 0.2)


def everything(gateway: Any) -> list[Any]:
    return [gateway.rows(f"select * from {table} order by 1") for table in TABLES]


def body(target: int) -> dict[str, Any]:
    """A job of `target` creators is granted a tenth more and 10 in advance."""
    return {"keywords": ["vegan"], "targetResults": target}


def check_refusal(answer: Any, *, is_old: bool) -> None:
    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert (document["type"], document["status"], document["detail"]) == ("/problems/quota-exceeded", 429, DETAIL)
    assert document.get("error") == (DETAIL if is_old else None)
    assert ("error" in document) is is_old
    midnight = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC)
    left = (midnight - datetime.now(UTC)).total_seconds()
    assert abs(int(answer.headers["Retry-After"]) - left) < 10


async def test_a_job_beyond_the_quota_is_refused_and_nothing_is_stored(gateway: Any) -> None:
    await limit(gateway, 20)
    async with gateway.client() as client:
        check_refusal(await client.post(OLD, json=body(10)), is_old=True)
    assert [gateway.count(table) for table in TABLES] == [0] * len(TABLES)
    assert gateway.qstash.published == []


async def test_jobs_share_their_owners_quota_and_what_they_leave_is_given_back(gateway: Any) -> None:
    await limit(gateway, 41)
    async with gateway.client() as client, gateway.client("user_ada", "org_acme") as other:
        first = await client.post(OLD, json=body(10))
        assert first.status_code == 200
        job = (await client.get(f"/api/v1/jobs/{first.json()['jobId']}")).json()
        assert job["credits"]["granted"] == 21
        before = everything(gateway)
        check_refusal(await client.post(OLD, json=body(10)), is_old=True)
        assert everything(gateway) == before
        assert (await other.post(OLD, json=body(10))).status_code == 200, "the organisation has one of its own"
        assert (await client.post(OLD, json=body(1))).status_code == 200, "a smaller one fits"
        cancelled = (await client.post(f"/api/v1/jobs/{job['id']}/cancel")).json()
        assert cancelled["credits"]["granted"] == 0
        assert (await client.post(OLD, json=body(10))).status_code == 200


async def test_many_at_once_do_not_exceed_it_together(gateway: Any) -> None:
    await limit(gateway, 50)
    async with gateway.client() as client:
        answers = await asyncio.gather(*(client.post(OLD, json=body(10)) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [429] * 4
    assert gateway.rows("select credits_granted from owner_days") == [{"credits_granted": 42}]


async def test_another_run_is_refused_too_and_the_job_stays_as_it_is(gateway: Any, worker: Any) -> None:
    await limit(gateway, 100)
    async with gateway.client() as client:
        completed = (await client.post(OLD, json=body(1))).json()["jobId"]
        item = Item(item_id="v", account=Account(platform_id="u", handle="h"))
        await worker.deliver(gateway.qstash.published[-1], [item], cursor="1")
        failed = (await client.post(OLD, json=body(10))).json()["jobId"]
        search_id = UUID(gateway.qstash.published[-1]["searchId"])
        due = DueStep(job_id=UUID(failed), search_id=search_id, step=0, generation=0)
        await abandon_step(worker.unit, due, Abandonment(reason="attempts_used_up", facts={}))
        assert gateway.rows("select credits_granted from owner_days") == [{"credits_granted": 1}], "what was spent"
        before, published = everything(gateway), len(gateway.qstash.published)
        await limit(gateway, 21)
        check_refusal(await client.post(f"/api/v1/jobs/{failed}/retry"), is_old=False)
        extend = f"/api/v1/jobs/{completed}/extend"
        check_refusal(await client.post(extend, json={"targetResults": 50}), is_old=False)
        assert everything(gateway) == before
        assert len(gateway.qstash.published) == published
        assert (await client.post(extend, json={"targetResults": 2})).status_code == 200, "a smaller one fits"
        await limit(gateway, 33)
        assert (await client.post(f"/api/v1/jobs/{failed}/retry")).status_code == 200
    assert gateway.rows("select credits_granted from owner_days") == [{"credits_granted": 33}]


async def cap_all(gateway: Any, granted_max: int) -> None:
    """Set the cap of all jobs, and wait until the gateway knows it."""
    gateway.rows(
        """insert into system_settings (category, key, value) values ('limits', 'credits_per_day', to_jsonb(%s::int))
           on conflict (category, key) do update set value = excluded.value returning 1""",
        granted_max,
    )
    await asyncio.sleep(KEPT_S + 0.2)


@pytest.mark.security
async def test_a_job_beyond_the_cap_of_all_is_refused_whoever_asks(gateway: Any) -> None:
    """503: it is nothing that the caller did; and it says when to come again."""
    await cap_all(gateway, 42)
    async with gateway.client() as client, gateway.client("user_ada", "org_acme") as other:
        first = await client.post(OLD, json=body(10))
        assert first.status_code == 200
        assert (
            await other.post("/api/v1/jobs", json={"platform": "tiktok", "mode": "keyword", **body(10)})
        ).status_code == 202
        before, published = everything(gateway), len(gateway.qstash.published)
        for caller, path in ((client, OLD), (other, "/api/v1/jobs")):
            answer = await caller.post(
                path, json={"platform": "tiktok", "mode": "keyword", **body(1)} if path != OLD else body(1)
            )
            assert answer.status_code == 503, answer.text
            document = answer.json()
            assert document["type"] == "/problems/credits-used-up"
            assert document["detail"].startswith("What all jobs together may spend today")
            assert 1 <= int(answer.headers["Retry-After"]) <= 86_400
        assert everything(gateway) == before
        assert len(gateway.qstash.published) == published
        await client.post(f"/api/v1/jobs/{first.json()['jobId']}/cancel")
        assert (
            await other.post("/api/v1/jobs", json={"platform": "tiktok", "mode": "keyword", **body(10)})
        ).status_code == 202


@pytest.mark.security
async def test_many_owners_at_once_do_not_exceed_the_cap_together(gateway: Any) -> None:
    await cap_all(gateway, 50)
    async with gateway.client() as client, gateway.client("user_ada", "org_acme") as other:
        answers = await asyncio.gather(*(who.post(OLD, json=body(10)) for who in (client, other) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [503] * 6
    assert gateway.rows("select credits_granted::int from spending_days") == [{"credits_granted": 42}]
