"""Whatever is sent, the answer is a problem that names the field; nothing is stored, nothing published, never a 500."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.server

PATH = "/api/scraping/tiktok"
JSON = {"Content-Type": "application/json"}


def job(**given: Any) -> bytes:
    return json.dumps({"keywords": ["vegan"], **given}).encode()


BAD_FIELDS: list[tuple[str, bytes, str]] = [
    ("nothing", b"{}", "/keywords"),
    ("no keywords", job(keywords=None), "/keywords"),
    ("an empty list of keywords", job(keywords=[]), "/keywords"),
    ("an empty keyword", job(keywords=["a", ""]), "/keywords/1"),
    ("a blank keyword", job(keywords=["a", "b", "c", " \u00a0 "]), "/keywords/3"),
    ("an invisible keyword", job(keywords=["\u200b"]), "/keywords/0"),
    ("a keyword that is only hashes", job(keywords=["##"]), "/keywords/0"),
    ("21 keywords", job(keywords=[f"k{n}" for n in range(21)]), "/keywords"),
    ("101 characters", job(keywords=["x" * 101]), "/keywords/0"),
    ("60,000 characters", job(keywords=["x" * 60_000]), "/keywords/0"),
    ("30,000 combining marks", job(keywords=["a" + "\u0301\u0327" * 4000]), "/keywords/0"),
    ("NUL", job(keywords=["a\u0000b"]), "/keywords/0"),
    ("a line break", job(keywords=["a\nb"]), "/keywords/0"),
    ("an escape", job(keywords=["a\u001b[31m"]), "/keywords/0"),
    ("a C1 control", job(keywords=["a\u0085"]), "/keywords/0"),
    ("a keyword that is a number", job(keywords=[1]), "/keywords/0"),
    ("keywords as one text", job(keywords="vegan"), "/keywords"),
    ("keywords as an object", job(keywords={"0": "vegan"}), "/keywords"),
    ("both ways to search", job(targetUsername="jane"), "/targetUsername"),
    ("an empty name", job(keywords=None, targetUsername=""), "/targetUsername"),
    ("a name of blanks", job(keywords=None, targetUsername=" @ "), "/targetUsername"),
    ("a name with a sign in it", job(keywords=None, targetUsername="jane!doe"), "/targetUsername"),
    ("a name with NUL", job(keywords=None, targetUsername="jane\u0000"), "/targetUsername"),
    ("a name of 102 characters", job(keywords=None, targetUsername="j" * 102), "/targetUsername"),
    ("a name of 301 characters", job(keywords=None, targetUsername="j" * 301), "/targetUsername"),
    ("another platform's page", job(keywords=None, targetUsername="https://example.com/@jane"), "/targetUsername"),
    ("a page of no account", job(keywords=None, targetUsername="tiktok.com/tag/soup"), "/targetUsername"),
    ("a keyword of stops", job(keywords=["a", "!!!"]), "/keywords/1"),
    ("one hash", job(keywords=["#"]), "/keywords/0"),
    ("dots", job(keywords=["..."]), "/keywords/0"),
    ("a dash", job(keywords=["\u2014"]), "/keywords/0"),
    ("a letter that nobody sees", job(keywords=["\u3164"]), "/keywords/0"),
    ("a hashtag of stops", job(keywords=["#!?"]), "/keywords/0"),
    ("a hashtag of two words", job(keywords=["a", "#vegan food"]), "/keywords/1"),
    ("a hashtag with a comma", job(keywords=["#vegan,food"]), "/keywords/0"),
    ("two hashtags", job(keywords=["#vegan#food"]), "/keywords/0"),
    ("two hashes", job(keywords=["##vegan"]), "/keywords/0"),
    ("no results", job(targetResults=0), "/targetResults"),
    ("minus one", job(targetResults=-1), "/targetResults"),
    ("10001", job(targetResults=10_001), "/targetResults"),
    ("ten", job(targetResults="ten"), "/targetResults"),
    ("a number as text", job(targetResults="100"), "/targetResults"),
    ("true", job(targetResults=True), "/targetResults"),
    ("a float", job(targetResults=1.0), "/targetResults"),
    ("null", job(targetResults=None), "/targetResults"),
    ("a number of 30 digits", job(targetResults=10**30), "/targetResults"),
    ("a number of 4,000 digits", b'{"keywords":["a"],"targetResults":' + b"9" * 4000 + b"}", "/targetResults"),
    ("1e400", b'{"keywords":["a"],"targetResults":1e400}', "/targetResults"),
    ("NaN", b'{"keywords":["a"],"targetResults":NaN}', "/targetResults"),
    ("a campaign that is no UUID", job(campaignId="mine"), "/campaignId"),
    ("a campaign that is a number", job(campaignId=7), "/campaignId"),
    ("a campaign that does not exist", job(campaignId="01900000-0000-7000-8000-000000000000"), "/campaignId"),
    ("filters as a list", job(filters=[]), "/filters"),
    ("filters as a text", job(filters="none"), "/filters"),
    ("an unknown filter", job(filters={"minFollowers": 1}), "/filters/minFollowers"),
    ("our name for a filter", job(filters={"followers_min": 1}), "/filters/followers_min"),
    ("followersMin below 0", job(filters={"followersMin": -1}), "/filters/followersMin"),
    ("followersMin as text", job(filters={"followersMin": "10"}), "/filters/followersMin"),
    ("followersMin as a float", job(filters={"followersMin": 1.5}), "/filters/followersMin"),
    ("followersMax beyond 10^10", job(filters={"followersMax": 10**10 + 1}), "/filters/followersMax"),
    ("most below least", job(filters={"followersMax": 4, "followersMin": 5}), "/filters/followersMax"),
    ("hasEmail as text", job(filters={"hasEmail": "true"}), "/filters/hasEmail"),
    ("hasEmail as a number", job(filters={"hasEmail": 1}), "/filters/hasEmail"),
    ("verified as a list", job(filters={"verified": [True]}), "/filters/verified"),
    ("no languages", job(filters={"languages": []}), "/filters/languages"),
    ("a language alone", job(filters={"languages": "en"}), "/filters/languages"),
    ("a language's name", job(filters={"languages": ["de", "English"]}), "/filters/languages/1"),
    ("21 languages", job(filters={"languages": ["en"] * 21}), "/filters/languages"),
    ("no countries", job(filters={"countries": []}), "/filters/countries"),
    ("a country of three letters", job(filters={"countries": ["DE", "AT", "USA"]}), "/filters/countries/2"),
    ("51 countries", job(filters={"countries": ["DE"] * 51}), "/filters/countries"),
    ("zero days", job(filters={"postedWithinDays": 0}), "/filters/postedWithinDays"),
    ("3651 days", job(filters={"postedWithinDays": 3651}), "/filters/postedWithinDays"),
    ("no handles", job(filters={"excludeHandles": []}), "/filters/excludeHandles"),
    ("1001 handles", job(filters={"excludeHandles": ["h"] * 1001}), "/filters/excludeHandles"),
    ("a handle that is none", job(filters={"excludeHandles": ["@ok", "n!"]}), "/filters/excludeHandles/1"),
    ("a handle of blanks", job(filters={"excludeHandles": [" "]}), "/filters/excludeHandles/0"),
    ("a handle of 301", job(filters={"excludeHandles": ["h" * 301]}), "/filters/excludeHandles/0"),
    ("no campaigns", job(filters={"excludeCampaigns": []}), "/filters/excludeCampaigns"),
    ("a campaign's name", job(filters={"excludeCampaigns": ["mine"]}), "/filters/excludeCampaigns/0"),
    (
        "51 campaigns",
        job(filters={"excludeCampaigns": ["01900000-0000-7000-8000-000000000000"] * 51}),
        "/filters/excludeCampaigns",
    ),
    (
        "an unknown campaign left out",
        job(filters={"excludeCampaigns": ["01900000-0000-7000-8000-000000000000"]}),
        "/filters/excludeCampaigns/0",
    ),
    ("unknown maybe", job(filters={"unknown": "maybe"}), "/filters/unknown"),
    ("unknown null", job(filters={"unknown": None}), "/filters/unknown"),
    ("a region of three letters", job(region="DEU"), "/region"),
    ("a region that is a number", job(region=49), "/region"),
    ("an unknown field", job(userId="user_eve"), "/userId"),
    ("our name for a field", job(target_results=5), "/target_results"),
    ("an unknown field with odd signs", job(**{"a/b~c": 1}), "/a~1b~0c"),
    ("a list", b"[]", ""),
    ("a number", b"1", ""),
    ("null for all", b"null", ""),
]

UNREADABLE: list[tuple[str, bytes]] = [
    ("nothing at all", b""),
    ("half a document", b'{"keywords": ["a"'),
    ("invalid UTF-8", b'{"keywords": ["\xff\xfe"]}'),
    ("invalid UTF-8 around it", b"\xff{}"),
    ("a lone surrogate", b'{"keywords": ["\\ud800"]}'),
    ("a byte order mark", b"\xef\xbb\xbf" + job()),
    ("UTF-16", job().decode().encode("utf-16")),
    ("30,000 nested brackets", b"[" * 30_000),
    ("nested brackets that are closed", b"[" * 30_000 + b"]" * 30_000),
    ("a number of 5,000 digits", b'{"keywords":["a"],"targetResults":' + b"9" * 5000 + b"}"),
    ("a comment", b'{"keywords": ["a"]} // x'),
    ("two documents", job() + job()),
]


async def check_untouched(gateway: Any) -> None:
    assert gateway.count("jobs") == gateway.count("searches") == gateway.count("campaigns") == 0
    assert gateway.qstash.published == []


@pytest.mark.parametrize(("_", "body", "pointer"), BAD_FIELDS, ids=[name for name, _, _ in BAD_FIELDS])
async def test_a_bad_field_is_named(gateway: Any, _: str, body: bytes, pointer: str) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, content=body, headers=JSON)
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "/problems/validation"
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert all(error["message"] and error["code"] for error in problem["errors"])
    assert problem["error"] == problem["detail"]
    assert problem["instance"] == answer.headers["X-Request-Id"]
    await check_untouched(gateway)


@pytest.mark.parametrize(("_", "body"), UNREADABLE, ids=[name for name, _ in UNREADABLE])
async def test_what_is_no_json_is_said_to_be_none(gateway: Any, _: str, body: bytes) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/malformed"
    await check_untouched(gateway)


@pytest.mark.parametrize("size", [64 * 1024 + 1, 90_000, 1_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_large_body_is_refused_with_413(gateway: Any, size: int, is_chunked: bool) -> None:
    async def chunks() -> Any:
        for start in range(0, size, 10_000):
            yield b"[" * min(10_000, size - start)

    async with gateway.client() as client:
        answer = await client.post(PATH, content=chunks() if is_chunked else b"[" * size, headers=JSON)
    assert answer.status_code == 413
    assert answer.json()["type"] == "/problems/too-large"
    await check_untouched(gateway)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/msgpack"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": ""},
        {},
    ],
)
async def test_a_body_that_does_not_say_that_it_is_json_is_415(gateway: Any, headers: dict[str, str]) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, content=job(), headers=headers)
    assert answer.status_code == 415
    assert answer.json()["type"] == "/problems/unsupported-media-type"
    await check_untouched(gateway)


async def test_json_may_name_its_charset(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, content=job(), headers={"Content-Type": "Application/JSON; charset=UTF-8"})
    assert answer.status_code == 200


@pytest.mark.parametrize("header", [None, "expired"])
async def test_without_a_good_token_nothing_of_the_body_is_looked_at(gateway: Any, header: str | None) -> None:
    headers = {"Authorization": f"Bearer {gateway.token(expires_in=-60)}"} if header else {}
    async with gateway.stranger(headers) as client:
        for body in (job(), b"\xff", b"[" * 90_000):
            answer = await client.post(PATH, content=body, headers=JSON)
            assert answer.status_code == 401
    await check_untouched(gateway)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("", 422), ("  ", 422), ("a\u0000", 422), ("x" * 201, 422), (5, 422), (None, 422), ("x" * 200, 201)],
)
async def test_the_name_of_a_campaign_is_1_to_200_characters(gateway: Any, name: Any, expected: int) -> None:
    async with gateway.client() as client:
        answer = await client.post("/api/v1/campaigns", json={"name": name})
    assert answer.status_code == expected
    if expected == 422:
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/name"]
        assert "error" not in answer.json(), "the old key is for the old routes"


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/api/v1/campaigns?limit=0", "/limit"),
        ("/api/v1/campaigns?limit=-1", "/limit"),
        ("/api/v1/campaigns?limit=ten", "/limit"),
        ("/api/v1/campaigns?limit=1.0", "/limit"),
        ("/api/v1/campaigns?limit=%D9%A1", "/limit"),
        ("/api/v1/campaigns?limit=99999999999999999999999", "/limit"),
        ("/api/v1/campaigns?limit=1&limit=1", "/limit"),
        ("/api/v1/campaigns?Limit=1", "/Limit"),
        ("/api/v1/campaigns?cursor=x", "/cursor"),
        ("/api/v1/campaigns?cursor=%00%FF", "/cursor"),
        ("/api/v1/campaigns?cursor=" + "A" * 5000, "/cursor"),
        ("/api/scraping/tiktok", "/jobId"),
        ("/api/scraping/tiktok?jobId=", "/jobId"),
        ("/api/scraping/tiktok?jobId=1", "/jobId"),
        ("/api/scraping/tiktok?jobId=1&jobId=2", "/jobId"),
        ("/api/scraping/tiktok?jobId=%00", "/jobId"),
        ("/api/scraping/tiktok?jobId={01900000-0000-7000-8000-000000000000}", "/jobId"),
        ("/api/scraping/tiktok?jobid=01900000-0000-7000-8000-000000000000", "/jobId"),
    ],
)
async def test_a_bad_parameter_is_named(gateway: Any, path: str, pointer: str) -> None:
    async with gateway.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=ten", "/limit"),
        ("sort=newest", "/sort"),
        ("sort=", "/sort"),
        ("cursor=x", "/cursor"),
        ("cursor=AAAAAAAAAAAAAAAAAA", "/cursor"),
        ("cursor=" + "A" * 5000, "/cursor"),
        ("followersMin=ten", "/followersMin"),
        ("followersMin=-1", "/followersMin"),
        ("followersMin=1.5", "/followersMin"),
        ("followersMin=%D9%A1", "/followersMin"),
        ("followersMin=" + "9" * 5000, "/followersMin"),
        ("followersMax=10000000001", "/followersMax"),
        ("followersMin=5&followersMax=4", "/followersMax"),
        ("hasEmail=yes", "/hasEmail"),
        ("verified=", "/verified"),
        ("languages=en,x", "/languages/1"),
        ("languages=en,", "/languages/1"),
        ("countries=DE&countries=GB", "/countries"),
        ("countries=GB,DEU", "/countries/1"),
        ("countries=" + ",".join(["DE"] * 51), "/countries"),
        ("postedWithinDays=0", "/postedWithinDays"),
        ("postedWithinDays=3651", "/postedWithinDays"),
        ("unknown=maybe", "/unknown"),
        ("excludeHandles=mira", "/excludeHandles"),
        ("followersmin=5", "/followersmin"),
        ("limit=1&limit=2", "/limit"),
        ("fields=", "/fields/0"),
        ("fields=seq,creator.account.fans", "/fields/1"),
        ("fields=creator.account.native.secUid", "/fields/0"),
        ("fields=seq.", "/fields/0"),
        ("fields=" + ",".join(["seq"] * 51), "/fields"),
    ],
)
async def test_a_bad_parameter_of_results_is_named(gateway: Any, query: str, pointer: str) -> None:
    async with gateway.client() as client:
        job_id = (await client.post(PATH, content=job(), headers=JSON)).json()["jobId"]
        answer = await client.get(f"/api/v1/jobs/{job_id}/results?{query}")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_no_answer_repeats_what_was_sent(gateway: Any) -> None:
    canary = "canary7391"
    async with gateway.client() as client:
        answers = [
            await client.post(PATH, json={"keywords": [canary + "\u0000"], "region": canary, "campaignId": canary}),
            await client.post(PATH, content=f'{{"{canary}'.encode(), headers=JSON),
            await client.get(f"/api/scraping/tiktok?jobId={canary}"),
            await client.get(f"/api/scraping/{canary}?jobId=1"),
            await client.get(f"/api/v1/jobs/{canary}"),
            await client.get(f"/api/v1/usage?groupBy={canary}"),
            await client.get(f"/api/v1/usage?limit=1&from={canary}"),
            await client.get(f"/api/v1/jobs/{uuid4()}/results?fields={canary}"),
            await client.get(f"/api/v1/jobs/{uuid4()}/results?languages={canary}"),
            await client.get(f"/api/v1/jobs/{uuid4()}/calls?kind={canary}"),
            await client.post(PATH, json={"targetUsername": f"https://{canary}.example.com/x"}),
            await client.post(PATH, json={"keywords": [f"#{canary} x"], "filters": {"languages": [canary]}}),
            await client.post(PATH, json={"keywords": ["a"], "filters": {"excludeHandles": [f"{canary}!"]}}),
            await client.get(f"/{canary}"),
            await client.post(PATH, content=b"{}", headers={"Content-Type": canary}),
        ]
    assert all(400 <= answer.status_code < 500 and canary not in answer.text for answer in answers)
    assert all(canary not in json.dumps(line) for line in gateway.log_lines())


async def test_the_old_frontend_is_told_the_first_fault_in_words(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, json={"keywords": ["a", ""], "targetResults": 0})
    assert answer.json()["error"] == "keywords/1 must not be empty (and 1 more)"


@pytest.mark.parametrize("name", ["keywords", "ke\\u0079words"])
async def test_a_field_that_is_given_twice_is_refused(gateway: Any, name: str) -> None:
    """Where two readers of one text could understand two things, nothing is done."""
    async with gateway.client() as client:
        answer = await client.post(PATH, content=f'{{"keywords":["a"],"{name}":["b"]}}'.encode(), headers=JSON)
        within = await client.post(
            PATH, content=b'{"keywords":["a"],"filters":{"verified":true,"verified":false}}', headers=JSON
        )
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")
    assert (within.status_code, within.json()["type"]) == (400, "/problems/malformed")
    assert gateway.count("jobs") == 0


async def test_many_faults_are_cut_off(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, json={f"k{number}": 1 for number in range(4000)})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
bodies = st.one_of(
    st.binary(max_size=200),
    values.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {},
        optional={
            "keywords": values | st.lists(st.text(max_size=120), max_size=22),
            "targetUsername": values,
            "targetResults": values,
            "campaignId": values,
            "region": values,
            "filters": values,
        },
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies)
async def test_no_body_makes_it_fail(gateway: Any, body: bytes) -> None:
    async with gateway.client() as client:
        answer = await client.post(PATH, content=body, headers=JSON)
    assert answer.status_code in (200, 400, 422)
