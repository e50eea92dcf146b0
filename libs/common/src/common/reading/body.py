"""Turns the bytes of an answer into its outermost values, leaving what lies inside as raw JSON.

One odd value must cost itself only, so everything below the outermost object is decoded on its own (see `scalar`).
"""

import re
from typing import Final, TypeVar

import msgspec

from common.errors import ShapeError

T = TypeVar("T")

VALUES_MAX: Final = 500_000
"""More members and elements than this no answer has (a page of 2.4 MB has 75,000); each costs some sixty bytes."""

ESCAPES_MAX: Final = 500_000
"""How many escapes are looked at for half emoji: a fifth of a second."""

ITEMS_MAX: Final = 500
"""No page lists more."""

# An escape of a JSON string. Group 1 is a UTF-16 surrogate without its partner: text that JavaScript cut inside an
# emoji is sent like that, and msgspec refuses the whole body for it, wherever it stands.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def decoded(decoder: msgspec.json.Decoder[T], raw: bytes | bytearray | msgspec.Raw) -> T | None:
    """What `raw` says, None if it is absent, malformed, nested too deep or of another type."""
    if not raw:
        return None
    try:
        return decoder.decode(raw)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return None


def read_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The outermost values of a body. Raises ShapeError if it is not an object of that kind, or has more values than
    an answer can have: each is an object in memory.

    A body that holds half an emoji is read without it; that second look is taken only after a failure.
    """
    if body.count(b",") > VALUES_MAX:
        raise ShapeError("the answer has more values than an answer can have")
    found = decoded(decoder, body)
    if found is None and (whole := _without_lone_surrogates(body)) is not None:
        found = decoded(decoder, whole)
    if found is None:
        raise ShapeError("the answer is not an object of the known shape")
    return found


def few(elements: list[msgspec.Raw]) -> list[msgspec.Raw]:
    """The same elements. Raises ShapeError if they are more than a page can list: reading them would take for ever."""
    if len(elements) > ITEMS_MAX:
        raise ShapeError("the answer lists more than a page can")
    return elements


def _without_lone_surrogates(body: bytes) -> bytearray | None:
    """None if there are none, or more escapes than a page has. It takes no more memory than the body."""
    kept = bytearray()
    end = 0
    for count, escape in enumerate(_ESCAPE.finditer(body)):
        if count == ESCAPES_MAX:
            return None
        if escape[1]:
            kept += memoryview(body)[end : escape.start()]
            end = escape.end()
    if not end:
        return None
    kept += memoryview(body)[end:]
    return kept
