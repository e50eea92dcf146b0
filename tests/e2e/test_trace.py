"""A stack that records spans: a collector gets each step as one trace from hand to hand, linked to its job."""

import re
from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest

from common.tracing.identity import job_place
from local.faults.record import Record
from local.faults.site import Site
from local.issuer.client import mint
from local.loopback import PLAIN_HTTP
from local.stack import Options, Stack
from local.trace.collector import Collector
from local.trace.command import job_traces
from local.trace.seen import SeenSpan
from local.trace.tree import draw_trace

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]

KEYWORD = "canarymarmalade"
STRANGER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ARRIVES_S = 15.0
PUBLISH, DELIVER = "publish process-scraping", "process process-scraping"
STORE, PERFORM = "publish steps.tiktok", "process steps.tiktok"
CALL = "GET /v1/tiktok/search/keyword"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("traced")
    options = Options(folder=folder, latency="none", has_tester=True, environment=collector.environment)
    with Stack.start(options) as stack:
        yield Site(stack, Record())


@pytest.fixture
def site(running_site: Site) -> Site:
    running_site.renew()
    return running_site


class Seen:
    """The traces of one job, as they came."""

    def __init__(self, collector: Collector, job_id: str) -> None:
        self.collector = collector
        self.job_id = job_id

    def wait(self, is_there: Callable[["Seen"], bool]) -> "Seen":
        self.collector.wait_for(lambda _: is_there(self), ARRIVES_S)
        assert is_there(self), "\n\n".join("\n".join(draw_trace(one)) for _, one in self.traces)
        return self

    @property
    def traces(self) -> list[tuple[str, list[SeenSpan]]]:
        return job_traces(self.collector.spans, self.job_id)

    def step(self, step: int, generation: int = 0) -> list[SeenSpan]:
        title = f"Step {step}, generation {generation}"
        found = [spans for one, spans in self.traces if one == title]
        assert len(found) <= 1, "a step at one generation is one trace"
        return found[0] if found else []

    def spans(self, name: str, step: int = 0, generation: int = 0) -> list[SeenSpan]:
        return [span for span in self.step(step, generation) if span.name == name]

    def one(self, name: str, step: int = 0, generation: int = 0) -> SeenSpan:
        [span] = self.spans(name, step, generation)
        return span


def performed(seen: Seen) -> list[SeenSpan]:
    """The turns in which the first step was done; in others it was found held by the worker that was killed."""
    return [span for span in seen.spans(PERFORM) if span.facts["creatorscout.reason"] == "performed"]


def place(span: SeenSpan) -> tuple[str, str]:
    return span.trace_id, span.span_id


def root_of(job_id: str) -> tuple[str, str]:
    root = job_place(UUID(job_id))
    return root.trace_hex, root.span_hex


def create(site: Site, target: int) -> str:
    headers = {"authorization": f"Bearer {mint(site.stack.issuer_url, site.user.user)}", "traceparent": STRANGER}
    body = {"keywords": [KEYWORD], "targetResults": target}
    url = f"{site.stack.gateway_url}/api/scraping/tiktok"
    return httpx.post(url, json=body, headers=headers, timeout=30, **PLAIN_HTTP).raise_for_status().json()["jobId"]


def keep_schedule_out(site: Site) -> None:
    """The webhook asks for it at its start; its deliveries would use up the misbehaviour meant for steps."""
    site.revive("webhook")
    site.drop_schedule()


def test_a_step_is_one_trace_from_the_request_to_each_paid_call(site: Site, collector: Collector) -> None:
    """The first one is published by the gateway, its successor by the worker."""
    job_id = create(site, 50)
    site.await_end()
    seen = Seen(collector, job_id).wait(lambda seen: bool(seen.spans(PERFORM, 1)))

    for step, publisher in ((0, "gateway"), (1, "tiktok")):
        way = [seen.one(name, step) for name in (PUBLISH, DELIVER, STORE, PERFORM)]
        assert [span.service for span in way] == [publisher, "webhook", "webhook", "tiktok"]
        assert [span.kind for span in way] == ["producer", "consumer", "producer", "consumer"]
        assert [span.parent_id for span in way] == ["", *(span.span_id for span in way[:-1])]
        assert all(root_of(job_id) in span.linked("job") for span in (way[0], way[1], way[3]))

        work = {name: seen.one(name, step) for name in ("claim step", "fetch page", "commit page")}
        assert {span.parent_id for span in work.values()} == {way[3].span_id}
        call = seen.one(CALL, step)
        assert (call.kind, call.parent_id) == ("client", work["fetch page"].span_id)
        assert {name: call.facts[name] for name in ("http.response.status_code", "creatorscout.credits")} == {
            "http.response.status_code": 200,
            "creatorscout.credits": 1,
        }
        assert call.facts["http.response.size"] > 10_000
        profiles = seen.spans("GET /v1/tiktok/profile", step)
        learnt = {span.span_id: span.parent_id for span in seen.spans("learn profile", step)}
        rounds = {span.span_id for span in seen.spans("enrich candidates", step)}
        assert profiles
        assert {learnt[span.parent_id] for span in profiles} <= rounds
        assert len(seen.spans("commit enrichment", step)) == len(rounds) > 0
        assert way[3].facts["creatorscout.bought"] == len(profiles)
        assert way[3].facts["creatorscout.reason"] == "performed"
    assert seen.one(PUBLISH, 1).linked("cause") == {place(seen.one(PERFORM, 0))}
    assert place(seen.one(PUBLISH, 1)) in seen.one(PERFORM, 0).linked("caused")

    traces = dict(seen.traces)
    [request], [job] = traces["The request"], traces["The job"]
    assert (request.name, request.kind, request.parent_id) == ("POST /api/scraping/{platform}", "server", "")
    assert request.trace_id != STRANGER[3:35], "a stranger does not choose our trace ids"
    assert request.linked("caller") == {(STRANGER[3:35], STRANGER[36:52])}
    assert request.linked("caused") == {place(job), place(seen.one(PUBLISH, 0))}
    assert place(job) == root_of(job_id)
    assert job.linked("cause") == {place(request)}
    halves = {one[0].trace_id[16:] for title, one in traces.items() if title != "The request"}
    assert len(halves) == 1, "samplers decide by it, for a job as a whole"

    lines = [line for name in ("gateway", "webhook", "tiktok") for line in site.log(name)]
    performed = next(line for line in lines if line["event"] == "step.performed" and line["step"] == 0)
    accepted = next(line for line in lines if line["event"] == "delivery.accepted" and line["step"] == 0)
    assert (performed["trace_id"], performed["span_id"]) == place(seen.one(PERFORM, 0))
    assert "trace_id" not in accepted or accepted["trace_id"] == performed["trace_id"]
    told = b"\n".join(collector.bodies)
    assert KEYWORD.encode() not in told
    assert all(not span.events for span in collector.spans), "events would carry what exceptions say"


def test_a_delivery_that_is_repeated_stays_in_its_trace(site: Site, collector: Collector) -> None:
    """QStash repeats it, with the same header, because our answer was lost."""
    keep_schedule_out(site)
    site.qstash.switch(lose_answer=1)
    job_id = create(site, 5)
    site.wait(
        lambda: site.qstash.hurry() >= 0 and bool(site.books.value("select count(*) from steps") > 0), "published"
    )
    site.await_end()
    seen = Seen(collector, job_id).wait(lambda seen: len(seen.spans(DELIVER)) >= 2)
    assert {span.parent_id for span in seen.spans(DELIVER)} == {seen.one(PUBLISH).span_id}


def test_a_step_whose_worker_was_killed_goes_on_in_its_trace(site: Site, collector: Collector) -> None:
    site.arm("tiktok", "page.answered")
    job_id = create(site, 5)
    site.await_death("tiktok", "page.answered")
    site.revive("tiktok")
    site.await_end()
    seen = Seen(collector, job_id).wait(lambda seen: bool(performed(seen)))
    [last] = performed(seen)
    assert last.facts["creatorscout.deliveries"] > 1
    assert last.facts["creatorscout.attempt"] == 2
    assert last.parent_id == seen.one(STORE).span_id


def test_what_the_sweep_drives_again_is_a_new_trace_of_the_same_job(site: Site, collector: Collector) -> None:
    """The stream lost the message; the old generation's trace shows when it was given up."""
    site.halt("tiktok")
    job_id = create(site, 5)
    site.wait(lambda: site.books.value("select coalesce(max(stream_sequence), 0) from steps") > 0, "it is stored")
    site.stream.purge()
    site.wait(lambda: site.books.value("select max(generation) from steps") > 0, "the sweep has raised it")
    site.revive("tiktok")
    site.await_end()
    generation = int(site.books.value("select max(generation) from steps where step = 0"))
    seen = Seen(collector, job_id).wait(lambda seen: bool(seen.spans(PERFORM, 0, generation)))
    again = seen.one(PUBLISH, 0, generation)
    assert (again.service, again.parent_id) == ("webhook", "")
    assert root_of(job_id) in again.linked("job")
    [cause] = again.linked("cause")
    sweep = next(span for span in collector.spans if place(span) == cause)
    assert sweep.name == "sweep stalled steps"
    raised = seen.one("raise generation", 0, generation - 1)
    assert raised.linked("cause") == {cause}
    assert root_of(job_id) in raised.linked("job")


def test_what_qstash_could_not_deliver_is_driven_again_out_of_its_failure_callback(
    site: Site, collector: Collector
) -> None:
    site.books.set("recovery.stalled_after", 60)
    keep_schedule_out(site)
    site.qstash.switch(fail_next=4, fail_status=503)
    job_id = create(site, 5)
    site.wait(lambda: site.qstash.hurry() >= 0 and site.qstash.stats()["dead_letters"] > 0, "QStash gave up")
    site.await_end()
    seen = Seen(collector, job_id).wait(lambda seen: bool(seen.spans(PERFORM, 0, 1)))
    callback = seen.one("process job-failed")
    assert callback.parent_id == seen.one(PUBLISH).span_id, "QStash forwards the header to the callback"
    assert callback.facts["creatorscout.outcome"] == "redriven"
    assert seen.one(PUBLISH, 0, 1).linked("cause") == {place(callback)}
    assert root_of(job_id) in seen.one(PUBLISH, 0, 1).linked("job")


@pytest.mark.parametrize("name", ["gateway", "webhook", "tiktok"])
def test_a_service_that_does_not_trace_imports_no_sdk(site: Site, name: str) -> None:
    """The interpreter tells what it imports; with tracing on, the same look finds the SDK."""
    for is_disabled in ("true", "false"):
        began = site.child(name).log.stat().st_size
        environment = {"OTEL_SDK_DISABLED": is_disabled, "PYTHONPROFILEIMPORTTIME": "1"}
        site.stack.supervisor.restart(name, environment=environment)
        told = site.child(name).log.read_bytes()[began:].decode()
        assert re.search(r"\| +common\.tracing\.span$", told, re.MULTILINE), "it tells"
        # Litestar looks for an instrumentation of its own and comes as far as a table of names.
        assert bool(re.search(r"opentelemetry\.(sdk|trace|exporter)", told)) == (is_disabled == "false")
    site.revive(name)
