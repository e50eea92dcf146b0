"""Requests and replies of the REST API, and the protocol that lets a connection be dropped."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local.qstash.account import Account
from local.qstash.error import BadRequestError, QuotaError
from local.qstash.header import Pairs, first
from local.qstash.target import TOKEN_PARAMETER

TRANSPORT = "local.qstash.transport"  # the extension under which the server hands us the connection
NOTHING = object()


class Protocol(HttpToolsProtocol):
    """The server's protocol; hands the connection to the application, which may have to drop it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a known user. `groups` are the parts of the raw path, `query` is raw too."""

    account: Account
    groups: dict[str, str]
    query: str
    headers: Pairs
    body: bytes
    caller_ip: str

    def part(self, name: str) -> str:
        """A part of the path, decoded."""
        return unquote(self.groups[name])

    def json(self) -> dict[str, Any]:
        """The body's object; empty if there is no body. Raises BadRequestError."""
        if not self.body:
            return {}
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise BadRequestError("invalid body: not JSON") from error
        if not isinstance(value, dict):
            raise BadRequestError("invalid body: not an object")
        return value


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a JSON value; without one the body is empty."""

    status: int = 200
    value: Any = NOTHING


def read_token(headers: Pairs, query: str) -> str:
    authorization = first(headers, "Authorization") or ""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return dict(parse_qsl(query)).get(TOKEN_PARAMETER, "")


async def read_body(receive: Receive, bytes_max: int) -> bytes:
    """Raises QuotaError, after the whole body went by, so that the caller reads the refusal."""
    kept, size, is_more = bytearray(), 0, True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= bytes_max:
            kept += chunk
        is_more = message.get("more_body", False)
    if size > bytes_max:
        raise QuotaError("quota maxMessageSize exceeded")
    return bytes(kept)


async def send_reply(send: Send, reply: Reply) -> None:
    body = b"" if reply.value is NOTHING else json.dumps(reply.value).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    if body:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def drop_connection(scope: Scope, receive: Receive) -> None:
    """The caller sees a peer that vanished."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    extensions[TRANSPORT]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass
