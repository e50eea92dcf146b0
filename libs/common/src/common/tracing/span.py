"""Spans, as those write them who do something. Without a recorder a span is one comparison, and nothing is imported.

The rule: a fact is an id, a number, a constant of ours, or an address of the contract as a template; never what a user
typed, what an upstream said, or the text of an exception that is not ours.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from common.tracing.identity import Place

Fact = str | bool | int | float
Facts = Mapping[str, Fact]


class SpanKind(StrEnum):
    """OpenTelemetry's kinds."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True)
class Link:
    """To another trace. `role` says what the other is to this one: `job`, `cause`, `caused`, `caller`."""

    place: Place
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A span to be. With neither `parent` nor `is_first` it goes below whatever span is open here.

    `is_first` begins a trace, of the id `trace_id` if there is one, and `span_id` chooses the span's own. `began_ns` is
    since the epoch.
    """

    name: str
    kind: SpanKind = SpanKind.INTERNAL
    facts: Facts = field(default_factory=dict[str, Fact])
    links: tuple[Link, ...] = ()
    parent: Place | None = None
    is_first: bool = False
    trace_id: int | None = None
    span_id: int | None = None
    began_ns: int | None = None


class Span:
    """A span that is not recorded; what is recorded is a kind of it. Open it with `with`."""

    @property
    def place(self) -> Place | None:
        """None if nothing is recorded here."""
        return None

    def tell(self, facts: Mapping[str, object]) -> None:
        """Add facts; what is None is unknown and left out."""

    def rename(self, name: str) -> None:
        """For who knows only later what it was."""

    def link(self, to: Link) -> None:
        """Lead to another trace from here."""

    def fail(self, kind: str) -> None:
        """It went wrong, though nothing was raised. `kind` is a constant of ours."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """An error that passes is told by its kind."""


class Recorder(Protocol):
    """Makes spans that leave the process."""

    def open(self, wish: Wish) -> Span: ...

    def current(self) -> Place | None: ...

    def here(self) -> Span: ...


NOTHING = Span()


class _Switch:
    """Which recorder the process has: one, like its log."""

    recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> None:
    """From now on spans go there; None: nowhere."""
    _Switch.recorder = recorder


def is_recording() -> bool:
    """Whether it is worth while to work out what a span would be told."""
    return _Switch.recorder is not None


def open_span(wish: Wish) -> Span:
    """The span, to be entered at once."""
    recorder = _Switch.recorder
    return NOTHING if recorder is None else recorder.open(wish)


def span(name: str, facts: Facts | None = None, kind: SpanKind = SpanKind.INTERNAL) -> Span:
    """A span below the one that is open here."""
    recorder = _Switch.recorder
    return NOTHING if recorder is None else recorder.open(Wish(name=name, kind=kind, facts=facts or {}))


def current_place() -> Place | None:
    """Where the span is that is open here."""
    recorder = _Switch.recorder
    return None if recorder is None else recorder.current()


def current_span() -> Span:
    """The span that is open here, for who has a fact to add to it."""
    recorder = _Switch.recorder
    return NOTHING if recorder is None else recorder.here()


def write_ids(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """For the log: which span a line was written in."""
    place = current_place()
    if place is not None:
        event["trace_id"] = place.trace_hex
        event["span_id"] = place.span_hex
    return event
