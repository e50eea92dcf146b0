"""A paid call of the upstream: what it was for and how it stands."""

from enum import StrEnum


class CallKind(StrEnum):
    PAGE = "page"
    PROFILE = "profile"


class CallStatus(StrEnum):
    OPEN = "open"  # no answer yet
    SETTLED = "settled"
    UNKNOWN = "unknown"  # no answer came: it counts as charged
