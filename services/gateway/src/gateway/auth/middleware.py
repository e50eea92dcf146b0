"""Puts a verified principal into the request, or ends it with 401. It has no way around it for any path: what is
public stands on a router of its own."""

import re
from collections.abc import Callable

import structlog
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from gateway.auth.jwks import KeySource
from gateway.auth.principal import Principal
from gateway.auth.token import TokenPolicy, TokenRefusedError
from gateway.auth.verifier import TokenVerifier
from gateway.metric import Metrics
from gateway.problem import Kind, ProblemError, unauthenticated

log = structlog.get_logger()

_BEARER = re.compile(rb"bearer +([^\s,]+)", re.IGNORECASE)
_READING = frozenset({"GET", "HEAD"})


class UnauthenticatedError(ProblemError):
    def __init__(self) -> None:
        super().__init__(Kind.UNAUTHENTICATED, "")
        self.problem = unauthenticated()


def authentication(
    *, keys: KeySource, policy: TokenPolicy, metrics: Metrics, admit: Callable[[Scope, Principal], None]
) -> Callable[[ASGIApp], ASGIApp]:
    """The layer for a router; `admit` may refuse whoever is known by then. A closure, because Litestar deep-copies what
    it is given."""
    verifier = TokenVerifier(keys, policy)

    def layer(app: ASGIApp) -> ASGIApp:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                if scope["type"] != "http":
                    raise TokenRefusedError("not_http")
                principal = await verifier.verify(_bearer(scope))
            except TokenRefusedError as error:
                metrics.count_refused(error.reason)
                log.info("token.refused", reason=error.reason)
                raise UnauthenticatedError from error
            scope["user"] = principal
            admit(scope, principal)
            _check_impersonation(scope, principal)
            await app(scope, receive, send)

        return handle

    return layer


def _check_impersonation(scope: Scope, principal: Principal) -> None:
    """Whoever acts for a user may look; nothing is created, cancelled or paid for in the user's name."""
    if not principal.is_impersonated:
        return
    log.info("session.impersonated", user=principal.user_id, actor=principal.actor)
    if scope["type"] != "http" or scope["method"] not in _READING:
        raise ProblemError(Kind.IMPERSONATED, "An impersonated session may read but not change anything.")


def _bearer(scope: HTTPScope) -> str:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        raise TokenRefusedError("absent")
    match = _BEARER.fullmatch(given[0])
    if len(given) > 1 or match is None:
        raise TokenRefusedError("not_bearer")
    return match[1].decode("latin-1")
