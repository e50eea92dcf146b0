"""What callers say of a file and of a campaign's creators: preset, BOM, instants, cursors."""

import base64
import binascii
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from common.db.campaign_creator import MergedPlace
from common.domain.job import PlatformName
from common.errors import CallerError
from gateway.export.form import Form
from gateway.export.table import Preset

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{24,400}")
_HEAD: Final = struct.Struct(">qq")
_ID_LENGTH_MAX: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Walk(NamedTuple):
    """Where a page ended, and as of when the walk began."""

    place: MergedPlace
    as_of: datetime


def read_form(path: str) -> Form:
    """The format, from the address of a route that has one."""
    return Form(path.rpartition(".")[2])


def read_preset(text: str | None) -> Preset:
    """The parameter `preset`."""
    try:
        return Preset.FULL if text is None else Preset(text)
    except ValueError:
        raise CallerError("must be full or outreach", pointer="/preset", code="enum") from None


def read_excel(text: str | None) -> bool:
    """The parameter `excel`: whether a CSV begins with a BOM."""
    match text:
        case None | "false":
            return False
        case "true":
            return True
        case _:
            raise CallerError("must be true or false", pointer="/excel", code="bool_parsing")


def read_new_since(text: str | None) -> datetime | None:
    """The parameter `newSince`: an instant by RFC 3339."""
    if text is None:
        return None
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        # Python reads as many digits of a second as it keeps.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        message = "must be an instant like 2026-01-31T12:00:00Z"
        raise CallerError(message, pointer="/newSince", code="datetime") from None


def read_walk(text: str | None) -> Walk | None:
    """The parameter `cursor`: where the page before ended. It is no permission: the query carries the owner."""
    if text is None:
        return None
    walk = _walk_of(text)
    if walk is None or write_walk(walk) != text:
        raise CallerError("must be a nextCursor of an earlier answer", pointer="/cursor", code="cursor")
    return walk


def write_walk(walk: Walk) -> str:
    head = _HEAD.pack(_number(walk.place.first_found_at), _number(walk.as_of))
    packed = head + f"{walk.place.platform}:{walk.place.platform_id}".encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _walk_of(text: str) -> Walk | None:
    if not _CURSOR.fullmatch(text):
        return None
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found_at, as_of = _HEAD.unpack(packed[: _HEAD.size])
        name, _, platform_id = packed[_HEAD.size :].decode().partition(":")
        place = MergedPlace(first_found_at=_instant(found_at), platform=PlatformName(name), platform_id=platform_id)
        as_of_instant = _instant(as_of)
    except (ValueError, OverflowError, struct.error, binascii.Error):
        return None
    is_sound = 0 < len(platform_id) <= _ID_LENGTH_MAX and platform_id.isprintable()
    return Walk(place, as_of_instant) if is_sound else None


def _number(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _instant(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND
