"""What a failed call means for its platform and its search."""

from datetime import timedelta

from common.domain.job import WaitingOn
from common.engine.failure import COOL_DOWN_MAX, PauseState, decide_pause, search_end_for
from common.errors import (
    KeyRefusedError,
    NotFoundError,
    OutOfCreditsError,
    RateLimitedError,
    RefusedRequestError,
    ShapeError,
    UpstreamFailedError,
)


def test_a_rate_limit_waits_as_long_as_the_upstream_asks() -> None:
    pause = decide_pause(RateLimitedError(timedelta(seconds=7)))
    assert (pause.state, pause.reason, pause.lasts) == (
        PauseState.COOL_DOWN,
        WaitingOn.COOL_DOWN,
        timedelta(seconds=7),
    )


def test_a_rate_limit_without_a_time_waits_a_minute_and_never_for_ever() -> None:
    assert decide_pause(RateLimitedError(None)).lasts == timedelta(minutes=1)
    assert decide_pause(RateLimitedError(timedelta(days=1))).lasts == COOL_DOWN_MAX
    assert decide_pause(RateLimitedError(timedelta(0))).lasts >= timedelta(seconds=1)


def test_no_credits_and_a_refused_key_pause_the_platform_with_their_reason() -> None:
    assert decide_pause(OutOfCreditsError()).reason is WaitingOn.CREDITS
    assert decide_pause(KeyRefusedError()).reason is WaitingOn.CONFIGURATION
    assert decide_pause(KeyRefusedError()).state is PauseState.PAUSED


def test_each_permanent_failure_ends_the_search_with_its_own_reason() -> None:
    assert search_end_for(NotFoundError()) == "not_found"
    assert search_end_for(RefusedRequestError(400)) == "refused"
    assert search_end_for(ShapeError()) == "shape"
    assert search_end_for(UpstreamFailedError(500)) == "failed"
