"""Decides how much of a platform's work a process takes after a pause."""

from datetime import timedelta

GROWS_EVERY = timedelta(seconds=1)


def steps_allowed(*, is_open: bool, is_probe_due: bool, resumed_for: timedelta | None, steps_max: int) -> int:
    """Steps in hand: none under a pause, one to try when it is over, then twice as many each second, up to `steps_max`.

    `resumed_for` is how long ago the last pause ended, None if there was none.
    """
    if not is_open:
        return 1 if is_probe_due else 0
    if resumed_for is None:
        return steps_max
    doublings = max(0, resumed_for // GROWS_EVERY)
    return steps_max if doublings >= steps_max.bit_length() else min(steps_max, 2**doublings)
