"""What surrounds the list on a page: whether the answer is a page at all, and where the next one starts."""

from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from common.errors import NotFoundError, ShapeError
from common.platform import Params
from common.reading.body import few
from common.reading.scalar import ABSENT, read_count, read_flag, read_text

PAGE_NUMBER_MAX: Final = 11
"""The searches by Google's index number their pages; a twelfth is refused."""

Elements: TypeAlias = list[Raw] | UnsetType | None
"""A list whose elements are read one by one later, so that a bad one costs itself only."""

ELEMENTS: Final = msgspec.json.Decoder(list[Raw])


class Envelope(msgspec.Struct, frozen=True, gc=False, rename={"account_does_not_exist": "accountDoesNotExist"}):
    """`error` and `accountDoesNotExist` are the vendor's, seen in a 200."""

    success: Raw = ABSENT
    error: Raw = ABSENT
    account_does_not_exist: Raw = ABSENT
    cursor: Raw = ABSENT


def asked(**params: str | None) -> Params:
    """The parameters that say something; the others are not sent."""
    return {name: value for name, value in params.items() if value}


def refuse_failed(envelope: Envelope) -> None:
    """Raises NotFoundError if an answer says that there is no such thing, ShapeError if it says that it failed."""
    if read_flag(envelope.account_does_not_exist) or read_text(envelope.error) == "not_found":
        raise NotFoundError("the upstream knows no such thing")
    if read_flag(envelope.success) is False:
        raise ShapeError("the answer says that it failed")


def elements_of(envelope: Envelope, listed: Elements) -> list[Raw]:
    """The elements of the list, none for `null`. Raises as `refuse_failed`, and ShapeError if there is no list: an
    answer that lost it must not look like a search that found nothing."""
    refuse_failed(envelope)
    if listed is UNSET:
        raise ShapeError("the answer has no list")
    return few(listed or [])


def next_cursor(cursor: Raw) -> str | None:
    """The number of the next page, as a string or a number; None at the end and for what would buy a page again."""
    number = read_count(cursor)
    return str(number) if number is not None and 2 <= number <= PAGE_NUMBER_MAX else None
