"""An owner may ask so often a minute; what is left is said with every answer."""

import asyncio
import json
import re
from typing import Any

import httpx
import psycopg
import pytest

from common.domain.setting import LimitSettings, SystemSettings
from gateway.auth.principal import Principal
from gateway.limit import RequestLimit, limit_headers
from gateway.problem import Kind, ProblemError

JOBS = "/api/scraping/tiktok"
POLICY = re.compile(r'"requests";q=([0-9]+);w=60')
STATE = re.compile(r'"requests";r=([0-9]+);t=([0-9]+)')


class Hands:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def principal(user: str = "user_ada", org: str | None = None) -> Principal:
    return Principal(user_id=user, session_id="sess_1", org_id=org, actor=None, expires_at=0)


def limited(quota: int | None, hands: Hands) -> RequestLimit:
    settings = SystemSettings(limits=LimitSettings(requests_per_owner_per_minute=quota))
    return RequestLimit(lambda: settings, hands)


def ask(limit: RequestLimit, who: Principal) -> dict[str, str]:
    """The headers of an admitted request's answer. Raises ProblemError."""
    scope: Any = {"state": {}}
    limit.admit(scope, who)
    return {name.decode(): value.decode() for name, value in limit_headers(scope)}


def test_each_request_takes_one_until_none_is_left_and_a_new_minute_brings_all_back() -> None:
    hands = Hands()
    limit = limited(2, hands)
    assert ask(limit, principal()) == {
        "ratelimit-policy": '"requests";q=2;w=60',
        "ratelimit": '"requests";r=1;t=60',
    }
    hands.seconds += 10.5
    assert ask(limit, principal())["ratelimit"] == '"requests";r=0;t=50'
    with pytest.raises(ProblemError) as refused:
        ask(limit, principal())
    assert refused.value.problem.kind is Kind.RATE_LIMITED
    assert refused.value.problem.headers == {"Retry-After": "50"}
    hands.seconds += 49.4
    with pytest.raises(ProblemError) as refused:
        ask(limit, principal())
    assert refused.value.problem.headers == {"Retry-After": "1"}, "never earlier than it is worth while"
    hands.seconds += 0.1
    assert ask(limit, principal())["ratelimit"] == '"requests";r=1;t=60'


def test_it_is_counted_by_owner_whoever_of_an_organisation_asks() -> None:
    limit = limited(2, Hands())
    for user in ("user_ada", "user_bob"):
        ask(limit, principal(user, "org_acme"))
    for user in ("user_ada", "user_bob"):
        with pytest.raises(ProblemError):
            ask(limit, principal(user, "org_acme"))
        assert ask(limit, principal(user))["ratelimit"] == '"requests";r=1;t=60', "alone they are other owners"


def test_without_a_limit_nothing_is_said_of_it() -> None:
    limit = limited(None, Hands())
    assert [ask(limit, principal()) for _ in range(3)] == [{}, {}, {}]


def standing(answer: httpx.Response) -> tuple[int, int]:
    """What is left, of what."""
    policy, state = POLICY.match(answer.headers["RateLimit-Policy"]), STATE.match(answer.headers["RateLimit"])
    assert policy
    assert state
    assert 1 <= int(state[2]) <= 60
    return int(state[1]), int(policy[1])


def give(gateway: Any, **limits: int | None) -> None:
    """Settings as an operator stores them."""
    with psycopg.connect(gateway.database_url) as connection:
        for key, value in limits.items():
            connection.execute(
                "insert into system_settings (category, key, value) values ('limits', %s, %s::jsonb)",
                [key, json.dumps(value)],
            )


async def until_quota(client: httpx.AsyncClient, quota: int) -> None:
    """Settings are kept for some seconds."""
    for _ in range(100):
        answer = await client.get("/api/v1/campaigns")
        if f"q={quota};w=60" in answer.headers.get("RateLimit-Policy", ""):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the setting never came into force")


@pytest.fixture
async def plain(gateway: Any) -> Any:
    """A gateway in which the default is in force."""
    async with gateway.client("user_waits") as client:
        await until_quota(client, 3000)
    return gateway


@pytest.mark.server
async def test_every_answer_to_who_is_known_says_what_is_left(plain: Any) -> None:
    async with plain.client("user_counts") as client:
        answers = [
            await client.get("/api/v1/campaigns"),
            await client.get("/api/v1/campaigns/none"),
            await client.post(JOBS, json={"keywords": []}),
            await client.post(JOBS, content=b"x", headers={"Content-Type": "text/plain"}),
            await client.delete("/api/v1/campaigns", headers={"Content-Type": "text/plain"}),
        ]
    assert [answer.status_code for answer in answers] == [200, 404, 422, 415, 405]
    lefts = [standing(answer) for answer in answers[:4]]
    assert [left for left, _ in lefts] == list(range(lefts[0][0], lefts[0][0] - 4, -1))
    assert {quota for _, quota in lefts} == {3000}
    async with plain.client("user_counts", claims={"act": {"sub": "user_boss"}}) as client:
        refused = await client.post(JOBS, json={"keywords": ["a"]})
    assert (refused.status_code, standing(refused)[1]) == (403, 3000)


@pytest.mark.server
async def test_who_is_not_known_is_not_counted_and_health_is_never_limited(plain: Any) -> None:
    async with plain.stranger() as client:
        answers = [await client.get(path) for path in ("/livez", "/readyz", "/metrics", "/api/v1/campaigns", "/none")]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 401, 404]
    assert not any("RateLimit" in answer.headers or "RateLimit-Policy" in answer.headers for answer in answers)


@pytest.mark.server
async def test_an_owner_over_the_limit_waits_and_nobody_else(plain: Any) -> None:
    give(plain, requests_per_owner_per_minute=3)
    async with plain.client("user_waits") as client:
        await until_quota(client, 3)
    async with plain.client("user_many") as client:
        answers = [await client.get("/api/v1/campaigns") for _ in range(8)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        created = await client.post(JOBS, json={"keywords": ["a"], "targetResults": 1})
    assert {answer.status_code for answer in answers} == {200, 429}
    assert standing(refused) == (0, 3)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/rate-limited"
    assert created.status_code == 429
    assert created.json()["error"], "the old routes say so in their old way, too"
    assert plain.count("jobs") == 0
    async with plain.client("user_other") as client:
        assert (await client.get("/api/v1/campaigns")).status_code == 200


@pytest.mark.server
async def test_a_creation_says_what_is_left_of_the_days_credits(plain: Any) -> None:
    async with plain.client() as client:
        free = await client.post(JOBS, json={"keywords": ["a"], "targetResults": 1})
    assert free.status_code == 200
    assert "credits" not in free.headers["RateLimit-Policy"], "nothing is said of a limit that is not set"
    day = plain.rows("select credits_granted from owner_days")[0]["credits_granted"]
    give(plain, credits_per_owner_per_day=day * 2 + 1, requests_per_owner_per_minute=2999)
    async with plain.client("user_waits") as client:
        await until_quota(client, 2999)
    async with plain.client() as client:
        created = await client.post(JOBS, json={"keywords": ["a"], "targetResults": 1})
        refused = await client.post(JOBS, json={"keywords": ["a"], "targetResults": 1})
    assert (created.status_code, refused.status_code) == (200, 429)
    for answer in (created, refused):
        assert answer.headers["RateLimit-Policy"] == f'"requests";q=2999;w=60, "credits";q={day * 2 + 1};w=86400'
        state = re.fullmatch(r'"requests";r=[0-9]+;t=[0-9]+, "credits";r=1;t=([0-9]+)', answer.headers["RateLimit"])
        assert state
        assert 1 <= int(state[1]) <= 86_400
    assert refused.json()["type"] == "/problems/quota-exceeded"
