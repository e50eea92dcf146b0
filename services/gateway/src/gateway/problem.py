"""Errors as the API answers them: RFC 9457, one table of kinds, never an input value or an exception's text.

The old routes' clients read `error`, so there the document carries that too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import msgspec

MEDIA_TYPE = "application/problem+json"
OLD_ROUTES = "/api/scraping"
RETRY_AFTER_S = 2


class _Kind(NamedTuple):
    slug: str
    status: int
    title: str


class Kind(Enum):
    """What went wrong; `type` is stable, clients may switch on it."""

    MALFORMED = _Kind("malformed", 400, "The request cannot be read")
    UNAUTHENTICATED = _Kind("unauthenticated", 401, "A valid session token is required")
    IMPERSONATED = _Kind("impersonated", 403, "Impersonated sessions may only read")
    FORBIDDEN = _Kind("forbidden", 403, "This is for administrators")
    NOT_FOUND = _Kind("not-found", 404, "There is no such thing")
    METHOD = _Kind("method-not-allowed", 405, "This method is not allowed here")
    TOO_LARGE = _Kind("too-large", 413, "The body is too large")
    MEDIA_TYPE = _Kind("unsupported-media-type", 415, "The body must be JSON")
    CONFLICT = _Kind("conflict", 409, "This is not possible in its present state")
    KEY_IN_FLIGHT = _Kind("idempotency-key-in-flight", 409, "The first request with this key is not answered yet")
    KEY_REUSED = _Kind("idempotency-key-reused", 422, "This key was used for another request")
    VALIDATION = _Kind("validation", 422, "The request is not valid")
    UNSUPPORTED = _Kind("unsupported", 422, "The platform does not support this")
    RATE_LIMITED = _Kind("rate-limited", 429, "Too many requests in a minute")
    STREAMS = _Kind("too-many-streams", 429, "Too many event streams are open")
    QUOTA = _Kind("quota-exceeded", 429, "The credits for today are used up")
    EXPORTS = _Kind("too-many-exports", 429, "Too many exports run at once")
    INTERNAL = _Kind("internal", 500, "Something went wrong on our side")
    UNAVAILABLE = _Kind("unavailable", 503, "The service cannot answer just now")
    CREDITS_USED_UP = _Kind("credits-used-up", 503, "The service may spend no more today")
    PLATFORM_NOT_STARTED = _Kind("platform-not-started", 503, "The platform is not ready yet")

    @property
    def type(self) -> str:
        return f"/problems/{self.value.slug}"

    @property
    def status(self) -> int:
        return self.value.status

    @property
    def title(self) -> str:
        return self.value.title


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with the request. `pointer` is a JSON pointer into the body, or `/` and the name of a
    parameter of the query."""

    pointer: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error answer, before it is known which request it belongs to."""

    kind: Kind
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class ProblemError(Exception):
    """Raised where a request cannot go on."""

    def __init__(self, kind: Kind, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(kind.value.slug)
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self.problem = Problem(kind=kind, detail=detail, headers=headers)


class UnsupportedError(ProblemError):
    """The platform lacks what some fields ask for; the faults name them."""

    def __init__(self, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(Kind.UNSUPPORTED, detail)
        self.problem = Problem(kind=Kind.UNSUPPORTED, detail=detail, faults=faults)


class _Document(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: Sequence[Fault] = ()
    error: str | None = None


def invalid(faults: Sequence[Fault]) -> Problem:
    """The request is at fault; the first fault is also said in words, for who reads only those."""
    first, more = faults[0], len(faults) - 1
    detail = f"{first.pointer.removeprefix('/') or 'The body'} {first.message}"
    return Problem(kind=Kind.VALIDATION, detail=f"{detail} (and {more} more)" if more else detail, faults=faults)


def not_found() -> ProblemError:
    """The same for an unknown id, another's id and what is no id at all."""
    return ProblemError(Kind.NOT_FOUND, "Nothing was found at this address.")


def unauthenticated() -> Problem:
    """The same whatever was wrong with the token."""
    return Problem(
        kind=Kind.UNAUTHENTICATED,
        detail="Send a valid session token as a bearer token.",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def render(problem: Problem, *, path: str, request_id: str) -> bytes:
    """The document as JSON; `instance` is the id under which the request stands in the log."""
    return msgspec.json.encode(
        _Document(
            type=problem.kind.type,
            title=problem.kind.title,
            status=problem.kind.status,
            detail=problem.detail,
            instance=request_id,
            errors=tuple(problem.faults),
            error=problem.detail if path.startswith(OLD_ROUTES) else None,
        )
    )
