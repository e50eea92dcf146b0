"""When a channel was made, as its page says it."""

import re
from datetime import UTC, datetime
from typing import Final

from msgspec import Raw

from common.reading.scalar import read_text

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_FIRST: Final = re.compile(r"(?:joined )?([a-z]{3,9})\.? ([0-9]{1,2}),? ([0-9]{4})", re.IGNORECASE)
_DAY_FIRST: Final = re.compile(r"(?:joined )?([0-9]{1,2}) ([a-z]{3,9})\.?,? ([0-9]{4})", re.IGNORECASE)


def read_joined(raw: Raw) -> datetime | None:
    """The day in "Joined Mar 3, 2015", also with the month in full or the day in front. None if it is unreadable."""
    text = " ".join((read_text(raw) or "").split())
    if found := _MONTH_FIRST.fullmatch(text):
        return _day(found[3], found[1], found[2])
    if found := _DAY_FIRST.fullmatch(text):
        return _day(found[3], found[2], found[1])
    return None


def _day(year: str, month: str, day: str) -> datetime | None:
    name = month.lower()[:3]
    if name not in _MONTHS or int(year) < 2005:  # YouTube's first year
        return None
    try:
        return datetime(int(year), _MONTHS.index(name) + 1, int(day), tzinfo=UTC)
    except ValueError:  # February 30
        return None
