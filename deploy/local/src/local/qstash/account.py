"""What one user has: keys, messages under way, the log, dead letters, remembered ids, schedules. In memory, bounded.

Rule: every change of a message's state goes through here, and is written to the log.
"""

import asyncio
import itertools
import time
from collections import deque
from dataclasses import dataclass, field

from local.qstash.error import NotFoundError
from local.qstash.identity import new_id
from local.qstash.keys import WRONG_KEY, User
from local.qstash.message import Answer, DeadLetter, Event, Message, State
from local.qstash.schedule import Schedule
from local.qstash.switch import SignWith

EVENT_COUNT_MAX = 50_000
DEAD_LETTER_COUNT_MAX = 10_000
FINISHED_COUNT_MAX = 10_000
FINISHED_KEPT_S = 60.0  # a finished message can be read for a while


@dataclass(slots=True)
class Record:
    """A message and how far it is. `wake` ends its present wait."""

    message: Message
    state: State = State.CREATED
    retried: int = 0
    is_finished: bool = False
    is_waiting: bool = False
    is_cancel_requested: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Account:
    """One user's things."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.current_key = user.current_signing_key
        self.next_key = user.next_signing_key
        self.records: dict[str, Record] = {}
        self.events: deque[Event] = deque(maxlen=EVENT_COUNT_MAX)
        self.dead_letters: dict[str, DeadLetter] = {}
        self.schedules: dict[str, Schedule] = {}
        self._finished: deque[tuple[float, str]] = deque()
        self._remembered: dict[str, tuple[float, str]] = {}
        self._numbers = itertools.count()

    def rotate_keys(self) -> None:
        self.current_key, self.next_key = self.next_key, new_id("sig", 28)

    def key(self, which: SignWith) -> str:
        return {SignWith.CURRENT: self.current_key, SignWith.NEXT: self.next_key, SignWith.WRONG: WRONG_KEY}[which]

    def remembered(self, deduplication_key: str, window_s: float) -> str | None:
        """The id of the message that was accepted under this key within the window."""
        accepted_at, message_id = self._remembered.get(deduplication_key, (-window_s, ""))
        return message_id if time.monotonic() - accepted_at < window_s and message_id else None

    def remember(self, deduplication_key: str, message_id: str, window_s: float) -> None:
        """Keep the key; those that are older than the window are forgotten."""
        now = time.monotonic()
        self._remembered.pop(deduplication_key, None)
        self._remembered[deduplication_key] = (now, message_id)
        while (oldest := next(iter(self._remembered))) and now - self._remembered[oldest][0] >= window_s > 0:
            del self._remembered[oldest]

    def create(self, message: Message) -> Record:
        record = Record(message)
        self.records[message.id] = record
        self.note(record, State.CREATED, next_delivery_at_ms=message.not_before_ms)
        return record

    def note(
        self,
        record: Record,
        state: State,
        *,
        answer: Answer | None = None,
        next_delivery_at_ms: int | None = None,
    ) -> None:
        """Write a state to the log; the record has it from now on."""
        record.state = state
        error = _error_of(answer) if state in {State.ERROR, State.FAILED} else None
        self.events.append(
            Event(next(self._numbers), now_ms(), state, record.message, error, next_delivery_at_ms, answer)
        )

    def finish(self, record: Record, state: State, answer: Answer | None = None) -> None:
        """The message's last state; it can be read for a while and is then forgotten."""
        self.note(record, state, answer=answer)
        record.is_finished = True
        self._finished.append((time.monotonic(), record.message.id))
        self.forget_finished()

    def forget_finished(self) -> None:
        oldest_at = time.monotonic() - FINISHED_KEPT_S
        while self._finished and (len(self._finished) > FINISHED_COUNT_MAX or self._finished[0][0] < oldest_at):
            self.records.pop(self._finished.popleft()[1], None)

    def bury(self, record: Record, answer: Answer) -> DeadLetter:
        """Give the message up: into the dead-letter list."""
        number, time_ms = next(self._numbers), now_ms()
        letter = DeadLetter(f"{time_ms}-{number}", number, time_ms, record.message, answer)
        self.dead_letters[letter.id] = letter
        if len(self.dead_letters) > DEAD_LETTER_COUNT_MAX:
            del self.dead_letters[next(iter(self.dead_letters))]
        self.finish(record, State.FAILED, answer)
        return letter

    def record(self, message_id: str) -> Record:
        """Raises NotFoundError."""
        self.forget_finished()
        if message_id not in self.records:
            raise NotFoundError(f"message {message_id} not found")
        return self.records[message_id]

    def cancellable(self) -> list[Record]:
        return [one for one in self.records.values() if not one.is_finished and not one.is_cancel_requested]

    def cancel(self, record: Record) -> None:
        """Ask for it; a message in flight is cancelled only if that attempt fails."""
        record.is_cancel_requested = True
        self.note(record, State.CANCEL_REQUESTED)
        record.wake.set()

    def dead_letter(self, dlq_id: str) -> DeadLetter:
        """Raises NotFoundError."""
        if dlq_id not in self.dead_letters:
            raise NotFoundError(f"dlq message {dlq_id} not found")
        return self.dead_letters[dlq_id]

    def schedule(self, schedule_id: str) -> Schedule:
        """Raises NotFoundError."""
        if schedule_id not in self.schedules:
            raise NotFoundError(f"schedule {schedule_id} not found")
        return self.schedules[schedule_id]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _error_of(answer: Answer | None) -> str | None:
    if answer is None:
        return None
    return answer.error or f"destination answered {answer.status}"
