"""Cross-origin reads for our frontends: exact origins, bearer tokens only, never credentials.

Own, because Litestar's writes a `Vary` that does not name Authorization. The headers themselves are written by the
outermost layer (request.py), together with all others that every answer carries.
"""

from collections.abc import Sequence

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

_EXPOSED = (
    b"Content-Disposition, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
)
_STATE = "cors"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}


class CorsMiddleware:
    """`origins` are compared exactly."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = _header(scope, b"origin")
        is_known = origin is not None and origin in self._origins
        if origin is not None and is_known:
            allow(scope, origin)
        if scope["method"] == "OPTIONS" and origin and _header(scope, b"access-control-request-method"):
            await _answer_preflight(send, is_known=is_known)
            return
        await self._app(scope, receive, send)


def allow(scope: HTTPScope, origin: bytes) -> None:
    """Have the answer to this request say that a page from `origin` may read it."""
    headers = [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", _EXPOSED)]
    scope["state"][_STATE] = headers


def cors_headers(scope: HTTPScope) -> list[tuple[bytes, bytes]]:
    """What was allowed, as headers."""
    return scope["state"].get(_STATE, [])


async def _answer_preflight(send: Send, *, is_known: bool) -> None:
    given = _PREFLIGHT if is_known else {}
    headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _header(scope: HTTPScope, name: bytes) -> bytes | None:
    return next((value for given, value in scope["headers"] if given == name), None)
