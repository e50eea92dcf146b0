"""What callers put into the address: ids, limits, cursors. Nothing of it is ever repeated in an answer."""

import base64
import math
import re
import struct
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from common.db.result import ResultPlace
from common.domain.job import Mode, PlatformName
from common.errors import CallerError
from gateway.problem import not_found

LIMIT_DEFAULT = 50
LIMIT_MAX = 200

_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LIMIT = re.compile(r"[0-9]{1,6}")
_CURSOR = re.compile(r"[A-Za-z0-9_-]{22}")
_ANY_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,100}")

W = TypeVar("W", bound=StrEnum)


class Sort(StrEnum):
    """The order of a job's results: as they were found, the most alike or those with the most followers first."""

    FOUND = "found"
    LIKENESS = "likeness"
    FOLLOWERS = "followers"


def read_word(words: type[W], name: str, text: str) -> W:
    """The parameter `name`, which is one of a few words."""
    try:
        return words(text)
    except ValueError:
        listed = ", ".join(words)
        raise CallerError(f"must be one of {listed}", pointer=f"/{name}", code="enum") from None


def read_id(text: str) -> UUID:
    """An id in the path; what is none answers like an unknown one."""
    if not _ID.fullmatch(text):
        raise not_found()
    return UUID(text)


def read_platform_name(text: str) -> PlatformName:
    """A platform in the path; one that we do not have is not found."""
    try:
        return PlatformName(text)
    except ValueError:
        raise not_found() from None


def read_job_id(text: str | None) -> UUID:
    """The parameter `jobId`."""
    if text is None:
        raise CallerError("is required", pointer="/jobId", code="missing")
    return read_uuid(text, "jobId")


def read_uuid(text: str, name: str) -> UUID:
    """The parameter `name`."""
    if not _ID.fullmatch(text):
        raise CallerError("must be a UUID", pointer=f"/{name}", code="uuid_parsing")
    return UUID(text)


def read_limit(text: str | None) -> int:
    """The parameter `limit`; more than the most is the most."""
    if text is None:
        return LIMIT_DEFAULT
    if not _LIMIT.fullmatch(text) or int(text) < 1:
        raise CallerError("must be a whole number of at least 1", pointer="/limit", code="limit")
    return min(int(text), LIMIT_MAX)


def read_cursor(text: str | None) -> UUID | None:
    """The parameter `cursor`: where the page before ended. It is no permission: the query carries the owner."""
    if text is None:
        return None
    if not _CURSOR.fullmatch(text):
        raise CallerError("must be a nextCursor of an earlier answer", pointer="/cursor", code="cursor")
    return UUID(bytes=base64.urlsafe_b64decode(f"{text}=="))


def write_cursor(last_id: UUID) -> str:
    return cursor_of(last_id.bytes)


def cursor_of(packed: bytes) -> str:
    """Bytes as text for an address."""
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def bytes_of(cursor: str) -> bytes:
    """What `cursor_of` was given; nothing if the text is no cursor."""
    if not _ANY_CURSOR.fullmatch(cursor) or len(cursor) % 4 == 1:
        return b""
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def read_sort(text: str | None, mode: Mode) -> Sort:
    """The parameter `sort`; who does not say gets what the job's mode is about."""
    if text is None:
        return Sort.LIKENESS if mode is Mode.SIMILAR else Sort.FOUND
    return read_word(Sort, "sort", text)


# A place as bytes: the order's letter, `seq`, and the number by which that order sorts, below 0 if there is none. A
# likeness has the precision of a `real`, in which Postgres keeps it: so the place is found again exactly.
_PLACES: Mapping[Sort, tuple[bytes, struct.Struct]] = {
    Sort.FOUND: (b"f", struct.Struct(">cq")),
    Sort.LIKENESS: (b"l", struct.Struct(">cqf")),
    Sort.FOLLOWERS: (b"n", struct.Struct(">cqq")),
}
_NO_NUMBER = -1


def read_place(text: str | None, sort: Sort) -> ResultPlace | None:
    """The parameter `cursor` of results: it belongs to the order in which it was given, and to no filter: the place is
    the same whoever is shown around it."""
    if text is None:
        return None
    place = _place_of(text, sort)
    if place is None or write_place(place, sort) != text:  # one place has one cursor
        raise CallerError(
            "must be a nextCursor of an earlier answer in the same order", pointer="/cursor", code="cursor"
        )
    return place


def write_place(place: ResultPlace, sort: Sort) -> str:
    """The cursor of a place in this order."""
    letter, layout = _PLACES[sort]
    numbers: Mapping[Sort, float | None] = {Sort.LIKENESS: place.likeness, Sort.FOLLOWERS: place.followers}
    number = [] if sort is Sort.FOUND else [_NO_NUMBER if numbers[sort] is None else numbers[sort]]
    return cursor_of(layout.pack(letter, place.seq, *number))


def _place_of(text: str, sort: Sort) -> ResultPlace | None:
    """What stands in the text, None if nothing in this order can be meant by it; the letter is not looked at."""
    layout, packed = _PLACES[sort][1], bytes_of(text)
    if len(packed) != layout.size:
        return None
    _, seq, *numbers = layout.unpack(packed)
    number = None if not numbers or numbers[0] == _NO_NUMBER else numbers[0]
    if seq < 0 or not (number is None or 0 <= number <= (1 if sort is Sort.LIKENESS else math.inf)):
        return None
    match sort:
        case Sort.FOUND:
            return ResultPlace(seq=seq)
        case Sort.LIKENESS:
            return ResultPlace(seq=seq, likeness=number)
        case Sort.FOLLOWERS:
            return ResultPlace(seq=seq, followers=number)
