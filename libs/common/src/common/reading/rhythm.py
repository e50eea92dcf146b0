"""How often somebody posts, from the times of a few recent posts."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

POST_COUNT_MIN: Final = 3
SPAN_MIN: Final = timedelta(days=1)
"""Posts that were made in one go tell of one busy day at most, not of hundreds a week."""

_WEEK = timedelta(weeks=1)


def posts_per_week(instants: Iterable[datetime]) -> float | None:
    """The number of posts a week between the first and the last of them, None if there are too few to tell."""
    ordered = sorted(instants)
    if len(ordered) < POST_COUNT_MIN:
        return None
    span = max(ordered[-1] - ordered[0], SPAN_MIN)
    return round((len(ordered) - 1) / (span / _WEEK), 2)
