"""From whatever was raised to the problem that is answered: the one place where the gateway judges exceptions."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, LitestarException
from litestar.types import ExceptionHandlersMap

from common.db.pool import DATABASE_UNAVAILABLE
from common.errors import CallerError
from common.fault import trace
from gateway.auth.jwks import KeysUnavailableError
from gateway.problem import MEDIA_TYPE, RETRY_AFTER_S, Fault, Kind, Problem, ProblemError, invalid, render

log = structlog.get_logger()

_DETAILS: dict[int, tuple[Kind, str]] = {
    400: (Kind.MALFORMED, "The request cannot be read."),
    404: (Kind.NOT_FOUND, "Nothing was found at this address."),
    405: (Kind.METHOD, "This address does not know this method; the header Allow lists those that it knows."),
    413: (Kind.TOO_LARGE, "The body is larger than 64 KiB."),
    415: (Kind.MEDIA_TYPE, "Send the body as application/json."),
}


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to a request that failed with `error`."""
    problem = judge(error)
    content = render(problem, path=request.scope["path"], request_id=request.scope["state"].get("request_id", ""))
    return Response(content, status_code=problem.kind.status, headers=dict(problem.headers), media_type=MEDIA_TYPE)


HANDLERS: ExceptionHandlersMap = {HTTPException: answer, Exception: answer}


def judge(error: Exception) -> Problem:
    """What the caller is told. What is our own fault is logged here, with its place but without its text: exceptions
    of the database carry values."""
    match error:
        case ProblemError(problem=problem):
            return problem
        case CallerError(pointer=pointer, code=code):
            return invalid([Fault(pointer=pointer, code=code, message=str(error))])
        case HTTPException(status_code=status) if status < 500:
            return _judge_status(error)
        case _ if isinstance(error, DATABASE_UNAVAILABLE):
            log.warning("database.unavailable", error=type(error).__name__)
            return _unavailable("The database cannot be reached just now; try again in a moment.")
        case KeysUnavailableError():
            return _unavailable("Session tokens cannot be verified just now; try again in a moment.")
        case _:
            log_failure(error)
            return Problem(kind=Kind.INTERNAL, detail="Something went wrong on our side; give us the instance.")


def log_failure(error: BaseException) -> None:
    """A bug: where it happened, never what was in it."""
    if isinstance(error, LitestarException) and error.__cause__ is not None:
        error = error.__cause__  # what was raised after the answer had begun
    log.error("request.failed", error=type(error).__name__, exception=trace(error))


def _judge_status(error: HTTPException) -> Problem:
    kind, detail = _DETAILS.get(error.status_code, _DETAILS[400])
    allowed = (error.headers or {}).get("allow")
    return Problem(kind=kind, detail=detail, headers={"Allow": allowed} if allowed else {})


def _unavailable(detail: str) -> Problem:
    return Problem(kind=Kind.UNAVAILABLE, detail=detail, headers={"Retry-After": str(RETRY_AFTER_S)})
