"""The ASGI application that stands for the upstream: key, credits, faults, latency, ledger.

Rule: a call is charged when it is accepted, before its latency, so a caller who gives up has still paid.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from local.sandbox.answer import Answer, Endpoint, Kind, Params, Twist, error, members
from local.sandbox.fault import Fault, FaultQueue, Misbehaviour
from local.sandbox.purse import Purse
from local.sandbox.record import Call, Record
from local.sandbox.splice import join_gzip, prepare

TRANSPORT = "local.sandbox.transport"  # the extension under which the server hands us the connection
BALANCE_PATH = "/v1/account/credit-balance"
BAD_KEY_PREFIX = "bad"
HTML_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n"
)
HEAVY_HEAD, HEAVY_TAIL = b'{"success":true,"search_item_list":[', b"null]}"
CHUNK = prepare(b'{"aweme_info":null},' * 3277)
STATUS_FAULTS = {
    Misbehaviour.RATE_LIMITED: 429,
    Misbehaviour.SERVER_ERROR: 500,
    Misbehaviour.OUT_OF_CREDITS: 402,
    Misbehaviour.UNAUTHORIZED: 401,
    Misbehaviour.NOT_FOUND: 404,
}
TWISTS = {Misbehaviour.EMPTY_PAGE: Twist.EMPTY_PAGE, Misbehaviour.MALFORMED_ITEM: Twist.MALFORMED_ITEM}
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request matters here."""

    path: str
    params: Params
    key: str
    is_gzip: bool


@dataclass(frozen=True, slots=True)
class Wire:
    """An answer as bytes; `is_cut` means that the connection closes before the body's end."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)
    is_cut: bool = False


class Upstream:
    """Serves the endpoints as the vendor does, or as the queued faults demand."""

    def __init__(self, endpoints: dict[str, Endpoint], latencies: dict[Kind, float], purse: Purse) -> None:
        self._endpoints = {**endpoints, BALANCE_PATH: Endpoint(Kind.ACCOUNT, _no_balance)}
        self.latencies = latencies
        self.purse = purse
        self.record = Record()
        self.faults = FaultQueue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        request = _read(scope)
        call = self.record.open(scope["method"], request.path, request.params)
        status = 0
        try:
            status = await self._serve(request, call, scope, send)
        finally:
            self.record.close(call, status)

    async def _serve(self, request: Request, call: Call, scope: Scope, send: Send) -> int:
        fault = self.faults.take(request.path, request.params)
        call.fault = fault and fault.fault.value
        endpoint = self._endpoints.get(request.path) if call.method == "GET" else None
        answer = self._answer(request, endpoint, fault)
        remaining = self.purse.charge(request.key, answer.price) if answer.price else self.purse.remaining(request.key)
        call.credits = answer.price
        call.cached = answer.is_cached
        await asyncio.sleep(_delay(self.latencies, endpoint, fault))
        if fault is not None and fault.fault in (Misbehaviour.HUGE, Misbehaviour.OVERSIZE):
            return await _send_heavy(send, fault)
        if fault is not None and fault.fault is Misbehaviour.CLOSED:
            call.status = 0
            await _close(scope)
            return 0
        wire = _wire(answer, remaining, request, fault)
        call.status = wire.status
        await _send(send, wire)
        if wire.is_cut:
            await _close(scope)
        return wire.status

    def _answer(self, request: Request, endpoint: Endpoint | None, fault: Fault | None) -> Answer:
        if fault is not None and fault.fault in STATUS_FAULTS:
            return error(STATUS_FAULTS[fault.fault])
        if fault is not None and fault.fault is Misbehaviour.HTML_502:
            return Answer([], price=0, status=502)
        if endpoint is None:
            return error(404, "Route not found")
        if not request.key or request.key.startswith(BAD_KEY_PREFIX):
            return error(401)
        if self.purse.remaining(request.key) <= 0:
            return error(402)
        if request.path == BALANCE_PATH:
            return _balance(self.purse.remaining(request.key))
        twist = TWISTS.get(fault.fault, Twist.NONE) if fault is not None else Twist.NONE
        return endpoint.answer(request.params, twist)


def _read(scope: Scope) -> Request:
    headers = Headers(scope=scope)
    params = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    is_gzip = "gzip" in headers.get("accept-encoding", "")
    return Request(scope["path"], params, headers.get("x-api-key", ""), is_gzip)


def _no_balance(params: Params, twist: Twist) -> Answer:
    raise AssertionError(f"the balance is the purse's to tell: {params} {twist}")


def _balance(remaining: int) -> Answer:
    told = {"creditCount": remaining, "message": f"You have {remaining} credits remaining."}
    return Answer(members(told), price=0, has_credits=False)


def _delay(latencies: dict[Kind, float], endpoint: Endpoint | None, fault: Fault | None) -> float:
    slow = fault.seconds if fault is not None and fault.fault is Misbehaviour.SLOW else 0.0
    return slow + (latencies[endpoint.kind] if endpoint is not None else 0.0)


def _wire(answer: Answer, remaining: int, request: Request, fault: Fault | None) -> Wire:
    kind = fault.fault if fault is not None else None
    if kind is Misbehaviour.HTML_502:
        return Wire(502, HTML_502, ((b"content-type", b"text/html"),))
    if kind in (Misbehaviour.BROKEN_JSON, Misbehaviour.TRUNCATED):
        body = answer.body(remaining, is_gzip=False)
        if kind is Misbehaviour.TRUNCATED:
            return Wire(answer.status, body, is_cut=True)
        return Wire(answer.status, body[: len(body) * 2 // 3])
    headers: list[tuple[bytes, bytes]] = [JSON_TYPE]
    if request.is_gzip:
        headers += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
    if kind is Misbehaviour.RATE_LIMITED and fault is not None and fault.retry_after is not None:
        headers.append((b"retry-after", fault.retry_after.encode()))
    return Wire(answer.status, answer.body(remaining, request.is_gzip), tuple(headers))


async def _send(send: Send, wire: Wire) -> None:
    length = (b"content-length", str(len(wire.body)).encode())
    await send({"type": "http.response.start", "status": wire.status, "headers": [*wire.headers, length]})
    body = wire.body[: len(wire.body) // 2] if wire.is_cut else wire.body
    await send({"type": "http.response.body", "body": body, "more_body": wire.is_cut})
    if wire.is_cut:
        await asyncio.sleep(0.05)  # so that the first half leaves before the connection does


async def _send_heavy(send: Send, fault: Fault) -> int:
    """Valid JSON of at least `fault.bytes`: streamed as it is, or (OVERSIZE) as gzip of about a hundredth of that."""
    count = fault.bytes // len(CHUNK.raw) + 1
    if fault.fault is Misbehaviour.OVERSIZE:
        body = join_gzip([HEAVY_HEAD, *[CHUNK] * count, HEAVY_TAIL])
        await _send(send, Wire(200, body, (JSON_TYPE, (b"content-encoding", b"gzip"))))
        return 200
    await send({"type": "http.response.start", "status": 200, "headers": [JSON_TYPE]})
    for part in (HEAVY_HEAD, *[CHUNK.raw] * count):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": HEAVY_TAIL, "more_body": False})
    return 200


async def _close(scope: Scope) -> None:
    """Drop the connection, so that the caller sees a peer that vanished."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    extensions[TRANSPORT]["transport"].abort()
    await asyncio.sleep(0.01)  # the server learns of it, and does not complain of a missing answer
