"""Counts as YouTube shows them: exact ones, rounded ones, and texts."""

import re
from typing import Final

from msgspec import Raw

from common.reading.scalar import COUNT_MAX, read_count, read_text

_ABBREVIATED: Final = re.compile(r"\d[KMB]\b", re.IGNORECASE)
_WATCHING: Final = "watching"
_SHOWN: Final = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,16})(?:\.(\d{1,3}))?([KMB])?(?![\w,.])", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}


def read_exact(count: Raw, text: Raw) -> int | None:
    """A post's count, None if the text beside it shows that it is rounded ("3.1K") or counts those who watch now."""
    shown = read_text(text) or ""
    return None if _ABBREVIATED.search(shown) or _WATCHING in shown else read_count(count)


def read_subscribers(count: Raw, text: Raw) -> int | None:
    """A channel's subscribers, rounded as the channel itself shows them. 0 without a text is a count that is hidden."""
    return read_count(count) or (0 if read_count(count) == 0 and read_text(text) else None)


def read_shown(text: Raw) -> int | None:
    """The count at the start of a text like "507 videos", "1,234 videos" or "1.2K videos"."""
    found = _SHOWN.match((read_text(text) or "").strip())
    if found is None:
        return None
    whole, fraction, unit = found[1].replace(",", ""), found[2] or "", (found[3] or "").lower()
    if fraction and not unit:
        return None
    count = int(whole + fraction) * _UNITS[unit] // 10 ** len(fraction)
    return count if count <= COUNT_MAX else None
