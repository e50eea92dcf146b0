"""Reads single values out of raw JSON: the value if it is of a type we know, else None for unknown."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from common.domain.text import clean_text
from common.reading.body import decoded

ABSENT: Final = msgspec.Raw(b"")
"""The default of every field that we read: the key was not there."""

COUNT_MAX: Final = 2**53
"""Whole numbers beyond this were rounded on their way through JavaScript: neither a count nor an id."""

IDENTIFIER_LENGTH_MAX: Final = 128
TEXT_LENGTH_MAX: Final = 10_000

STRING_BYTES_MAX: Final = 1024**2
"""Longer strings are no text of a creator: as a string each character may take four bytes."""

_NUMBER_BYTES_MAX: Final = 1024

_TEXT = msgspec.json.Decoder(str)
_NUMBER = msgspec.json.Decoder(int | float | str)
_FLAG = msgspec.json.Decoder(bool | int | float | str)
_INSTANT = msgspec.json.Decoder(datetime)

_FLAGS: dict[bool | float | str, bool] = {True: True, False: False, "1": True, "0": False, "true": True, "false": False}


def read_string(raw: msgspec.Raw) -> str | None:
    """A string exactly as sent, for what is judged before it is kept; one of more than a mebibyte is unknown."""
    return decoded(_TEXT, raw) if len(raw) <= STRING_BYTES_MAX else None


def read_text(raw: msgspec.Raw, length_max: int = TEXT_LENGTH_MAX) -> str | None:
    """Text that can be stored, "" if the upstream says that there is none."""
    return clean_text(read_string(raw), length_max)


def read_identifier(raw: msgspec.Raw) -> str | None:
    """An id or a handle without `@`: a string without blanks. A number is never one, it may be rounded.

    "0" is how TikTok writes that there is no id.
    """
    text = (read_string(raw) or "").removeprefix("@")
    is_sound = 0 < len(text) <= IDENTIFIER_LENGTH_MAX and text.isprintable() and " " not in text and text != "0"
    return text if is_sound else None


def read_country(raw: msgspec.Raw) -> str | None:
    """A country code of two letters, in capitals."""
    text = (read_string(raw) or "").upper()
    return text if len(text) == 2 and text.isascii() and text.isalpha() else None


def read_count(raw: msgspec.Raw) -> int | None:
    """A whole number from 0 to 2^53, also as a string of digits. A negative one is an overflow: unknown."""
    number = decoded(_NUMBER, raw) if len(raw) <= _NUMBER_BYTES_MAX else None
    if isinstance(number, str):
        is_digits = number.isascii() and number.isdigit() and len(number) <= len(str(COUNT_MAX))
        number = int(number) if is_digits else None
    if number is None or not 0 <= number <= COUNT_MAX or number != int(number):
        return None
    return int(number)


def read_flag(raw: msgspec.Raw) -> bool | None:
    """True or false, also as 1 or 0 or as a word."""
    flag = decoded(_FLAG, raw) if len(raw) <= _NUMBER_BYTES_MAX else None
    return None if flag is None else _FLAGS.get(flag)


def read_instant(seconds: msgspec.Raw, iso: msgspec.Raw = ABSENT) -> datetime | None:
    """The instant that Unix seconds tell, else an ISO time from either (without a zone it is UTC). 0 is unknown."""
    count = read_count(seconds)
    if count and count < 253_402_300_800:  # the year 10000
        return datetime.fromtimestamp(count, UTC)
    instant = next(
        (at for raw in (iso, seconds) if len(raw) <= _NUMBER_BYTES_MAX and (at := decoded(_INSTANT, raw))), None
    )
    if instant is None or not 1970 <= instant.year < 9999:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
