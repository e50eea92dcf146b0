"""The webhook's doors: three that want a signature, three that anybody may look through, and no other."""

import json
import re
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from webhook.app import create_app

pytestmark = [pytest.mark.server, pytest.mark.security, pytest.mark.anyio]

PUBLIC = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics")}
SIGNED = {
    ("POST", "/api/qstash/process-scraping"),
    ("POST", "/api/qstash/job-failed"),
    ("POST", "/api/qstash/sweep"),
}
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ODD = (
    "/",
    "/api",
    "/schema",
    "/docs",
    "/openapi.json",
    "/api/qstash",
    "/api/qstash/",
    "/api/qstash/process-scraping/x",
    "/api/qstash/process-scraping/..",
    "/api/qstash/%2e%2e/livez",
    "//api/qstash/sweep",
    "/API/QSTASH/SWEEP",
    "/livez/../api/qstash/sweep",
    "/livez/x",
    "/metrics/x",
    "/x%0d%0aX-Injected:1",
    "/%00",
)


def routes(site: Any) -> set[tuple[str, str]]:
    app = create_app(site.webhook)._app  # type: ignore[attr-defined]
    assert isinstance(app, Litestar)
    assert all(isinstance(route, HTTPRoute) for route in app.routes)
    return {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS"}
    }


async def test_these_are_all_routes(site: Any) -> None:
    assert routes(site) == PUBLIC | SIGNED


async def test_without_a_signature_only_the_public_ones_answer(site: Any) -> None:
    for method, path in sorted(PUBLIC):
        assert (await site.http.request(method, path)).status_code == 200
    before = await site.query("select count(*) as n from qstash_deliveries")
    for method, path in sorted(SIGNED):
        bodies: set[str] = set()
        for body, headers in (
            (b"", {}),
            (b"{}", {}),
            (b"\xff", {"Upstash-Signature": "x"}),
            (b"[" * 30_000, {"Upstash-Signature": "a.b.c"}),
            (b"{}", {"Authorization": "Bearer x", "Cookie": "upstash-signature=a.b.c"}),
        ):
            answer = await site.http.request(method, path, content=body, headers=headers)
            assert answer.status_code == 401
            bodies.add(answer.text.replace(answer.headers["X-Request-Id"], ""))
        assert len(bodies) == 1, "no word of why"
    assert await site.query("select count(*) as n from qstash_deliveries") == before
    assert await site.stream_count() == 0


async def test_nothing_else_is_there_under_any_verb(site: Any) -> None:
    for path in ODD:
        for verb in VERBS:
            answer = await site.http.request(verb, "/", extensions={"target": path.encode()})
            assert answer.status_code in (401, 404, 405) or (verb == "OPTIONS" and answer.status_code == 204), path
            assert "x-injected" not in answer.headers
    for _, path in PUBLIC | SIGNED:
        for verb in VERBS:
            if (verb, path) not in PUBLIC | SIGNED and verb != "OPTIONS":
                assert (await site.http.request(verb, path)).status_code == 405


async def test_every_answer_carries_the_headers_of_safety(site: Any) -> None:
    for path in ("/livez", "/metrics", "/nowhere", *(path for _, path in SIGNED)):
        answer = await site.http.post(path, content=b"{}")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "server" not in answer.headers


async def test_metrics_name_nobody_and_no_address(site: Any) -> None:
    [step] = await site.new_job(owner="user:user_canary7391")
    message = {"jobId": str(step.job_id), "searchId": str(step.search_id), "step": step.step, "generation": 0}
    await site.deliver(message)
    await site.post("/api/qstash/process-scraping", json.dumps(message).encode(), "x")
    await site.http.post("/canary7391")
    text = (await site.http.get("/metrics")).text
    assert "webhook_deliveries_total" in text
    assert "canary7391" not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|user_|org_", text)
