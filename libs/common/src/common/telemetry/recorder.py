"""Spans that leave the process: OpenTelemetry's SDK behind `common.tracing`. Imported only where spans are recorded.

The rule: an error that passes a span is told by its kind and by what fault.py tells of it; the SDK's own way, which
writes the exception's text and trace, is not used.
"""

import asyncio
import contextvars
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from opentelemetry import context as api_context
from opentelemetry import trace as api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator

from common.fault import describe
from common.tracing.identity import Place
from common.tracing.span import Link, Span, SpanKind, Wish

_KINDS = {
    SpanKind.INTERNAL: api.SpanKind.INTERNAL,
    SpanKind.SERVER: api.SpanKind.SERVER,
    SpanKind.CLIENT: api.SpanKind.CLIENT,
    SpanKind.PRODUCER: api.SpanKind.PRODUCER,
    SpanKind.CONSUMER: api.SpanKind.CONSUMER,
}
ROLE = "creatorscout.link"


class WishedIds(IdGenerator):
    """Random ids but for a span that wishes its own."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._wish: contextvars.ContextVar[Wish | None] = contextvars.ContextVar("wish", default=None)

    @contextmanager
    def granting(self, wish: Wish) -> Generator[None]:
        token = self._wish.set(wish)
        try:
            yield
        finally:
            self._wish.reset(token)

    def generate_trace_id(self) -> int:
        wish = self._wish.get()
        return wish.trace_id if wish and wish.trace_id else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        wish = self._wish.get()
        return wish.span_id if wish and wish.span_id else self._random.generate_span_id()

    def is_trace_id_random(self) -> bool:
        wish = self._wish.get()
        return not (wish and wish.trace_id)


class SdkRecorder:
    """Records with a provider whose ids are `ids`."""

    def __init__(self, provider: TracerProvider, ids: WishedIds) -> None:
        self._tracer = provider.get_tracer("creatorscout")
        self._ids = ids

    def open(self, wish: Wish) -> Span:
        return _Recorded(self, wish)

    def current(self) -> Place | None:
        return _place(api.get_current_span())

    def here(self) -> Span:
        return _Recorded(self, Wish(name=""), api.get_current_span())

    def start(self, wish: Wish) -> api.Span:
        with self._ids.granting(wish):
            return self._tracer.start_span(
                wish.name,
                context=_context(wish),
                kind=_KINDS[wish.kind],
                attributes=wish.facts,
                links=[api.Link(_span_context(link.place), {ROLE: link.role}) for link in wish.links],
                start_time=wish.began_ns,
            )


class _Recorded(Span):
    """A span of the SDK's."""

    def __init__(self, recorder: SdkRecorder, wish: Wish, span: api.Span = api.INVALID_SPAN) -> None:
        self._recorder = recorder
        self._wish = wish
        self._span = span
        self._token: contextvars.Token[api_context.Context] | None = None

    @property
    def place(self) -> Place | None:
        return _place(self._span)

    def tell(self, facts: Mapping[str, object]) -> None:
        if not self._span.is_recording():
            return  # it was not sampled, or has ended: what goes on behind an answer may still know more
        for name, value in facts.items():
            if isinstance(value, str | bool | int | float):
                self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def link(self, to: Link) -> None:
        if self._span.is_recording():
            self._span.add_link(_span_context(to.place), {ROLE: to.role})

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(api.StatusCode.ERROR)

    def __enter__(self) -> Self:
        self._span = self._recorder.start(self._wish)
        self._token = api_context.attach(api.set_span_in_context(self._span))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, asyncio.CancelledError):
            self._span.set_attribute("creatorscout.is_cancelled", True)
        elif error is not None:
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(api.StatusCode.ERROR, describe(error))
        if self._token is not None:
            api_context.detach(self._token)
        self._span.end()


def _context(wish: Wish) -> api_context.Context | None:
    """What the span goes below. Empty for the first of a trace, None for whatever is open here."""
    if wish.parent is not None:
        sender = api.NonRecordingSpan(_span_context(wish.parent))
        return api.set_span_in_context(sender, api_context.Context())
    return api_context.Context() if wish.is_first else None


def _span_context(place: Place) -> api.SpanContext:
    flags = api.TraceFlags(api.TraceFlags.SAMPLED if place.is_sampled else api.TraceFlags.DEFAULT)
    return api.SpanContext(place.trace_id, place.span_id, is_remote=True, trace_flags=flags)


def _place(span: api.Span) -> Place | None:
    context = span.get_span_context()
    return Place(context.trace_id, context.span_id, context.trace_flags.sampled) if context.is_valid else None
