"""Which language TikTok says that a post or an account has."""

import re
from typing import Final

from msgspec import Raw

from common.reading.scalar import read_string

UNKNOWN: Final = frozenset({"un", "und"})

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


def read_language(raw: Raw) -> str | None:
    """The language as a tag of BCP 47. "un" is TikTok's word for unknown."""
    tag = (read_string(raw) or "").replace("_", "-")
    return tag if _TAG.fullmatch(tag) and tag.lower() not in UNKNOWN else None
