"""Cross-origin reads for our frontends: exact origins, bearer tokens only, never credentials.

Own, because Litestar's replaces `Vary`, which also has to name Authorization.
"""

from collections.abc import Sequence

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

_EXPOSED = "Content-Disposition, ETag, Location, Retry-After, X-Request-Id"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match",
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

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                headers["Vary"] = f"{headers['Vary']}, Origin" if "Vary" in headers else "Origin"
                if is_known and origin is not None:
                    headers["Access-Control-Allow-Origin"] = origin.decode("latin-1")
                    headers["Access-Control-Expose-Headers"] = _EXPOSED
            await send(message)

        if scope["method"] == "OPTIONS" and origin and _header(scope, b"access-control-request-method"):
            await _answer_preflight(send_with_headers, is_known=is_known)
            return
        await self._app(scope, receive, send_with_headers)


async def _answer_preflight(send: Send, *, is_known: bool) -> None:
    given = _PREFLIGHT if is_known else {}
    headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _header(scope: HTTPScope, name: bytes) -> bytes | None:
    return next((value for given, value in scope["headers"] if given == name), None)
