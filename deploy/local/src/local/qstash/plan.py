"""The limits of the plan that the stand-in plays: the free one, as published in August 2026."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Plan:
    """What one account may do."""

    message_bytes_max: int = 1024 * 1024  # of a request's body; a destination's answer is trimmed to it
    batch_bytes_max: int = 100 * 1024 * 1024
    retries_default: int = 3
    retries_max: int = 5  # of the official development server
    delay_max: timedelta = timedelta(days=7)
    response_max: timedelta = timedelta(minutes=15)
    schedule_count_max: int = 10


FREE = Plan()
