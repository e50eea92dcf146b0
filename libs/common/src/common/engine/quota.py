"""Decides how much of its owner's quota a job asks for."""

SPARE_CREDITS = 10
STEP_MIN = 20


def estimate(*, places: int, credits_left: int) -> int:
    """What finding so many creators is likely to cost: a profile each, and a page for about ten; never more than the
    job may still spend."""
    return min(credits_left, places + places // 10 + SPARE_CREDITS)


def next_grant(*, granted: int, credits_max: int) -> int:
    """How much more a job asks for that has used up its grant: a quarter again, 0 if its own limit is reached."""
    return max(0, min(credits_max - granted, max(STEP_MIN, granted // 4)))
