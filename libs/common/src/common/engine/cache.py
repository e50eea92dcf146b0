"""Decides how old an answer of the upstream's own cache may be, which costs nothing."""

from datetime import timedelta

AGES = {days: f"{days}d" for days in (30, 14, 7, 3, 1)}  # what the endpoints' `cache_max_age` takes, greatest first


def cache_max_age(max_age: timedelta) -> str | None:
    """The greatest age that the upstream knows and that is not above `max_age`; None: it shall look itself."""
    return next((text for days, text in AGES.items() if timedelta(days=days) <= max_age), None)
