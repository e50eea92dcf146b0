"""How a channel is named: by its id, which never changes, and by its handle, which not every channel has."""

import re
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from common.domain.text import clean_text
from common.reading.scalar import IDENTIFIER_LENGTH_MAX

_ID: Final = re.compile(r"UC[0-9A-Za-z_-]{22}")
_OLD_NAME: Final = re.compile(r"(?:c|user)/[^/]+")


def is_channel_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def is_old_name(text: str) -> bool:
    """A name from the time before handles, "c/name" or "user/name": only the address of its page leads to it."""
    return _OLD_NAME.fullmatch(text) is not None


def plain_handle(written: str | None, channel_id: str) -> str:
    """The handle without `@` and in its own letters, else the channel's id.

    Searches percent-encode letters beyond ASCII, and write "channel/UC…" for a channel that has no handle.
    """
    name = (clean_text(unquote(written or "")) or "").strip().lstrip("@")
    is_whole = (
        0 < len(name) <= IDENTIFIER_LENGTH_MAX
        and name.isprintable()
        and not set(" \N{REPLACEMENT CHARACTER}") & set(name)
    )
    return name if is_whole and ("/" not in name or is_old_name(name)) else channel_id


def handle_of_page(address: str | None, channel_id: str) -> str:
    """The handle in the address of a channel's page, else the channel's id."""
    try:
        path = urlsplit(address or "").path
    except ValueError:  # urlsplit's word for a bad host
        return channel_id
    return plain_handle(path.strip("/"), channel_id)


def page_of(handle: str, channel_id: str) -> str:
    """The address of the channel's page."""
    if handle == channel_id or is_channel_id(handle):
        return f"https://www.youtube.com/channel/{quote(channel_id)}"
    return f"https://www.youtube.com/{quote(handle if is_old_name(handle) else '@' + handle, safe='/@')}"
