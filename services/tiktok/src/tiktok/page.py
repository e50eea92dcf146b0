"""What surrounds the list on a page: whether the answer is a page at all, and where the next one starts."""

from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from common.errors import NotFoundError, ShapeError
from common.platform import Params
from common.reading.body import few
from common.reading.scalar import ABSENT, read_count, read_flag, read_text

CURSOR_LENGTH_MAX: Final = 1000

Elements: TypeAlias = list[Raw] | UnsetType | None
"""A list whose elements are read one by one later, so that a bad one costs itself only."""


class Envelope(msgspec.Struct, frozen=True, gc=False, rename={"account_does_not_exist": "accountDoesNotExist"}):
    """`status_code` is TikTok's own, 0 is fine; `error` and `accountDoesNotExist` are the vendor's, seen in a 200."""

    success: Raw = ABSENT
    error: Raw = ABSENT
    account_does_not_exist: Raw = ABSENT
    status_code: Raw = ABSENT
    cursor: Raw = ABSENT
    has_more: Raw = ABSENT


def asked(**params: str | None) -> Params:
    """The parameters that say something; the others are not sent."""
    return {name: value for name, value in params.items() if value}


def refuse_absent(*, error: Raw, account_does_not_exist: Raw) -> None:
    """Raises NotFoundError if an answer of the vendor says that there is no such account."""
    if read_flag(account_does_not_exist) or read_text(error) == "not_found":
        raise NotFoundError("the upstream knows no such account")


def elements_of(envelope: Envelope, listed: Elements) -> list[Raw]:
    """The elements of the list. Raises NotFoundError if the answer says so, ShapeError if it is not a page.

    `null` in place of the list is an empty page: it is how TikTok's services write an empty list. A missing key is
    not: an answer that lost its list must not look like a search that found nothing.
    """
    refuse_absent(error=envelope.error, account_does_not_exist=envelope.account_does_not_exist)
    if read_flag(envelope.success) is False:
        raise ShapeError("the answer says that it failed")
    if listed is UNSET or (listed is None and read_count(envelope.status_code)):
        raise ShapeError("the answer has no list")
    return few(listed or [])


def next_cursor(has_more: Raw, cursor: Raw) -> str | None:
    """Where the next page starts: a count of posts so far, or a time; None at the end.

    `has_more` may be a number, a boolean or absent (then the cursor decides). A cursor of 0 would buy the first
    page again, so it is the end.
    """
    if read_flag(has_more) is False:
        return None
    count = read_count(cursor)
    if count is not None:
        return str(count) if count else None
    return read_text(cursor, CURSOR_LENGTH_MAX) or None
