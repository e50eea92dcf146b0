"""The outermost layer: an id, the headers of safety, one line in the log and one count for every request."""

import time
from collections.abc import Callable
from uuid import UUID

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from webhook.answer import Outcome, Record
from webhook.composition import FAILURE_PATH, STEP_PATH, SWEEP_PATH
from webhook.metric import Metrics

log = structlog.get_logger()

_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_NOUNS = {STEP_PATH: "delivery", FAILURE_PATH: "callback", SWEEP_PATH: "sweep"}
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
_LOUD = (Outcome.REJECTED, Outcome.POSTPONED, Outcome.GIVEN_UP, Outcome.BROKEN)


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
        record = Record(request_id=str(self._new_id()))
        scope.setdefault("state", {})["record"] = record
        reply = _Reply(send, record.request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=record.request_id)
        try:
            await self._app(scope, receive, reply.send)
        finally:
            self._report(scope, record, reply)

    def _report(self, scope: HTTPScope, record: Record, reply: "_Reply") -> None:
        seconds = time.perf_counter() - reply.began_at
        facts = {"status": reply.status, "ms": round(seconds * 1000, 1), **record.facts}
        route = scope["path"].rstrip("/")
        noun = _NOUNS.get(route)
        if noun is None:
            write = log.debug if route in _QUIET else log.info
            write("request.answered", method=scope["method"], **facts)
            return
        # Litestar answers OPTIONS by itself; without any answer it is our fault.
        outcome = record.outcome or (Outcome.REJECTED if reply.status else Outcome.BROKEN)
        self._metrics.count_delivery(route=route, outcome=outcome.value, seconds=seconds)
        write = log.warning if outcome in _LOUD else log.info
        write(f"{noun}.{outcome.value}", **facts)


class _Reply:
    """What becomes of one answer on its way out."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.began_at = time.perf_counter()
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableScopeHeaders.from_message(message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers["X-Request-Id"] = self._request_id
        await self._send(message)
