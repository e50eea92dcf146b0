"""Every expression of dashboard and rules, asked of a real Prometheus that scrapes the real services after jobs of all
kinds: it must be understood, and find what it speaks of. And what the services expose has bounded labels."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

from common.domain.job import JobStatus, PlatformName, StopReason, WaitingOn
from common.domain.retention import DataClass
from common.engine.failure import PauseState
from common.metric.process import LETTER_REASONS, Window
from common.metric.work import STEP_REASONS, Result
from common.worker.claiming import Answer
from local.child import Child, Command, wait_until
from local.loopback import PLAIN_HTTP
from local.port import free_port
from local.prometheus import prometheus_program
from local.stack import SERVICES, Options, Stack
from local.testing import roomy_memory

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

FOLDER = Path(__file__).parents[2] / "deploy" / "observability"
NAMES = tuple(service.name for service in SERVICES)
PLATFORMS = {platform.value for platform in PlatformName}
QUICK = {"sweep_every": 1, "stalled_after": 3}

# What a label may be. What is not here is no label of ours.
ALLOWED: dict[str, set[str] | re.Pattern[str]] = {
    "service": set(NAMES),
    "version": re.compile(r"\d+\.\d+\.\d+"),
    "platform": PLATFORMS,
    "status": {status.value for status in JobStatus if status.is_final},
    "stop_reason": {reason.value for reason in StopReason},
    "window": {window.value for window in Window},
    "outcome": {
        "published", "unavailable", "accepted", "ignored", "redriven", "given_up", "requested", "rejected",
        "postponed", "broken",
    },
    "change": {"reconnected", "disconnected", "denied"},
    "answer": {answer.value for answer in Answer},
    "endpoint": {"keyword", "hashtag", "target", "profile", "following", "videos", "related", "reels", "people"},
    "result": {result.value for result in Result},
    "state": {state.value for state in (*JobStatus, *PauseState)} | {"open"},
    "waiting_on": {waiting.value for waiting in WaitingOn} | {"none"},
    "data": {data.value for data in DataClass},
    "kind": {
        "ended_overdue", "redriven", "given_up_messages", "admitted", "concluded", "lost_calls", "released_credits",
    },
    "method": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"},
    "status_class": {f"{number}xx" for number in range(6)},
    "route": re.compile(r"unmatched|(/[a-z0-9.-]+|/\{[a-zA-Z_:.]+\}|/\{.*\})+|/"),
    "key": {
        "current", "next", "missing", "too_long", "malformed", "algorithm", "wrong_key", "claim_missing",
        "claim_malformed", "issuer", "subject", "expired", "not_yet_valid", "body",
    },
    "reason": set(STEP_REASONS) | set(LETTER_REASONS) | {waiting.value for waiting in WaitingOn} | {"none"}
    | {"absent", "not_bearer", "malformed"},
    "le": re.compile(r"[0-9.e+-]+|\+Inf"),
    "quantile": re.compile(r"[0-9.]+"),
    "generation": {"0", "1", "2"},
}  # fmt: skip

# What a healthy run of minutes has nothing of; each is still asked, and its metric must be exposed.
MAY_BE_EMPTY = (
    "creatorscout_pool_refused_total",
    "gateway_jobs_unpublished_total",
    "absent(",
    "ALERTS",
    "histogram_quantile",  # of nothing that happened in the last minute
    "> ",  # the alerts themselves: nothing is wrong enough
    "== 0",
)


SWEPT = "creatorscout_sweep_ended_timestamp_seconds"


class Watch:
    """The running stack, and a Prometheus that watches it."""

    def __init__(self, stack: Stack, url: str) -> None:
        self.stack = stack
        self.http = httpx.Client(base_url=url, timeout=30, **PLAIN_HTTP)

    def ask(self, expression: str) -> list[dict[str, Any]]:
        answer = self.http.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}\n{answer.text}"
        result = answer.json()["data"]["result"]
        return result if isinstance(result, list) else [result]

    def exposed(self, name: str) -> str:
        answer = httpx.get(f"{self.stack.url(name)}/metrics", timeout=10, **PLAIN_HTTP)
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return answer.text


def configuration(stack: Stack, folder: Path) -> Path:
    """The shipped one, with addresses in the place of names, and faster."""
    shipped = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    shipped["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    for job in shipped["scrape_configs"]:
        [found] = job.pop("dns_sd_configs")
        [service] = [one for one in SERVICES if one.name == job["job_name"]]
        assert (found["names"], found["port"], found["type"]) == ([service.name], service.port, "A")
        job["static_configs"] = [{"targets": [f"127.0.0.1:{stack.ports[service.name]}"]}]
    assert [job["job_name"] for job in shipped["scrape_configs"]] == list(NAMES)
    shutil.copy(FOLDER / "rules.yml", folder)
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(shipped))
    return path


def settle(stack: Stack) -> None:
    """The sweep comes every second."""
    assert stack.postgres is not None
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        for key, value in QUICK.items():
            connection.execute(
                "insert into system_settings (category, key, value) values ('recovery', %s, %s)", [key, Jsonb(value)]
            )


class Frontend:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.stack.mint_token()}"}
        return httpx.request(
            method, f"{self.stack.gateway_url}{path}", headers=headers, timeout=30, **PLAIN_HTTP, **more
        )

    def create(self, platform: str, **body: Any) -> str:
        answer = self.request("POST", f"/api/scraping/{platform}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["jobId"]

    def end(self, *jobs: str) -> list[str]:
        """How they ended."""
        ends: dict[str, str] = {}

        def all_ended() -> bool:
            for job in jobs:
                told = self.request("GET", f"/api/v1/jobs/{job}").json()
                if told["status"] not in ("pending", "processing"):
                    ends[job] = told["status"]
            return len(ends) == len(jobs)

        wait_until(all_ended, 90)
        return [ends[job] for job in jobs]


def fault(stack: Stack, **what: Any) -> None:
    httpx.post(f"{stack.url('sandbox')}/_sandbox/faults", json=what, **PLAIN_HTTP).raise_for_status()


def live_through_much(stack: Stack) -> None:
    """Jobs that complete, one that fails, one that is cancelled, one whose platform is paused for its credits; a token,
    a signature and an address that nobody believes; somebody who watches."""
    frontend = Frontend(stack)
    jobs = [
        frontend.create("tiktok", keywords=["vegan"], targetResults=40),
        frontend.create("tiktok", targetUsername="vegan.mira", targetResults=5),
        frontend.create("instagram", keywords=["sourdough"], targetResults=15),
    ]
    watched = frontend.create("tiktok", keywords=["pottery"], targetResults=20)
    with httpx.stream(
        "GET",
        f"{stack.gateway_url}/api/v1/jobs/{watched}/events",
        headers={"authorization": f"Bearer {stack.mint_token()}"},
        **PLAIN_HTTP,
    ) as stream:
        assert len(list(stream.iter_lines())) > 3  # to the end of the job
    frontend.end(*jobs)
    fault(stack, fault="404", path="/v1/tiktok/search/keyword")
    fault(stack, fault="broken_json", path="/v1/tiktok/search/keyword", count=2)
    assert "error" in frontend.end(
        *(frontend.create("tiktok", keywords=[word], targetResults=5) for word in ("nothing", "broken"))
    )
    fault(stack, fault="402", path="/v1/youtube/search", count=None)
    paused = frontend.create("youtube", keywords=["chess"], targetResults=5)
    waits = f"/api/v1/jobs/{paused}"
    wait_until(lambda: frontend.request("GET", waits).json().get("waitingOn") == "credits", 60)
    cancelled = frontend.create("youtube", keywords=["go"], targetResults=5)
    frontend.request("POST", f"/api/v1/jobs/{cancelled}/cancel")
    httpx.get(f"{stack.gateway_url}/api/v1/jobs", **PLAIN_HTTP)
    httpx.get(f"{stack.gateway_url}/nowhere/{paused}", **PLAIN_HTTP)
    httpx.post(f"{stack.url('webhook')}/api/qstash/process-scraping", content=b"{}", **PLAIN_HTTP)


@pytest.fixture(scope="module")
def watch() -> Iterator[Watch]:
    program = prometheus_program("prometheus")
    if program is None:
        pytest.skip("prometheus is not here: make alerts-check brings it")
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="creatorscout-", dir=roomy_memory()) as name:
        folder = Path(name)
        with Stack.start(Options(folder=folder / "stack")) as stack:
            settle(stack)
            port = free_port()
            argv = [
                program,
                f"--config.file={configuration(stack, folder)}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ]
            child = Child.start(Command("prometheus", argv, {"PATH": "/usr/bin:/bin"}, folder / "prometheus.log"))
            watch = Watch(stack, f"http://127.0.0.1:{port}")
            try:
                wait_until(lambda: is_ready(watch), 30)
                live_through_much(stack)
                lived_at = time.time()
                # A sweep that began afterwards: the first may be 15 s off, those after it are a second apart.
                wait_until(lambda: bool(watch.ask(f"{SWEPT} > {lived_at + 2}")), 60)
                wait_until(lambda: bool(watch.ask("creatorscout:jobs_active")), 30)
                time.sleep(2)  # every other replica's last word
                yield watch
            finally:
                watch.http.close()
                child.stop()


def is_ready(watch: Watch) -> bool:
    try:
        return watch.http.get("/-/ready").status_code == 200
    except httpx.HTTPError:
        return False


def expressions() -> list[tuple[str, str]]:
    """(where, expression), with the dashboard's variables filled in."""
    board = json.loads((FOLDER / "grafana" / "dashboards" / "creatorscout.json").read_text())
    found = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", ())]
    for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]:
        found += [(rule.get("alert") or rule["record"], rule["expr"]) for rule in group["rules"]]
    values = {"$__rate_interval": "1m", "$platform": ".*", "$service": ".*"}
    for name, value in values.items():
        found = [(where, text.replace(name, value)) for where, text in found]
    return found


def test_prometheus_scrapes_every_service(watch: Watch) -> None:
    up = {one["metric"]["job"]: one["value"][1] for one in watch.ask("up")}
    assert up == dict.fromkeys(NAMES, "1")


def test_every_expression_is_understood_and_finds_what_it_speaks_of(watch: Watch) -> None:
    """Its metrics are exposed, each label that it names is theirs, and unless it may be empty it finds a series."""
    names = set(watch.http.get("/api/v1/label/__name__/values").json()["data"])
    empty: list[str] = []
    for where, expression in expressions():
        assert "$" not in expression, expression
        for metric in metrics_of(expression):
            assert metric in names or metric == "ALERTS", f"{where}: nobody exposes {metric}"
            check_labels(watch, where, metric, expression)
        if not watch.ask(expression) and not any(part in expression for part in MAY_BE_EMPTY):
            empty.append(f"{where}: {expression}")
    assert empty == []


def metrics_of(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:(?:creatorscout|gateway|webhook|process)[_:][a-z_:0-9]+|up\b|ALERTS\b)", expression))


def check_labels(watch: Watch, where: str, metric: str, expression: str) -> None:
    """Of each selector of the metric, every label: the metric has it, and the value can be."""
    series = watch.http.get("/api/v1/series", params={"match[]": metric}).json()["data"]
    for inside in re.findall(re.escape(metric) + r"\{([^}]*)\}", expression):
        for label, value in re.findall(r'(\w+)!?=~?"([^"]*)"', inside):
            assert metric == "ALERTS" or any(label in one for one in series), f"{where}: {metric} has no {label}"
            allowed = ALLOWED.get(label)
            if isinstance(allowed, set) and "*" not in value:
                assert set(value.split("|")) <= allowed, f"{where}: {label}={value}"


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_bounded_and_hold_nobody(watch: Watch, name: str) -> None:
    """Each value is one of a list of ours, whatever was asked, found and refused."""
    families = list(text_string_to_metric_families(watch.exposed(name)))
    assert len(families) > 15
    for family in families:
        for sample in family.samples:
            for label, value in sample.labels.items():
                allowed = ALLOWED.get(label)
                assert allowed is not None, f"{sample.name}: {label} is no label of ours"
                is_allowed = value in allowed if isinstance(allowed, set) else allowed.fullmatch(value)
                if not (name == "gateway" and family.name == "gateway_tokens_refused"):
                    assert is_allowed, f"{sample.name}: {label}={value!r}"


# What must have moved, by what happened.
MOVED = {
    "a job completed": 'creatorscout_jobs_ended_total{status="completed"}',
    "a job failed": 'creatorscout_jobs_ended_total{status="error",stop_reason="failed"}',
    "a job was cancelled, by the gateway": 'creatorscout_jobs_ended_total{job="gateway",status="cancelled"}',
    "steps were performed": 'creatorscout_steps_total{answer="ack",reason="performed"}',
    "a step was handed back for a pause": 'creatorscout_steps_total{platform="youtube",answer="nak",reason="paused"}',
    "pages were bought": 'creatorscout_upstream_calls_total{endpoint="keyword",result="ok"}',
    "the upstream said 402": 'creatorscout_upstream_calls_total{platform="youtube",result="out_of_credits"}',
    "the upstream said 404": 'creatorscout_upstream_calls_total{platform="tiktok",result="not_found"}',
    "a page could not be read": 'creatorscout_answers_useless_total{platform="tiktok",result="unreadable"}',
    "credits were spent": 'creatorscout_credits_spent_total{platform="tiktok"}',
    "a platform was paused": 'creatorscout_platform_pauses_total{platform="youtube",reason="credits"}',
    "it is shown as paused": 'creatorscout_platform_state{platform="youtube",state="paused",reason="credits"}',
    "its job waits for credits": 'creatorscout_jobs_active{platform="youtube",waiting_on="credits"}',
    "its step waits in the stream, or is due": 'creatorscout_queue_pending{platform="youtube"} + '
    'creatorscout_queue_ack_pending{platform="youtube"} + on (platform) creatorscout_steps_due{platform="youtube"}',
    "QStash took steps": 'creatorscout_qstash_publish_seconds_count{job="gateway",outcome="published"}',
    "the webhook took deliveries": 'webhook_deliveries_total{outcome="accepted"}',
    "and did not believe one": 'webhook_signatures_total{key="missing"}',
    "a token was absent": 'gateway_tokens_refused_total{reason="absent"}',
    "an event was sent": "gateway_events_sent_total",
    "the sweep swept": "creatorscout_sweep_ended_timestamp_seconds",
    "connections were waited for": 'creatorscout_pool_wait_seconds_count{job="tiktok"}',
    "pools have places": 'creatorscout_pool_max{job="webhook"}',
    "NATS is connected": 'creatorscout_nats_connected{job="instagram"}',
    "the loop was looked at": 'creatorscout_event_loop_lag_seconds_count{job="gateway"}',
    "slots are open": 'creatorscout_step_slots{platform="tiktok"}',
    "keys have an age": "gateway_keys_age_seconds",
}  # fmt: skip


@pytest.mark.parametrize("what", MOVED)
def test_what_happens_is_counted(watch: Watch, what: str) -> None:
    series = watch.ask(f"sum({MOVED[what]})")
    assert series, MOVED[what]
    assert float(series[0]["value"][1]) > 0, MOVED[what]


def test_what_the_sweep_knows_fits_what_postgres_knows(watch: Watch) -> None:
    """Jobs ended are those in the table, each counted once, by whoever ended it."""
    assert watch.stack.postgres is not None
    with psycopg.connect(watch.stack.postgres.url) as connection:
        rows = connection.execute(
            "select platform, status, stop_reason, count(*) from jobs where ended_at is not null group by 1, 2, 3"
        ).fetchall()
    counted = {
        (one["metric"]["platform"], one["metric"]["status"], one["metric"]["stop_reason"]): float(one["value"][1])
        for one in watch.ask("sum by (platform, status, stop_reason) (creatorscout_jobs_ended_total)")
    }
    assert counted == {tuple(row[:3]): row[3] for row in rows}


def lines_of(stack: Stack, name: str) -> list[dict[str, Any]]:
    text = (stack.log_folder / f"{name}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_each_step_has_one_line_in_the_log(watch: Watch) -> None:
    """As many lines as deliveries were counted, each with what was bought and how long it took."""
    for platform in sorted(PLATFORMS):
        lines = [line for line in lines_of(watch.stack, platform) if line["event"] == "step.performed"]
        counted = watch.exposed(platform)
        total = sum(
            sample.value
            for family in text_string_to_metric_families(counted)
            if family.name == "creatorscout_steps"
            for sample in family.samples
            if sample.name.endswith("_total")
        )
        later = [line for line in lines_of(watch.stack, platform) if line["event"] == "step.performed"]
        assert len(lines) <= total <= len(later)
        for line in lines:
            assert {"answer", "reason", "deliveries", "milliseconds", "job_id", "step", "platform"} <= set(line)
        performed = [line for line in lines if line["reason"] == "performed"]
        assert all({"calls", "credits", "upstream_ms", "phase"} <= set(line) for line in performed)
    assert any(line["credits"] for line in lines_of(watch.stack, "tiktok") if line.get("reason") == "performed")


@pytest.mark.parametrize("name", ["gateway", "webhook"])
def test_each_request_has_one_line_in_the_log(watch: Watch, name: str) -> None:
    ends = ("request.handled", "request.answered", "delivery.", "callback.", "sweep.requested")
    lines = [line for line in lines_of(watch.stack, name) if line["event"].startswith(ends) and "status" in line]
    ids = [line["request_id"] for line in lines]
    assert len(ids) == len(set(ids)) > 5
    assert all("ms" in line for line in lines)
