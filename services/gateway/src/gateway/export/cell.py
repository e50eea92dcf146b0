"""Values as the text of a cell, and the guard that keeps a spreadsheet from running what a stranger wrote."""

import math
from datetime import UTC, datetime
from typing import Final
from unicodedata import category

import msgspec

from gateway.export.entry import Value

SEPARATOR: Final = "; "
GUARD: Final = "'"

# What begins a formula, here or in a spreadsheet that reads East Asian text, and what ends the cell before.
_STARTERS: Final = frozenset("=+-@\t\r\n\0＝＋－＠")
# What may stand before it unseen: blanks, zero-width characters, the BOM, controls that are dropped; and what this
# Python's Unicode does not know, or nobody but its maker: a newer spreadsheet may know it as unseen.
_UNSEEN: Final = frozenset({"Zs", "Zl", "Zp", "Cf", "Cc", "Cn", "Co"})


def guarded(text: str) -> str:
    """The text, behind an apostrophe if a spreadsheet might take it for a formula."""
    if text[:1].isalnum():
        return text
    for character in text:
        if character in _STARTERS:
            return GUARD + text
        if category(character) not in _UNSEEN:
            return text
    return text


def instant(value: datetime) -> str:
    """RFC 3339 in UTC, as in every answer."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def is_text(value: Value) -> bool:
    """Whether strangers can have written it: numbers, instants and the like are not theirs."""
    return isinstance(value, str | tuple | dict)


def text_of(value: Value) -> str:
    """What stands in a cell; unknown is empty, lists are joined. Not guarded yet."""
    if isinstance(value, str):  # most are
        return value
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value) if math.isfinite(value) else ""
        case datetime():
            return instant(value)
        case tuple():
            return SEPARATOR.join(map(text_of, value))
        case dict():
            return msgspec.json.encode(value).decode() if value else ""
        case _:
            return str(value)
