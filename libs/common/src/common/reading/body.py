"""Turns the bytes of an answer into its outermost values, leaving what lies inside as raw JSON.

One odd value must cost itself only, so everything below the outermost object is decoded on its own (see `scalar`).
"""

import re
from typing import TypeVar

import msgspec

from common.errors import ShapeError

T = TypeVar("T")

# An escape of a JSON string. Group 1 is a UTF-16 surrogate without its partner: text that JavaScript cut inside an
# emoji is sent like that, and msgspec refuses the whole body for it, wherever it stands.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def decoded(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw) -> T | None:
    """What `raw` says, None if it is absent, malformed, nested too deep or of another type."""
    if not raw:
        return None
    try:
        return decoder.decode(raw)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return None


def read_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The outermost values of a body. Raises ShapeError if it is not an object of that kind.

    A body that holds half an emoji is read without it; that second look is taken only after a failure.
    """
    found = decoded(decoder, body)
    if found is None:
        found = decoded(decoder, _without_lone_surrogates(body))
    if found is None:
        raise ShapeError("the answer is not an object of the known shape")
    return found


def _without_lone_surrogates(body: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: b"" if match[1] else match[0], body)
