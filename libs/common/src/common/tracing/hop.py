"""A step's way from hand to hand: who sends it, who takes it, and the job that it belongs to.

The rule: the trace is the step's own by its ids. A header only says below which span of that trace the next one goes,
and one that names another trace is not believed: whoever forges it can at worst misplace a span within its trace.
"""

import time
from uuid import UUID

from common.tracing.identity import Place, StepIds, job_place, step_trace_id
from common.tracing.span import (
    NOTHING,
    Fact,
    Facts,
    Link,
    Span,
    SpanKind,
    Wish,
    current_place,
    current_span,
    is_recording,
    open_span,
)

HEADER = "traceparent"
QSTASH = "qstash"
NATS = "nats"


def now_ns() -> int:
    return time.time_ns()


def note_job(job_id: UUID, facts: Facts, *, began_ns: int) -> None:
    """The job is stored: its span, from which its trace begins, linked both ways with what asked for it."""
    if not is_recording():
        return
    place, caller = job_place(job_id), current_place()
    wish = Wish(
        name="create job",
        facts={"creatorscout.job_id": str(job_id), **facts},
        links=(Link(caller, "cause"),) if caller else (),
        is_first=True,
        trace_id=place.trace_id,
        span_id=place.span_id,
        began_ns=began_ns,
    )
    with open_span(wish) as span:
        noted = span.place
    if noted is not None:
        current_span().link(Link(noted, "caused"))


def sending(step: StepIds, *, system: str, destination: str) -> Span:
    """Handing a step over: below the span that is open here if that is of the step's own trace, else where its trace
    begins, linked both ways with what made the step due."""
    if not is_recording():
        return NOTHING
    trace_id, here = step_trace_id(step), current_place()
    name = f"publish {destination}"
    facts = _facts(step, system, destination) | {
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
    }
    if here is not None and here.trace_id == trace_id:
        return open_span(Wish(name=name, kind=SpanKind.PRODUCER, facts=facts))
    links = (_job(step), *([Link(here, "cause")] if here else ()))
    return open_span(
        Wish(name=name, kind=SpanKind.PRODUCER, facts=facts, links=links, is_first=True, trace_id=trace_id)
    )


def receiving(step: StepIds, *, system: str, destination: str, header: str | None, began_ns: int | None = None) -> Span:
    """Taking a step: below the span that sent it, if `header` names one of the step's own trace."""
    if not is_recording():
        return NOTHING
    trace_id, sender = step_trace_id(step), Place.read(header)
    is_known = sender is not None and sender.trace_id == trace_id
    operation: dict[str, Fact] = {"messaging.operation.name": "process", "messaging.operation.type": "process"}
    wish = Wish(
        name=f"process {destination}",
        kind=SpanKind.CONSUMER,
        facts=_facts(step, system, destination) | operation,
        links=(_job(step),),
        parent=sender if is_known else None,
        is_first=not is_known,
        trace_id=trace_id,
        began_ns=began_ns,
    )
    return open_span(wish)


def repairing(step: StepIds, name: str) -> Span:
    """Something that befalls a step outside of its way: in its own trace, linked with what does it."""
    if not is_recording():
        return NOTHING
    here = current_place()
    links = (_job(step), *([Link(here, "cause")] if here else ()))
    facts = {name: value for name, value in _facts(step, "", "").items() if name.startswith("creatorscout.")}
    return open_span(Wish(name=name, facts=facts, links=links, is_first=True, trace_id=step_trace_id(step)))


def headers_of(span: Span) -> dict[str, str]:
    """What the next hand is told; nothing if nothing is recorded."""
    return {HEADER: span.place.header} if span.place else {}


def tell_caused(span: Span) -> None:
    """The span that is open here leads to what it has set off."""
    if span.place is not None:
        current_span().link(Link(span.place, "caused"))


def _job(step: StepIds) -> Link:
    return Link(job_place(step.job_id), "job")


def _facts(step: StepIds, system: str, destination: str) -> dict[str, Fact]:
    return {
        "messaging.system": system,
        "messaging.destination.name": destination,
        "creatorscout.job_id": str(step.job_id),
        "creatorscout.search_id": str(step.search_id),
        "creatorscout.step": step.step,
        "creatorscout.generation": step.generation,
    }
