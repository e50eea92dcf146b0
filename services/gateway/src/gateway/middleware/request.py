"""The outermost layer: an id, the headers of safety, one line in the log and one count for every request."""

import logging
import time
from collections.abc import Callable, Iterable
from uuid import UUID

import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from common.tracing.hop import HEADER
from common.tracing.identity import Place
from common.tracing.span import NOTHING, Link, Span, SpanKind, Wish, is_recording, open_span
from gateway.auth.principal import Principal
from gateway.failure import log_failure
from gateway.limit import limit_headers
from gateway.metric import METHODS, UNMATCHED, Metrics
from gateway.middleware.cors import cors_headers
from gateway.problem import MEDIA_TYPE, Kind, Problem, render

log = structlog.get_logger()

_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}
# On every answer, so that no route can forget it: who keeps an answer all the same shows it to nobody else.
_VARY = (b"vary", b"Authorization, Origin")
# A page has a policy of its own, and some answers may be kept.
_UNLESS_GIVEN = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
_NOT_MODIFIED = 304
_OTHER = "_OTHER"  # OpenTelemetry's word for a method that a stranger made up


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
        record = _Record(scope, send, request_id)
        with _span_of(scope, request_id) as span:
            try:
                await self._app(scope, receive, record.send)
            except Exception as error:  # noqa: BLE001 - the last wall: nothing may reach the server without an answer
                log_failure(error)
                span.fail(type(error).__name__)
                await record.fail()
            finally:
                self._report(scope, record)
                _tell(span, scope, record)

    def _report(self, scope: HTTPScope, record: "_Record") -> None:
        """At debug level for probes, and for polls that bring nothing new: many tabs ask every two seconds, and the
        metrics count them."""
        seconds = time.perf_counter() - record.began_at
        route = scope.get("path_template") or UNMATCHED
        self._metrics.count_request(route=route, method=scope["method"], status=record.status, seconds=seconds)
        is_quiet = route in _QUIET or record.status == _NOT_MODIFIED
        if is_quiet and not log.is_enabled_for(logging.DEBUG):
            return
        user = scope.get("user")
        facts = {"user": user.user_id, "owner": user.owner} if isinstance(user, Principal) else {}
        log.log(
            logging.DEBUG if is_quiet else logging.INFO,
            "request.handled",
            method=scope["method"],
            route=route,
            status=record.status,
            ms=round(seconds * 1000, 1),
            bytes=record.byte_count,
            **facts,
        )


def _span_of(scope: HTTPScope, request_id: str) -> Span:
    """A trace of our own for each request but probes: a stranger chooses neither its id nor whether it is kept. To the
    trace that a browser says it has there is a link."""
    if not is_recording() or scope["path"] in _QUIET:
        return NOTHING
    facts = {"http.request.method": _method(scope), "creatorscout.request_id": request_id}
    header = next((value for name, value in scope["headers"] if name == HEADER.encode()), b"")
    caller = Place.read(header.decode("latin-1"))
    links = (Link(caller, "caller"),) if caller else ()
    return open_span(Wish(name=_method(scope), kind=SpanKind.SERVER, facts=facts, links=links, is_first=True))


def _tell(span: Span, scope: HTTPScope, record: "_Record") -> None:
    if span is NOTHING:
        return
    route = scope.get("path_template") or UNMATCHED
    span.rename(f"{_method(scope)} {route}")
    span.tell({"http.route": route, "http.response.status_code": record.status})
    if record.status >= 500:
        span.fail(str(record.status))


def _method(scope: HTTPScope) -> str:
    return scope["method"] if scope["method"] in METHODS else _OTHER


class _Record:
    """What becomes of one answer on its way out."""

    def __init__(self, scope: HTTPScope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self.began_at = time.perf_counter()
        self.status = 0
        self.byte_count = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._complete(message["headers"])
        elif message["type"] == "http.response.body":
            self.byte_count += len(message["body"])
        await self._send(message)

    def _complete(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of the answer with those that every answer carries. Raw, for they are many and written for each
        request."""
        headers = [header for header in given if header[0] not in _HEADERS and header[0] != b"vary"]
        headers.append(_VARY)
        if self.status != _NOT_MODIFIED:  # what is not sent again keeps its own (RFC 9110, 15.4.5)
            names = {name for name, _ in headers}
            headers += [header for header in _UNLESS_GIVEN if header[0] not in names]
            headers += _HEADERS.items()
        headers += cors_headers(self._scope)
        headers += limit_headers(self._scope)
        headers.append((b"x-request-id", self._request_id.encode()))
        return headers

    async def fail(self) -> None:
        """Answer 500 if nothing was answered yet."""
        if self.status:
            return
        problem = Problem(kind=Kind.INTERNAL, detail="Something went wrong on our side; give us the instance.")
        content = render(problem, path=self._scope["path"], request_id=self._request_id)
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(content)).encode())]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": content, "more_body": False})
