"""A user creates a job, polls it, sees progress move and creators arrive: through all the real parts."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.loopback import PLAIN_HTTP
from local.stack import Stack

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]

Creators = Callable[[dict[str, Any]], list[dict[str, Any]]]
ReadJob = Callable[[str, str], dict[str, Any]]


@pytest.fixture(autouse=True)
def _fresh_sandbox(stack: Stack) -> None:
    """Another job may ask for the same page again; within a job, and of profiles, nothing is asked for twice."""
    httpx.post(f"{stack.url('sandbox')}/_sandbox/reset", **PLAIN_HTTP).raise_for_status()


def paid(stack: Stack) -> dict[str, Any]:
    return httpx.get(f"{stack.url('sandbox')}/_sandbox/calls", **PLAIN_HTTP).json()["paid"]


def test_a_hundred_vegan_creators_arrive(
    stack: Stack, frontend: Any, list_creators: Creators, read_job: ReadJob
) -> None:
    campaign = frontend.request("POST", "/api/v1/campaigns", json={"name": "Vegan"})
    assert campaign.status_code == 201
    job_id = frontend.create(keywords=["vegan"], targetResults=100, campaignId=campaign.json()["id"])
    polls = frontend.watch(job_id)

    last = polls[-1]
    assert (last["status"], last["progress"], last["error"]) == ("completed", 100, None)
    assert last["processedResults"] == last["targetResults"] == 100
    found = list_creators(last)
    assert len({creator["creator"]["uniqueId"] for creator in found}) == len(found) == 100
    progress = [poll["progress"] for poll in polls]
    assert progress == sorted(progress), "progress never goes back"
    counts = [len(list_creators(poll)) for poll in polls]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2, "creators arrive while the job runs"
    for poll in polls:
        assert len(list_creators(poll)) == poll["processedResults"], "counters equal rows in every poll"

    assert stack.postgres is not None
    row = read_job(stack.postgres.url, job_id)
    assert row["delivered_rows"] == 100
    assert row["items"] == row["outcomes"]
    assert row["unsettled"] == row["credits_reserved"] == 0
    assert row["charged"] == row["credits_spent"]
    assert paid(stack)["duplicates"] == 0, "nothing is bought twice"


def test_what_a_creator_looks_like(frontend: Any, list_creators: Creators) -> None:
    last = frontend.watch(frontend.create(keywords=["sourdough"], targetResults=40))[-1]
    for result in last["results"]:
        assert set(result) == {"id", "jobId", "createdAt", "creators"}
    for element in list_creators(last):
        assert set(element) == {"creator", "video", "hashtags", "platform"}
        assert element["platform"] == "TikTok"
        assert set(element["creator"]) == {
            "name", "followers", "avatarUrl", "profilePicUrl", "bio", "emails", "uniqueId", "verified",
        }  # fmt: skip
        assert set(element["video"]) == {"description", "url", "statistics"}
        assert set(element["video"]["statistics"]) == {"likes", "comments", "shares", "views"}
        assert not str(element["creator"]["avatarUrl"]).split("?")[0].endswith(".heic")
        for email in element["creator"]["emails"] or []:
            assert email == email.lower()
            assert not email.endswith((".png", ".jpg", ".example"))
    assert any(element["creator"]["emails"] for element in list_creators(last))


@pytest.mark.parametrize("target", [1, 7, 31])
def test_exactly_as_many_as_asked_for(frontend: Any, list_creators: Creators, target: int) -> None:
    last = frontend.watch(frontend.create(keywords=["cycling"], targetResults=target))[-1]
    assert last["status"] == "completed"
    assert len(list_creators(last)) == target


def test_several_keywords_share_the_target_and_deliver_nobody_twice(
    stack: Stack, frontend: Any, list_creators: Creators, read_job: ReadJob
) -> None:
    keywords = ["hiking", "camping", "#climbing", "kayak", "trail running", "bouldering"]
    job_id = frontend.create(keywords=keywords, targetResults=150)
    found = list_creators(frontend.watch(job_id)[-1])
    assert len({element["creator"]["uniqueId"] for element in found}) == len(found) == 150
    assert stack.postgres is not None
    row = read_job(stack.postgres.url, job_id)
    assert row["items"] == row["outcomes"]
    assert paid(stack)["duplicates"] == 0


def test_a_search_that_runs_out_ends_the_job_as_exhausted(frontend: Any, list_creators: Creators) -> None:
    job_id = frontend.create(keywords=["narrow valley pottery"], targetResults=500)
    last = frontend.watch(job_id)[-1]
    job = frontend.request("GET", f"/api/v1/jobs/{job_id}").json()
    assert (job["status"], job["stopReason"]) == ("completed", "exhausted")
    assert 0 < len(list_creators(last)) < 38


def test_a_search_that_matches_nothing_does_not_go_on_for_ever(frontend: Any) -> None:
    job_id = frontend.create(keywords=["nothing-matches"], targetResults=500)
    frontend.watch(job_id)
    job = frontend.request("GET", f"/api/v1/jobs/{job_id}").json()
    assert (job["status"], job["stopReason"]) == ("completed", "exhausted")
    assert job["calls"]["pages"] <= 3


def test_a_second_job_with_the_same_keyword_buys_no_profile_again(stack: Stack, frontend: Any) -> None:
    first = frontend.create(keywords=["ceramics"], targetResults=20)
    frontend.watch(first)
    second = frontend.create(keywords=["ceramics"], targetResults=20)
    frontend.watch(second)
    calls = [frontend.request("GET", f"/api/v1/jobs/{job_id}").json()["calls"] for job_id in (first, second)]
    assert calls[0]["profiles"] > 10
    assert calls[1]["profiles"] == 0


def test_every_delivery_twice_changes_nothing(
    stack: Stack, frontend: Any, list_creators: Creators, read_job: ReadJob
) -> None:
    switches = f"{stack.url('qstash')}/_standin/switches"
    httpx.patch(switches, json={"duplicate": 1}, **PLAIN_HTTP).raise_for_status()
    try:
        job_id = frontend.create(keywords=["gardening"], targetResults=80)
        last = frontend.watch(job_id)[-1]
    finally:
        httpx.patch(switches, json={"duplicate": 0}, **PLAIN_HTTP).raise_for_status()
    found = list_creators(last)
    assert len({element["creator"]["uniqueId"] for element in found}) == len(found) == 80
    assert stack.postgres is not None
    row = read_job(stack.postgres.url, job_id)
    assert row["items"] == row["outcomes"]
    assert row["charged"] == row["credits_spent"]
    assert paid(stack)["duplicates"] == 0


def test_a_job_of_somebody_else_answers_like_an_unknown_one(
    stack: Stack, frontend: Any, make_frontend: Callable[..., Any]
) -> None:
    job_id = frontend.create(keywords=["knitting"], targetResults=1)
    stranger = make_frontend(stack.gateway_url, stack.issuer_url, "user_stranger")
    foreign = stranger.request("GET", f"/api/scraping/tiktok?jobId={job_id}")
    unknown = stranger.request("GET", f"/api/scraping/tiktok?jobId={uuid4()}")
    assert foreign.status_code == unknown.status_code == 404
    bodies = [
        {key: value for key, value in answer.json().items() if key != "instance"} for answer in (foreign, unknown)
    ]
    assert bodies[0] == bodies[1]
