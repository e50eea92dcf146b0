"""A message as it was accepted, one attempt's answer, and what is written down about both."""

from dataclasses import dataclass
from enum import StrEnum

from local.qstash.header import Pairs
from local.qstash.option import Options

NO_ANSWER = 0
"""The status of an attempt without an answer."""


class State(StrEnum):
    """What happened to a message; the names are those that both SDKs know."""

    CREATED = "CREATED"
    ACTIVE = "ACTIVE"
    RETRY = "RETRY"
    ERROR = "ERROR"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Message:
    """What a publisher handed over: `url` is verbatim what it wrote, `options` were read from `published`."""

    id: str
    url: str
    body: bytes
    options: Options
    published: Pairs
    created_at_ms: int
    not_before_ms: int
    caller_ip: str
    schedule_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came back with. Without an answer the status is 0 and `error` says why."""

    status: int
    headers: Pairs = ()
    body: bytes = b""
    error: str | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the log."""

    number: int
    time_ms: int
    state: State
    message: Message
    error: str | None = None
    next_delivery_at_ms: int | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up, with the answer of its last attempt."""

    id: str
    number: int
    time_ms: int
    message: Message
    answer: Answer


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to a destination, for tests to look at. A copy is one that a switch asked for."""

    number: int
    message_id: str
    url: str
    attempt: int
    status: int
    error: str | None
    is_copy: bool
    jti: str
    started_at_ms: int
    finished_at_ms: int
