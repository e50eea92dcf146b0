"""Spans as a collector gets them: OTLP's messages read into values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

ROLE = "creatorscout.link"
_NONE = ""


@dataclass(frozen=True, slots=True)
class SeenLink:
    """To a span of another trace; `role` is ours."""

    trace_id: str
    span_id: str
    role: str


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span with the service that it comes from. Ids are hex; `parent_id` is blank for the first of a trace."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    facts: Mapping[str, Any]
    links: tuple[SeenLink, ...]
    events: tuple[str, ...]
    is_error: bool
    error: str

    @property
    def ms(self) -> float:
        return (self.ended_ns - self.began_ns) / 1e6

    def linked(self, role: str) -> set[tuple[str, str]]:
        """The trace and the span that each link of this role leads to."""
        return {(link.trace_id, link.span_id) for link in self.links if link.role == role}


def read_spans(body: bytes) -> list[SeenSpan]:
    """What an exporter sent. Raises protobuf's DecodeError."""
    found: list[SeenSpan] = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = str(_facts(resource.resource.attributes).get("service.name", _NONE))
        found += [_seen(service, span) for scope in resource.scope_spans for span in scope.spans]
    return found


def read_resources(body: bytes) -> list[dict[str, Any]]:
    """What each process says of itself."""
    return [_facts(one.resource.attributes) for one in ExportTraceServiceRequest.FromString(body).resource_spans]


def _seen(service: str, span: Span) -> SeenSpan:
    return SeenSpan(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        began_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        facts=_facts(span.attributes),
        links=tuple(
            SeenLink(link.trace_id.hex(), link.span_id.hex(), str(_facts(link.attributes).get(ROLE, _NONE)))
            for link in span.links
        ),
        events=tuple(event.name for event in span.events),
        is_error=span.status.code == Status.STATUS_CODE_ERROR,
        error=span.status.message,
    )


def _facts(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    return getattr(pair.value, kind) if kind else None
