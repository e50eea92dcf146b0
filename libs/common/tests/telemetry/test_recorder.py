"""Spans as the SDK records them: whose child each is, what it links to, what it tells of an error."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from opentelemetry.trace import StatusCode

from common.domain.message import StepMessage
from common.errors import UnreachableError
from common.tracing.hop import NATS, QSTASH, headers_of, note_job, now_ns, receiving, repairing, sending, tell_caused
from common.tracing.identity import Place, job_place, step_trace_id
from common.tracing.span import SpanKind, current_place, current_span, record_with, span

MESSAGE = StepMessage(job_id=UUID(int=1), search_id=UUID(int=2), step=3, generation=4)


def context(span: Any) -> tuple[int, int]:
    return span.context.trace_id, span.context.span_id


def links(span: Any) -> dict[str, tuple[int, int]]:
    return {link.attributes["creatorscout.link"]: (link.context.trace_id, link.context.span_id) for link in span.links}


def send(destination: str = "there") -> str:
    with sending(MESSAGE, system=QSTASH, destination=destination) as sent:
        return headers_of(sent)["traceparent"]


def test_a_step_is_sent_in_its_own_trace_linked_both_ways_with_what_made_it_due(memory: Any) -> None:
    with span("work"):
        with sending(MESSAGE, system=QSTASH, destination="there") as sent:
            header = headers_of(sent)["traceparent"]
        tell_caused(sent)
    sent, work = memory.named("publish there"), memory.named("work")
    assert sent.parent is None
    assert sent.context.trace_id == step_trace_id(MESSAGE) != work.context.trace_id
    job = job_place(MESSAGE.job_id)
    assert links(sent) == {"job": (job.trace_id, job.span_id), "cause": context(work)}
    assert links(work) == {"caused": context(sent)}
    assert Place.read(header) == Place(*context(sent))
    assert sent.attributes["messaging.system"] == "qstash"
    assert sent.attributes["creatorscout.generation"] == 4


def test_who_has_taken_a_step_hands_it_on_below_itself(memory: Any) -> None:
    header = send()
    with (
        receiving(MESSAGE, system=QSTASH, destination="here", header=header),
        sending(MESSAGE, system=NATS, destination="steps"),
    ):
        pass
    taken, sent = memory.named("process here"), memory.named("publish steps")
    assert taken.parent.span_id == memory.named("publish there").context.span_id
    assert sent.parent.span_id == taken.context.span_id
    assert {one.context.trace_id for one in memory.spans} == {step_trace_id(MESSAGE)}


@pytest.mark.parametrize("header", [None, "", "nonsense", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"])
def test_a_header_of_another_trace_changes_nothing(memory: Any, header: str | None) -> None:
    """Lost, broken or forged: the step's ids tell its trace."""
    with receiving(MESSAGE, system=NATS, destination="here", header=header):
        pass
    taken = memory.named("process here")
    assert (taken.context.trace_id, taken.parent) == (step_trace_id(MESSAGE), None)
    assert set(links(taken)) == {"job"}


def test_what_is_taken_twice_is_in_one_trace(memory: Any) -> None:
    header = send()
    for _ in range(2):
        with receiving(MESSAGE, system=NATS, destination="here", header=header):
            pass
    first, second = [one for one in memory.spans if one.name == "process here"]
    assert first.context.trace_id == second.context.trace_id
    assert first.context.span_id != second.context.span_id
    assert first.parent.span_id == second.parent.span_id


def test_the_job_s_span_has_the_ids_that_everybody_works_out(memory: Any) -> None:
    with span("request", kind=SpanKind.SERVER):
        note_job(MESSAGE.job_id, {"creatorscout.platform": "tiktok"}, began_ns=now_ns() - 10**6)
    job, request = memory.named("create job"), memory.named("request")
    assert Place(*context(job)) == job_place(MESSAGE.job_id)
    assert links(job) == {"cause": context(request)}
    assert links(request) == {"caused": context(job)}
    assert job.end_time - job.start_time >= 10**6


def test_a_repair_is_in_the_trace_of_the_step_that_it_befalls(memory: Any) -> None:
    with span("sweep"), repairing(MESSAGE, "raise generation"):
        pass
    repair = memory.named("raise generation")
    assert repair.context.trace_id == step_trace_id(MESSAGE)
    assert links(repair)["cause"] == context(memory.named("sweep"))


CANARY = "canary.of.people@example.org"


def broken_by_postgres() -> None:
    raise psycopg.errors.UniqueViolation(f"Key (email)=({CANARY}) already exists")


def broken_by_a_key() -> None:
    raise KeyError(CANARY)


@pytest.mark.parametrize("breaks", [broken_by_postgres, broken_by_a_key])
def test_of_an_error_a_span_tells_the_kind_and_never_the_text(memory: Any, breaks: Callable[[], None]) -> None:
    with pytest.raises((psycopg.Error, KeyError)), span("work"):
        breaks()
    work = memory.named("work")
    assert work.status.status_code is StatusCode.ERROR
    assert work.attributes["error.type"] in ("UniqueViolation", "KeyError")
    assert work.events == ()
    assert CANARY not in work.to_json()


def test_an_error_of_ours_is_told_as_the_log_tells_it(memory: Any) -> None:
    with pytest.raises(UnreachableError), span("work"):
        raise UnreachableError("ConnectError", is_sent=False)
    assert memory.named("work").status.description == "UnreachableError: ConnectError"


async def test_what_was_cancelled_is_no_error(memory: Any) -> None:
    async def work() -> None:
        with span("work"):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert memory.named("work").status.status_code is StatusCode.UNSET
    assert memory.named("work").attributes["creatorscout.is_cancelled"] is True


def test_facts_that_are_unknown_are_left_out_and_those_that_come_late_are_lost(memory: Any) -> None:
    with span("work", {"a": 1}) as work:
        work.tell({"b": None, "c": False, "d": ["x"]})
        current_span().tell({"e": 2.5})
    work.tell({"late": 1})
    assert dict(memory.named("work").attributes) == {"a": 1, "c": False, "e": 2.5}


def test_a_sampler_keeps_all_of_a_job_or_nothing(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process decides by itself, also where no header came."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.3")
    memory.record()
    jobs = [uuid4() for _ in range(200)]
    for job_id in jobs:
        note_job(job_id, {}, began_ns=now_ns())
        for step in range(3):
            message = StepMessage(job_id=job_id, search_id=uuid4(), step=step, generation=0)
            with receiving(message, system=NATS, destination="here", header=None), span("inside"):
                pass
    counts = {
        job_id: sum(
            one.context.trace_id & (2**64 - 1) == job_place(job_id).trace_id & (2**64 - 1) for one in memory.spans
        )
        for job_id in jobs
    }
    assert set(counts.values()) == {0, 7}
    assert 30 < sum(count > 0 for count in counts.values()) < 90


def test_without_a_recorder_nothing_is_recorded_and_everything_may_be_told(memory: Any) -> None:
    record_with(None)
    with span("work") as work, sending(MESSAGE, system=QSTASH, destination="there") as sent:
        work.tell({"a": 1})
        tell_caused(sent)
        assert headers_of(sent) == {}
        assert current_place() is None
    note_job(MESSAGE.job_id, {}, began_ns=now_ns())
    assert memory.spans == []


def test_a_line_of_the_log_tells_the_span_that_it_was_written_in() -> None:
    script = """
import structlog
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from common.log import configure_logging
from common.telemetry.export import Export
from common.tracing.span import record_with, span
import logging
configure_logging(level="info", form="json")
log = structlog.get_logger()
record_with(Export(SimpleSpanProcessor(InMemorySpanExporter()), service="tiktok").recorder)
log.info("before")
with span("work") as work:
    log.info("inside")
    logging.getLogger("library").warning("theirs")
log.info(work.place.header)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    before, inside, theirs, told = map(json.loads, done.stdout.splitlines())
    place = Place.read(told["event"])
    assert place is not None
    for line in (inside, theirs):
        assert (line["trace_id"], line["span_id"]) == (place.trace_hex, place.span_hex)
    assert "trace_id" not in before
    assert "trace_id" not in told
