"""Every error that crosses a module, grouped by what must happen next.

    CreatorscoutError
    ├── RetryError            try the same thing again, a bounded number of times
    │   ├── UnreachableError      no answer; `is_sent` tells whether the request may have been billed
    │   └── UpstreamFailedError   the upstream answered 5xx
    ├── CoolDownError         the whole platform waits; no attempt is used
    │   ├── RateLimitedError      429
    │   ├── OutOfCreditsError     402
    │   └── KeyRefusedError       401
    ├── SkipError             this thing will never work; the rest goes on
    │   ├── NotFoundError         the upstream does not know it
    │   ├── RefusedRequestError   the upstream refused the request itself (400, 403...)
    │   └── ShapeError            the answer does not have the shape that we read
    ├── FencedError           somebody else holds the step now: drop everything, write nothing
    ├── CallerError           the caller's fault; names the field
    └── ConfigurationError    the process cannot start; names the variable

Messages never carry an answer's text, a URL's query or a secret.
"""

from datetime import timedelta


class CreatorscoutError(Exception):
    """Root of the tree."""


class RetryError(CreatorscoutError):
    """Transient: the same request may work in a moment."""


class UnreachableError(RetryError):
    """No complete answer came.

    `is_sent` is True if the request may have reached the upstream and so may have been billed.
    """

    def __init__(self, reason: str, *, is_sent: bool) -> None:
        super().__init__(reason)
        self.is_sent = is_sent


class UpstreamFailedError(RetryError):
    """The upstream answered with a server error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"upstream answered {status}")
        self.status = status


class CoolDownError(CreatorscoutError):
    """The platform's upstream wants every worker to wait."""


class RateLimitedError(CoolDownError):
    """429. `retry_after` is what the upstream asked for, None if it did not say."""

    def __init__(self, retry_after: timedelta | None) -> None:
        super().__init__("upstream asked to slow down")
        self.retry_after = retry_after


class OutOfCreditsError(CoolDownError):
    """402: the account has no credits left."""


class KeyRefusedError(CoolDownError):
    """401: the upstream does not accept our key."""


class SkipError(CreatorscoutError):
    """Permanent for this one thing."""


class NotFoundError(SkipError):
    """The upstream says that this does not exist."""


class RefusedRequestError(SkipError):
    """The upstream refused the request itself."""

    def __init__(self, status: int) -> None:
        super().__init__(f"upstream refused the request with {status}")
        self.status = status


class ShapeError(SkipError):
    """The answer is not what the endpoint is known to answer."""


class FencedError(CreatorscoutError):
    """The step's token is no longer ours."""


class CallerError(CreatorscoutError):
    """The caller's input is at fault. `pointer` is a JSON pointer to the field (RFC 6901)."""

    def __init__(self, message: str, *, pointer: str, code: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.code = code


class ConfigurationError(CreatorscoutError):
    """The environment cannot work. The message is one line and names the variable, never its value."""
