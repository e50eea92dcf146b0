"""A whole stack lives through good and bad days, and then nothing of people and no secret is where it must not be.

Looked through: all logs at their most talkative, every service's metrics, every span, every answer that is a problem,
what JetStream stored, every column of the database. Looked for: whoever was found (address, name, handle, id,
biography), what users typed, tokens, passwords, keys.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.issuer.client import mint
from local.loopback import PLAIN_HTTP
from local.stack import (
    KEY_VARIABLE,
    QSTASH_CURRENT_SIGNING_KEY,
    QSTASH_NEXT_SIGNING_KEY,
    QSTASH_TOKEN,
    SERVICES,
    Options,
    Stack,
)
from local.trace.collector import Collector

from .canary import EMAILS_BELONG_IN, Tap, dump, found_in, markers_of_people

pytestmark = pytest.mark.timeout(300)

KEY = "canary-upstream-key-5e8c1f"
TYPED = {
    "keyword": "canarymarmalade",
    "campaign": "Canary Campaign 77d1",
    "tag": "canary-tag-90b2",
    "handle": "canary.typed.handle.31",
    "value": "canary-typed-value-c4a7",
    "address": "canary.typed@people.example",
}
PLATFORMS = ("tiktok", "instagram", "youtube")
FINAL = ("completed", "error", "timeout", "cancelled")
WAIT_MAX_S = 90.0
_OBJECT = re.compile(rb'\{"[^{}]*\}')


@dataclass
class User:
    """Asks, and keeps every token it used and every problem it was told."""

    stack: Stack
    tokens: set[str] = field(default_factory=set[str])
    problems: list[str] = field(default_factory=list[str])

    def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        token = token or mint(self.stack.issuer_url, "user_canary")
        self.tokens.add(token)
        headers = {"authorization": f"Bearer {token}", **more.pop("headers", {})}
        url = f"{self.stack.gateway_url}{path}"
        answer = httpx.request(method, url, headers=headers, timeout=30, **PLAIN_HTTP, **more)
        if answer.status_code >= 400:
            self.problems.append(f"{answer.text}\n{dict(answer.headers)}")
        return answer

    def create(self, **body: Any) -> str:
        body["mode"] = "similar" if "target" in body else "keyword"
        answer = self.ask("POST", "/api/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def wait(self, *job_ids: str) -> list[dict[str, Any]]:
        ends_at = time.monotonic() + WAIT_MAX_S
        while True:
            jobs = [self.ask("GET", f"/api/v1/jobs/{job_id}").json() for job_id in job_ids]
            if all(job["status"] in FINAL for job in jobs):
                return jobs
            assert time.monotonic() < ends_at, jobs
            time.sleep(0.2)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    environment = {"LOG_LEVEL": "debug", KEY_VARIABLE: KEY, **collector.environment}
    with Stack.start(Options(folder=tmp_path_factory.mktemp("canary"), environment=environment)) as running:
        yield running


def disturb(stack: Stack, *faults: dict[str, Any]) -> None:
    httpx.post(f"{stack.url('sandbox')}/_sandbox/faults", json=list(faults), **PLAIN_HTTP).raise_for_status()


def good_days(user: User) -> None:
    """Every platform, both modes; everything that can be read is read."""
    campaign = user.ask("POST", "/api/v1/campaigns", json={"name": TYPED["campaign"]}).json()["id"]
    wish = {"targetResults": 12, "campaignId": campaign, "tags": [TYPED["tag"]]}
    jobs = [user.create(platform=platform, keywords=[TYPED["keyword"], "sourdough"], **wish) for platform in PLATFORMS]
    user.wait(*jobs)
    for platform, job in zip(PLATFORMS, jobs, strict=True):
        results = user.ask("GET", f"/api/v1/jobs/{job}/results").json()
        handle = results["items"][0]["creator"]["account"]["handle"]
        similar = user.create(platform=platform, target=handle, targetResults=5)
        user.wait(similar)
        for path in ("events", "funnel", "calls", "export.csv", "export.jsonl", "export.xlsx"):
            user.ask("GET", f"/api/v1/jobs/{job}/{path}")
    for path in ("creators", "export.csv"):
        user.ask("GET", f"/api/v1/campaigns/{campaign}/{path}")
    assert user.ask("DELETE", f"/api/v1/jobs/{jobs[0]}").status_code in (200, 202, 204)


def bad_upstream(user: User) -> None:
    """Whatever the upstream can do wrong, while jobs run on it."""
    kinds = ("500", "html_502", "broken_json", "malformed_item", "truncated", "closed", "404", "empty_page")
    disturb(user.stack, *({"fault": kind, "count": 3, "skip": skip} for skip, kind in enumerate(kinds)))
    disturb(user.stack, {"fault": "429", "retry_after": "1", "count": 1, "skip": 20})
    jobs = [user.create(platform=each, keywords=[TYPED["keyword"]], targetResults=25) for each in PLATFORMS]
    jobs.append(user.create(platform="tiktok", target=TYPED["handle"], targetResults=5))
    assert user.stack.postgres is not None
    user.stack.postgres.kill()
    user.stack.postgres.restart()
    await_gateway(user)
    user.wait(*jobs)


def await_gateway(user: User) -> None:
    ends_at = time.monotonic() + WAIT_MAX_S
    while user.ask("GET", "/api/v1/jobs").status_code != 200:
        assert time.monotonic() < ends_at
        time.sleep(0.2)


def bad_callers(user: User) -> None:
    """Forged tokens, unreadable bodies, forged deliveries: each carries what must not come back."""
    token = mint(user.stack.issuer_url, "user_canary")
    for forged in (token[:-8] + "AAAAAAAA", token + "x", f"{token} {TYPED['value']}", TYPED["value"]):
        user.tokens.add(forged)
        assert user.ask("GET", "/api/v1/jobs", token=forged).status_code == 401
    value = TYPED["value"]
    bodies: list[Any] = [
        *(
            {"platform": value},
            {"platform": "tiktok", "keywords": [f"{value}\0"]},
            {"platform": "tiktok", "unknown": value},
        ),
        {"platform": "tiktok", "keywords": ["x"], "targetResults": value},
        {"platform": "tiktok", "keywords": ["x"], "campaignId": value},
        {"platform": "tiktok", "mode": "similar", "target": f"{TYPED['address']} {value}"},
    ]
    for body in bodies:
        assert 400 <= user.ask("POST", "/api/v1/jobs", json=body).status_code < 500
    for path in (f"/api/v1/jobs?cursor={value}", f"/api/v1/jobs?unknown={value}", f"/api/v1/jobs/{value}", f"/{value}"):
        assert 400 <= user.ask("GET", path).status_code < 500
    text = {"content-type": "application/json"}
    assert user.ask("POST", "/api/v1/jobs", content=f'{{"a": "{value}'.encode(), headers=text).status_code == 400
    delivery = {"jobId": value, "note": TYPED["address"]}
    for signature in (value, token):
        headers = {"upstash-signature": signature, "content-type": "application/json"}
        url = f"{user.stack.url('webhook')}/api/qstash/process-scraping"
        answer = httpx.post(url, json=delivery, headers=headers, **PLAIN_HTTP)
        assert answer.status_code >= 400
        user.problems.append(answer.text)


def out_of_money(user: User) -> None:
    """Last, because the platform stays paused."""
    disturb(user.stack, {"fault": "402", "path": None, "count": 1})
    job = user.create(platform="tiktok", keywords=[TYPED["keyword"]], targetResults=5)
    time.sleep(2)
    user.ask("POST", f"/api/v1/jobs/{job}/cancel")
    user.wait(job)


def secrets_of(stack: Stack) -> set[str]:
    """Everything that opens a door of this stack."""
    assert stack.postgres is not None
    kept = [path.read_text().strip() for path in stack.log_folder.parent.rglob("*") if is_secret(path)]
    return {KEY, QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY, *kept}


def is_secret(path: Path) -> bool:
    return path.is_file() and (path.name.startswith("password") or path.suffix in (".seed", ".nk", ".key"))


def test_nothing_of_people_and_no_secret_is_where_it_must_not_be(
    stack: Stack, collector: Collector, record_property: Callable[[str, object], None]
) -> None:
    assert stack.postgres is not None
    user = User(stack)
    with Tap(stack.log_folder.parent / "nats" / "jetstream") as tap:
        for day in (good_days, bad_upstream, bad_callers, out_of_money):
            day(user)
    people = markers_of_people(stack.postgres.url)
    secrets = secrets_of(stack) | {token for token in user.tokens if token != TYPED["value"]}
    assert len(people) > 100
    assert len(secrets) > 20
    logs = {path.name: path.read_text(errors="replace") for path in sorted(stack.log_folder.glob("*.log"))}
    ours = {name: text for name, text in logs.items() if name.split(".")[0] not in ("sandbox", "qstash", "issuer")}
    metrics = {f"metrics of {each.name}": read_metrics(stack, each.name) for each in SERVICES}
    steps = [step for name, part in tap.seen.items() if "/STEPS/" in name for step in _OBJECT.findall(part)]
    assert len(steps) > 10
    assert {tuple(json.loads(step)) for step in steps} == {("jobId", "searchId", "step", "generation")}
    spans = "\n".join(body.decode("utf-8", "replace") for body in list(collector.bodies))
    seen = collector.spans
    assert {span.service for span in seen} == {each.name for each in SERVICES}
    assert sum(span.is_error for span in seen) > 10, "the bad days left their errors in spans"
    assert not any(span.events for span in seen)
    told = {"problems": "\n".join(user.problems), "JetStream": tap.text, "spans": spans}
    assert min(len(text) for name, text in {**ours, **metrics, **told}.items() if name != "migrate.log") > 200

    markers = people | secrets | set(TYPED.values())
    leaks = {name: found_in(text, markers) for name, text in {**ours, **metrics, **told}.items()}
    assert {name: sorted(found)[:5] for name, found in leaks.items() if found} == {}

    columns = dump(stack.postgres.url)
    assert {place for place, text in columns.items() if found_in(text, secrets)} == set()
    addresses = {marker for marker in people if "@" in marker}
    assert {place for place, text in columns.items() if found_in(text, addresses)} <= EMAILS_BELONG_IN
    # What is looked for would be found: it is where it belongs.
    assert found_in(columns["candidates", "details"], people)
    assert found_in(json.dumps({"escaped": next(iter(addresses))}), addresses)
    searched = sum(map(len, ({**ours, **metrics, **told}).values())) + sum(map(len, columns.values()))
    record_property(
        "told",
        f"canaries: {len(markers)} looked for in {searched / 1e6:.1f} MB of logs, metrics, spans, problems, messages,"
        " rows",
    )


def read_metrics(stack: Stack, service: str) -> str:
    return httpx.get(f"{stack.url(service)}/metrics", **PLAIN_HTTP).text
