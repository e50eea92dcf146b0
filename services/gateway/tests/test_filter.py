"""Filters and targets: what is understood of them is stored, shown, and refused by name where it cannot be done."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from common.db.platform_state import Ability, announce_platform
from common.domain.creator import Account, Item
from common.domain.filter import FilterName, Filters
from common.domain.handle import HandleRule

pytestmark = pytest.mark.server

PATH = "/api/scraping/tiktok"
EACH: dict[str, Any] = {
    "followersMin": 0,
    "followersMax": 10**10,
    "hasEmail": False,
    "verified": True,
    "languages": ["en"],
    "countries": ["de"],
    "postedWithinDays": 30,
    "excludeHandles": ["jane"],
    "excludeCampaigns": [str(uuid4())],
}


async def create(client: Any, path: str = PATH, **given: Any) -> Any:
    return await client.post(path, json=given)


async def announce(worker: Any, **given: Any) -> None:
    ability = Ability(
        **{"label": "X", "modes": ("keyword", "similar"), "search_kinds": ("keyword", "target"), "filters": ()} | given
    )
    async with worker.unit.database.connection() as connection:
        await announce_platform(connection, ability)


async def test_every_filter_is_understood_stored_and_shown(gateway: Any) -> None:
    async with gateway.client() as client:
        campaign = (await client.post("/api/v1/campaigns", json={"name": "old"})).json()["id"]
        given = {
            "followersMin": 1000,
            "followersMax": 1000,
            "hasEmail": True,
            "verified": False,
            "languages": ["en-US", "EN", "de"],
            "countries": ["de", "DE", "us"],
            "postedWithinDays": 30,
            "excludeHandles": ["@Jane", " https://www.tiktok.com/@jane?x=1 ", "Joe.2"],
            "excludeCampaigns": [campaign, campaign],
            "unknown": "drop",
        }
        answer = await create(client, keywords=["a"], filters=given)
        assert answer.status_code == 200
        job = (await client.get(f"/api/v1/jobs/{answer.json()['jobId']}")).json()
    understood = given | {
        "languages": ["en", "de"],
        "countries": ["DE", "US"],
        "excludeHandles": ["jane", "joe.2"],
        "excludeCampaigns": [campaign],
    }
    assert job["filters"] == understood
    (row,) = gateway.rows("select filters, input from jobs")
    assert row["input"] == {"keywords": ["a"], "filters": understood}
    assert Filters.model_validate_json(json.dumps(row["filters"])) == Filters(
        followers_min=1000,
        followers_max=1000,
        has_email=True,
        verified=False,
        languages=("en", "de"),
        countries=("DE", "US"),
        posted_within=timedelta(days=30),
        exclude_handles=("jane", "joe.2"),
        exclude_campaigns=(campaign,),
        unknown="drop",
    )


@pytest.mark.parametrize(
    ("given", "shown"), [(None, None), ({}, {"unknown": "keep"}), ({"hasEmail": None}, {"unknown": "keep"})]
)
async def test_who_asks_for_no_filter_has_none(gateway: Any, given: Any, shown: Any) -> None:
    async with gateway.client() as client:
        job_id = (await create(client, keywords=["a"], filters=given)).json()["jobId"]
        assert (await client.get(f"/api/v1/jobs/{job_id}")).json()["filters"] == shown
    assert gateway.rows("select filters from jobs") == [{"filters": {}}]


async def test_the_bounds_are_allowed(gateway: Any) -> None:
    async with gateway.client() as client:
        for filters in (
            {"followersMin": 0, "followersMax": 10**10, "postedWithinDays": 1},
            {"postedWithinDays": 3650, "languages": ["en"] * 20, "countries": ["DE"] * 50},
            {"excludeHandles": [f"https://tiktok.com/@handle{n:04}" for n in range(1000)]},
        ):
            assert (await create(client, keywords=["a"], filters=filters)).status_code == 200


@pytest.mark.parametrize("name", FilterName)
async def test_a_filter_that_the_platform_lacks_is_refused_by_name(gateway: Any, worker: Any, name: FilterName) -> None:
    others = tuple(other for other in FilterName if other is not name)
    await announce(worker, platform="instagram", label="Instagram", filters=others)
    async with gateway.client() as client:
        answer = await create(client, "/api/scraping/instagram", keywords=["a"], filters=EACH)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/unsupported")
    message = "is a filter that Instagram does not support"
    assert problem["errors"] == [{"pointer": f"/filters/{name.value}", "code": "unsupported", "message": message}]
    assert problem["error"] == f"Instagram jobs cannot be filtered by {name.value}."
    assert gateway.count("jobs") == 0


async def test_a_platform_that_announced_no_filters_takes_jobs_without(gateway: Any, worker: Any) -> None:
    await announce(worker, platform="instagram", label="Instagram")
    async with gateway.client() as client:
        lacking = await create(client, "/api/scraping/instagram", keywords=["a"], filters=EACH)
        assert len(lacking.json()["errors"]) == len(FilterName)
        for filters in (None, {}, {"unknown": "drop"}):
            assert (await create(client, "/api/scraping/instagram", keywords=["a"], filters=filters)).status_code == 200


async def test_campaigns_to_leave_out_are_the_callers(gateway: Any) -> None:
    """Another's answers like one that does not exist, each by its place."""
    async with gateway.client() as ada, gateway.client("user_bob") as bob:
        own = [(await ada.post("/api/v1/campaigns", json={"name": "c"})).json()["id"] for _ in range(2)]
        foreign = (await bob.post("/api/v1/campaigns", json={"name": "c"})).json()["id"]
        given = [own[0], foreign, own[1], str(uuid4())]
        answer = await create(ada, keywords=["a"], filters={"excludeCampaigns": given})
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"pointer": f"/filters/excludeCampaigns/{n}", "code": "unknown", "message": "is not one of your campaigns"}
            for n in (1, 3)
        ]
        assert gateway.count("jobs") == 0
        assert (await create(ada, keywords=["a"], filters={"excludeCampaigns": own})).status_code == 200
        assert (await create(bob, keywords=["a"], filters={"excludeCampaigns": own})).status_code == 422


@pytest.mark.parametrize(
    "text",
    [
        "jane.doe",
        "@Jane.Doe",
        " jane . doe\n",
        "https://www.tiktok.com/@JANE.DOE?lang=en",
        "tiktok.com/@jane.doe/video/123",
        "jane.doe" + " " * 292,
    ],
)
async def test_a_target_is_understood_however_it_is_written(gateway: Any, text: str) -> None:
    async with gateway.client() as client:
        answer = await create(client, targetUsername=text)
        assert answer.status_code == 200
        job = (await client.get(f"/api/v1/jobs/{answer.json()['jobId']}")).json()
    assert (job["mode"], job["target"], job["keywords"]) == ("similar", "jane.doe", None)
    assert gateway.rows("select input from jobs") == [{"input": {"targetUsername": "jane.doe"}}]
    assert gateway.rows("select kind, query from searches") == [{"kind": "target", "query": "jane.doe"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://example.com/@jane", "must be an address at tiktok.com"),
        ("https://tiktok.com/tag/soup", "must be the address of an account, not of something else"),
        ("jane!", "must be the name of one account, like mira.ovens, or the address of its page"),
        ("ftp://tiktok.com/@jane", "must be a web address or the name of an account"),
    ],
)
async def test_a_target_that_is_none_is_told_why(gateway: Any, text: str, message: str) -> None:
    async with gateway.client() as client:
        answer = await create(client, targetUsername=text)
        left_out = await create(client, keywords=["a"], filters={"excludeHandles": ["ok", text]})
    assert answer.json()["errors"] == [{"pointer": "/targetUsername", "code": "handle", "message": message}]
    assert left_out.json()["errors"] == [{"pointer": "/filters/excludeHandles/1", "code": "handle", "message": message}]
    assert gateway.count("jobs") == 0


@pytest.mark.parametrize(("text", "query"), [(" @Jane ", "Jane"), ("Jane", "Jane"), ("jane doe", None), ("@", None)])
async def test_without_a_rule_a_target_is_one_word(gateway: Any, worker: Any, text: str, query: str | None) -> None:
    """A worker of an older version announced none."""
    await announce(worker, platform="instagram", label="Instagram")
    async with gateway.client() as client:
        answer = await create(client, "/api/scraping/instagram", targetUsername=text)
    if query is None:
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/targetUsername"]
    else:
        assert answer.status_code == 200
        assert gateway.rows("select query from searches") == [{"query": query}]


async def test_accounts_to_leave_out_are_folded_where_a_name_has_its_case(gateway: Any, worker: Any) -> None:
    rule = HandleRule(hosts=("x.com",), paths=(), pattern=r"\w+", is_lower=False, example="mira")
    filters = tuple(FilterName)
    await announce(worker, platform="instagram", label="Instagram", filters=filters, handles=rule)
    async with gateway.client() as client:
        given = {"targetUsername": "@Jane", "filters": {"excludeHandles": ["Straße", "@JOE", "joe"]}}
        assert (await create(client, "/api/scraping/instagram", **given)).status_code == 200
    (job,) = gateway.rows("select input, filters from jobs")
    assert job["input"]["targetUsername"] == "Jane"
    assert job["filters"] == {"exclude_handles": ["strasse", "joe"]}


async def test_whom_a_filter_left_out_is_counted_by_its_name(gateway: Any, worker: Any) -> None:
    people = [("a", 10), ("b", 2000), ("jane", 3000), ("c", None)]
    items = [
        Item(item_id=name, account=Account(platform_id=f"u-{name}", handle=name, followers=followers))
        for name, followers in people
    ]
    filters = {"followersMin": 1000, "excludeHandles": ["@Jane"], "unknown": "drop"}
    async with gateway.client() as client:
        job_id = (await create(client, keywords=["a"], filters=filters)).json()["jobId"]
        await worker.deliver(gateway.qstash.published[0], items, cursor="1")
        counts = (await client.get(f"/api/v1/jobs/{job_id}")).json()["counts"]
    assert counts["rules"] == {"filtered": {"excludeHandles": 1, "followersMin": 1, "followersMin:unknown": 1}}
    assert (counts["outcomes"]["filtered"], counts["delivered"]) == (3, 1)
