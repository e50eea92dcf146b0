"""A worker's listener: three pages, under whatever verb, for whoever asks; nothing else."""

import httpx
import pytest

from common.metric.process import Metrics
from common.worker.health import HealthServer, health_app

pytestmark = [pytest.mark.security, pytest.mark.anyio]

PUBLIC = {"/livez", "/readyz", "/metrics"}
ODD = ("/", "/schema", "/docs", "/livez/", "/livez/x", "/METRICS", "/metrics/..", "/api/qstash/sweep", "/debug", "/%00")


async def ready() -> bool:
    return True


async def test_three_pages_and_no_other() -> None:
    transport = httpx.ASGITransport(health_app(ready, Metrics("tests").render))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answered = {path: (await client.get(path)).status_code for path in (*PUBLIC, *ODD)}
        assert {path for path, status in answered.items() if status == 200} == PUBLIC
        assert {status for path, status in answered.items() if path not in PUBLIC} == {404}
        assert (await client.get("/canary7391")).text == "not found"
        assert "canary7391" not in (await client.get("/metrics")).text


def test_it_believes_nobody_about_where_requests_come_from() -> None:
    """By default uvicorn believes X-Forwarded-For of whoever asks from this machine."""
    config = HealthServer(host="127.0.0.1", port=1, is_ready=ready, show=bytes).config
    assert (config.proxy_headers, config.server_header, config.access_log) == (False, False, False)
