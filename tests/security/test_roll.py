"""QStash's signing keys are rolled while jobs run, as in the runbook: roll, deploy, wait, roll again. Nothing is lost,
and the metrics say by which key deliveries came in, so that one knows when it is time."""

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.issuer.client import mint
from local.loopback import PLAIN_HTTP
from local.stack import QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY, QSTASH_TOKEN, SERVICES, Options, Stack

pytestmark = pytest.mark.timeout(180)

END_S = 90.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    services = tuple(each for each in SERVICES if each.name in ("gateway", "webhook", "tiktok"))
    with Stack.start(Options(folder=tmp_path_factory.mktemp("stack"), services=services)) as running:
        yield running


def roll(stack: Stack) -> dict[str, str]:
    """As a click in QStash's console; the keys as the webhook's environment has them after a deployment."""
    headers = {"Authorization": f"Bearer {QSTASH_TOKEN}"}
    answer = httpx.post(f"{stack.url('qstash')}/v2/keys/rotate", headers=headers, **PLAIN_HTTP).raise_for_status()
    keys = answer.json()
    return {"QSTASH_CURRENT_SIGNING_KEY": keys["current"], "QSTASH_NEXT_SIGNING_KEY": keys["next"]}


def ask(stack: Stack, method: str, path: str, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {mint(stack.issuer_url, 'user_ada')}"}
    answer = httpx.request(method, f"{stack.gateway_url}{path}", headers=headers, timeout=30, **PLAIN_HTTP, **more)
    return answer.raise_for_status().json()


def create(stack: Stack, keyword: str, target: int) -> str:
    body = {"keywords": [keyword], "targetResults": target}
    return ask(stack, "POST", "/api/scraping/tiktok", json=body)["jobId"]


def until(stack: Stack, job_id: str, found: int) -> dict[str, Any]:
    """Poll until so many are found, or it has ended."""
    ends_at = time.monotonic() + END_S
    while True:
        poll = ask(stack, "GET", f"/api/scraping/tiktok?jobId={job_id}")
        if poll["processedResults"] >= found or poll["status"] not in ("pending", "processing"):
            return poll
        assert time.monotonic() < ends_at, poll["status"]
        time.sleep(0.1)


def signatures(stack: Stack) -> dict[str, float]:
    text = httpx.get(f"{stack.url('webhook')}/metrics", **PLAIN_HTTP).text
    found = re.findall(r'^webhook_signatures_total\{key="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {key: float(value) for key, value in found}


def test_keys_are_rolled_twice_while_a_job_runs_and_nothing_is_lost(stack: Stack) -> None:
    job_id = create(stack, "vegan", 300)
    until(stack, job_id, 1)
    assert set(signatures(stack)) == {"current"}

    keys = roll(stack)
    assert keys["QSTASH_CURRENT_SIGNING_KEY"] == QSTASH_NEXT_SIGNING_KEY
    assert keys["QSTASH_NEXT_SIGNING_KEY"] not in (QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY)
    seen = until(stack, job_id, 1)["processedResults"]
    assert until(stack, job_id, seen + 40)["status"] in ("processing", "completed")
    assert signatures(stack).get("next", 0) > 0, "the metric says that it is time to deploy"

    other = create(stack, "ramen", 100)
    stack.supervisor.restart("webhook", environment=keys)  # killed in the middle of whatever it did
    seen = until(stack, other, 1)["processedResults"]
    until(stack, other, seen + 20)
    assert signatures(stack).get("current", 0) > 0, "the deployment has arrived"
    assert not set(signatures(stack)) - {"current", "next"}

    keys = roll(stack)
    third = create(stack, "cycling", 40)
    stack.supervisor.restart("webhook", environment=keys)
    for job, target in ((job_id, 300), (other, 100), (third, 40)):
        last = until(stack, job, 10**6)
        assert (last["status"], last["processedResults"]) == ("completed", target)
        handles = [one["creator"]["uniqueId"] for page in last["results"] for one in page["creators"]]
        assert len(set(handles)) == len(handles) == target
    assert not set(signatures(stack)) - {"current", "next"}


def test_who_rolls_twice_without_a_deployment_is_told_by_the_metrics_and_loses_nothing(stack: Stack) -> None:
    """Everything is refused then; QStash comes again, and after the deployment the job goes on."""
    roll(stack)
    keys = roll(stack)
    job_id = create(stack, "sourdough", 10)
    ends_at = time.monotonic() + END_S
    while not signatures(stack).get("wrong_key"):
        assert time.monotonic() < ends_at
        time.sleep(0.1)
    assert ask(stack, "GET", f"/api/scraping/tiktok?jobId={job_id}")["processedResults"] == 0
    stack.supervisor.restart("webhook", environment=keys)
    last = until(stack, job_id, 10**6)
    assert (last["status"], last["processedResults"]) == ("completed", 10)
