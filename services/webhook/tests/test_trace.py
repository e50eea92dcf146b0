"""What of a delivery becomes a span, and what its `traceparent`, which nobody signed, can do."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common.domain.step import DueStep
from common.messaging.topology import STEPS
from common.telemetry.export import Export
from common.tracing.identity import Place, step_trace_id
from common.tracing.span import record_with

STRANGER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    record_with(Export(SimpleSpanProcessor(exporter), service="webhook").recorder)
    yield exporter
    record_with(None)


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    [span] = [span for span in spans.get_finished_spans() if span.name == name]
    return span


def body(step: DueStep) -> dict[str, Any]:
    return step.message.model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize(
    ("header", "is_believed"),
    [("own", True), (STRANGER, False), ("nonsense", False)],
    ids=["own", "stranger", "nonsense"],
)
async def test_a_header_is_believed_within_the_trace_that_the_signed_body_names(
    site: Any, spans: InMemorySpanExporter, header: str, is_believed: bool
) -> None:
    """And goes on to the worker as a header of the message, which is stored with it."""
    [step] = await site.new_job()
    own = Place(step_trace_id(step), 7).header
    assert (await site.deliver(body(step), traceparent=own if header == "own" else header)).status_code == 200
    taken, stored = named(spans, "process process-scraping"), named(spans, "publish steps.tiktok")
    assert taken.context.trace_id == stored.context.trace_id == step_trace_id(step)
    assert (taken.parent.span_id if taken.parent else None) == (7 if is_believed else None)
    assert taken.attributes is not None
    assert taken.attributes["creatorscout.outcome"] == "accepted"
    message = await site.jetstream.get_last_msg(STEPS, "steps.tiktok")
    assert Place.read(message.headers["traceparent"]) == Place(stored.context.trace_id, stored.context.span_id)


async def test_who_is_not_believed_leaves_no_span(site: Any, spans: InMemorySpanExporter) -> None:
    [step] = await site.new_job()
    for token in ("", "e30.e30.e30"):
        answer = await site.post("/api/qstash/process-scraping", b"{}", token=token, traceparent=STRANGER)
        assert answer.status_code == 401
    assert spans.get_finished_spans() == ()
    await site.deliver(body(step))
    assert len(spans.get_finished_spans()) == 2


async def test_the_old_body_begins_a_trace_and_each_of_its_steps_has_its_own(
    site: Any, spans: InMemorySpanExporter
) -> None:
    steps = await site.new_job("cats", "dogs")
    assert (await site.deliver({"jobId": str(steps[0].job_id)}, traceparent=STRANGER)).status_code == 200
    taken = named(spans, "process process-scraping")
    stored = [span for span in spans.get_finished_spans() if span.name == "publish steps.tiktok"]
    assert taken.parent is None
    assert {span.context.trace_id for span in stored} == {step_trace_id(step) for step in steps}
    for span in stored:
        assert taken.context.span_id in {link.context.span_id for link in span.links}
