"""Every platform in both modes, through all the real parts: what is found, what it cost, why it ended."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from local.loopback import PLAIN_HTTP
from local.stack import Stack

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]

Creators = Callable[[dict[str, Any]], list[dict[str, Any]]]
ReadJob = Callable[[str, str], dict[str, Any]]

LABELS = {"tiktok": "TikTok", "instagram": "Instagram", "youtube": "YouTube"}
PROFILE_PATHS = {
    "tiktok": "/v1/tiktok/profile",
    "instagram": "/v1/instagram/profile",
    "youtube": "/v1/youtube/channel",
}
TARGETED = 40
SETTLED_WITHIN_S = 10.0


@pytest.fixture(autouse=True)
def _fresh(stack: Stack) -> None:
    """No call yet, and no profile known from another test."""
    httpx.post(f"{stack.url('sandbox')}/_sandbox/reset", **PLAIN_HTTP).raise_for_status()
    assert stack.postgres is not None
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        connection.execute("delete from profiles")


@pytest.fixture(params=sorted(LABELS))
def platform(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def calls(stack: Stack) -> Callable[..., dict[str, Any]]:
    def told(path: str | None = None) -> dict[str, Any]:
        params = {} if path is None else {"path": path}
        return httpx.get(f"{stack.url('sandbox')}/_sandbox/calls", params=params, **PLAIN_HTTP).json()

    return told


@pytest.fixture
def rows(stack: Stack) -> Callable[..., list[dict[str, Any]]]:
    def read(statement: Any, *values: Any) -> list[dict[str, Any]]:
        assert stack.postgres is not None
        with psycopg.connect(stack.postgres.url, row_factory=dict_row) as connection:
            return connection.execute(statement, values).fetchall()

    return read


def job_of(frontend: Any, job_id: str) -> dict[str, Any]:
    return frontend.request("GET", f"/api/v1/jobs/{job_id}").json()


def handle_of_somebody(frontend: Any, list_creators: Creators) -> str:
    """Somebody whom the platform's keyword search finds, and who is not private."""
    last = frontend.watch(frontend.create(keywords=["sourdough"], targetResults=3))[-1]
    return list_creators(last)[0]["creator"]["uniqueId"]


def check_books(frontend: Any, stack: Stack, read_job: ReadJob, job_id: str) -> dict[str, Any]:
    """The job as the API tells it; what must add up adds up, as soon as what other searches still had under way at the
    job's end has come back."""
    assert stack.postgres is not None
    ends_at = time.monotonic() + SETTLED_WITHIN_S
    while (row := read_job(stack.postgres.url, job_id))["unsettled"] and time.monotonic() < ends_at:
        time.sleep(0.05)
    assert row["items"] == row["outcomes"]
    assert row["unsettled"] == row["credits_reserved"] == 0
    assert row["charged"] == row["credits_spent"]
    return job_of(frontend, job_id)


@pytest.mark.parametrize("keyword", ["sourdough", "#sourdough"])
def test_a_keyword_and_a_hashtag_find_as_many_as_asked_for(
    stack: Stack, frontend: Any, list_creators: Creators, read_job: ReadJob, platform: str, keyword: str
) -> None:
    frontend = frontend.on(platform)
    job_id = frontend.create(keywords=[keyword], targetResults=TARGETED)
    last = frontend.watch(job_id)[-1]
    found = list_creators(last)
    assert (last["status"], len(found)) == ("completed", TARGETED)
    assert len({element["creator"]["uniqueId"] for element in found}) == TARGETED
    assert {element["platform"] for element in found} == {LABELS[platform]}
    assert sum(element["creator"]["bio"] is not None for element in found) > TARGETED * 0.9
    assert check_books(frontend, stack, read_job, job_id)["stopReason"] == "target_reached"


def test_a_similar_job_finds_creators_like_its_target(
    stack: Stack,
    frontend: Any,
    list_creators: Creators,
    read_job: ReadJob,
    rows: Callable[..., list[dict[str, Any]]],
    platform: str,
) -> None:
    """Each with a score and its reasons, the most alike first, never the target, and better than those whom a search
    for anything finds."""
    frontend = frontend.on(platform)
    target = handle_of_somebody(frontend, list_creators)
    job_id = frontend.create(targetUsername=f"@{target}", targetResults=TARGETED)
    last = frontend.watch(job_id)[-1]
    assert (last["status"], last["error"]) == ("completed", None)
    found = list_creators(last)
    assert len(found) == TARGETED
    assert target not in {element["creator"]["uniqueId"] for element in found}
    stored = rows(
        "select handle, likeness, details from candidates where job_id = %s and outcome = 'delivered'", job_id
    )
    assert all(0 <= one["likeness"] <= 1 for one in stored)
    scores = {one["handle"]: one["likeness"] for one in stored}
    for result in last["results"]:
        told = [scores[element["creator"]["uniqueId"]] for element in result["creators"]]
        assert told == sorted(told, reverse=True)
    assert max(scores.values()) > 0.3
    named = {part["name"] for one in stored for part in one["details"]["likeness"]["parts"]}
    assert {"topics", "audience"} <= named
    job = check_books(frontend, stack, read_job, job_id)
    assert job["counts"]["outcomes"]["target_itself"] > 0, "the target's own profile and posts are items too"


@pytest.mark.parametrize("written", ["https://{host}/@{handle}", "  @{capitals} "])
def test_a_target_is_understood_as_people_write_it(
    frontend: Any, list_creators: Creators, rows: Callable[..., list[dict[str, Any]]], written: str
) -> None:
    target = handle_of_somebody(frontend, list_creators)
    text = written.format(host="www.tiktok.com", handle=target, capitals=target.upper())
    job_id = frontend.create(targetUsername=text, targetResults=1)
    frontend.watch(job_id)
    (first,) = rows("select query from searches where job_id = %s and kind = 'target'", job_id)
    assert first["query"] == target


def test_a_target_that_does_not_exist_ends_the_job_after_one_call(
    frontend: Any, calls: Callable[..., dict[str, Any]], platform: str
) -> None:
    frontend = frontend.on(platform)
    job_id = frontend.create(targetUsername="nobody.of.that.name", targetResults=TARGETED)
    last = frontend.watch(job_id)[-1]
    job = job_of(frontend, job_id)
    assert (job["status"], job["stopReason"]) == ("error", "target_not_found")
    assert last["error"] == f"{LABELS[platform]} has no account named nobody.of.that.name"
    assert calls()["total"] == job["calls"]["total"] == 1


@pytest.mark.parametrize("platform", ["tiktok", "instagram"])
def test_a_private_target_says_so(
    stack: Stack, frontend: Any, list_creators: Creators, calls: Callable[..., dict[str, Any]], platform: str
) -> None:
    frontend = frontend.on(platform)
    job_id = frontend.create(keywords=["#running"], targetResults=150)
    frontend.watch(job_id)
    assert stack.postgres is not None
    with psycopg.connect(stack.postgres.url) as connection:
        row = connection.execute("select handle from candidates where outcome = 'private' limit 1").fetchone()
    assert row is not None
    httpx.post(f"{stack.url('sandbox')}/_sandbox/reset", **PLAIN_HTTP).raise_for_status()
    job_id = frontend.create(targetUsername=row[0], targetResults=TARGETED)
    last = frontend.watch(job_id)[-1]
    job = job_of(frontend, job_id)
    assert (job["status"], job["stopReason"]) == ("error", "target_private")
    assert "private" in last["error"]
    assert calls()["total"] == 1


def test_nobody_is_enriched_twice_and_a_second_job_buys_pages_only(
    frontend: Any, calls: Callable[..., dict[str, Any]], platform: str
) -> None:
    frontend = frontend.on(platform)
    jobs = []
    for _ in range(2):
        job_id = frontend.create(keywords=["vegan"], targetResults=TARGETED)
        frontend.watch(job_id)
        jobs.append(job_of(frontend, job_id))
    assert jobs[1]["calls"]["profiles"] == 0
    assert jobs[1]["credits"]["spent"] == jobs[1]["calls"]["pages"]
    assert calls(PROFILE_PATHS[platform])["duplicates"] == 0
    if platform == "instagram":
        assert jobs[0]["calls"]["profiles"] == 0


def test_filters_reject_before_anything_is_bought_for_it(
    frontend: Any, rows: Callable[..., list[dict[str, Any]]], calls: Callable[..., dict[str, Any]]
) -> None:
    """A keyword page tells followers: who has too few costs no profile."""
    job_id = frontend.create(
        keywords=["vegan"], targetResults=20, filters={"followersMin": 5000, "hasEmail": True, "unknown": "drop"}
    )
    frontend.watch(job_id)
    found = rows("select * from candidates where job_id = %s", job_id)
    delivered = [one for one in found if one["outcome"] == "delivered"]
    assert len(delivered) == 20
    assert all(one["followers"] >= 5000 and one["has_email"] for one in delivered)
    small = [one for one in found if one["rule"] == "followersMin"]
    assert small
    asked = {call["query"] for call in calls(PROFILE_PATHS["tiktok"])["calls"]}
    assert not [one for one in small if any(one["handle"] in query for query in asked)]
    job = job_of(frontend, job_id)
    assert job["counts"]["rules"]["filtered"]["followersMin"] == len(small)


def test_creators_of_a_campaign_are_left_out_of_another_job(frontend: Any, list_creators: Creators) -> None:
    campaign = frontend.request("POST", "/api/v1/campaigns", json={"name": "Spring"}).json()["id"]
    first = frontend.watch(frontend.create(keywords=["vegan"], targetResults=15, campaignId=campaign))[-1]
    job_id = frontend.create(keywords=["vegan"], targetResults=15, filters={"excludeCampaigns": [campaign]})
    second = frontend.watch(job_id)[-1]
    handles = [{one["creator"]["uniqueId"] for one in list_creators(last)} for last in (first, second)]
    assert len(handles[0]) == len(handles[1]) == 15
    assert not handles[0] & handles[1]
    assert job_of(frontend, job_id)["counts"]["outcomes"]["seen_before"] >= 15


def test_searches_that_a_step_adds_run_within_the_limit_and_stop_together(
    frontend: Any, list_creators: Creators, rows: Callable[..., list[dict[str, Any]]]
) -> None:
    target = handle_of_somebody(frontend, list_creators)
    job_id = frontend.create(targetUsername=target, targetResults=120)
    frontend.watch(job_id)
    searches = rows("select * from searches where job_id = %s order by ordinal", job_id)
    assert [search["kind"] for search in searches[:2]] == ["target", "target_videos"]
    assert {"following", "hashtag"} <= {search["kind"] for search in searches}
    assert len({(search["kind"], search["query"].lower()) for search in searches}) == len(searches)
    assert all(search["status"] == "ended" for search in searches)
