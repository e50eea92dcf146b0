"""Jobs under the new routes: read in full, cancelled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.db.platform_state import pause_platform, resume_platform
from common.domain.creator import Account, Item
from common.domain.outcome import Outcome
from common.platform import Unparsable

pytestmark = pytest.mark.server


async def create(client: Any, **given: Any) -> str:
    answer = await client.post("/api/scraping/tiktok", json={"keywords": ["vegan"], "targetResults": 5, **given})
    return answer.json()["jobId"]


def person(number: int) -> Item:
    return Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}"))


async def test_a_job_tells_everything_and_its_counts_add_up(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        campaign = (await client.post("/api/v1/campaigns", json={"name": "c"})).json()["id"]
        job_id = await create(client, targetResults=2, campaignId=campaign)
        new = (await client.get(f"/api/v1/jobs/{job_id}")).json()
        items = [person(1), person(1), Unparsable("no_id"), person(2), person(3)]
        await worker.deliver(gateway.qstash.published[0], items, cursor="x")
        done = (await client.get(f"/api/v1/jobs/{job_id}")).json()
    created_at = datetime.fromisoformat(new.pop("createdAt"))
    assert created_at.utcoffset() is not None
    outcomes = {outcome.value: 0 for outcome in Outcome}
    assert new == {
        "id": job_id,
        "platform": "tiktok",
        "mode": "keyword",
        "status": "pending",
        "waitingOn": None,
        "waitingPosition": None,
        "waitingUntil": None,
        "stopReason": None,
        "error": None,
        "reference": None,
        "campaignId": campaign,
        "run": 1,
        "tags": [],
        "keywords": ["vegan"],
        "target": None,
        "region": None,
        "filters": None,
        "limits": {
            "pagesMax": 200,
            "creditsMax": 5000,
            "parallelSearchesMax": 5,
            "timeoutSeconds": 3600,
            "delayBetweenCallsSeconds": 0.0,
        },
        "searches": [{"kind": "keyword", "query": "vegan", "status": "active", "endReason": None, "pages": 0}],
        "targetResults": 2,
        "seq": 1,
        "progress": 0.0,
        "estimate": None,
        "counts": {
            "delivered": 0,
            "removed": 0,
            "pending": 0,
            "reserve": 0,
            "itemsSeen": 0,
            "outcomes": outcomes,
            "rules": {},
        },
        "calls": {"total": 0, "pages": 0, "profiles": 0},
        "credits": {"spent": 0, "reserved": 0, "granted": 12, "max": 5000},
        "startedAt": None,
        "deadlineAt": None,
        "endedAt": None,
        "resultsRemovedAt": None,
    }
    assert (done["status"], done["stopReason"], done["progress"]) == ("completed", "target_reached", 100.0)
    assert done["counts"]["itemsSeen"] == sum(done["counts"]["outcomes"].values()) == 5
    assert done["counts"]["delivered"] == done["counts"]["outcomes"]["delivered"] == 2
    assert done["searches"] == [
        {"kind": "keyword", "query": "vegan", "status": "ended", "endReason": "job_ended", "pages": 1}
    ]
    assert done["calls"] == {"total": 1, "pages": 1, "profiles": 0}
    assert done["credits"] == {"spent": 1, "reserved": 0, "granted": 1, "max": 5000}, "the rest is given back"
    started, deadline, ended = (datetime.fromisoformat(done[key]) for key in ("startedAt", "deadlineAt", "endedAt"))
    assert (deadline - started).total_seconds() == 3600
    assert created_at <= started <= ended


async def test_the_same_job_is_304_and_credits_that_move_change_the_tag(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        url = f"/api/v1/jobs/{await create(client)}"
        tag = (await client.get(url)).headers["ETag"]
        same = await client.get(url, headers={"If-None-Match": tag})
        assert (same.status_code, same.content) == (304, b"")
        gateway.rows("update jobs set credits_reserved = 1 returning 1")
        other = await client.get(url, headers={"If-None-Match": tag})
        assert other.status_code == 200
        assert other.json()["credits"]["reserved"] == 1


@pytest.mark.parametrize("reason", ["cool_down", "credits", "configuration", "operator"])
async def test_an_active_job_waits_on_what_its_platform_waits_on(gateway: Any, worker: Any, reason: str) -> None:
    async with gateway.client() as client:
        url = f"/api/v1/jobs/{await create(client)}"
        async with worker.unit.database.connection() as connection:
            await pause_platform(
                connection, platform="tiktok", state="cool_down", reason=reason, lasts=timedelta(seconds=60)
            )
        waiting = (await client.get(url)).json()
        assert (waiting["status"], waiting["waitingOn"], waiting["waitingPosition"]) == ("pending", reason, None)
        left = datetime.fromisoformat(waiting["waitingUntil"]) - datetime.now(UTC)
        assert timedelta(seconds=40) < left <= timedelta(seconds=60)
        gateway.rows("update platform_states set until = now() - interval '1 second' returning 1")
        assert (await client.get(url)).json()["waitingOn"] == reason, "until a call has tried"
        gateway.rows("update platform_states set until = null, state = 'paused' returning 1")
        waiting = (await client.get(url)).json()
        assert (waiting["waitingOn"], waiting["waitingUntil"]) == (reason, None), "until an operator ends it"
        async with worker.unit.database.connection() as connection:
            await resume_platform(connection, platform="tiktok")
        assert (await client.get(url)).json()["waitingOn"] is None
        gateway.rows("update platform_states set reason = %s, state = 'paused' returning 1", reason)
        await client.post(f"{url}/cancel")
        assert (await client.get(url)).json()["waitingOn"] is None, "a final job waits on nothing"


async def test_jobs_beyond_the_owners_limit_wait_in_their_order(gateway: Any, worker: Any) -> None:
    """Each knows its place. A pause of the platform is not what they wait on, nor do others' jobs count."""

    async def places(client: Any, ids: list[str]) -> list[tuple[str | None, int | None]]:
        jobs = [(await client.get(f"/api/v1/jobs/{job_id}")).json() for job_id in ids]
        assert all(job["waitingUntil"] is None for job in jobs)
        return [(job["waitingOn"], job["waitingPosition"]) for job in jobs]

    async with gateway.client() as client, gateway.client("user_bob") as other:
        ids = [await create(client) for _ in range(5)]
        others = [await create(other) for _ in range(6)]
        ids += [await create(client) for _ in range(3)]
        waiting = [("owner_limit", place) for place in (1, 2, 3)]
        assert await places(client, ids) == [(None, None)] * 5 + waiting
        assert await places(other, others[5:]) == waiting[:1]
        async with worker.unit.database.connection() as connection:
            await pause_platform(
                connection, platform="tiktok", state="cool_down", reason="cool_down", lasts=timedelta(seconds=60)
            )
        assert await places(client, ids[5:]) == waiting
        await client.post(f"/api/v1/jobs/{ids[6]}/cancel")
        assert await places(client, ids[5:]) == [waiting[0], (None, None), waiting[1]]
        async with worker.unit.database.connection() as connection:
            await resume_platform(connection, platform="tiktok")
        await client.post(f"/api/v1/jobs/{ids[0]}/cancel")
        assert await places(client, ids[5:]) == [(None, None), (None, None), waiting[0]]


async def test_cancel_ends_the_job_keeps_what_was_found_and_starts_the_next(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        ids = [await create(client) for _ in range(6)]
        await worker.deliver(gateway.qstash.published[0], [person(1)], cursor="1")
        published = len(gateway.qstash.published)
        answer = await client.post(f"/api/v1/jobs/{ids[0]}/cancel")
        job = answer.json()
        assert answer.status_code == 200
        assert (job["status"], job["stopReason"], job["counts"]["delivered"]) == ("cancelled", "cancelled", 1)
        assert job["endedAt"] is not None
        assert [message["jobId"] for message in gateway.qstash.published[published:]] == [ids[5]]
        assert (await client.get(f"/api/v1/jobs/{ids[5]}")).json()["waitingOn"] is None
        again = await client.post(f"/api/v1/jobs/{ids[0]}/cancel")
        assert (again.status_code, again.json()) == (200, job), "a second time changes nothing"
        poll = (await client.get(f"/api/scraping/tiktok?jobId={ids[0]}")).json()
        assert (poll["status"], poll["processedResults"]) == ("cancelled", 1)


async def test_cancel_wants_no_body_but_takes_one(gateway: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
        assert (await client.post(f"/api/v1/jobs/{job_id}/cancel", json={})).status_code == 200
        refused = await client.post(f"/api/v1/jobs/{job_id}/cancel", content=b"x", headers={"Content-Type": "text/xml"})
        assert refused.status_code == 415


async def test_whoever_impersonates_a_user_cannot_cancel(gateway: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
    async with gateway.client(claims={"act": {"sub": "user_support"}}) as client:
        assert (await client.get(f"/api/v1/jobs/{job_id}")).status_code == 200
        assert (await client.post(f"/api/v1/jobs/{job_id}/cancel")).status_code == 403
    assert gateway.rows("select status from jobs") == [{"status": "pending"}]


async def test_a_job_under_way_tells_its_pace_and_what_is_left_as_a_range(gateway: Any, worker: Any) -> None:
    """As of its last commit: until the next one the answer stays the same."""
    async with gateway.client() as client:
        url = f"/api/v1/jobs/{await create(client, targetResults=100)}"
        message = gateway.qstash.published[0]
        for step in range(3):
            await worker.deliver(
                {**message, "step": step}, [person(10 * step + n) for n in range(10)], cursor=str(step)
            )
        gateway.rows(
            """with ranked as (select job_id, seq, row_number() over (order by seq desc) - 1 as age from job_events
                               where kind = 'progressed')
               update job_events e set at = now() - ranked.age * interval '10 s' from ranked
               where e.job_id = ranked.job_id and e.seq = ranked.seq returning 1"""
        )
        gateway.rows("update jobs set started_at = now() - interval '1 minute' returning 1")
        answer = await client.get(url)
        again = await client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        gateway.rows("update platform_states set state = 'paused', reason = 'operator' returning 1")
        paused = (await client.get(url)).json()
    estimate = answer.json()["estimate"]
    assert again.status_code == 304
    assert estimate["creatorsPerMinute"] == 60
    assert estimate["remaining"] == {"minSeconds": 56, "maxSeconds": 88}
    assert paused["estimate"] is None, "nothing tells how long a pause lasts"
