"""Decides what a failed call means for its step."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from common.domain.job import WaitingOn
from common.errors import (
    CoolDownError,
    CreatorscoutError,
    KeyRefusedError,
    NotFoundError,
    OutOfCreditsError,
    RateLimitedError,
    RefusedRequestError,
    ShapeError,
)

COOL_DOWN_DEFAULT = timedelta(seconds=60)
COOL_DOWN_MAX = timedelta(minutes=30)
PROBE_EVERY = timedelta(minutes=5)


class PauseState(StrEnum):
    COOL_DOWN = "cool_down"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What every worker of the platform does: nothing, until `lasts` is over; then the next call is a probe."""

    state: PauseState
    reason: WaitingOn
    lasts: timedelta


def decide_pause(error: CoolDownError) -> Pause:
    """429 waits as long as the upstream asked; no credits and a refused key wait for a person, with a probe
    every five minutes in case one came."""
    match error:
        case RateLimitedError(retry_after=None):
            return Pause(state=PauseState.COOL_DOWN, reason=WaitingOn.COOL_DOWN, lasts=COOL_DOWN_DEFAULT)
        case RateLimitedError(retry_after=asked) if asked is not None:
            lasts = min(max(asked, timedelta(seconds=1)), COOL_DOWN_MAX)
            return Pause(state=PauseState.COOL_DOWN, reason=WaitingOn.COOL_DOWN, lasts=lasts)
        case OutOfCreditsError():
            return Pause(state=PauseState.PAUSED, reason=WaitingOn.CREDITS, lasts=PROBE_EVERY)
        case KeyRefusedError():
            return Pause(state=PauseState.PAUSED, reason=WaitingOn.CONFIGURATION, lasts=PROBE_EVERY)
        case _:
            return Pause(state=PauseState.COOL_DOWN, reason=WaitingOn.COOL_DOWN, lasts=COOL_DOWN_DEFAULT)


def search_end_for(error: CreatorscoutError) -> str:
    """Why a search ends after an error that no retry mends."""
    match error:
        case NotFoundError():
            return "not_found"
        case RefusedRequestError():
            return "refused"
        case ShapeError():
            return "shape"
        case _:
            return "failed"
