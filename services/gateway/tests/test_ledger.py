"""The funnel, the calls and the usage, as a job's owner reads them over the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.domain.creator import Account, Item
from common.platform import Unparsable

pytestmark = pytest.mark.server

PATH = "/api/scraping/tiktok"
CALL_KEYS = {
    "id",
    "openedAt",
    "settledAt",
    "kind",
    "endpoint",
    "search",
    "step",
    "status",
    "reason",
    "httpStatus",
    "creditsReserved",
    "creditsCharged",
    "milliseconds",
    "bytes",
}
SUMS = {"calls", "pages", "profiles", "creditsCharged", "creditsReserved", "creditsUnknown"}


def person(number: int, **given: Any) -> Item:
    return Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}", **given))


async def create(client: Any, **given: Any) -> str:
    answer = await client.post(PATH, json={"keywords": ["vegan", "tofu"], "targetResults": 50, **given})
    assert answer.status_code == 200
    return answer.json()["jobId"]


def messages(gateway: Any) -> list[Any]:
    """What was published, in the order of the searches: they are published beside each other."""
    ordinals = {str(row["id"]): row["ordinal"] for row in gateway.rows("select id, ordinal from searches")}
    return sorted(gateway.qstash.published, key=lambda message: ordinals[message["searchId"]])


async def perform(worker: Any, message: Any, step: int, items: Any) -> None:
    await worker.deliver({**message, "step": step}, items, cursor=str(step + 1))


async def test_everything_that_was_seen_is_in_the_funnel_once(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client, filters={"followersMin": 10})
        first, second = messages(gateway)
        page = [person(1, followers=99), person(2, followers=3), person(3, followers=4), Unparsable(reason="shape")]
        await perform(worker, first, 0, page)
        await perform(worker, second, 0, [person(1, followers=99), person(4, followers=50)])
        url = f"/api/v1/jobs/{job_id}/funnel"
        answer = await client.get(url)
        funnel = answer.json()
        assert set(funnel) == {"itemsSeen", "outcomes", "enrichment", "searches"}
        assert funnel["itemsSeen"] == 6
        assert funnel["outcomes"] == [
            {"outcome": "delivered", "rule": None, "count": 2},
            {"outcome": "duplicate", "rule": None, "count": 1},
            {"outcome": "filtered", "rule": "followersMin", "count": 2},
            {"outcome": "unparsable", "rule": "shape", "count": 1},
        ]
        assert [(search["kind"], search["query"]) for search in funnel["searches"]] == [
            ("keyword", "vegan"),
            ("keyword", "tofu"),
        ]
        assert [search["itemsSeen"] for search in funnel["searches"]] == [4, 2]
        for part in (funnel, *funnel["searches"]):
            assert part["itemsSeen"] == sum(row["count"] for row in part["outcomes"])
        counts = (await client.get(f"/api/v1/jobs/{job_id}")).json()["counts"]
        assert counts["itemsSeen"] == funnel["itemsSeen"]
        assert set(funnel["enrichment"]) == {"not_needed", "bought", "cached", "not_found", "failed", "skipped"}
        assert (
            sum(funnel["enrichment"].values())
            == gateway.rows("select count(*) as n from candidates where enrichment is not null")[0]["n"]
        )
        same = await client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
        await perform(worker, first, 1, [person(5, followers=1)])
        assert (await client.get(url, headers={"If-None-Match": answer.headers["ETag"]})).status_code == 200


async def test_a_job_that_saw_nothing_has_an_empty_funnel(gateway: Any) -> None:
    async with gateway.client() as client:
        funnel = (await client.get(f"/api/v1/jobs/{await create(client)}/funnel")).json()
    assert (funnel["itemsSeen"], funnel["outcomes"]) == (0, [])
    assert [search["outcomes"] for search in funnel["searches"]] == [[], []]


async def test_calls_are_a_timeline_without_tokens_or_fingerprints(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
        first, second = messages(gateway)
        await perform(worker, first, 0, [person(1)])
        await perform(worker, second, 0, [person(2)])
        await perform(worker, first, 1, [person(3)])
        gateway.rows("update upstream_calls set fingerprint = 'secret7391' returning 1")
        url = f"/api/v1/jobs/{job_id}/calls"
        answer = await client.get(url)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "secret7391" not in answer.text
        assert not [row for row in gateway.rows("select token from upstream_calls") if str(row["token"]) in answer.text]
        items = answer.json()["items"]
        assert [set(item) for item in items] == [CALL_KEYS] * 3
        assert [(item["search"]["query"], item["step"]) for item in items] == [
            ("vegan", 0),
            ("tofu", 0),
            ("vegan", 1),
        ]
        row = items[0]
        assert (row["kind"], row["endpoint"], row["status"], row["httpStatus"]) == ("page", "/search", "settled", 200)
        assert (row["creditsReserved"], row["creditsCharged"], row["milliseconds"], row["bytes"]) == (1, 1, 1, 1)
        assert row["openedAt"].endswith("Z")
        assert row["settledAt"] >= row["openedAt"]
        walked: list[Any] = []
        cursor = ""
        while cursor is not None:
            page = (await client.get(f"{url}?limit=2{cursor and f'&cursor={cursor}'}")).json()
            walked += page["items"]
            cursor = page["nextCursor"]
        assert walked == items
        same = await client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
        gateway.rows("update upstream_calls set status = 'unknown' where step = 1 returning 1")
        lost = (await client.get(f"{url}?status=unknown&kind=page")).json()["items"]
        assert [call["id"] for call in lost] == [items[2]["id"]]
        assert (await client.get(f"{url}?kind=profile")).json() == {"items": [], "nextCursor": None}


async def test_usage_is_what_the_owners_jobs_spent(gateway: Any, worker: Any) -> None:
    async with gateway.client() as ada, gateway.client("user_bob") as bob:
        jobs = [await create(ada), await create(ada)]
        foreign = await create(bob)
        for place, message in enumerate(gateway.qstash.published):
            await perform(worker, message, 0, [person(place)])
        assert {message["jobId"] for message in gateway.qstash.published} == {*jobs, foreign}
        by_job = (await ada.get("/api/v1/usage?groupBy=job")).json()
        assert {row["jobId"] for row in by_job["items"]} == set(jobs), "nobody else's"
        for row in by_job["items"]:
            assert set(row) == SUMS | {"jobId"}
            spent_by = (await ada.get(f"/api/v1/jobs/{row['jobId']}")).json()["credits"]
            assert (row["creditsCharged"], row["creditsReserved"]) == (spent_by["spent"], spent_by["reserved"])
        (spent,) = gateway.rows("select sum(credits_spent)::int as n from jobs where owner = 'user:user_ada'")
        assert by_job["totals"]["creditsCharged"] == spent["n"] == 4
        assert by_job["totals"] == {name: sum(row[name] for row in by_job["items"]) for name in SUMS}
        today = datetime.now(UTC).date()
        usual = (await ada.get("/api/v1/usage")).json()
        assert (usual["from"], usual["to"]) == (str(today - timedelta(days=29)), str(today))
        assert [set(row) for row in usual["items"]] == [SUMS | {"day"}]
        assert sum(row["creditsCharged"] for row in usual["items"]) == spent["n"]
        platforms = (await ada.get("/api/v1/usage?groupBy=platform,day")).json()["items"]
        assert [(row["platform"], row["day"]) for row in platforms] == [("tiktok", usual["items"][0]["day"])]
        nothing = (await ada.get("/api/v1/usage?from=2020-01-01&to=2020-12-31")).json()
        assert (nothing["items"], nothing["totals"]) == ([], dict.fromkeys(SUMS, 0))


async def test_usage_pages_join_and_outlive_their_jobs(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client, gateway.client("user_bob") as bob:
        jobs = [await create(client) for _ in range(3)]
        for message in gateway.qstash.published:
            await perform(worker, message, 0, [person(1)])
        whole = (await client.get("/api/v1/usage?groupBy=job,day")).json()
        await client.post(f"/api/v1/jobs/{jobs[0]}/cancel")
        assert (await client.delete(f"/api/v1/jobs/{jobs[0]}")).status_code == 204
        answer = await client.get("/api/v1/usage?groupBy=job,day&limit=2")
        first = answer.json()
        second = (await client.get(f"/api/v1/usage?groupBy=day,job&limit=2&cursor={first['nextCursor']}")).json()
        assert first["items"] + second["items"] == whole["items"]
        assert second["nextCursor"] is None
        assert first["totals"] == second["totals"] == whole["totals"]
        crossed = await client.get(f"/api/v1/usage?groupBy=day&cursor={first['nextCursor']}")
        assert [error["pointer"] for error in crossed.json()["errors"]] == ["/cursor"]
        assert (await bob.get(f"/api/v1/usage?groupBy=day,job&cursor={first['nextCursor']}")).json()["items"] == []
        url = "/api/v1/usage?groupBy=job,day&limit=2"
        same = await client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize(
    ("address", "pointer"),
    [
        ("/api/v1/jobs/{job}/funnel?sort=found", "/sort"),
        ("/api/v1/jobs/{job}/calls?limit=0", "/limit"),
        ("/api/v1/jobs/{job}/calls?cursor=x", "/cursor"),
        ("/api/v1/jobs/{job}/calls?kind=pages", "/kind"),
        ("/api/v1/jobs/{job}/calls?status=", "/status"),
        ("/api/v1/jobs/{job}/calls?state=open", "/state"),
        ("/api/v1/usage?from=2026-02-30", "/from"),
        ("/api/v1/usage?from=1999-12-31", "/from"),
        ("/api/v1/usage?from=%D9%A2026-01-01", "/from"),
        ("/api/v1/usage?to=2026-1-1", "/to"),
        ("/api/v1/usage?to=9999-99-99", "/to"),
        ("/api/v1/usage?from=2026-02-02&to=2026-02-01", "/from"),
        ("/api/v1/usage?from=2025-01-01&to=2026-01-02", "/from"),
        ("/api/v1/usage?groupBy=month", "/groupBy"),
        ("/api/v1/usage?groupBy=day,", "/groupBy"),
        ("/api/v1/usage?cursor=x", "/cursor"),
        ("/api/v1/usage?cursor=" + "A" * 28, "/cursor"),
        ("/api/v1/usage?since=2026-01-01", "/since"),
    ],
)
async def test_a_bad_parameter_of_the_ledger_is_named(gateway: Any, address: str, pointer: str) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
        answer = await client.get(address.format(job=job_id))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
