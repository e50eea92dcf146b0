"""From whatever was raised to the problem that is answered: the one place where the webhook judges exceptions."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from nats.errors import Error as NatsError

from common.db.pool import DATABASE_UNAVAILABLE
from common.errors import RetryError
from common.fault import trace
from webhook.answer import Outcome, Record
from webhook.problem import MEDIA_TYPE, Kind, RefusalError, render

log = structlog.get_logger()

_KINDS = {404: Kind.NOT_FOUND, 405: Kind.METHOD, 413: Kind.TOO_LARGE}
_OUTCOMES = {Kind.UNAVAILABLE: Outcome.POSTPONED, Kind.INTERNAL: Outcome.BROKEN}


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to a request that failed with `error`."""
    refusal = judge(error)
    record = Record.of(request.scope)
    record.outcome = _OUTCOMES.get(refusal.kind, Outcome.REJECTED)
    record.facts = {"reason": refusal.reason}
    headers = dict(refusal.kind.value.headers)
    if isinstance(error, HTTPException) and "allow" in (error.headers or {}):
        headers["Allow"] = (error.headers or {})["allow"]
    return Response(
        render(refusal.kind, request_id=record.request_id),
        status_code=refusal.kind.value.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


HANDLERS: ExceptionHandlersMap = {HTTPException: answer, Exception: answer}


def judge(error: Exception) -> RefusalError:
    """What the caller is told. What is our own fault is logged here, with its place but without its text: exceptions
    of the database carry values."""
    match error:
        case RefusalError():
            return error
        case RetryError() | NatsError():
            return RefusalError(Kind.UNAVAILABLE, "stream_unavailable")
        case HTTPException(status_code=status):
            # Litestar calls a caller that went away in the middle of its body a fault of the server.
            return RefusalError(_KINDS.get(status, Kind.MALFORMED), f"http_{status}")
        case _ if isinstance(error, DATABASE_UNAVAILABLE):
            return RefusalError(Kind.UNAVAILABLE, "database_unavailable")
        case _:
            log_failure(error)
            return RefusalError(Kind.INTERNAL, "fault")


def log_failure(error: BaseException) -> None:
    """A bug: where it happened, never what was in it."""
    log.error("request.failed", error=type(error).__name__, exception=trace(error))
