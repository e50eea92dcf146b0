"""What an answer of ScrapeCreators means, before anybody reads its content.

Decide by the HTTP status first; bodies of errors lack keys, and `success` is true in some 404s.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Annotated, TypeVar

import msgspec

from common.errors import (
    CreatorscoutError,
    KeyRefusedError,
    NotFoundError,
    OutOfCreditsError,
    RateLimitedError,
    RefusedRequestError,
    ShapeError,
    UpstreamFailedError,
)
from common.reading.body import decoded, read_body
from common.reading.scalar import ABSENT

T = TypeVar("T")

RETRY_AFTER_MAX = timedelta(days=1)


class Envelope(msgspec.Struct):
    """What the vendor adds; of a hostile one each could be a megabyte of anything, so they stay raw."""

    success: msgspec.Raw = ABSENT
    credits_charged: msgspec.Raw = ABSENT
    cached_at: msgspec.Raw = ABSENT


_ENVELOPE = msgspec.json.Decoder(Envelope)
_CREDITS = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, le=1000)], strict=True)
_INSTANT = msgspec.json.Decoder(datetime)
_FLAG = msgspec.json.Decoder(bool)
_WORD_BYTES_MAX = 64


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A complete answer. `bytes_on_wire` counts what travelled, `body` is decoded."""

    status: int
    body: bytes
    retry_after: timedelta | None
    milliseconds: int
    bytes_on_wire: int

    @cached_property
    def envelope(self) -> Envelope | None:
        """None if the body is no JSON object; half an emoji in it is not the envelope's fault. Looked for once: a page
        has megabytes."""
        try:
            return read_body(_ENVELOPE, self.body)
        except ShapeError:
            return None


def charged(answer: Answer, *, price: int) -> int:
    """The credits that this answer cost: what it says, else the price of a 200, else nothing."""
    envelope = answer.envelope
    if envelope is not None:
        said = _short(_CREDITS, envelope.credits_charged)
        if said is not None:
            return said
    return price if answer.status == 200 else 0


def seen_at(answer: Answer, *, now: datetime) -> datetime | None:
    """When the upstream looked, if its own cache answered; None: just now. A time in the future is none."""
    envelope = answer.envelope
    at = _short(_INSTANT, envelope.cached_at) if envelope else None
    if at is None:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return at if at <= now else None


def fault(answer: Answer) -> CreatorscoutError | None:
    """What is wrong with the answer, None for a 200 that can be read."""
    status = answer.status
    if status == 200:
        envelope = answer.envelope
        if envelope is None:
            return ShapeError("the answer is not a JSON object")
        is_failed = _short(_FLAG, envelope.success) is False
        return ShapeError("the answer says that it failed") if is_failed else None
    match status:
        case 401:
            return KeyRefusedError("the upstream refused the key")
        case 402:
            return OutOfCreditsError("the upstream account has no credits left")
        case 404:
            return NotFoundError("the upstream does not know it")
        case 429:
            return RateLimitedError(answer.retry_after)
        case 408:
            return UpstreamFailedError(status)
        case _:
            return UpstreamFailedError(status) if status >= 500 else RefusedRequestError(status)


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """A Retry-After header as a duration: seconds or an HTTP date (RFC 9110), None if absent or nonsense."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value)), RETRY_AFTER_MAX) if len(value) < 10 else RETRY_AFTER_MAX
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), RETRY_AFTER_MAX)


def _short(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw) -> T | None:
    return decoded(decoder, raw) if len(raw) <= _WORD_BYTES_MAX else None
