"""What a route answers QStash, and the one line that the log keeps of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from litestar.types import Scope


class Outcome(StrEnum):
    """What became of a request of QStash's: a label of the metrics and the end of the log's event."""

    ACCEPTED = "accepted"  # the stream has the step
    IGNORED = "ignored"  # nothing is wanted of it any more
    REDRIVEN = "redriven"  # published again under a new generation
    GIVEN_UP = "given_up"  # its re-drives are used up
    REQUESTED = "requested"  # the sweep ran
    REJECTED = "rejected"  # not believed, or nonsense, or a replay
    POSTPONED = "postponed"  # an outage: QStash comes again
    BROKEN = "broken"  # a fault of ours


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200, with what QStash's log shows of it."""

    outcome: Outcome
    facts: dict[str, str | int] = field(default_factory=dict[str, str | int])

    @property
    def document(self) -> dict[str, Any]:
        return {"status": self.outcome.value, **self.facts}


@dataclass(slots=True)
class Record:
    """What the middleware writes of a request when it is answered."""

    request_id: str
    outcome: Outcome | None = None
    facts: dict[str, str | int] = field(default_factory=dict[str, str | int])

    @classmethod
    def of(cls, scope: Scope) -> "Record":
        record = scope["state"]["record"]
        assert isinstance(record, cls)
        return record
