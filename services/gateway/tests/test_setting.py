"""Settings over HTTP: administrators list, read, change and restore them; everybody else is turned away."""

import asyncio
import json
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from common.domain.setting_key import SETTING_KEYS

pytestmark = pytest.mark.server

PATH = "/api/v1/settings"
QUOTA = f"{PATH}/limits/credits_per_owner_per_day"
ADMINISTRATORS = f"{PATH}/limits/admin_user_ids"
DELAY = f"{PATH}/api/delay_between_calls"
PAGES = f"{PATH}/api/max_api_calls"
ROUTES = [("GET", PATH), ("GET", PAGES), ("PUT", PAGES), ("DELETE", PAGES), ("GET", f"{PATH}/no/such")]
FORBIDDEN = "Only administrators may use this address."


def store(gateway: Any, category: str, key: str, value: Any) -> None:
    """By hand."""
    gateway.rows(
        """insert into system_settings (category, key, value) values (%s, %s, %s)
           on conflict (category, key) do update set value = excluded.value returning 1""",
        category,
        key,
        Jsonb(value),
    )


def everything(gateway: Any) -> list[Any]:
    return [gateway.rows(f"select * from {table} order by 1, 2") for table in ("system_settings", "setting_changes")]


async def put(client: Any, url: str, value: Any) -> Any:
    return await client.put(url, json={"value": value})


@pytest.fixture
async def root(administered: Any) -> Any:
    async with administered.client("user_root") as client:
        yield client


async def test_every_setting_is_listed_with_what_it_takes(administered: Any, root: Any) -> None:
    answer = await root.get(PATH)
    assert answer.status_code == 200
    items = {f"{one['category']}.{one['key']}": one for one in answer.json()["items"]}
    assert list(items) == [setting.name for setting in SETTING_KEYS.values()]
    assert items["api.max_api_calls"] == {
        "category": "api",
        "key": "max_api_calls",
        "type": "integer",
        "description": "pages per job",
        "default": 200,
        "minimum": 1,
        "maximum": 10_000,
        "nullable": False,
        "value": 200,
        "overridden": False,
        "problem": None,
        "updatedBy": None,
        "updatedAt": None,
    }
    own = items["limits.admin_user_ids"]
    assert (own["type"], own["default"], own["value"]) == ("user_ids", [], ["user_root", "user_deputy"])
    assert (own["overridden"], own["updatedBy"], own["updatedAt"] is None) == (True, None, False)
    delay = items["api.delay_between_calls"]
    assert (delay["type"], delay["default"], delay["minimum"], delay["maximum"]) == ("duration", "PT0S", "PT0S", "P30D")
    quota = items["limits.credits_per_owner_per_day"]
    assert (quota["value"], quota["nullable"]) == (None, True)


async def test_a_change_is_in_force_at_once_and_has_its_history(administered: Any, root: Any) -> None:
    answer = await put(root, QUOTA, 1000)
    assert answer.status_code == 200
    setting = answer.json()
    assert (setting["value"], setting["overridden"], setting["updatedBy"]) == (1000, True, "user_root")
    assert (await root.get("/api/v1/me")).json()["limits"]["creditsPerDay"]["limit"] == 1000, "without waiting"
    async with administered.client("user_deputy") as deputy:
        assert (await put(deputy, QUOTA, None)).json()["value"] is None
    restored = (await root.delete(QUOTA)).json()
    assert (restored["value"], restored["overridden"], restored["updatedBy"]) == (None, False, None)
    read = (await root.get(QUOTA)).json()
    assert read["setting"] == restored
    for change in read["history"]["items"]:
        assert change.pop("changedAt").endswith("Z")
    assert read["history"] == {
        "items": [
            {
                "wasOverridden": True,
                "oldValue": None,
                "isOverridden": False,
                "newValue": None,
                "changedBy": "user_root",
            },
            {
                "wasOverridden": True,
                "oldValue": 1000,
                "isOverridden": True,
                "newValue": None,
                "changedBy": "user_deputy",
            },
            {
                "wasOverridden": False,
                "oldValue": None,
                "isOverridden": True,
                "newValue": 1000,
                "changedBy": "user_root",
            },
        ],
        "nextCursor": None,
    }


async def test_the_history_comes_in_pages(root: Any) -> None:
    for value in range(1, 6):
        await put(root, PAGES, value)
    seen: list[int] = []
    cursor = None
    for size in (2, 2, 1):
        given = {"limit": "2"} if cursor is None else {"limit": "2", "cursor": cursor}
        history = (await root.get(PAGES, params=given)).json()["history"]
        assert len(history["items"]) == size
        seen += [change["newValue"] for change in history["items"]]
        cursor = history["nextCursor"]
    assert (seen, cursor) == ([5, 4, 3, 2, 1], None)
    assert (await root.get(QUOTA)).json()["history"]["items"] == [], "of this setting alone"


async def test_the_same_value_again_writes_nothing(administered: Any, root: Any) -> None:
    await put(root, DELAY, 90)
    assert (await root.get(DELAY)).json()["setting"]["value"] == "PT1M30S", "in one form"
    before = everything(administered)
    async with administered.client("user_deputy") as deputy:
        for same in (90, 90.0, "PT90S", "PT1M30S"):
            assert (await put(deputy, DELAY, same)).json()["updatedBy"] == "user_root"
        await deputy.delete(PAGES)
    store(administered, "api", "delay_between_calls", 90)  # as it was stored by hand once
    await put(root, DELAY, "PT90S")
    assert everything(administered)[1] == before[1]


@pytest.mark.parametrize(
    ("url", "value", "code"),
    [
        (PAGES, 0, "integer"),
        (PAGES, 10_001, "integer"),
        (PAGES, "7", "integer"),
        (PAGES, 7.0, "integer"),
        (PAGES, True, "integer"),
        (PAGES, None, "integer"),
        (PAGES, 10**30, "integer"),
        (DELAY, "soon", "duration"),
        (DELAY, "P31D", "duration"),
        (DELAY, -1, "duration"),
        (DELAY, True, "duration"),
        (DELAY, None, "duration"),
        (QUOTA, -1, "integer"),
        (QUOTA, 10**9 + 1, "integer"),
        (ADMINISTRATORS, None, "user_ids"),
        (ADMINISTRATORS, "user_root", "user_ids"),
        (ADMINISTRATORS, ["user_root", "org_acme"], "user_ids"),
        (ADMINISTRATORS, ["user_root", "user_\u0000"], "user_ids"),
        (ADMINISTRATORS, [f"user_{number}" for number in range(101)], "user_ids"),
    ],
)
async def test_a_value_that_a_setting_does_not_take_is_422(
    administered: Any, root: Any, url: str, value: Any, code: str
) -> None:
    before = everything(administered)
    answer = await put(root, url, value)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    _, _, _, _, category, key = url.split("/")
    takes = SETTING_KEYS[category, key].takes
    assert fault == {"pointer": "/value", "code": code, "message": f"must be {takes}"}
    assert everything(administered) == before


async def test_numbers_that_json_does_not_know_are_refused(administered: Any, root: Any) -> None:
    for text in (b"NaN", b"Infinity", b"-Infinity", b"1e400"):
        content = b'{"value": %s}' % text
        answer = await root.put(DELAY, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
    assert administered.count("setting_changes") == 0


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [({}, "/value", "missing"), ({"value": 7, "by": "me"}, "/by", "extra_forbidden"), ([7], "", "model_type")],
)
async def test_a_body_that_is_wrong_is_422(root: Any, body: Any, pointer: str, code: str) -> None:
    answer = await root.put(PAGES, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)


async def test_settings_that_do_not_go_together_are_refused(administered: Any, root: Any) -> None:
    assert (await put(root, DELAY, "PT59M")).status_code == 200
    answer = await put(root, f"{PATH}/timeouts/standard_job_timeout", "PT59M")
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/value", "together")
    assert "no job would reach its second page" in fault["message"]
    assert (await put(root, f"{PATH}/timeouts/standard_job_timeout", "PT2H")).status_code == 200
    assert (await put(root, DELAY, "PT90M")).status_code == 200
    before = everything(administered)
    answer = await root.delete(f"{PATH}/timeouts/standard_job_timeout")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert everything(administered) == before


async def test_administrators_name_others_but_none_removes_oneself(administered: Any, root: Any) -> None:
    assert (await put(root, ADMINISTRATORS, ["user_root", "user_new"])).status_code == 200
    async with administered.client("user_new") as new, administered.client("user_deputy") as deputy:
        assert (await new.get(PATH)).status_code == 200
        assert (await deputy.get(PATH)).status_code == 403
    before = everything(administered)
    for answer in (
        await put(root, ADMINISTRATORS, []),
        await put(root, ADMINISTRATORS, ["user_new"]),
        await root.delete(ADMINISTRATORS),
    ):
        assert answer.status_code == 409
        detail = "You cannot remove yourself from the administrators: another of them can."
        assert (answer.json()["type"], answer.json()["detail"]) == ("/problems/conflict", detail)
    assert everything(administered) == before


async def test_who_was_removed_a_moment_ago_does_not_come_back(administered: Any, root: Any) -> None:
    """This gateway has not heard of it yet."""
    await root.get(PATH)
    store(administered, "limits", "admin_user_ids", ["user_deputy"])
    before = everything(administered)
    answers = [await put(root, ADMINISTRATORS, ["user_root"]), await put(root, PAGES, 7), await root.delete(PAGES)]
    assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [(403, "/problems/forbidden")] * 3
    assert everything(administered) == before


async def test_two_who_remove_each_other_at_once_leave_one(administered: Any, root: Any) -> None:
    async with administered.client("user_deputy") as deputy:
        answers = await asyncio.gather(
            put(root, ADMINISTRATORS, ["user_root"]), put(deputy, ADMINISTRATORS, ["user_deputy"])
        )
    assert sorted(answer.status_code for answer in answers) == [200, 403]
    (row,) = administered.rows("select value from system_settings")
    assert row["value"] in (["user_root"], ["user_deputy"])


async def test_what_was_stored_by_hand_and_is_not_in_force_is_told_and_can_be_mended(
    administered: Any, root: Any
) -> None:
    """The last good settings stay in force meanwhile, so there still are administrators."""
    store(administered, "api", "max_api_calls", 0)
    store(administered, "mood", "music", "loud")
    items = (await root.get(PATH)).json()["items"]
    problems = {f"{one['category']}.{one['key']}": one["problem"] for one in items if one["problem"] is not None}
    assert problems == {
        "api.max_api_calls": "must be a whole number from 1 to 10000",
        "mood.music": "is not a known setting",
    }
    unknown = (await root.get(f"{PATH}/mood/music")).json()["setting"]
    assert (unknown["type"], unknown["value"], unknown["overridden"]) == (None, "loud", True)
    assert (await put(root, f"{PATH}/mood/music", "soft")).status_code == 404
    gone = await root.delete(f"{PATH}/mood/music")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await root.delete(f"{PATH}/mood/music")).status_code == 404
    assert (await put(root, PAGES, 7)).json()["problem"] is None
    assert administered.count("setting_changes") == 2


@pytest.mark.parametrize("place", ["no/such", "api/no", "API/max_api_calls", "api/max_api_calls%00", "%00/x", "x/y/z"])
async def test_what_is_no_setting_is_404(root: Any, place: str) -> None:
    answers = [
        await root.get(f"{PATH}/{place}"),
        await put(root, f"{PATH}/{place}", 1),
        await root.delete(f"{PATH}/{place}"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_parameters_are_read_strictly(root: Any) -> None:
    for query in ("limit=0", "cursor=x", "since=1", "limit=1&limit=2"):
        assert (await root.get(f"{PAGES}?{query}")).status_code == 422


@pytest.mark.parametrize(("method", "url"), ROUTES)
async def test_users_are_turned_away_whatever_they_ask(administered: Any, method: str, url: str) -> None:
    before = everything(administered)
    for user, org in (("user_ada", None), ("user_ada", "org_acme"), ("user_roo", None)):
        async with administered.client(user, org) as client:
            body = b"{" if method == "PUT" else None
            answer = await client.request(method, url, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 403
        document = answer.json()
        assert (document["type"], document["title"]) == ("/problems/forbidden", "This is for administrators")
        assert document["detail"] == FORBIDDEN
    assert everything(administered) == before


@pytest.mark.parametrize(("method", "url"), ROUTES)
async def test_strangers_and_who_acts_for_an_administrator_are_turned_away(
    administered: Any, method: str, url: str
) -> None:
    before = everything(administered)
    async with administered.stranger() as client:
        assert (await client.request(method, url)).status_code == 401
    async with administered.client("user_root", claims={"act": {"sub": "user_deputy"}}) as client:
        answer = await client.request(method, url)
    assert answer.status_code == 403
    assert answer.json()["type"] == f"/problems/{'forbidden' if method == 'GET' else 'impersonated'}"
    assert everything(administered) == before


async def test_without_administrators_nobody_is_one(gateway: Any, start_gateway: Any) -> None:
    fresh = start_gateway(gateway.database_url)
    async with fresh.client("user_root") as client:
        assert (await client.get(PATH)).status_code == 403
