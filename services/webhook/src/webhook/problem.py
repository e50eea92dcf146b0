"""Errors as the webhook answers them: RFC 9457, one table of kinds, no word of why a signature was refused.

Who reads the answer is QStash, so the table also says what QStash does next: 489 with its header is the end of a
message, `Retry-After` replaces its back-off, anything else is tried again.
"""

import json
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from common.errors import CreatorscoutError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 60  # it replaces QStash's back-off: anything shorter burns its few retries within one outage

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class _Kind(NamedTuple):
    slug: str
    status: int
    title: str
    headers: Mapping[str, str] = _NO_HEADERS


class Kind(Enum):
    """What went wrong; `slug` is stable."""

    MALFORMED = _Kind("malformed", 400, "The request cannot be read")
    SIGNATURE = _Kind("signature", 401, "The request is not authenticated")
    NOT_FOUND = _Kind("not-found", 404, "There is no such thing")
    METHOD = _Kind("method-not-allowed", 405, "This method is not allowed here")
    TOO_SLOW = _Kind("too-slow", 408, "The body did not arrive in time")
    REPLAYED = _Kind("replayed", 409, "This delivery was accepted before")
    TOO_LARGE = _Kind("too-large", 413, "The body is too large")
    NONSENSE = _Kind("nonsense", 489, "This message will never work", {"Upstash-NonRetryable-Error": "true"})
    INTERNAL = _Kind("internal", 500, "Something went wrong on our side")
    UNAVAILABLE = _Kind("unavailable", 503, "Not just now", {"Retry-After": str(RETRY_AFTER_S)})


class RefusalError(CreatorscoutError):
    """The request cannot be accepted. `reason` is a constant for the log."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def render(kind: Kind, *, request_id: str) -> bytes:
    """The document as JSON; `instance` is the id under which the request stands in the log."""
    value = kind.value
    return json.dumps(
        {"type": f"/problems/{value.slug}", "title": value.title, "status": value.status, "instance": request_id}
    ).encode()
