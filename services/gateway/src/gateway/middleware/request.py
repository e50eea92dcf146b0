"""The outermost layer: an id, the headers of safety, one line in the log and one count for every request."""

import time
from collections.abc import Callable
from uuid import UUID

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from gateway.auth.principal import Principal
from gateway.failure import log_failure
from gateway.metric import UNMATCHED, Metrics
from gateway.problem import MEDIA_TYPE, Kind, Problem, render

log = structlog.get_logger()

# Of all but a page, which has its own.
_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})


class RequestMiddleware:
    """Wraps the whole application, so that also what finds no route passes here."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, new_id: Callable[[], UUID]) -> None:
        self._app = app
        self._metrics = metrics
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(self._new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        record = _Record(send, request_id)
        try:
            await self._app(scope, receive, record.send)
        except Exception as error:  # noqa: BLE001 - the last wall: nothing may reach the server without an answer
            log_failure(error)
            await record.fail(scope)
        finally:
            self._report(scope, record)

    def _report(self, scope: HTTPScope, record: "_Record") -> None:
        seconds = time.perf_counter() - record.began_at
        route = scope.get("path_template") or UNMATCHED
        self._metrics.count_request(route=route, method=scope["method"], status=record.status, seconds=seconds)
        user = scope.get("user")
        facts = {"user": user.user_id, "owner": user.owner} if isinstance(user, Principal) else {}
        write = log.debug if route in _QUIET else log.info
        write(
            "request.handled",
            method=scope["method"],
            route=route,
            status=record.status,
            ms=round(seconds * 1000, 1),
            bytes=record.byte_count,
            **facts,
        )


class _Record:
    """What becomes of one answer on its way out."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.began_at = time.perf_counter()
        self.status = 0
        self.byte_count = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableScopeHeaders.from_message(message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", _POLICY)
            headers.setdefault("Cache-Control", "no-store")
            headers["X-Request-Id"] = self._request_id
        elif message["type"] == "http.response.body":
            self.byte_count += len(message["body"])
        await self._send(message)

    async def fail(self, scope: HTTPScope) -> None:
        """Answer 500 if nothing was answered yet."""
        if self.status:
            return
        problem = Problem(kind=Kind.INTERNAL, detail="Something went wrong on our side; give us the instance.")
        content = render(problem, path=scope["path"], request_id=self._request_id)
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(content)).encode())]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": content, "more_body": False})
