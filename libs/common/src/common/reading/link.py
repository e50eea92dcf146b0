"""Web addresses as the upstream gives them: only http and https leave this module."""

from typing import Final
from urllib.parse import urlsplit

URL_LENGTH_MAX: Final = 2048


def web_url(text: str | None) -> str | None:
    """`text` if it is a whole http or https address, else None. It is never rewritten: many are signed."""
    if not text or len(text) > URL_LENGTH_MAX or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        is_sound = parts.port != 0 and parts.username is None and "." in (parts.hostname or "")
    except ValueError:  # urlsplit's word for a bad port or host
        return None
    return text if is_sound and parts.scheme in ("http", "https") else None


def completed_url(text: str | None) -> str | None:
    """What a person typed as a link: `https://` is added if there is no scheme. Other schemes are refused."""
    if text is None:
        return None
    stripped = text.strip()
    return web_url(stripped if "://" in stripped else "https://" + stripped.removeprefix("//"))


def without_query(text: str | None) -> str | None:
    """The address without query and fragment, which carry tracking."""
    return web_url(text.partition("#")[0].partition("?")[0]) if text else None
