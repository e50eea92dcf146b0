"""What callers put into the address: ids, limits, cursors. Nothing of it is ever repeated in an answer."""

import base64
import re
import struct
from collections.abc import Mapping
from enum import StrEnum
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
_PLACE = struct.Struct(">cqf")
_PLACE_CURSOR = re.compile(r"[A-Za-z0-9_-]{18}")
_NO_LIKENESS = -1.0  # a likeness is 0 to 1


class Sort(StrEnum):
    """The order of a job's results: as they were found, or the most alike first."""

    FOUND = "found"
    LIKENESS = "likeness"


_LETTERS: Mapping[Sort, bytes] = {Sort.FOUND: b"f", Sort.LIKENESS: b"l"}


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
    return base64.urlsafe_b64encode(last_id.bytes).rstrip(b"=").decode()


def read_sort(text: str | None, mode: Mode) -> Sort:
    """The parameter `sort`; who does not say gets what the job's mode is about."""
    if text is None:
        return Sort.LIKENESS if mode is Mode.SIMILAR else Sort.FOUND
    try:
        return Sort(text)
    except ValueError:
        raise CallerError("must be found or likeness", pointer="/sort", code="enum") from None


def read_place(text: str | None, sort: Sort) -> ResultPlace | None:
    """The parameter `cursor` of results: it belongs to the order in which it was given. `sort` found knows no
    likeness."""
    if text is None:
        return None
    place = _place_of(text)  # in whichever order; only that in which it is asked for writes it the same
    if place is None or write_place(place, sort) != text:
        raise CallerError(
            "must be a nextCursor of an earlier answer in the same order", pointer="/cursor", code="cursor"
        )
    return place


def write_place(place: ResultPlace, sort: Sort) -> str:
    """At the precision of a `real`, in which Postgres keeps likeness: so the place is found again exactly."""
    is_known = sort is Sort.LIKENESS and place.likeness is not None
    packed = _PLACE.pack(_LETTERS[sort], place.seq, place.likeness if is_known else _NO_LIKENESS)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _place_of(text: str) -> ResultPlace | None:
    if not _PLACE_CURSOR.fullmatch(text):
        return None
    _, seq, likeness = _PLACE.unpack(base64.urlsafe_b64decode(f"{text}=="))
    if seq < 0 or not (likeness == _NO_LIKENESS or 0 <= likeness <= 1):
        return None
    return ResultPlace(seq=seq, likeness=None if likeness == _NO_LIKENESS else likeness)
