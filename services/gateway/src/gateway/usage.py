"""What is asked of the usage: which days, told apart by what, after which row."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from common.db.usage import UsageKey
from common.errors import CallerError
from gateway.query import bytes_of, cursor_of

DAYS_DEFAULT = 30
DAYS_MAX = 366

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EARLIEST = date(2000, 1, 1)
_HEAD = struct.Struct(">Bi16s")  # by what rows are told apart, the day, the job; the platform's name follows
_NO_DAY, _NO_JOB = 0, UUID(int=0)


class Group(StrEnum):
    """By what rows are told apart."""

    DAY = "day"
    PLATFORM = "platform"
    JOB = "job"


_BITS: Mapping[Group, int] = {Group.DAY: 1, Group.PLATFORM: 2, Group.JOB: 4}


@dataclass(frozen=True, slots=True)
class Period:
    """Days of UTC, both included."""

    first: date
    last: date


def read_period(first: str | None, last: str | None, *, today: date) -> Period:
    """The parameters `from` and `to`: who does not say gets the days up to today, or those up to `to`."""
    end = today if last is None else _read_day("to", last)
    start = end - timedelta(days=DAYS_DEFAULT - 1) if first is None else _read_day("from", first)
    if end < start:
        raise CallerError("must not be after to", pointer="/from", code="range")
    if (end - start).days >= DAYS_MAX:
        raise CallerError(f"must leave at most {DAYS_MAX} days up to to", pointer="/from", code="range")
    return Period(start, end)


def _read_day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day < _EARLIEST:
        raise CallerError(f"must be a date from {_EARLIEST} on, like 2026-01-31", pointer=f"/{name}", code="date")
    return day


def read_groups(text: str | None) -> frozenset[Group]:
    """The parameter `groupBy`: a list."""
    try:
        return frozenset({Group.DAY} if text is None else map(Group, text.split(",")))
    except ValueError:
        words = ", ".join(Group)
        raise CallerError(f"must be some of {words}, with commas", pointer="/groupBy", code="enum") from None


def read_key(text: str | None, groups: frozenset[Group]) -> UsageKey | None:
    """The parameter `cursor`: it belongs to what rows are told apart by."""
    if text is None:
        return None
    key = _key_of(text)
    if key is None or write_key(key, groups) != text:
        raise CallerError(
            "must be a nextCursor of an earlier answer with the same groupBy", pointer="/cursor", code="cursor"
        )
    return key


def write_key(key: UsageKey, groups: frozenset[Group]) -> str:
    """The cursor of the row where a page ended."""
    mask = sum(_BITS[group] for group in groups)
    day = key.day.toordinal() if key.day else _NO_DAY
    packed = _HEAD.pack(mask, day, (key.job_id or _NO_JOB).bytes) + (key.platform or "").encode()
    return cursor_of(packed)


def _key_of(text: str) -> UsageKey | None:
    try:
        packed = bytes_of(text)
        mask, day, job = _HEAD.unpack_from(packed)
        platform = packed[_HEAD.size :].decode("ascii")
        if not platform.isprintable():  # Postgres has no place for some of it
            return None
        return UsageKey(
            day=date.fromordinal(day) if mask & _BITS[Group.DAY] else None,
            platform=platform if mask & _BITS[Group.PLATFORM] else None,
            job_id=UUID(bytes=job) if mask & _BITS[Group.JOB] else None,
        )
    except (ValueError, struct.error, OverflowError):
        return None
