"""What probes, Prometheus and browsers of other origins are answered, and what every answer carries."""

import asyncio
from typing import Any

import pytest

from local.child import wait_until

pytestmark = pytest.mark.server

OURS = "http://localhost:3000"


async def test_a_gateway_with_all_its_parts_is_ready(gateway: Any) -> None:
    async with gateway.stranger() as client:
        for path in ("/livez", "/readyz"):
            answer = await client.get(path)
            assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_every_answer_carries_an_id_of_ours_and_the_headers_of_safety(gateway: Any) -> None:
    async with gateway.client() as client:
        answers = [
            await client.get(path, headers={"X-Request-Id": "theirs"})
            for path in ("/livez", "/metrics", "/api/v1/campaigns", "/nowhere", "/api/v1/jobs/x")
        ]
        answers.append(await client.post("/api/v1/campaigns", content=b"{"))
        answers.append(await client.options("/api/v1/campaigns"))
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == len(answers)
    assert "theirs" not in ids
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "server" not in answer.headers
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["instance"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
        ("GET", "/api/v1", 404, "not-found"),
        ("GET", "/api/scraping/tiktok/extra", 404, "not-found"),
        ("DELETE", "/api/v1/campaigns", 405, "method-not-allowed"),
        ("PUT", "/api/scraping/tiktok", 405, "method-not-allowed"),
        ("HEAD", "/livez", 405, "method-not-allowed"),
        ("PROPFIND", "/livez", 405, "method-not-allowed"),
    ],
)
async def test_what_finds_no_route_is_a_problem_too(
    gateway: Any, method: str, path: str, status: int, kind: str
) -> None:
    async with gateway.client() as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    if method != "HEAD":
        assert answer.json()["type"] == f"/problems/{kind}"
    if status == 405:
        assert answer.headers["Allow"]


async def test_a_request_is_one_line_in_the_log_without_its_query_body_or_token(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post("/api/v1/campaigns?token=canaryquery", json={"name": "canarybody"})
        token = client.headers["Authorization"].split()[1]
    request_id = answer.headers["X-Request-Id"]

    def own_lines() -> list[dict[str, Any]]:
        return [line for line in gateway.log_lines() if line.get("request_id") == request_id]

    # It is written after the answer.
    assert await asyncio.to_thread(wait_until, lambda: bool(own_lines()), 10)
    (line,) = own_lines()
    assert line.pop("ms") > 0
    line.pop("timestamp")
    assert line == {
        "event": "request.handled",
        "level": "info",
        "method": "POST",
        "route": "/api/v1/campaigns",
        "status": 201,
        "bytes": len(answer.content),
        "user": "user_ada",
        "owner": "user:user_ada",
        "request_id": answer.headers["X-Request-Id"],
    }
    log = gateway.child.log.read_text()
    assert not any(secret in log for secret in ("canaryquery", "canarybody", token, token.split(".")[2]))


async def test_metrics_count_routes_and_never_paths(gateway: Any) -> None:
    async with gateway.client() as client:
        await client.get("/api/v1/campaigns/canarypath")
        await client.get("/canarynowhere")
        await client.request("PROPFIND", "/livez")
        answer = await client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = answer.text
    assert "canary" not in text.lower()
    assert 'gateway_requests_total{method="GET",route="/api/v1/campaigns/{campaign_id}",status_class="4xx"}' in text
    assert 'gateway_requests_total{method="GET",route="unmatched",status_class="4xx"}' in text
    assert 'method="other"' in text
    assert "gateway_request_seconds_bucket" in text


async def test_our_frontends_may_ask_from_their_origin(gateway: Any) -> None:
    asked = {
        "Origin": OURS,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    async with gateway.stranger() as client:
        preflight = await client.options("/api/scraping/tiktok", headers=asked)
        refused = await client.get("/api/v1/campaigns", headers={"Origin": "https://app.example.com"})
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == OURS
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE"
    allowed = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID"
    assert preflight.headers["Access-Control-Allow-Headers"] == allowed
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    assert refused.status_code == 401, "also an error can be read by our frontend"
    assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    exposed = {name.strip() for name in refused.headers["Access-Control-Expose-Headers"].split(",")}
    assert exposed == {
        *("Location", "Retry-After", "ETag", "X-Request-Id", "RateLimit", "RateLimit-Policy"),
        *("Content-Disposition", "Idempotency-Replayed"),
    }
    assert "Origin" in refused.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:3000.evil.example", "http://localhost", "HTTP://LOCALHOST:3000"],
)
async def test_other_origins_may_not(gateway: Any, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with gateway.client() as client:
        answers = [
            await client.options("/api/scraping/tiktok", headers=asked),
            await client.get("/api/v1/campaigns", headers={"Origin": origin}),
        ]
    for answer in answers:
        assert not any(name.startswith("access-control-allow") for name in answer.headers)
