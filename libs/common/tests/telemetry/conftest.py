"""A recorder whose spans stay in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common.telemetry.export import Export
from common.tracing.span import record_with


@dataclass
class Memory:
    """What was recorded."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        [span] = [span for span in self.spans if span.name == name]
        return span

    def record(self) -> None:
        """Anew, as the environment says now."""
        record_with(Export(SimpleSpanProcessor(self.exporter), service="tiktok").recorder)


@pytest.fixture
def memory() -> Iterator[Memory]:
    """Records while the test runs."""
    memory = Memory()
    memory.record()
    yield memory
    record_with(None)
