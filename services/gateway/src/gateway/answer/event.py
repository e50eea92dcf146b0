"""What happened to a job, as its live events show it: one document per event, by the event's name.

Names: `created`, `started`, `progressed`, `creator`, `ended`, `retried`, `extended`, `removed`; and before them all a
`snapshot`, which is the job itself.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from common.db.event import EventRow
from common.db.result import DeliveredRow
from common.domain.job import PlatformName
from gateway.answer.document import Answer
from gateway.answer.result import ResultAnswer

SNAPSHOT = "snapshot"
CREATOR = "creator"


class EventAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """`created`, `started` and `removed`: there is no more to say."""

    seq: int
    at: datetime


class ProgressAnswer(EventAnswer, frozen=True, rename="camel", kw_only=True):
    """`progressed`: the counts so far. `progress` is in percent."""

    delivered: int | None
    pending: int | None
    pages: int | None
    progress: float | None


class EndAnswer(EventAnswer, frozen=True, rename="camel", kw_only=True):
    """`ended`: how this run of the job ended."""

    status: str | None
    stop_reason: str | None
    delivered: int | None


class ReopeningAnswer(EventAnswer, frozen=True, rename="camel", kw_only=True):
    """`retried` and `extended`: the job goes on towards this target."""

    target_results: int | None


class NamedEvent(NamedTuple):
    seq: int
    name: str
    document: Answer


def event_of(row: EventRow, platform: PlatformName) -> NamedEvent | None:
    """The event of a row; None if there is none, or of a kind that a newer version of us wrote."""
    if row.seq is None or row.at is None:
        return None
    if row.kind is None:
        return _creator(row, row.seq, row.at, platform)
    shape = _SHAPES.get(row.kind)
    if shape is None:
        return None
    name, document = shape
    return NamedEvent(row.seq, name, document(row.seq, row.at.astimezone(UTC), row.data or {}))


def _creator(row: EventRow, seq: int, at: datetime, platform: PlatformName) -> NamedEvent:
    assert row.details is not None
    found = DeliveredRow(seq=seq, delivered_at=at, enrichment=row.enrichment, details=row.details)
    return NamedEvent(seq, CREATOR, ResultAnswer.of(found, platform))


Make = Callable[[int, datetime, Mapping[str, Any]], Answer]


def _moment(seq: int, at: datetime, _: Mapping[str, Any]) -> Answer:
    return EventAnswer(seq=seq, at=at)


def _progress(seq: int, at: datetime, data: Mapping[str, Any]) -> Answer:
    return ProgressAnswer(
        seq=seq,
        at=at,
        delivered=data.get("delivered"),
        pending=data.get("pending"),
        pages=data.get("pages"),
        progress=data.get("progress"),
    )


def _end(seq: int, at: datetime, data: Mapping[str, Any]) -> Answer:
    return EndAnswer(
        seq=seq,
        at=at,
        status=data.get("status"),
        stop_reason=data.get("stopReason"),
        delivered=data.get("delivered"),
    )


def _reopening(seq: int, at: datetime, data: Mapping[str, Any]) -> Answer:
    return ReopeningAnswer(seq=seq, at=at, target_results=data.get("target"))


_SHAPES: Mapping[str, tuple[str, Make]] = {
    "created": ("created", _moment),
    "started": ("started", _moment),
    "progressed": ("progressed", _progress),
    "ended": ("ended", _end),
    "retry": ("retried", _reopening),
    "extend": ("extended", _reopening),
    "creators_removed": ("removed", _moment),
}
