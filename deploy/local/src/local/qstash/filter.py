"""Filters and pages of listings and bulk actions, from a query string.

Values of one filter are alternatives, filters add up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl

from local.qstash.error import BadRequestError
from local.qstash.message import Message
from local.qstash.target import TOKEN_PARAMETER, read_address

PAGE = frozenset({"cursor", "count", "order", TOKEN_PARAMETER})
MESSAGE = frozenset(
    {"messageId", "messageIds", "url", "host", "path", "topicName", "queueName", "scheduleId", "callerIp"}
    | {"label", "flowControlKey", "fromDate", "toDate"}
)
DEAD_LETTER = MESSAGE | {"dlqIds", "responseStatus"}
EVENT = MESSAGE | {"state", "responseStatus"}
_ALIASES = {"messageIds": "messageId", "dlqIds": "dlqId"}
_NUMBERS = frozenset({"fromDate", "toDate", "count", "responseStatus"})

Facts = dict[str, frozenset[str]]
Query = dict[str, list[str]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are meant."""

    wanted: Facts
    from_ms: int | None
    to_ms: int | None

    def matches(self, facts: Facts, time_ms: int) -> bool:
        if self.from_ms is not None and time_ms < self.from_ms:
            return False
        if self.to_ms is not None and time_ms > self.to_ms:
            return False
        return all(not values.isdisjoint(facts.get(name, frozenset())) for name, values in self.wanted.items())


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a listing: at most `count` entries after the one that the cursor names."""

    after: int | None
    count: int
    is_latest_first: bool

    def cut(self, entries: Sequence[tuple[int, T]]) -> tuple[list[T], int | None]:
        """The entries, earliest first, as numbered values; the number of the last one if there are more."""
        ordered = list(reversed(entries)) if self.is_latest_first else list(entries)
        if self.after is not None:
            after = self.after
            ordered = [one for one in ordered if (one[0] < after if self.is_latest_first else one[0] > after)]
        kept = ordered[: self.count]
        return [value for _, value in kept], kept[-1][0] if len(ordered) > self.count else None


def read_query(text: str, known: frozenset[str]) -> Query:
    """Raises BadRequestError for a name that is not known."""
    query: Query = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in known | PAGE:
            raise BadRequestError(f"unknown filter: {name}")
        if name in _NUMBERS and not value.isdecimal():
            raise BadRequestError(f"invalid {name}: {value}")
        query.setdefault(name, []).append(value)
    return query


def read_filter(query: Query) -> Filter:
    wanted: Facts = {}
    for name, values in query.items():
        if name in PAGE or name in {"fromDate", "toDate"}:
            continue
        key = _ALIASES.get(name, name)
        # A URL may contain a comma, so the whole value counts too.
        wanted[key] = wanted.get(key, frozenset()) | _alternatives(values)
    return Filter(wanted, _number(query, "fromDate"), _number(query, "toDate"))


def read_page(query: Query, count_max: int, *, is_latest_first: bool) -> Page:
    """Raises BadRequestError for a cursor that we did not give out."""
    cursor, count, order = (query.get(name, [""])[-1] for name in ("cursor", "count", "order"))
    if order not in {"", "earliestFirst", "latestFirst"}:
        raise BadRequestError(f"invalid order: {order}")
    after = cursor.rpartition("-")[2]
    if cursor and not after.isdecimal():
        raise BadRequestError(f"invalid cursor: {cursor}")
    return Page(
        int(after) if cursor else None,
        min(int(count), count_max) if count else count_max,
        order == "latestFirst" if order else is_latest_first,
    )


def message_facts(message: Message) -> Facts:
    address = read_address(message.url)
    flow = message.options.flow
    return {
        "messageId": frozenset({message.id}),
        "url": frozenset({message.url}),
        "host": frozenset({address.host, address.hostname}),
        "path": frozenset({address.target.partition("?")[0]}),
        "callerIp": frozenset({message.caller_ip}),
        "label": frozenset(message.options.labels),
        "scheduleId": frozenset({message.schedule_id} if message.schedule_id else ()),
        "flowControlKey": frozenset({flow.key} if flow else ()),
    }


def _alternatives(values: Iterable[str]) -> frozenset[str]:
    return frozenset(part.strip() for value in values for part in (value, *value.split(",")))


def _number(query: Query, name: str) -> int | None:
    return int(query[name][-1]) if name in query else None
