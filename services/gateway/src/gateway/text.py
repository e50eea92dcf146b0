"""Text that callers send, in one normal form: NFC, blanks collapsed, nothing that cannot be seen or kept."""

import re
from collections.abc import Callable
from typing import Annotated
from unicodedata import category, normalize

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

KEYWORD_LENGTH_MAX = 100
HANDLE_LENGTH_MAX = 100
NAME_LENGTH_MAX = 200
# Before NFC: composing marks takes quadratic time, and no text of a person shrinks to a quarter by it.
_RAW_FACTOR = 4

_UNSEEN = frozenset({"Cf", "Mn", "Me", "Zs"})
_REGION = re.compile(r"[A-Za-z]{2}")


def clean_line(text: str, length_max: int) -> str:
    """The text as one tidy line of 1 to `length_max` characters. Raises PydanticCustomError."""
    if len(text) > _RAW_FACTOR * length_max:
        raise _too_long(length_max)
    if any(category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise PydanticCustomError("control_character", "must not contain control characters or line breaks")
    line = normalize("NFC", " ".join(text.split()))
    if all(category(character) in _UNSEEN for character in line):
        raise PydanticCustomError("blank", "must not be empty")
    if len(line) > length_max:
        raise _too_long(length_max)
    return line


def _line(length_max: int) -> Callable[[str], str]:
    def clean(text: str) -> str:
        return clean_line(text, length_max)

    return clean


def _handle(text: str) -> str:
    line = clean_line(text, HANDLE_LENGTH_MAX + 1).removeprefix("@")
    if not line or " " in line or len(line) > HANDLE_LENGTH_MAX:
        raise PydanticCustomError("handle", "must be the name of one account, without blanks")
    return line


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise PydanticCustomError("region", "must be a country code of two letters")
    return text.upper()


def _too_long(length_max: int) -> PydanticCustomError:
    return PydanticCustomError("too_long", "must have at most {length_max} characters", {"length_max": length_max})


Keyword = Annotated[str, AfterValidator(_line(KEYWORD_LENGTH_MAX))]
CampaignName = Annotated[str, AfterValidator(_line(NAME_LENGTH_MAX))]
Handle = Annotated[str, AfterValidator(_handle)]
Region = Annotated[str, AfterValidator(_region)]
