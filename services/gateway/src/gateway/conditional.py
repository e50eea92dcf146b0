"""Answers that a client may have already: who shows their tag is answered without a body."""

from collections.abc import Mapping
from typing import Any

from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from gateway.etag import is_match, read_if_none_match, tag_of_content

_STATUS = 304


class NotModified(Response[bytes]):
    """304: what polls are answered most, so it is made with no more than it says."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        return _Sent(self._headers)


class _Sent(ASGIResponse):
    def __init__(self, headers: Mapping[str, str]) -> None:
        self._start: Any = {
            "type": "http.response.start",
            "status": _STATUS,
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send(self._start)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def answer_unless_known(content: bytes, scope: Scope, *, cache_control: str, tag: str | None = None) -> Response[bytes]:
    """The content under a tag of its own, or 304 if the client has it."""
    headers = {"Cache-Control": cache_control, "ETag": tag or tag_of_content(content)}
    if is_match(read_if_none_match(scope), headers["ETag"]):
        return NotModified(headers)
    return Response(content, headers=headers, media_type="application/json")
